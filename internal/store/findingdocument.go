package store

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"time"
)

// absent stands for a date that a finding does not have, in columns that are sorted by: it is the smallest.
const absent = math.MinInt64 + 1

// maxAttributeValue is the length in bytes up to which a value is indexed as it is; see [bound].
const maxAttributeValue = 255

// findingDocument is what the store reads of a finding's JSON: the members that findings are filtered and sorted by.
type findingDocument struct {
	ID        string    `json:"id"`
	AccountID string    `json:"accountId"`
	Region    string    `json:"region"`
	Category  string    `json:"category"`
	Type      string    `json:"type"`
	Archived  bool      `json:"archived"`
	Sample    bool      `json:"sample"`
	Count     int64     `json:"count"`
	CreatedAt timestamp `json:"createdAt"`
	UpdatedAt timestamp `json:"updatedAt"`
	Severity  struct {
		Score       int64  `json:"score"`
		Description string `json:"description"`
	} `json:"severity"`
	ResourcesAffected struct {
		Bucket bucketFacts  `json:"s3Bucket"`
		Object *objectFacts `json:"s3Object"`
	} `json:"resourcesAffected"`
	Classification *struct {
		JobID  string  `json:"jobId"`
		Origin *string `json:"originType"`
		Result struct {
			MimeType       *string `json:"mimeType"`
			SizeClassified *int64  `json:"sizeClassified"`
			Status         struct {
				Code *string `json:"code"`
			} `json:"status"`
			SensitiveData []struct {
				Category   string `json:"category"`
				Detections []struct {
					Type  string `json:"type"`
					Count int64  `json:"count"`
				} `json:"detections"`
			} `json:"sensitiveData"`
			Custom struct {
				Detections []struct {
					ARN   string `json:"arn"`
					Name  string `json:"name"`
					Count int64  `json:"count"`
				} `json:"detections"`
			} `json:"customDataIdentifiers"`
		} `json:"result"`
	} `json:"classificationDetails"`
	Policy json.RawMessage `json:"policyDetails"`
}

type objectFacts struct {
	Key          string     `json:"key"`
	Path         string     `json:"path"`
	Extension    *string    `json:"extension"`
	LastModified *timestamp `json:"lastModified"`
	PublicAccess *bool      `json:"publicAccess"`
	Tags         []tagFacts `json:"tags"`
	Encryption   struct {
		Type *string `json:"encryptionType"`
		Key  *string `json:"kmsMasterKeyId"`
	} `json:"serverSideEncryption"`
}

type tagFacts struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// bucketFacts are the facts of a bucket that findings repeat; a bucket snapshot holds them once.
type bucketFacts struct {
	Name               string     `json:"name"`
	CreatedAt          *timestamp `json:"createdAt"`
	UnencryptedUploads *string    `json:"allowsUnencryptedObjectUploads"`
	Tags               []tagFacts `json:"tags"`
	Owner              struct {
		Name *string `json:"displayName"`
	} `json:"owner"`
	Encryption struct {
		Type *string `json:"encryptionType"`
		Key  *string `json:"kmsMasterKeyId"`
	} `json:"defaultServerSideEncryption"`
	PublicAccess struct {
		Effective   *string `json:"effectivePermission"`
		Permissions struct {
			Account struct {
				Block publicBlock `json:"blockPublicAccess"`
			} `json:"accountLevelPermissions"`
			Bucket struct {
				ACL    publicGrant `json:"accessControlList"`
				Block  publicBlock `json:"blockPublicAccess"`
				Policy publicGrant `json:"bucketPolicy"`
			} `json:"bucketLevelPermissions"`
		} `json:"permissionConfiguration"`
	} `json:"publicAccess"`
}

type publicBlock struct {
	BlockACLs   *bool `json:"blockPublicAcls"`
	BlockPolicy *bool `json:"blockPublicPolicy"`
	IgnoreACLs  *bool `json:"ignorePublicAcls"`
	Restrict    *bool `json:"restrictPublicBuckets"`
}

type publicGrant struct {
	Read  *bool `json:"allowsPublicReadAccess"`
	Write *bool `json:"allowsPublicWriteAccess"`
}

// timestamp is an ISO 8601 instant in milliseconds.
type timestamp int64

