package ole

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/extract"
)

// maxEmbedded bounds how many storages of a document are looked at for something embedded.
const maxEmbedded = 16 << 10

// extensions are those of what an embedded storage holds.
var extensions = map[Kind]string{Workbook: ".xls", Document: ".doc", Presentation: ".ppt", Message: ".msg"}

// whole are the streams that hold a document of another format as it is.
var whole = []string{"Package", "CONTENTS", "EmbeddedOdf"}

// Embedded delivers the documents that are embedded in the storages below root as members: those of Office as compound files, files that
// were packed whole, and files that were dropped into the document.
func (f *File) Embedded(root *Entry, out *extract.Output) error {
	left := maxEmbedded
	return f.embedded(root, "", out, &left)
}

func (f *File) embedded(parent *Entry, path string, out *extract.Output, left *int) error {
	for _, e := range parent.Children {
		if !e.Storage {
			continue
		}
		if *left--; *left < 0 {
			return extract.Malformed("too many storages")
		}
		name := path + Printable(e.Name)
		found, err := f.Object(e, name, out)
		if err != nil {
			return err
		}
		if !found && strings.Count(name, "/") < maxDepth {
			if err := f.embedded(e, name+"/", out, left); err != nil {
				return err
			}
		}
	}
	return nil
}

// Object delivers what a storage holds as a member. It returns false if that is nothing to read.
func (f *File) Object(e *Entry, name string, out *extract.Output) (bool, error) {
	if kind := KindOf(e); kind != Other {
		r, size := f.Export(e)
		_, err := out.Member(extract.Member{Name: name + extensions[kind], Size: size}, r)
		return true, err
	}
	for _, w := range whole {
		if c := e.Child(w); c != nil && !c.Storage && c.Size > 0 {
			_, err := out.Member(extract.Member{Name: name + "/" + c.Name, Size: c.Size}, f.Stream(c))
			return true, err
		}
	}
	if c := e.Child("\x01Ole10Native"); c != nil && !c.Storage {
		return true, f.native(c, name, out)
	}
	return false, nil
}

// native delivers a file that was dropped into a document: its name, where it was, and its bytes ([MS-OLEDS] 2.3.6, and what Packager writes
// into it). Bytes of another program have no such beginning.
func (f *File) native(e *Entry, name string, out *extract.Output) error {
	s := f.Stream(e)
	head := make([]byte, min(s.Size(), 8<<10))
	if err := full(s, head, 0); err != nil {
		return err
	}
	at := 6
	text := func() (string, bool) {
		k := bytes.IndexByte(head[min(at, len(head)):], 0)
		if k < 0 {
			return "", false
		}
		b := head[at : at+k]
		at += k + 1
		return Decode(b, 1252), true
	}
	label, ok := text()
	if !ok || u16(head, 4) != 2 {
		return nil
	}
	if _, ok = text(); !ok {
		return nil
	}
	at += 4
	path := u32(head, at)
	if at += 4 + path; path > len(head) || at+4 > len(head) {
		return nil
	}
	size := int64(u32(head, at))
	at += 4
	if size > s.Size()-int64(at) {
		return extract.Malformed("an embedded file is cut")
	}
	label = Printable(label[strings.LastIndexAny(label, `/\`)+1:])
	if label == "" {
		label = "file"
	}
	_, err := out.Member(extract.Member{Name: name + "/" + label, Size: size}, io.NewSectionReader(s, int64(at), size))
	return err
}

// Printable leaves out of a name what nobody can read in it, and what divides paths.
func Printable(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == '/' || r == '\\' || r == utf8.RuneError || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, name)
}
