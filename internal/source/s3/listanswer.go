package s3

import (
	"bytes"
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/magpie-sec/magpie/internal/source"
)

// A listAnswer is an answer to ListObjectsV2.
type listAnswer struct {
	objects  []source.Object
	prefixes []string
	encoded  bool // keys and prefixes are still encoded
	more     bool
	token    string
}

type listKey struct{}

// intoList makes the client's answer to a listing go straight into a listAnswer, where that can be: the client's own decoder takes most of the
// time of a listing. What answer.read does not know for certain is left to the client.
func intoList(ctx context.Context, a *listAnswer) context.Context {
	return context.WithValue(ctx, listKey{}, a)
}

// nothingListed is what the client decodes when answer.read has read.
const nothingListed = "<ListBucketResult/>"

// from takes what the client has decoded.
func (a *listAnswer) from(out *s3.ListObjectsV2Output) {
	*a = listAnswer{
		more: aws.ToBool(out.IsTruncated), token: aws.ToString(out.NextContinuationToken), encoded: out.EncodingType == types.EncodingTypeUrl,
		objects: make([]source.Object, 0, len(out.Contents)),
	}
	for i := range out.Contents {
		o := &out.Contents[i]
		a.objects = append(a.objects, source.Object{
			Key: aws.ToString(o.Key), Size: aws.ToInt64(o.Size), ETag: strings.Trim(aws.ToString(o.ETag), `"`),
			LastModified: listedTime(aws.ToTime(o.LastModified)), StorageClass: string(o.StorageClass),
		})
	}
	for _, c := range out.CommonPrefixes {
		a.prefixes = append(a.prefixes, aws.ToString(c.Prefix))
	}
}

// listedTime drops fractions of seconds, which some stores tell in listings, but which the headers of an object cannot.
func listedTime(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Second)
}

// decode takes the encoding off keys and prefixes. What is not encoded as the store says that it is stays as it is: it cannot be anything else.
func (a *listAnswer) decode() {
	if !a.encoded {
		return
	}
	plain := func(s string) string {
		if !strings.ContainsAny(s, "%+") {
			return s
		}
		if p, err := url.QueryUnescape(s); err == nil {
			return p
		}
		return s
	}
	for i := range a.objects {
		a.objects[i].Key = plain(a.objects[i].Key)
	}
	for i := range a.prefixes {
		a.prefixes[i] = plain(a.prefixes[i])
	}
	a.encoded = false
}

// read decodes an answer in the form that stores write: elements without attributes below the root, no comments, no sections. It returns false,
// and leaves a as it is, for anything else.
func (a *listAnswer) read(text []byte) bool {
	r := listReader{text: text}
	if bytes.HasPrefix(text, []byte("<?xml ")) {
		r.at = bytes.Index(text, []byte("?>")) + 2
		// Another charset is a matter for others.
		if r.at < 2 || !utf8Declared(text[:r.at]) {
			return false
		}
	}
	root, ok := r.open()
	if !ok || string(root) != "ListBucketResult" && !plainNamespace(root) {
		return false
	}
	out := listAnswer{objects: make([]source.Object, 0, 1000)}
	for {
		name, ok := r.open()
		switch {
		case !ok:
			return false
		case string(name) == "/ListBucketResult":
			if len(bytes.TrimSpace(text[r.at:])) > 0 {
				return false
			}
			*a = out
			return true
		case string(name) == "Contents":
			out.objects = append(out.objects, source.Object{})
			if !r.object(&out.objects[len(out.objects)-1]) {
				return false
			}
			continue
		case string(name) == "CommonPrefixes":
			if name, ok := r.open(); !ok || string(name) != "Prefix" {
				return false
			}
			prefix, ok := r.value("Prefix")
			if end, closed := r.open(); !ok || !closed || string(end) != "/CommonPrefixes" {
				return false
			}
			out.prefixes = append(out.prefixes, string(prefix))
			continue
		case string(name) == "Prefix/", string(name) == "StartAfter/", string(name) == "Delimiter/", string(name) == "ContinuationToken/":
			continue
		case string(name) == "Name", string(name) == "Tenant", string(name) == "Prefix", string(name) == "StartAfter", string(name) == "Delimiter", string(name) == "ContinuationToken":
			// The store repeats what it was asked for. Ceph (Tenant is its own) does so without encoding, also with characters that XML does not have.
			if _, ok := r.raw(string(name)); !ok {
				return false
			}
			continue
		case string(name) == "NextContinuationToken":
			// Ceph's is the last key, as it is. One that XML cannot hold is left out: the listing then goes on behind the last key.
			token, ok := r.raw(string(name))
			if !ok {
				return false
			}
			token, _ = unescaped(token)
			out.token = string(token)
			continue
		}
		value, ok := r.value(string(name))
		if !ok {
			return false
		}
		switch string(name) {
		case "IsTruncated":
			if out.more = string(value) == "true"; !out.more && string(value) != "false" {
				return false
			}
		case "EncodingType":
			out.encoded = string(value) == "url"
		case "KeyCount", "MaxKeys":
			if _, err := strconv.ParseInt(string(value), 10, 32); err != nil {
				return false
			}
		default:
			return false
		}
	}
}

func utf8Declared(prolog []byte) bool {
	i := bytes.Index(prolog, []byte("encoding="))
	return i < 0 || bytes.HasPrefix(bytes.ToLower(prolog[i+len("encoding=")+1:]), []byte("utf-8"))
}

