package store

// Buckets are laid out like findings, on a smaller scale: the JSON of the wire's BucketMetadata is in bucket_documents, and what buckets are
// filtered, sorted and summed up by (macie.md 6.8 to 6.10) is taken out of it into the narrow rows of buckets and bucket_tags. An account has
// thousands of buckets at most, so that a query walks its rows, and a page costs the documents of its own buckets only.

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bucket is a bucket of the inventory.
type Bucket struct {
	Name      string
	UpdatedAt int64  // when it was read last
	CountedAt int64  // when its objects were counted last; 0: never
	Doc       []byte // JSON of the wire's BucketMetadata
	State     []byte // what the service keeps beside it
	// PublicRead and PublicWrite say whether everyone can read or write something; nil: it is not known.
	PublicRead, PublicWrite *bool
	Score, BaseScore        int64  // sensitivity with automated discovery and without
	AnalyzedAt              *int64 // when automated discovery last looked at an object of it
}

// BucketField is something buckets can be filtered by.
type BucketField struct {
	Name string // the path of the member in BucketMetadata
	Kind Kind   // String, Boolean, Number or Date; StringSet for tags

	column string
}

const bucketPublicPrefix = "publicAccess.permissionConfiguration."

// bucketFields are the fields that stand in the document. The service has a few more, which depend on other things than the bucket.
var bucketFields = []BucketField{
	{"accountId", String, "account_id"},
	{"allowsUnencryptedObjectUploads", String, "uploads"},
	{"bucketCreatedAt", Date, "created_at"},
	{"bucketName", String, "name"},
	{"classifiableObjectCount", Number, "classifiable_objects"},
	{"classifiableSizeInBytes", Number, "classifiable_bytes"},
	{"errorCode", String, "error_code"},
	{"lastUpdated", Date, "updated_at"},
	{"objectCount", Number, "objects"},
	{"objectCountByEncryptionType.customerManaged", Number, "sse_customer"},
	{"objectCountByEncryptionType.kmsManaged", Number, "sse_kms"},
	{"objectCountByEncryptionType.s3Managed", Number, "sse_s3"},
	{"objectCountByEncryptionType.unencrypted", Number, "sse_none"},
	{"objectCountByEncryptionType.unknown", Number, "sse_unknown"},
	{"publicAccess.effectivePermission", String, "permission"},
	{bucketPublicPrefix + "accountLevelPermissions.blockPublicAccess.blockPublicAcls", Boolean, "account_block_acls"},
	{bucketPublicPrefix + "accountLevelPermissions.blockPublicAccess.blockPublicPolicy", Boolean, "account_block_policy"},
	{bucketPublicPrefix + "accountLevelPermissions.blockPublicAccess.ignorePublicAcls", Boolean, "account_ignore_acls"},
	{bucketPublicPrefix + "accountLevelPermissions.blockPublicAccess.restrictPublicBuckets", Boolean, "account_restrict"},
	{bucketPublicPrefix + "bucketLevelPermissions.accessControlList.allowsPublicReadAccess", Boolean, "acl_public_read"},
	{bucketPublicPrefix + "bucketLevelPermissions.accessControlList.allowsPublicWriteAccess", Boolean, "acl_public_write"},
	{bucketPublicPrefix + "bucketLevelPermissions.blockPublicAccess.blockPublicAcls", Boolean, "bucket_block_acls"},
	{bucketPublicPrefix + "bucketLevelPermissions.blockPublicAccess.blockPublicPolicy", Boolean, "bucket_block_policy"},
	{bucketPublicPrefix + "bucketLevelPermissions.blockPublicAccess.ignorePublicAcls", Boolean, "bucket_ignore_acls"},
	{bucketPublicPrefix + "bucketLevelPermissions.blockPublicAccess.restrictPublicBuckets", Boolean, "bucket_restrict"},
	{bucketPublicPrefix + "bucketLevelPermissions.bucketPolicy.allowsPublicReadAccess", Boolean, "policy_public_read"},
	{bucketPublicPrefix + "bucketLevelPermissions.bucketPolicy.allowsPublicWriteAccess", Boolean, "policy_public_write"},
	{"replicationDetails.replicated", Boolean, "replicated"},
	{"replicationDetails.replicatedExternally", Boolean, "replicated_externally"},
	{"serverSideEncryption.type", String, "encryption"},
	{"sharedAccess", String, "shared"},
	{"sizeInBytes", Number, "bytes"},
	{"sizeInBytesCompressed", Number, "compressed"},
	{"tags.key", StringSet, "key"},
	{"tags.value", StringSet, "value"},
	{"unclassifiableObjectCount.fileType", Number, "objects_by_type"},
	{"unclassifiableObjectCount.storageClass", Number, "objects_by_class"},
	{"unclassifiableObjectCount.total", Number, "objects_unfit"},
	{"unclassifiableObjectSizeInBytes.fileType", Number, "bytes_by_type"},
	{"unclassifiableObjectSizeInBytes.storageClass", Number, "bytes_by_class"},
	{"unclassifiableObjectSizeInBytes.total", Number, "bytes_unfit"},
}

