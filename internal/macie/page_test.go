package macie

import (
	"bytes"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/magpie-sec/magpie/internal/source"
)

func drawObject(t *rapid.T) source.Object {
	anything := func(label string) string { return string(rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, label)) }
	o := source.Object{Key: anything("key"), Size: rapid.Int64Min(-1).Draw(t, "size"), ETag: anything("etag"), VersionID: anything("version"),
		StorageClass: anything("class"), Encryption: source.Encryption{Type: anything("type"), KMSKeyID: anything("key id")}}
	if rapid.Bool().Draw(t, "dated") {
		o.LastModified = time.UnixMilli(rapid.Int64Range(1, 1<<45).Draw(t, "modified")).UTC()
	}
	return o
}

func TestPageReadsBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		objects := rapid.SliceOfN(rapid.Custom(drawObject), 0, 5).Draw(rt, "objects")
		var p page
		var size int64
		for _, o := range objects {
			p.add(o)
			size += max(o.Size, 0)
		}
		got, err := pageOf(p.data)
		if err != nil {
			rt.Fatal(err)
		}
		if len(got) != len(objects) || p.objects != len(objects) || p.bytes != size {
			rt.Fatalf("%d objects, page of %d, %d bytes", len(got), p.objects, p.bytes)
		}
		for i := range got {
			if got[i] != objects[i] {
				rt.Fatalf("%+v came back as %+v", objects[i], got[i])
			}
		}
	})
}

// TestPageCut cuts the page of one object anywhere.
func TestPageCut(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var p page
		p.add(rapid.Custom(drawObject).Draw(rt, "object"))
		for n := 1; n < len(p.data); n++ {
			if objects, err := pageOf(p.data[:n]); err == nil || objects != nil {
				rt.Fatalf("%d of %d bytes are read as %v", n, len(p.data), objects)
			}
		}
	})
}

// FuzzPage reads damaged payloads. What is read at all is written again as it was.
func FuzzPage(f *testing.F) {
	var p page
	p.add(source.Object{Key: "a/b.csv", Size: 7, ETag: "x", LastModified: time.UnixMilli(1_790_000_000_000)})
	p.add(source.Object{Key: "\xff", Size: source.UnknownSize, StorageClass: "STANDARD"})
	f.Add(p.data)
	f.Add(p.data[:len(p.data)-3])
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, data []byte) {
		objects, err := pageOf(data)
		if err != nil {
			if objects != nil {
				t.Error("objects of a damaged page")
			}
			return
		}
		var again page
		for _, o := range objects {
			again.add(o)
		}
		second, err := pageOf(again.data)
		if err != nil || len(second) != len(objects) {
			t.Fatalf("%d objects came back as %d: %v", len(objects), len(second), err)
		}
		var third page
		for _, o := range second {
			third.add(o)
		}
		if !bytes.Equal(again.data, third.data) {
			t.Error("the page changes each time it is written")
		}
	})
}
