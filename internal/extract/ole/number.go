package ole

import (
	"encoding/binary"
	"math"
	"strconv"
	"time"

	"github.com/magpie-sec/magpie/internal/extract/office"
)

// number writes a whole number, a fraction, or a date of a property.
func number(b []byte, at, kind int) string {
	switch {
	case kind == 3 && at+8 <= len(b):
		return strconv.Itoa(int(int32(u32(b, at+4))))
	case kind == 5 && at+12 <= len(b):
		v := math.Float64frombits(binary.LittleEndian.Uint64(b[at+4:]))
		return string(office.AppendNumber(nil, strconv.AppendFloat(nil, v, 'f', -1, 64), office.Style{}, false))
	case kind == 0x40 && at+12 <= len(b):
		return FileTime(binary.LittleEndian.Uint64(b[at+4:]))
	}
	return ""
}

// FileTime writes a moment that is counted in units of 100 ns since 1601, "" for one out of range. Without a time of the day it is a date.
func FileTime(v uint64) string {
	seconds := int64(v/10_000_000) - 11_644_473_600
	if v == 0 || v>>63 != 0 {
		return ""
	}
	t := time.Unix(seconds, 0).UTC()
	switch {
	case t.Year() > 9999:
		return ""
	case t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0:
		return t.Format("2006-01-02")
	}
	return t.Format("2006-01-02 15:04:05")
}
