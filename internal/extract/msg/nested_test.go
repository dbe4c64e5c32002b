package msg_test

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/ole/oletest"
	"github.com/magpie-sec/magpie/internal/text"
)

// deepest watches the heap where messages stand deepest in one another.
type deepest struct {
	extracttest.Stop
	depth, blocks int
	most          uint64
}

func (d *deepest) Begin(doc extract.Document) error {
	d.depth = max(d.depth, len(doc.Path))
	return nil
}

func (d *deepest) Text(*text.Block) error {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	d.blocks++
	d.most = max(d.most, m.HeapAlloc)
	return nil
}

// Messages in one another, with as many entries as there may be, stay within the memory that an object may take.
func TestNestedMessages(t *testing.T) {
	var streams []oletest.Stream
	path := ""
	for level := range 12 {
		streams = append(streams, oletest.Stream{Path: path + "__properties_version1.0", Content: make([]byte, 40)},
			oletest.Stream{Path: path + "__substg1.0_0037001E", Content: fmt.Appendf(nil, "level %d", level)})
		path += "__attach_version1.0_#00000000/__substg1.0_3701000D/"
	}
	for i := range 8_000 {
		streams = append(streams, oletest.Stream{Path: fmt.Sprintf("%sa%030d", path, i)})
	}
	content := oletest.File(streams...)
	streams = nil
	sink := new(deepest)
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	res, err := extracttest.Extractor().Extract(t.Context(), extract.Object{Name: "a.msg", Size: int64(len(content)), ReaderAt: bytes.NewReader(content)}, sink)
	if err != nil || sink.depth < 10 || sink.blocks < 10 || res.Code != extract.Partial {
		t.Errorf("%+v, %v, depth %d, %d blocks", res, err, sink.depth, sink.blocks)
	}
	if used := int64(sink.most) - int64(m.HeapAlloc); used > 64<<20 {
		t.Errorf("%d bytes of heap", used)
	} else {
		t.Logf("%d KiB of heap", used>>10)
	}
	runtime.KeepAlive(content)
}
