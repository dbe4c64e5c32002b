package orc

import (
	"bytes"
	"slices"
	"testing"

	"github.com/magpie-sec/magpie/internal/extract/records"
)

// Runs as Apache's own encoders write them: the examples of the specification (ORC v1, "Run Length Encoding"), and bytes that the tests of its C++
// library decode.
func TestRunsOfOthers(t *testing.T) {
	count := func(n int, f func(i int64) int64) (all []int64) {
		for i := range int64(n) {
			all = append(all, f(i))
		}
		return all
	}
	for name, c := range map[string]struct {
		bytes       []byte
		two, signed bool
		want        []int64
	}{
		"1: run":                 {[]byte{0x61, 0x00, 0x07}, false, false, count(100, func(int64) int64 { return 7 })},
		"1: falling run":         {[]byte{0x61, 0xff, 0x64}, false, false, count(100, func(i int64) int64 { return 100 - i })},
		"1: literals":            {[]byte{0xfb, 0x02, 0x03, 0x06, 0x07, 0x0b}, false, false, []int64{2, 3, 6, 7, 11}},
		"short repeat":           {[]byte{0x0a, 0x27, 0x10}, true, false, []int64{10000, 10000, 10000, 10000, 10000}},
		"short repeat of 64 bit": {[]byte{0x3c, 0x80, 0, 0, 0, 0, 0, 0, 0}, true, true, count(7, func(int64) int64 { return 1 << 62 })},
		"direct":                 {[]byte{0x5e, 0x03, 0x5c, 0xa1, 0xab, 0x1e, 0xde, 0xad, 0xbe, 0xef}, true, false, []int64{23713, 43806, 57005, 48879}},
		"direct, 1 bit":          {[]byte{0x40, 0x1d, 0x6d, 0xb6, 0xdb, 0x6c}, true, false, count(30, func(i int64) int64 { return min(i%3, 1) })},
		"direct, 2 bits":         {[]byte{0x42, 0x13, 0x22, 0x22, 0x22, 0x22, 0x22}, true, true, count(20, func(i int64) int64 { return i % 2 })},
		"direct, 4 bits":         {[]byte{0x46, 0x13, 0x30, 0x48, 0x30, 0x48, 0x30, 0x48, 0x30, 0x48, 0x30, 0x48}, true, true, count(20, func(i int64) int64 { return i%4*2 - 2 })},
		"patched base": {[]byte{0x8e, 0x13, 0x2b, 0x21, 0x07, 0xd0, 0x1e, 0x00, 0x14, 0x70, 0x28, 0x32, 0x3c, 0x46, 0x50, 0x5a, 0x64, 0x6e, 0x78, 0x82, 0x8c, 0x96, 0xa0, 0xaa, 0xb4, 0xbe, 0xfc, 0xe8}, true, true,
			[]int64{2030, 2000, 2020, 1000000, 2040, 2050, 2060, 2070, 2080, 2090, 2100, 2110, 2120, 2130, 2140, 2150, 2160, 2170, 2180, 2190}},
		"delta":             {[]byte{0xc6, 0x09, 0x02, 0x02, 0x22, 0x42, 0x42, 0x46}, true, false, []int64{2, 3, 5, 7, 11, 13, 17, 19, 23, 29}},
		"fixed delta":       {[]byte{0xc0, 0x13, 0x00, 0x02}, true, true, count(20, func(i int64) int64 { return i })},
		"fixed, below zero": {[]byte{0xc0, 0x40, 0x3f, 0x02}, true, true, count(65, func(i int64) int64 { return i - 32 })},
		"rising delta":      {[]byte{0xce, 0x04, 0xe7, 0x07, 0xc8, 0x01, 0x32, 0x19, 0x0f}, true, true, []int64{-500, -400, -350, -325, -310}},
		"falling delta":     {[]byte{0xce, 0x04, 0xe7, 0x07, 0xc7, 0x01, 0x32, 0x19, 0x23}, true, true, []int64{-500, -600, -650, -675, -710}},
		"delta of nothing":  {[]byte{0x4e, 0x02, 0x00, 0x01, 0x02, 0xc0, 0x02, 0x42, 0x00}, true, false, []int64{0, 1, 2, 0x42, 0x42, 0x42}},
	} {
		r := integers{s: records.NewSource(bytes.NewReader(c.bytes), make([]byte, 8<<10)), two: c.two, signed: c.signed}
		var got []int64
		for range c.want {
			v, err := r.next()
			if err != nil {
				t.Errorf("%s: %v after %d", name, err, got)
				break
			}
			got = append(got, v)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
		if v, err := r.next(); err == nil {
			t.Errorf("%s: %d behind the end", name, v)
		}
	}
	b := bytesRLE{s: records.BytesSource([]byte{0x61, 0x00, 0xfe, 0x44, 0x45})}
	for i := range 102 {
		want := byte(0)
		if i >= 100 {
			want = byte(0x44 + i - 100)
		}
		if v, err := b.next(); v != want || err != nil {
			t.Fatalf("byte %d: %x, %v", i, v, err)
		}
	}
	bit := bits{bytesRLE: bytesRLE{s: records.BytesSource([]byte{0xff, 0x80})}}
	for i := range 8 {
		if v, err := bit.next(); v != (i == 0) || err != nil {
			t.Errorf("bit %d: %v, %v", i, v, err)
		}
	}
}