// UnmarshalJSON implements [json.Unmarshaler].
func (t *timestamp) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	parsed, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return fmt.Errorf("timestamp: %w", err)
	}
	*t = timestamp(parsed.UnixMilli())
	return nil
}

// findingRow is a finding taken apart for its tables.
type findingRow struct {
	id                   string
	doc                  []byte
	createdAt, updatedAt int64
	signature            int64
	severity             int64
	kind                 string // type
	count                int64
	resource             []byte
	firstSeen, lastSeen  int64
	modifiedAt, size     *int64
	jobID                string
	bucket               dictionaryRow
	bucketTags           []tagFacts
	traits               dictionaryRow
	attributes           []attribute

	seq, traitsID, snapshotID, placeID int64
}

// dictionaryRow is a row of a table whose rows are shared: its columns, and the digest by which it is found again.
type dictionaryRow struct {
	columns []any
	hash    []byte
}

type attribute struct {
	field int64
	value []byte
}

// parseFinding takes a finding's JSON apart; [ErrInvalid] if it is not a finding.
func parseFinding(doc []byte) (*findingRow, error) {
	var d findingDocument
	if err := json.Unmarshal(doc, &d); err != nil {
		return nil, fmt.Errorf("finding: %w: %w", ErrInvalid, err)
	}
	switch bucket, object := d.ResourcesAffected.Bucket, d.ResourcesAffected.Object; {
	case d.ID == "" || len(d.ID) > 128:
		return nil, fmt.Errorf("finding: id of %d bytes, must be 1 to 128: %w", len(d.ID), ErrInvalid)
	case d.CreatedAt == 0 || d.UpdatedAt < d.CreatedAt:
		return nil, fmt.Errorf("finding %s: updatedAt is before createdAt: %w", d.ID, ErrInvalid)
	case d.Type == "" || len(d.Type) > maxAttributeValue:
		return nil, fmt.Errorf("finding %s: type of %d bytes: %w", d.ID, len(d.Type), ErrInvalid)
	case bucket.Name == "" || strings.Contains(bucket.Name, "/"):
		return nil, fmt.Errorf("finding %s: bucket name %q: %w", d.ID, bucket.Name, ErrInvalid)
	case object != nil && !strings.Contains(object.Path, "/"):
		return nil, fmt.Errorf("finding %s: object path %q without a slash: %w", d.ID, object.Path, ErrInvalid)
	}
	r := &findingRow{
		id: d.ID, doc: doc, createdAt: int64(d.CreatedAt), updatedAt: int64(d.UpdatedAt), severity: d.Severity.Score, kind: d.Type,
		count: d.Count, resource: []byte(d.ResourcesAffected.Bucket.Name), firstSeen: absent, lastSeen: absent,
	}
	if object := d.ResourcesAffected.Object; object != nil {
		r.resource = BoundKey([]byte(object.Path))
		r.modifiedAt = (*int64)(object.LastModified)
	}
	r.takeBucket(&d)
	r.takeObject(d.ResourcesAffected.Object)
	if err := r.takeTraits(&d); err != nil {
		return nil, fmt.Errorf("finding %s: %w", d.ID, err)
	}
	r.takeClassification(&d)
	if err := r.takePolicy(d.Policy); err != nil {
		return nil, fmt.Errorf("finding %s: %w", d.ID, err)
	}
	r.sign()
	return r, nil
}

