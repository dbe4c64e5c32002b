package macie

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/magpie-sec/magpie/internal/source"
)

// A page is the payload of a shard of objects: what the listing told of them, so that working on them lists nothing again.
//
// Its bytes: for each object its key, size, modification time (milliseconds), entity tag, version, storage class, encryption type and key;
// strings with their length before them, numbers as varints.
type page struct {
	objects int
	bytes   int64 // sum of the objects' sizes
	data    []byte
}

// A shard of objects ends at the first of these: so that a retry repeats little, and that few objects are enough for several workers.
const (
	pageObjects = 1000
	pageBytes   = 256 << 20
)

func (p *page) full() bool { return p.objects >= pageObjects || p.bytes >= pageBytes }

func (p *page) add(o source.Object) {
	p.objects++
	p.bytes += max(o.Size, 0)
	p.data = appendString(p.data, o.Key)
	p.data = binary.AppendVarint(p.data, o.Size)
	modified := int64(0)
	if !o.LastModified.IsZero() {
		modified = o.LastModified.UnixMilli()
	}
	p.data = binary.AppendVarint(p.data, modified)
	for _, s := range []string{o.ETag, o.VersionID, o.StorageClass, o.Encryption.Type, o.Encryption.KMSKeyID} {
		p.data = appendString(p.data, s)
	}
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// pageOf reads a page's bytes back.
func pageOf(data []byte) ([]source.Object, error) {
	r := pageReader{data: data}
	var objects []source.Object
	for len(r.data) > 0 && !r.bad {
		o := source.Object{Key: r.text(), Size: r.number()}
		if modified := r.number(); modified != 0 {
			o.LastModified = time.UnixMilli(modified).UTC()
		}
		for _, s := range []*string{&o.ETag, &o.VersionID, &o.StorageClass, &o.Encryption.Type, &o.Encryption.KMSKeyID} {
			*s = r.text()
		}
		objects = append(objects, o)
	}
	if r.bad {
		return nil, errors.New("the shard's page of objects is damaged")
	}
	return objects, nil
}

type pageReader struct {
	data []byte
	bad  bool
}

func (r *pageReader) text() string {
	n, size := binary.Uvarint(r.data)
	if size <= 0 || n > uint64(len(r.data)-size) {
		r.bad, r.data = true, nil
		return ""
	}
	s := string(r.data[size : size+int(n)])
	r.data = r.data[size+int(n):]
	return s
}

func (r *pageReader) number() int64 {
	n, size := binary.Varint(r.data)
	if size <= 0 {
		r.bad, r.data = true, nil
		return 0
	}
	r.data = r.data[size:]
	return n
}
