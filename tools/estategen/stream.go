package main

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"time"
)

const seed = 20261121

// A stream yields the random choices of one file. It builds on the raw output of PCG alone, which is fixed by its algorithm.
type stream struct {
	src *rand.PCG
	// counters are the running numbers of the "seq" marks, by their first number; clock is the time of the last "clock" mark.
	counters map[int]int
	clock    time.Time
}

// newStream returns the stream of a name. Equal names give equal streams.
func newStream(name string) *stream {
	h := fnv.New64a()
	h.Write([]byte(name))
	return &stream{src: rand.NewPCG(seed, h.Sum64()), counters: map[int]int{}}
}

// below returns a number of [0, n).
func (s *stream) below(n int) int { return int(s.src.Uint64() % uint64(n)) }

// between returns a number of [lo, hi].
func (s *stream) between(lo, hi int) int { return lo + s.below(hi-lo+1) }

func pick[T any](s *stream, list []T) T { return list[s.below(len(list))] }

// from returns n characters of an alphabet of ASCII.
func (s *stream) from(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[s.below(len(alphabet))]
	}
	return string(b)
}

const (
	decimal  = "0123456789"
	hexadec  = "0123456789abcdef"
	upper    = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	lower    = "abcdefghijklmnopqrstuvwxyz"
	alphanum = decimal + upper + lower
)

func (s *stream) digits(n int) string { return s.from(decimal, n) }

func (s *stream) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(s.src.Uint64() >> 32)
	}
	return b
}

// Read makes a stream the randomness of a key.
func (s *stream) Read(p []byte) (int, error) { return copy(p, s.bytes(len(p))), nil }

// next counts up from first.
func (s *stream) next(first int) int {
	n, ok := s.counters[first]
	if !ok {
		n = first
	}
	s.counters[first] = n + 1
	return n
}

// tick moves the clock on by up to a few seconds; it starts in the morning of the eighteenth of November 2026.
func (s *stream) tick() time.Time {
	if s.clock.IsZero() {
		s.clock = time.Date(2026, 11, 18, 6, 0, 0, 0, time.UTC)
	}
	s.clock = s.clock.Add(time.Duration(s.between(15, 9000)) * time.Millisecond)
	return s.clock
}

func (s *stream) day(firstYear, lastYear int) time.Time {
	return time.Date(s.between(firstYear, lastYear), time.Month(s.between(1, 12)), s.between(1, 28), 0, 0, 0, 0, time.UTC)
}

// uuid returns a random (version 4) UUID.
func (s *stream) uuid() string {
	h := []byte(s.from(hexadec, 32))
	h[12], h[16] = '4', "89ab"[s.below(4)]
	return fmt.Sprintf("%s-%s-%s-%s-%s", h[:8], h[8:12], h[12:16], h[16:20], h[20:])
}

// groups splits a string from its beginning into groups of these sizes, the last size again and again.
func groups(v, separator string, sizes ...int) string {
	var parts []string
	for i := 0; v != ""; i++ {
		n := min(sizes[min(i, len(sizes)-1)], len(v))
		parts, v = append(parts, v[:n]), v[n:]
	}
	return strings.Join(parts, separator)
}
