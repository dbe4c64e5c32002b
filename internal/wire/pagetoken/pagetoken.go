// Package pagetoken makes the opaque nextToken of paged operations. A token carries where the next page
// begins, signed together with whose query it belongs to: a token of another account, Region, operation or
// query, or a forged one, is refused.
package pagetoken

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/magpie-sec/magpie/internal/wire"
)

// version begins every token, so that the layout can change.
const version = 1

// maxToken bounds the tokens that are looked at, in characters.
const maxToken = 8192

// MinKey is the least length of a signing key in bytes.
const MinKey = 32

// Sealer makes and opens page tokens. It is safe for concurrent use.
type Sealer struct{ key []byte }

// New returns a Sealer. All servers of one database share the key, of at least MinKey random bytes.
func New(key []byte) (*Sealer, error) {
	if len(key) < MinKey {
		return nil, fmt.Errorf("page token key: %d bytes given, at least %d needed", len(key), MinKey)
	}
	return &Sealer{key: append([]byte(nil), key...)}, nil
}

// Seal returns the token for the page that begins at cursor, of the query that in asks on behalf of
// caller. The cursor is signed, not encrypted: it must hold nothing that the caller may not see. Its
// length is at most 5 KB, else the token would be refused when it comes back.
func (s *Sealer) Seal(caller wire.Caller, in wire.PagedInput, cursor []byte) string {
	text := append([]byte{version}, s.sign(caller, in, cursor)...)
	return base64.RawURLEncoding.EncodeToString(append(text, cursor...))
}

// Open returns the cursor of the page token in in; nil when in asks for the first page. A token that was
// not sealed for this very query gives a *wire.Error of kind Validation.
func (s *Sealer) Open(caller wire.Caller, in wire.PagedInput) ([]byte, error) {
	token, _ := in.Page()
	if token == "" {
		return nil, nil
	}
	if len(token) <= maxToken && !strings.ContainsAny(token, "\r\n") { // which the decoder passes over
		text, err := base64.RawURLEncoding.Strict().DecodeString(token)
		const head = 1 + sha256.Size
		if err == nil && len(text) >= head && text[0] == version {
			cursor := text[head:]
			if hmac.Equal(text[1:head], s.sign(caller, in, cursor)) {
				return cursor, nil
			}
		}
	}
	name := in.Operation().Paging.Token
	err := wire.Errorf(wire.Validation, "The %s is not valid for this request. Start again without it.", name)
	err.Reason = wire.ReasonFieldValidation
	err.Fields = []wire.Field{{Name: name, Message: "not a token of this request"}}
	return nil, err
}

// sign returns the HMAC-SHA256 over everything that a token is bound to. Each part goes in with its
// length, so that no two sequences of parts give the same bytes.
func (s *Sealer) sign(caller wire.Caller, in wire.PagedInput, cursor []byte) []byte {
	op := in.Operation()
	query := sha256.Sum256(parameters(in, op))
	mac := hmac.New(sha256.New, s.key)
	for _, part := range [][]byte{
		{version}, []byte(op.Service), []byte(op.Name), []byte(caller.Account), []byte(caller.Region), query[:], cursor,
	} {
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		mac.Write(part)
	}
	return mac.Sum(nil)
}

// parameters returns the input as JSON without page token and page size: what makes the query.
func parameters(in wire.PagedInput, op *wire.Operation) []byte {
	q := &query{page: op.Paging}
	if err := wire.Unmarshal(wire.Marshal(in), q); err != nil {
		// Inputs hold no more than a request did, and Marshal writes JSON: reading it back cannot fail
		// unless a service makes up an input. The whole text then stands for the query.
		return wire.Marshal(in)
	}
	return q.text
}

// query copies the members that are not about paging.
type query struct {
	page wire.Paging
	text []byte
}

// DecodeMember copies one member.
func (q *query) DecodeMember(d *wire.Decoder, name []byte) {
	value := d.Raw()
	if n := string(name); n == q.page.Token || n == q.page.Limit {
		return
	}
	q.text = append(append(append(append(q.text, name...), 0), value...), 0)
}