// Fields of a bucket that automated discovery decides. They stand in [Bucket], not in its document.
const (
	FieldScore      = "sensitivityScore"
	FieldAnalyzedAt = "lastAutomatedDiscoveryTime"
)

// GetBucketField returns the field of that name.
func GetBucketField(name string) (BucketField, bool) {
	switch name {
	case FieldScore:
		return BucketField{name, Number, ""}, true // a column of the two, see columnOf
	case FieldAnalyzedAt:
		return BucketField{name, Date, "analyzed_at"}, true
	}
	i := slices.IndexFunc(bucketFields, func(f BucketField) bool { return f.Name == name })
	if i < 0 {
		return BucketField{}, false
	}
	return bucketFields[i], true
}

// taken returns the values of the columns that a bucket's document decides, in the order of bucketFields, and its tags.
func (b *Bucket) taken() (columns []string, values []any, tags [][2]string, err error) {
	var doc map[string]any
	decoder := json.NewDecoder(bytes.NewReader(b.Doc))
	decoder.UseNumber()
	if err := decoder.Decode(&doc); err != nil && len(b.Doc) > 0 {
		return nil, nil, nil, fmt.Errorf("bucket %s: its document: %w: %w", b.Name, ErrInvalid, err)
	}
	for _, f := range bucketFields {
		if f.Kind == StringSet || f.column == "name" || f.column == "updated_at" {
			continue
		}
		v, err := bucketValue(f, at(doc, f.Name))
		if err != nil {
			return nil, nil, nil, fmt.Errorf("bucket %s: %s: %w: %w", b.Name, f.Name, ErrInvalid, err)
		}
		columns, values = append(columns, f.column), append(values, v)
	}
	list, _ := doc["tags"].([]any)
	for _, tag := range list {
		key, _ := at(tag, "key").(string)
		value, _ := at(tag, "value").(string)
		tags = append(tags, [2]string{key, value})
	}
	return columns, values, tags, nil
}

// at returns the member at a dotted path, nil if there is none.
func at(v any, path string) any {
	for name := range strings.SplitSeq(path, ".") {
		object, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = object[name]
	}
	return v
}

// bucketValue makes an argument of a member: *string or *int64, nil where the member is missing.
func bucketValue(f BucketField, v any) (any, error) {
	switch v := v.(type) {
	case nil:
		if f.Kind == String {
			return (*string)(nil), nil
		}
		return (*int64)(nil), nil
	case string:
		if f.Kind == Date {
			t, err := time.Parse(time.RFC3339Nano, v)
			n := t.UnixMilli()
			return &n, err
		}
		if f.Kind == String {
			v = CleanText(v)
			return &v, nil
		}
	case bool:
		if f.Kind == Boolean {
			return flag(&v), nil
		}
	case json.Number:
		if f.Kind == Number {
			n, err := v.Int64()
			return &n, err
		}
	}
	return nil, fmt.Errorf("%T is no %s", v, f.Kind)
}

