package eml_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/eml"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/plaintext"
)

// TestSecondOpinion compares the text of every part with what go-message decodes, for the samples that other programs wrote.
func TestSecondOpinion(t *testing.T) {
	for _, name := range []string{"python", "base64", "latin2-qp", "iso-2022-jp", "bounce", "attachments", "mutt", "mpack", "swaks", "smime-signed"} {
		content, err := os.ReadFile(filepath.Join("testdata", name+".eml"))
		if err != nil {
			t.Fatal(err)
		}
		e := &extract.Extractor{Formats: []extract.Format{eml.Format, plaintext.Format}}
		d := extracttest.Extract(t, e, extract.Object{Name: name + ".eml", Size: -1, Reader: bytes.NewReader(content)})
		all := words(strings.Join(d.Texts(), "\n"))
		parts := 0
		entity, err := message.Read(bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		err = entity.Walk(func(_ []int, e *message.Entity, err error) error {
			if err != nil || e.MultipartReader() != nil {
				return err
			}
			kind, _, _ := e.Header.ContentType()
			if strings.HasSuffix(kind, "signature") || kind == "application/zip" {
				return nil
			}
			b, err := io.ReadAll(e.Body)
			if want := words(string(b)); want == "" || !strings.Contains(all, want) {
				t.Errorf("%s: a part of type %s is missing: %q", name, kind, want)
			}
			parts++
			return err
		})
		if err != nil || parts == 0 {
			t.Errorf("%s: %d parts, %v", name, parts, err)
		}
		for _, field := range []string{"Subject", "From", "To"} {
			if want, err := entity.Header.Text(field); err != nil || want != "" && !strings.Contains(all, words(field+": "+want)) && !strings.Contains(want, ",") {
				t.Errorf("%s: %s is missing: %q, %v", name, field, want, err)
			}
		}
	}
}

// words leaves out how a text is laid out.
func words(s string) string { return strings.Join(strings.Fields(s), " ") }

// large makes a mail with an attachment of so many bytes.
func large(size int, encoded bool) []byte {
	var b bytes.Buffer
	b.WriteString("From: a@example.org\r\nTo: b@example.org\r\nSubject: large\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/mixed; boundary=\"=_1\"\r\n\r\n--=_1\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nhello\r\n--=_1\r\n")
	line := []byte("the quick brown fox jumps over the lazy dog and 12345\r\n\r\n")
	if encoded {
		b.WriteString("Content-Type: text/plain; name=a.txt\r\nContent-Transfer-Encoding: base64\r\n\r\n")
		s := base64.StdEncoding.EncodeToString(line) + "\r\n"
		for b.Len() < size {
			b.WriteString(s)
		}
	} else {
		b.WriteString("Content-Type: text/plain; charset=utf-8\r\n\r\n")
		for b.Len() < size {
			b.Write(line)
		}
	}
	b.WriteString("\r\n--=_1--\r\n")
	return b.Bytes()
}

// BenchmarkMail reads mails beside go-message, which decodes them part by part, and net/mail, which only reads the header and passes the rest on.
func BenchmarkMail(b *testing.B) {
	for _, c := range []struct {
		name    string
		content []byte
	}{{"base64", large(16<<20, true)}, {"text", large(16<<20, false)}} {
		b.Run("magpie/"+c.name, func(b *testing.B) {
			e := &extract.Extractor{Formats: []extract.Format{eml.Format, plaintext.Format}}
			run(b, c.content, func() error {
				_, err := e.Extract(context.Background(), extract.Object{Name: "a.eml", Size: -1, Reader: bytes.NewReader(c.content)}, new(extracttest.Stop))
				return err
			})
		})
		b.Run("go-message/"+c.name, func(b *testing.B) {
			run(b, c.content, func() error {
				entity, err := message.Read(bytes.NewReader(c.content))
				if err != nil {
					return err
				}
				return entity.Walk(func(_ []int, e *message.Entity, err error) error {
					if err != nil || e.MultipartReader() != nil {
						return err
					}
					_, err = io.Copy(io.Discard, e.Body)
					return err
				})
			})
		})
		b.Run("net-mail/"+c.name, func(b *testing.B) {
			run(b, c.content, func() error {
				m, err := mail.ReadMessage(bytes.NewReader(c.content))
				if err != nil {
					return err
				}
				_, err = io.Copy(io.Discard, m.Body)
				return err
			})
		})
	}
}

func run(b *testing.B, content []byte, f func() error) {
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		if err := f(); err != nil {
			b.Fatal(err)
		}
	}
}

// TestHostile reads what is built to take long or to go deep.
func TestHostile(t *testing.T) {
	const head = "From: a@example.org\nTo: b@example.org\n"
	nested := func(n int) string {
		s := head
		for i := range n {
			s += fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
		}
		return s + "Content-Type: text/plain\n\nthe end\n"
	}
	mails := func(n int) string {
		s := head + "\nthe end\n"
		for range n {
			s = head + "Content-Type: message/rfc822\n\n" + s
		}
		return s
	}
	for _, c := range []struct {
		name, content string
		want          extract.Result
		text          string // that has to be there
	}{
		{"multiparts up to the limit", nested(50), extract.Result{Code: extract.Complete}, "the end"},
		{"multiparts beyond the limit", nested(51), extract.Result{Code: extract.Partial, Reason: extract.ArchiveNestingLevelOverLimit}, "the end"},
		{"100,000 parts", head + "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\nhello\n", 100_000) + "--b--\n",
			extract.Result{Code: extract.Complete}, "hello"},
		{"mails up to the limit", mails(10), extract.Result{Code: extract.Complete}, "the end"},
		{"mails beyond the limit", mails(11), extract.Result{Code: extract.Partial, Reason: extract.ArchiveNestingLevelOverLimit}, "From"},
		{"a field of 10 MB", head + "X: " + strings.Repeat("=?utf-8?q?=C3=BC?= ", 500_000) + "\n\nthe end\n", extract.Result{Code: extract.Complete}, "the end"},
		{"an unclosed word", head + "X: " + strings.Repeat("=?utf-8?q?", 500_000) + "\n\nthe end\n", extract.Result{Code: extract.Complete}, "the end"},
		{"a parameter in 10,000 parts", head + "Content-Type: text/plain" + strings.Repeat(";\n name*0=\"x\"", 10_000) + "\n\nthe end\n",
			extract.Result{Code: extract.Complete}, "Content-Type"},
		{"boundaries everywhere", head + "Content-Type: multipart/mixed; boundary=-\n\n" + strings.Repeat("---\n", 200_000), extract.Result{Code: extract.Complete}, "To"},
		{"soft line ends", head + "Content-Transfer-Encoding: quoted-printable\n\n" + strings.Repeat("=\n", 1_000_000) + "the end\n",
			extract.Result{Code: extract.Complete}, "the end"},
	} {
		d := extracttest.Read(t, "a.eml", c.content)
		c.want.Bytes = int64(len(c.content))
		if all := strings.Join(d.Texts(), "\n"); d.Result != c.want || !strings.Contains(all, c.text) {
			t.Errorf("%s: %+v, %d bytes of text", c.name, d.Result, len(all))
		}
	}
}
