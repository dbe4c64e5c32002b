package forecast

import "strconv"

// Text makes n bytes of a log that nobody has written, to measure the speed of detection on: lines of the common form with numbers, times and
// words, as many of them near the layouts of identifiers as in real logs. Equal n give equal text.
func Text(n int) []byte {
	levels := []string{"INFO", "WARN", "DEBUG", "ERROR"}
	words := []string{"request", "accepted", "customer", "order", "queue", "retry", "upstream", "session", "cache", "payment", "closed", "delivered"}
	b := make([]byte, 0, n+256)
	seed := uint64(1)
	next := func(limit uint64) uint64 { // xorshift
		seed ^= seed << 13
		seed ^= seed >> 7
		seed ^= seed << 17
		return seed % limit
	}
	for len(b) < n {
		b = append(b, "2026-11-"...)
		b = strconv.AppendUint(b, 10+next(20), 10)
		b = append(b, 'T')
		b = strconv.AppendUint(b, 10+next(14), 10)
		b = append(b, ":15:07Z "...)
		b = append(b, levels[next(4)]...)
		b = append(b, " worker="...)
		b = strconv.AppendUint(b, next(64), 10)
		for range 4 + next(6) {
			b = append(append(b, ' '), words[next(uint64(len(words)))]...)
		}
		b = append(b, " id="...)
		b = strconv.AppendUint(b, next(1<<40), 16)
		b = append(b, " took="...)
		b = strconv.AppendUint(b, next(100_000), 10)
		b = append(b, "us from 10.1."...)
		b = strconv.AppendUint(b, next(256), 10)
		b = append(b, '.')
		b = strconv.AppendUint(b, next(256), 10)
		b = append(b, '\n')
	}
	return b[:n]
}