// PutBucket makes or replaces a bucket. A document that is no BucketMetadata answers [ErrInvalid].
func PutBucket(ctx context.Context, tx Tx, t Tenant, b Bucket) error {
	if err := CheckText("bucket name", b.Name); err != nil {
		return err
	}
	columns, values, tags, err := b.taken()
	if err != nil {
		return err
	}
	columns = append([]string{"account", "region", "name", "updated_at", "public_read", "public_write", "score", "base_score", "analyzed_at"}, columns...)
	values = append([]any{t.Account, t.Region, b.Name, b.UpdatedAt, flag(b.PublicRead), flag(b.PublicWrite), b.Score, b.BaseScore, b.AnalyzedAt}, values...)
	s := newStatement("INSERT INTO buckets (", strings.Join(columns, ", "), ") VALUES (")
	for i, v := range values {
		s.comma(i).arg(v)
	}
	s.add(") ON CONFLICT (account, region, name) DO UPDATE SET ")
	for i, c := range columns[3:] {
		s.comma(i).add(c, " = $", strconv.Itoa(i+4))
	}
	if _, err := tx.Exec(ctx, s.text(), s.args...); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO bucket_documents (account, region, name, counted_at, doc, state) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (account, region, name) DO UPDATE SET counted_at = $4, doc = $5, state = $6`,
		t.Account, t.Region, b.Name, b.CountedAt, document(b.Doc), document(b.State))
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "DELETE FROM bucket_tags WHERE account = $1 AND region = $2 AND name = $3", t.Account, t.Region, b.Name); err != nil {
		return err
	}
	for _, tag := range tags {
		_, err := tx.Exec(ctx, "INSERT INTO bucket_tags (account, region, name, key, value) VALUES ($1, $2, $3, $4, $5) "+
			"ON CONFLICT (account, region, name, key, value) DO NOTHING", t.Account, t.Region, b.Name,
			bound([]byte(tag[0]), maxAttributeValue), bound([]byte(tag[1]), maxAttributeValue))
		if err != nil {
			return err
		}
	}
	return nil
}

// TouchBucket says that a bucket was read again and is as it was; [ErrNotFound] if there is none.
func TouchBucket(ctx context.Context, tx Tx, t Tenant, name string, updatedAt, countedAt int64) error {
	_, err := tx.Exec(ctx, "UPDATE bucket_documents SET counted_at = $4 WHERE account = $1 AND region = $2 AND name = $3", t.Account, t.Region, name, countedAt)
	if err != nil {
		return err
	}
	return affectOne(tx.Exec(ctx, "UPDATE buckets SET updated_at = $4 WHERE account = $1 AND region = $2 AND name = $3", t.Account, t.Region, name, updatedAt))
}

// SetBucketScore changes what automated discovery has to say of a bucket; [ErrNotFound] if there is none.
func SetBucketScore(ctx context.Context, tx Tx, t Tenant, name string, score int64, analyzedAt *int64) error {
	return affectOne(tx.Exec(ctx, "UPDATE buckets SET score = $4, analyzed_at = $5 WHERE account = $1 AND region = $2 AND name = $3",
		t.Account, t.Region, name, score, analyzedAt))
}

// BucketNames returns the names of the tenant's buckets in order.
func BucketNames(ctx context.Context, tx Tx, t Tenant) (names []string, err error) {
	err = Each(ctx, tx, "SELECT name FROM buckets WHERE account = $1 AND region = $2 ORDER BY name", []any{t.Account, t.Region},
		func(rows Rows) error {
			var name string
			err := rows.Scan(&name)
			names = append(names, name)
			return err
		})
	return names, err
}

// ListedBuckets returns the buckets that a run of a job lists, in order: those with a shard "list/BUCKET".
func ListedBuckets(ctx context.Context, tx Tx, t Tenant, jobID, runID string) (names []string, err error) {
	err = Each(ctx, tx, `SELECT bucket FROM shards WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4
		AND shard_key >= 'list/' AND shard_key < 'list0' ORDER BY shard_key`, []any{t.Account, t.Region, jobID, runID}, func(rows Rows) error {
		var name string
		err := rows.Scan(&name)
		names = append(names, name)
		return err
	})
	return names, err
}

// DeleteBucket deletes a bucket; [ErrNotFound] if there is none.
func DeleteBucket(ctx context.Context, tx Tx, t Tenant, name string) error {
	for _, table := range []string{"bucket_documents", "bucket_tags"} {
		if _, err := tx.Exec(ctx, "DELETE FROM "+table+" WHERE account = $1 AND region = $2 AND name = $3", t.Account, t.Region, name); err != nil {
			return err
		}
	}
	return affectOne(tx.Exec(ctx, "DELETE FROM buckets WHERE account = $1 AND region = $2 AND name = $3", t.Account, t.Region, name))
}

const bucketColumns = "b.name, b.updated_at, d.counted_at, d.doc, d.state, b.public_read, b.public_write, b.score, b.base_score, b.analyzed_at"

const bucketTables = " FROM buckets b JOIN bucket_documents d ON d.account = b.account AND d.region = b.region AND d.name = b.name "

func (b *Bucket) destinations(read, write **int64) []any {
	return []any{&b.Name, &b.UpdatedAt, &b.CountedAt, &b.Doc, &b.State, read, write, &b.Score, &b.BaseScore, &b.AnalyzedAt}
}

func truth(n *int64) *bool {
	if n == nil {
		return nil
	}
	b := *n != 0
	return &b
}

// GetBucket returns a bucket by its name, [ErrNotFound] if there is none. In an Update it holds the bucket as it is until the transaction ends.
func GetBucket(ctx context.Context, tx Tx, t Tenant, name string) (Bucket, error) {
	b := Bucket{Name: name}
	if CheckText("", name) != nil {
		return b, ErrNotFound
	}
	var read, write *int64
	err := One(ctx, tx, "SELECT "+bucketColumns+bucketTables+"WHERE b.account = $1 AND b.region = $2 AND b.name = $3"+ForUpdate(tx),
		[]any{t.Account, t.Region, name}, b.destinations(&read, &write)...)
	b.PublicRead, b.PublicWrite = truth(read), truth(write)
	return b, err
}

// Buckets returns the tenant's buckets of the names, in their order; names that no bucket has are passed over.
func Buckets(ctx context.Context, tx Tx, t Tenant, names []string) ([]Bucket, error) {
	found := make(map[string]Bucket, len(names))
	for chunk := range slices.Chunk(names, 100) {
		s := newStatement("SELECT ", bucketColumns, bucketTables, "WHERE b.account = ").arg(t.Account).add(" AND b.region = ").arg(t.Region).add(" AND b.name IN (")
		for i, name := range chunk {
			s.comma(i).arg(name)
		}
		err := Each(ctx, tx, s.add(")").text(), s.args, func(rows Rows) error {
			var b Bucket
			var read, write *int64
			err := rows.Scan(b.destinations(&read, &write)...)
			b.PublicRead, b.PublicWrite = truth(read), truth(write)
			found[b.Name] = b
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	var out []Bucket
	for _, name := range names {
		if b, ok := found[name]; ok {
			out = append(out, b)
		}
	}
	return out, nil
}

// BucketCriterion is a condition on one field. All operators that are given have to hold, as in [Criterion]; values of numbers, dates (in
// milliseconds) and booleans are texts in Eq and Neq. One that no value of the field can equal matches nothing. An empty Eq is never true.
type BucketCriterion struct {
	Field            BucketField
	Eq, Neq          []string
	Gt, Gte, Lt, Lte *int64
	Prefix           *string // of a String
}

// A TagPair is a tag of a bucket; a nil member stands for any.
type TagPair struct{ Key, Value *string }

// BucketTerm is a condition on a field or on tags; Not turns it round.
type BucketTerm struct {
	Criterion BucketCriterion
	Tags      []TagPair // if not nil: the bucket has one of them; the criterion does not count
	Not       bool
}

// BucketQuery asks for buckets.
type BucketQuery struct {
	Terms    []BucketTerm // all have to hold
	Excludes []BucketTerm // if there are any: not all of them may hold
	// Scored says that FieldScore is the score with automated discovery, else that without.
	Scored     bool
	Sort       string // a field of numbers or strings; "" is bucketName
	Descending bool   // where two are equal the name decides, ascending
	After      []byte // of the page before
	Limit      int
}

// ListBuckets returns the names of a page of buckets and where the next page goes on, nil if this is the last one.
func ListBuckets(ctx context.Context, tx Tx, t Tenant, q BucketQuery) (names []string, next []byte, err error) {
	sort := "name"
	number := false
	if q.Sort != "" && q.Sort != "bucketName" {
		f, ok := GetBucketField(q.Sort)
		if !ok || f.Kind == StringSet {
			return nil, nil, fmt.Errorf("buckets are not sorted by %q: %w", q.Sort, ErrInvalid)
		}
		number = f.Kind != String
		sort = "COALESCE(" + f.columnOf(q.Scored) + ", '')"
		if number {
			sort = "COALESCE(" + f.columnOf(q.Scored) + ", 0)"
		}
	}
	s := newStatement(Once, "SELECT name, ", sort, " FROM buckets b WHERE account = ").arg(t.Account).add(" AND region = ").arg(t.Region)
	q.where(s)
	if q.After != nil {
		if err := q.resume(s, sort, number); err != nil {
			return nil, nil, err
		}
	}
	s.add(" ORDER BY ", sort)
	if q.Descending {
		s.add(" DESC")
	}
	if sort != "name" {
		s.add(", name")
	}
	s.limit(q.Limit + 1)
	var last []byte
	err = Each(ctx, tx, s.text(), s.args, func(rows Rows) error {
		var name, text string
		var n int64
		to := any(&text)
		if number {
			to = &n
		}
		if err := rows.Scan(&name, to); err != nil {
			return err
		}
		if len(names) == q.Limit {
			next = last
			return nil
		}
		names = append(names, name)
		if number {
			text = strconv.FormatInt(n, 10)
		}
		last = []byte(text + "\x00" + name)
		return nil
	})
	return names, next, err
}

// resume adds that buckets come after the last one of the page before.
func (q *BucketQuery) resume(s *statement, sort string, number bool) error {
	text, name, ok := strings.Cut(string(q.After), "\x00")
	var value any = text
	if number {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			ok = false
		}
		value = n
	}
	if !ok {
		return fmt.Errorf("the page's place is damaged: %w", ErrInvalid)
	}
	direction := " > "
	if q.Descending {
		direction = " < "
	}
	if sort == "name" {
		s.add(" AND name", direction).arg(name)
		return nil
	}
	s.add(" AND (", sort, direction).value(value).add(" OR ", sort, " = ").value(value).add(" AND name > ").arg(name).add(")")
	return nil
}

// where adds the conditions of a query.
func (q *BucketQuery) where(s *statement) {
	for _, term := range q.Terms {
		s.add(" AND ")
		q.term(s, term)
	}
	if len(q.Excludes) == 0 {
		return
	}
	s.add(" AND NOT (")
	for i, term := range q.Excludes {
		if i > 0 {
			s.add(" AND ")
		}
		q.term(s, term)
	}
	s.add(")")
}

// term adds a condition that is true or false, never NULL.
func (q *BucketQuery) term(s *statement, term BucketTerm) {
	if term.Not {
		s.add("NOT ")
	}
	s.add("(")
	if term.Tags != nil {
		q.tags(s, term.Tags)
	} else {
		q.criterion(s, term.Criterion)
	}
	s.add(")")
}

const ofBucket = "FROM bucket_tags g WHERE g.account = b.account AND g.region = b.region AND g.name = b.name"

func (q *BucketQuery) tags(s *statement, pairs []TagPair) {
	s.add("EXISTS (SELECT 1 ", ofBucket, " AND (1 = 0")
	for _, p := range pairs {
		s.add(" OR 1 = 1")
		if p.Key != nil {
			s.add(" AND g.key = ").arg(bound([]byte(*p.Key), maxAttributeValue))
		}
		if p.Value != nil {
			s.add(" AND g.value = ").arg(bound([]byte(*p.Value), maxAttributeValue))
		}
	}
	s.add("))")
}

func (q *BucketQuery) criterion(s *statement, c BucketCriterion) {
	s.add("1 = 1")
	if c.Field.Kind == StringSet {
		for i, values := range [][]string{c.Eq, c.Neq} {
			if values == nil {
				continue
			}
			s.add([]string{" AND ", " AND NOT "}[i], "EXISTS (SELECT 1 ", ofBucket, " AND ")
			list := make([][]byte, len(values))
			for j, v := range values {
				list[j] = bound([]byte(v), maxAttributeValue)
			}
			s.in("g."+c.Field.column, list).add(")")
		}
		return
	}
	column := c.Field.columnOf(q.Scored)
	for i, values := range [][]string{c.Eq, c.Neq} {
		if values == nil {
			continue
		}
		s.add([]string{" AND ", " AND NOT "}[i], "(", column, " IS NOT NULL AND ")
		var list []any
		for _, v := range values {
			if arg, ok := c.Field.argument(v); ok {
				list = append(list, arg)
			}
		}
		if list == nil {
			s.add("1 = 0)")
			continue
		}
		s.add(column, " IN (")
		for j, arg := range list {
			s.comma(j).value(arg)
		}
		s.add("))")
	}
	if c.Prefix != nil {
		if CheckText("", *c.Prefix) != nil {
			s.add(" AND 1 = 0")
		} else {
			s.add(" AND ", column, " IS NOT NULL AND SUBSTR(", column, ", 1, ").number(int64(len([]rune(*c.Prefix)))).add(") = ").arg(*c.Prefix)
		}
	}
	for _, bound := range []struct {
		operator string
		n        *int64
	}{{" > ", c.Gt}, {" >= ", c.Gte}, {" < ", c.Lt}, {" <= ", c.Lte}} {
		if bound.n != nil {
			s.add(" AND ", column, " IS NOT NULL AND ", column, bound.operator).number(*bound.n)
		}
	}
}

// columnOf returns the column of a field.
func (f BucketField) columnOf(scored bool) string {
	switch {
	case f.Name != FieldScore:
		return f.column
	case scored:
		return "score"
	}
	return "base_score"
}

// argument makes an argument of a value in a criterion; false if no value of the field is written so.
func (f BucketField) argument(v string) (any, bool) {
	switch f.Kind {
	case Boolean:
		return map[string]int64{"true": 1}[v], v == "true" || v == "false"
	case Number, Date:
		n, err := strconv.ParseInt(v, 10, 64)
		return n, err == nil && strconv.FormatInt(n, 10) == v
	}
	return v, CheckText("", v) == nil
}

// BucketTotals are sums over the buckets of a tenant. A bucket that cannot be read counts among Buckets and as unknown, and has no sums.
type BucketTotals struct {
	Buckets                                      int64
	UpdatedAt                                    *int64 // the newest
	Objects, Bytes, Compressed                   int64
	ClassifiableObjects, ClassifiableBytes       int64
	ByType, ByClass, Unfit                       struct{ Objects, Bytes int64 }
	Permission, Shared, Uploads, Encryption      map[string]int64 // number of buckets by value; "": none
	Readable, Writable                           int64            // public buckets that surely can be read or written by everyone
	NotAnalyzed, Failed, NotSensitive, Sensitive ScoreTotals      // by score: 50, -1, 1 to 49, 51 to 100
}

// ScoreTotals are sums over the buckets with some sensitivity.
type ScoreTotals struct{ Buckets, Public, Bytes, ClassifiableBytes int64 }

// SumBuckets sums up the tenant's buckets whose account is account, or all if it is "". scored chooses the score, as in [BucketQuery].
func SumBuckets(ctx context.Context, tx Tx, t Tenant, account string, scored bool) (*BucketTotals, error) {
	o := &BucketTotals{}
	from := " FROM buckets WHERE account = $1 AND region = $2 AND ($3 = '' OR account_id = $3)"
	args := []any{t.Account, t.Region, account}
	sums := []struct {
		column string
		to     *int64
	}{
		{"objects", &o.Objects}, {"bytes", &o.Bytes}, {"compressed", &o.Compressed}, {"classifiable_objects", &o.ClassifiableObjects},
		{"classifiable_bytes", &o.ClassifiableBytes}, {"objects_by_type", &o.ByType.Objects}, {"bytes_by_type", &o.ByType.Bytes},
		{"objects_by_class", &o.ByClass.Objects}, {"bytes_by_class", &o.ByClass.Bytes}, {"objects_unfit", &o.Unfit.Objects}, {"bytes_unfit", &o.Unfit.Bytes},
		{"CASE WHEN permission = 'PUBLIC' AND public_read = 1 THEN 1 ELSE 0 END", &o.Readable},
		{"CASE WHEN permission = 'PUBLIC' AND public_write = 1 THEN 1 ELSE 0 END", &o.Writable},
	}
	text, to := "SELECT COUNT(*), MAX(updated_at)", []any{&o.Buckets, &o.UpdatedAt}
	for _, sum := range sums {
		text += ", CAST(COALESCE(SUM(" + sum.column + "), 0) AS BIGINT)"
		to = append(to, sum.to)
	}
	if err := One(ctx, tx, text+from, args, to...); err != nil {
		return nil, err
	}
	for _, group := range []struct {
		column string
		to     *map[string]int64
	}{{"permission", &o.Permission}, {"shared", &o.Shared}, {"uploads", &o.Uploads}, {"encryption", &o.Encryption}} {
		*group.to = map[string]int64{}
		err := Each(ctx, tx, "SELECT COALESCE("+group.column+", ''), COUNT(*)"+from+" GROUP BY "+group.column, args, func(rows Rows) error {
			var value string
			var n int64
			err := rows.Scan(&value, &n)
			(*group.to)[value] += n
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return o, sumScores(ctx, tx, o, from, args, scored)
}

func sumScores(ctx context.Context, tx Tx, o *BucketTotals, from string, args []any, scored bool) error {
	score := BucketField{Name: FieldScore}.columnOf(scored)
	text := "SELECT " + score + `, COUNT(*), CAST(SUM(CASE WHEN permission = 'PUBLIC' THEN 1 ELSE 0 END) AS BIGINT),
		CAST(COALESCE(SUM(bytes), 0) AS BIGINT), CAST(COALESCE(SUM(classifiable_bytes), 0) AS BIGINT)` + from + " GROUP BY " + score
	return Each(ctx, tx, text, args, func(rows Rows) error {
		var n int64
		var sums ScoreTotals
		if err := rows.Scan(&n, &sums.Buckets, &sums.Public, &sums.Bytes, &sums.ClassifiableBytes); err != nil {
			return err
		}
		to := &o.NotSensitive
		switch {
		case n < 0:
			to = &o.Failed
		case n == 50:
			to = &o.NotAnalyzed
		case n > 50:
			to = &o.Sensitive
		}
		to.Buckets += sums.Buckets
		to.Public += sums.Public
		to.Bytes += sums.Bytes
		to.ClassifiableBytes += sums.ClassifiableBytes
		return nil
	})
}

// BucketFieldNames returns the names of all fields that [GetBucketField] knows, in order.
func BucketFieldNames() []string {
	names := map[string]bool{FieldScore: true, FieldAnalyzedAt: true}
	for _, f := range bucketFields {
		names[f.Name] = true
	}
	return slices.Sorted(maps.Keys(names))
}
