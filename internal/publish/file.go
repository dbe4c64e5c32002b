package publish

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
)

// A File is a sink that appends events to a file, one to a line. What is written is on the disk before it counts as published.
type File struct{ Path string }

// Most implements Sink.
func (*File) Most() int { return 500 }

// Send implements Sink. Lines of a write that failed in the middle may be there already: they come again.
func (f *File) Send(_ context.Context, events []json.RawMessage) []error {
	return sameError(len(events), f.append(events))
}

func (f *File) append(events []json.RawMessage) (err error) {
	var lines bytes.Buffer
	for _, e := range events {
		if err := json.Compact(&lines, e); err != nil {
			return err
		}
		lines.WriteByte('\n')
	}
	file, err := os.OpenFile(f.Path, os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := endLine(file); err != nil {
		return err
	}
	if _, err := file.Write(lines.Bytes()); err != nil {
		return err
	}
	return file.Sync()
}

// endLine ends the file's last line, which a full disk or a kill may have cut.
func endLine(file *os.File) error {
	info, err := file.Stat()
	if err != nil || info.Size() == 0 || !info.Mode().IsRegular() {
		return err
	}
	last := make([]byte, 1)
	if _, err := file.ReadAt(last, info.Size()-1); err != nil || last[0] == '\n' {
		return err
	}
	_, err = file.Write([]byte("\n"))
	return err
}
