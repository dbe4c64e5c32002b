package detect

import "github.com/magpie-sec/magpie/internal/text"

// ScanMarked and ScanShort read a complete value in the two ways there are, whatever its length.
func ScanMarked(s *Scanner, t []byte) {
	s.beginValue(text.Records, 1, nil)
	s.scan(t, 0, len(t), true)
	s.endValue(len(t))
}

func ScanShort(s *Scanner, t []byte) {
	s.beginValue(text.Records, 1, nil)
	s.scanShort(t)
	s.endValue(len(t))
}