func (r *findingRow) takeBucket(d *findingDocument) {
	b := &d.ResourcesAffected.Bucket
	p := &b.PublicAccess.Permissions
	r.bucketTags = slices.Clone(b.Tags)
	slices.SortFunc(r.bucketTags, func(a, b tagFacts) int {
		return cmp.Or(strings.Compare(a.Key, b.Key), strings.Compare(a.Value, b.Value))
	})
	r.bucketTags = slices.Compact(r.bucketTags)
	r.bucket.columns = []any{
		[]byte(b.Name), []byte(d.AccountID), []byte(d.Region), (*int64)(b.CreatedAt), optional(b.Owner.Name), optional(b.UnencryptedUploads),
		optional(b.Encryption.Type), optional(b.Encryption.Key), optional(b.PublicAccess.Effective),
		flag(p.Account.Block.BlockACLs), flag(p.Account.Block.BlockPolicy), flag(p.Account.Block.IgnoreACLs), flag(p.Account.Block.Restrict),
		flag(p.Bucket.ACL.Read), flag(p.Bucket.ACL.Write),
		flag(p.Bucket.Block.BlockACLs), flag(p.Bucket.Block.BlockPolicy), flag(p.Bucket.Block.IgnoreACLs), flag(p.Bucket.Block.Restrict),
		flag(p.Bucket.Policy.Read), flag(p.Bucket.Policy.Write),
	}
	hashed := r.bucket.columns
	for _, tag := range r.bucketTags {
		hashed = append(slices.Clip(hashed), []byte(tag.Key), []byte(tag.Value))
	}
	r.bucket.hash = digest(hashed)
	r.attribute(bucketPrefix+"name", b.Name)
}

func (r *findingRow) takeObject(o *objectFacts) {
	if o == nil {
		return
	}
	r.attribute(objectPrefix+"key", o.Key)
	r.optionalAttribute(objectPrefix+"extension", o.Extension)
	r.optionalAttribute(objectPrefix+"serverSideEncryption.kmsMasterKeyId", o.Encryption.Key)
	for _, tag := range o.Tags {
		r.attribute(objectPrefix+"tags.key", tag.Key)
		r.attribute(objectPrefix+"tags.value", tag.Value)
	}
}

func (r *findingRow) takeTraits(d *findingDocument) error {
	var (
		origin, status, mimeType, encryption *string
		public                               *bool
		categories                           int64
	)
	if o := d.ResourcesAffected.Object; o != nil {
		public, encryption = o.PublicAccess, o.Encryption.Type
	}
	if c := d.Classification; c != nil {
		origin, status, mimeType = c.Origin, c.Result.Status.Code, c.Result.MimeType
		for _, s := range c.Result.SensitiveData {
			bit := slices.Index(sensitiveCategories, s.Category)
			if bit < 0 {
				return fmt.Errorf("sensitive data of unknown category %q: %w", s.Category, ErrInvalid)
			}
			categories |= 1 << bit
		}
	}
	r.traits.columns = []any{
		[]byte(d.Category), []byte(d.Type), []byte(d.Severity.Description), *flag(&d.Archived), *flag(&d.Sample), optional(origin),
		optional(status), optional(mimeType), flag(public), optional(encryption), categories,
	}
	r.traits.hash = digest(r.traits.columns)
	return nil
}

func (r *findingRow) takeClassification(d *findingDocument) {
	c := d.Classification
	if c == nil {
		return
	}
	r.jobID, r.size = c.JobID, c.Result.SizeClassified
	if c.JobID != "" {
		r.attribute("classificationDetails.jobId", c.JobID)
	}
	for _, s := range c.Result.SensitiveData {
		for _, detection := range s.Detections {
			r.attribute(resultPrefix+"sensitiveData.detections.type", detection.Type)
			r.numberAttribute(resultPrefix+"sensitiveData.detections.count", detection.Count)
		}
	}
	for _, detection := range c.Result.Custom.Detections {
		r.attribute(resultPrefix+"customDataIdentifiers.detections.arn", detection.ARN)
		r.attribute(resultPrefix+"customDataIdentifiers.detections.name", detection.Name)
		r.numberAttribute(resultPrefix+"customDataIdentifiers.detections.count", detection.Count)
	}
}

// takePolicy takes the details of a policy finding: single strings, each at the path that its field is named after.
func (r *findingRow) takePolicy(raw json.RawMessage) error {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	var details map[string]any
	if err := json.Unmarshal(raw, &details); err != nil {
		return fmt.Errorf("policyDetails: %w: %w", ErrInvalid, err)
	}
	for _, field := range findingFields {
		path, ok := strings.CutPrefix(field.Name, "policyDetails.")
		if !ok {
			continue
		}
		value, ok := member(details, path)
		if !ok {
			continue
		}
		if field.Kind == String {
			r.attributes = append(r.attributes, attribute{field.code, bound([]byte(value), maxAttributeValue)})
			continue
		}
		at, err := time.Parse(time.RFC3339Nano, value)
		if err != nil {
			return fmt.Errorf("%s: %w: %w", field.Name, ErrInvalid, err)
		}
		switch field.column {
		case "first_seen":
			r.firstSeen = at.UnixMilli()
		case "last_seen":
			r.lastSeen = at.UnixMilli()
		}
	}
	return nil
}