// plainNamespace reports whether the root's tag is the right one and has nothing but its namespace.
func plainNamespace(root []byte) bool {
	rest, ok := bytes.CutPrefix(root, []byte(`ListBucketResult xmlns="`))
	return ok && bytes.Count(rest, []byte{'"'}) == 1 && rest[len(rest)-1] == '"' && !bytes.ContainsFunc(rest, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '<' || r == '&' })
}

// A listReader reads the elements of an answer.
type listReader struct {
	text []byte
	at   int
}

// open goes to the next tag, over white space only, and returns what stands between its brackets.
func (r *listReader) open() ([]byte, bool) {
	for r.at < len(r.text) {
		c := r.text[r.at]
		if c == '<' {
			end := bytes.IndexByte(r.text[r.at:], '>')
			if end < 2 || r.text[r.at+1] == '!' || r.text[r.at+1] == '?' {
				return nil, false
			}
			tag := r.text[r.at+1 : r.at+end]
			r.at += end + 1
			return tag, true
		}
		if c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return nil, false
		}
		r.at++
	}
	return nil, false
}

// value reads the text of an element that holds nothing else, and its end.
func (r *listReader) value(name string) ([]byte, bool) {
	value, ok := r.raw(name)
	if !ok {
		return nil, false
	}
	return unescaped(value)
}

// raw is value without looking at the text.
func (r *listReader) raw(name string) ([]byte, bool) {
	end := bytes.IndexByte(r.text[r.at:], '<')
	if end < 0 {
		return nil, false
	}
	value := r.text[r.at : r.at+end]
	r.at += end + 1
	rest := r.text[r.at:]
	if len(rest) < len(name)+2 || rest[0] != '/' || string(rest[1:1+len(name)]) != name || rest[1+len(name)] != '>' {
		return nil, false
	}
	r.at += len(name) + 2
	return value, true
}

// unescaped takes the escapes out of a text. It refuses what XML does not allow or what it changes (control characters, carriage returns).
func unescaped(value []byte) ([]byte, bool) {
	escaped, ascii := false, true
	for _, c := range value {
		switch {
		case c < ' ' && c != '\n' && c != '\t':
			return nil, false
		case c == '&':
			escaped = true
		case c >= utf8.RuneSelf:
			ascii = false
		case c == '>': // "]]>" is not allowed
			return nil, false
		}
	}
	if !ascii && (!utf8.Valid(value) || bytes.Contains(value, []byte("\uffff")) || bytes.Contains(value, []byte("\ufffe"))) {
		return nil, false
	}
	if !escaped {
		return value, true
	}
	out := make([]byte, 0, len(value))
	for len(value) > 0 {
		i := bytes.IndexByte(value, '&')
		if i < 0 {
			return append(out, value...), true
		}
		out, value = append(out, value[:i]...), value[i:]
		end := bytes.IndexByte(value, ';')
		if end < 0 {
			return nil, false
		}
		c, ok := entities[string(value[:end+1])]
		if !ok {
			return nil, false
		}
		out, value = append(out, c), value[end+1:]
	}
	return out, true
}

var entities = map[string]byte{"&amp;": '&', "&lt;": '<', "&gt;": '>', "&quot;": '"', "&apos;": '\'', "&#34;": '"', "&#39;": '\'', "&#38;": '&'}

// object reads one of Contents.
func (r *listReader) object(o *source.Object) bool {
	for {
		name, ok := r.open()
		if !ok {
			return false
		}
		switch string(name) {
		case "/Contents":
			return true
		case "Owner":
			if !r.owner() {
				return false
			}
			continue
		}
		value, ok := r.value(string(name))
		if !ok {
			return false
		}
		switch string(name) {
		case "Key":
			o.Key = string(value)
		case "Size":
			size, err := strconv.ParseInt(string(value), 10, 64)
			if err != nil {
				return false
			}
			o.Size = size
		case "ETag":
			o.ETag = string(bytes.Trim(value, `"`))
		case "LastModified":
			t, err := time.Parse(time.RFC3339, string(value))
			if err != nil || value[len(value)-1] != 'Z' {
				return false
			}
			o.LastModified = listedTime(t)
		case "StorageClass":
			o.StorageClass = storageClass(value)
		case "ChecksumAlgorithm", "ChecksumType", "Type": // Type is Ceph's
		default:
			return false
		}
	}
}

// owner passes over an owner.
func (r *listReader) owner() bool {
	for {
		name, ok := r.open()
		switch {
		case !ok:
			return false
		case string(name) == "/Owner":
			return true
		case string(name) != "ID" && string(name) != "DisplayName" && string(name) != "Type":
			return false
		}
		if _, ok := r.value(string(name)); !ok {
			return false
		}
	}
}

// storageClass keeps the names of the usual classes from being made for each object.
func storageClass(value []byte) string {
	switch string(value) {
	case "STANDARD":
		return "STANDARD"
	case "STANDARD_IA":
		return "STANDARD_IA"
	case "INTELLIGENT_TIERING":
		return "INTELLIGENT_TIERING"
	case "GLACIER":
		return "GLACIER"
	case "DEEP_ARCHIVE":
		return "DEEP_ARCHIVE"
	}
	return string(value)
}
