package detect

import (
	"math/bits"

	"github.com/magpie-sec/magpie/internal/text"
)

// ScanValue reads a complete value as the scanner does, and ScanEachRun without its first look.
func ScanValue(s *Scanner, t []byte) {
	s.beginValue(text.Records, 1, nil, nil)
	s.scan(t, 0, len(t), true)
	s.endValue(len(t))
}

func ScanEachRun(s *Scanner, t []byte) {
	s.beginValue(text.Records, 1, nil, nil)
	for i := 0; i < len(t); {
		m := readMasks(t, i)
		if todo := m.alnum | m.wide; todo&1 == 0 {
			i += max(1, min(bits.TrailingZeros64(todo), len(t)-i))
		} else if i > 0 && isAlnum(t[i]) && isAlnum(t[i-1]) {
			i = endOfRun(t, i)
		} else {
			i = s.run(t, i, m, true)
		}
	}
	s.endValue(len(t))
}
