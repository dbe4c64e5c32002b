package main

import (
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress shows on a terminal how far long work is, and nothing anywhere else.
type progress struct {
	bar            *progressbar.ProgressBar
	objects, bytes atomic.Int64
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func newProgress(w io.Writer, what string) *progress {
	if !isTerminal(w) {
		return &progress{}
	}
	return &progress{bar: progressbar.NewOptions64(-1,
		progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what), progressbar.OptionShowBytes(true),
		progressbar.OptionShowCount(), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(),
		progressbar.OptionSpinnerType(14),
	)}
}

// add counts objects and bytes that are done.
func (p *progress) add(objects, bytes int64) {
	p.objects.Add(objects)
	p.bytes.Add(bytes)
	if p.bar != nil {
		p.bar.Add64(bytes)
	}
}

// done takes the bar off the screen.
func (p *progress) done() {
	if p.bar != nil {
		p.bar.Finish()
	}
}
