package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"io"
	"time"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
)

// A member is a document in an archive.
type member struct {
	name string
	document
}

// packed is when the members of every archive were last changed.
var packed = time.Date(2026, 11, 16, 22, 30, 0, 0, time.UTC)

func zipOf(members ...member) (document, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	w.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, 9) })
	for _, m := range members {
		f, err := w.CreateHeader(&zip.FileHeader{Name: m.name, Method: zip.Deflate, Modified: packed})
		if err != nil {
			return document{}, err
		}
		if _, err := f.Write(m.data); err != nil {
			return document{}, err
		}
	}
	err := w.Close()
	return document{data: out.Bytes(), members: members}, err
}

func tarOf(members ...member) (document, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Mode: 0o640, Size: int64(len(m.data)), ModTime: packed, Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}
		if err := w.WriteHeader(h); err != nil {
			return document{}, err
		}
		if _, err := w.Write(m.data); err != nil {
			return document{}, err
		}
	}
	err := w.Close()
	return document{data: out.Bytes(), members: members}, err
}

// gzipOf packs one document. Its name as a member is the file's without ".gz".
func gzipOf(m member) (document, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, 9)
	if err != nil {
		return document{}, err
	}
	w.Name, w.ModTime = m.name, packed
	if _, err := w.Write(m.data); err != nil {
		return document{}, err
	}
	err = w.Close()
	return document{data: out.Bytes(), members: []member{m}}, err
}