// member returns the string at a dotted path.
func member(object map[string]any, path string) (string, bool) {
	name, rest, more := strings.Cut(path, ".")
	if !more {
		s, ok := object[name].(string)
		return s, ok
	}
	inner, ok := object[name].(map[string]any)
	if !ok {
		return "", false
	}
	return member(inner, rest)
}

// attributeCodes finds a field's code by its name.
var attributeCodes = func() map[string]int64 {
	codes := make(map[string]int64)
	for _, f := range findingFields {
		if f.code != 0 {
			codes[f.Name] = f.code
		}
	}
	return codes
}()

func (r *findingRow) attribute(name, value string) {
	r.attributes = append(r.attributes, attribute{attributeCodes[name], bound([]byte(value), maxAttributeValue)})
}

func (r *findingRow) optionalAttribute(name string, value *string) {
	if value != nil {
		r.attribute(name, *value)
	}
}

func (r *findingRow) numberAttribute(name string, value int64) {
	r.attributes = append(r.attributes, attribute{attributeCodes[name], numberValue(value)})
}

// numberValue encodes a number so that bytes sort as the numbers do.
func numberValue(n int64) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(n)^1<<63)
}

// sign sorts the attributes, drops repetitions and works out the finding's signature.
func (r *findingRow) sign() {
	slices.SortFunc(r.attributes, func(a, b attribute) int {
		return cmp.Or(cmp.Compare(a.field, b.field), bytes.Compare(a.value, b.value))
	})
	r.attributes = slices.CompactFunc(r.attributes, func(a, b attribute) bool {
		return a.field == b.field && bytes.Equal(a.value, b.value)
	})
	for _, a := range r.attributes {
		r.signature |= signatureBits(a)
	}
}

// signatureBits returns the bits of an attribute in the signatures of findings that have it: a finding whose signature lacks one of them
// lacks the attribute, which saves a look at the attribute table (superimposed coding). With three of 63 bits and the handful of
// attributes that findings have, less than one look in a hundred is in vain. Fields with numbers, or whose values few findings share,
// have no bits.
func signatureBits(a attribute) (bits int64) {
	if unsigned[a.field] {
		return 0
	}
	h := fnv.New64a()
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(a.field)))
	h.Write(a.value)
	for sum, i := h.Sum64(), 0; i < 3; i++ {
		bits |= 1 << (sum % 63)
		sum /= 63
	}
	return bits
}

// unsigned holds the codes of fields that signatures leave out.
var unsigned = func() map[int64]bool {
	codes := make(map[int64]bool)
	for _, f := range findingFields {
		if f.seat != inAttribute || f.Kind == Number || f.Name == objectPrefix+"key" {
			codes[f.code] = true
		}
	}
	return codes
}()

// optional maps a string that may be missing to an argument.
func optional(s *string) []byte {
	if s == nil {
		return nil
	}
	return []byte(*s)
}

// flag maps a boolean that may be missing to an argument.
func flag(b *bool) *int64 {
	if b == nil {
		return nil
	}
	n := int64(0)
	if *b {
		n = 1
	}
	return &n
}

// digest returns the SHA-256 digest of a row's columns; each is preceded by its kind and length, so that no two rows run together alike.
func digest(columns []any) []byte {
	h := sha256.New()
	for _, c := range columns {
		switch v := c.(type) {
		case []byte:
			if v == nil {
				h.Write([]byte{'0'})
				continue
			}
			h.Write(binary.BigEndian.AppendUint64([]byte{'b'}, uint64(len(v))))
			h.Write(v)
		case int64:
			h.Write(binary.BigEndian.AppendUint64([]byte{'n'}, uint64(v)))
		case *int64:
			if v == nil {
				h.Write([]byte{'0'})
				continue
			}
			h.Write(binary.BigEndian.AppendUint64([]byte{'n'}, uint64(*v)))
		}
	}
	return h.Sum(nil)
}
