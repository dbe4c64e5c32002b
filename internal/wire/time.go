package wire

import (
	"fmt"
	"strconv"
	"time"
)

// Time is an instant in milliseconds since 1970-01-01T00:00:00Z, the precision of both services.
type Time int64

// TimeFormat is the timestampFormat of a shape: how its instants look in JSON.
type TimeFormat int

// The timestamp formats that the models use.
const (
	ISO8601       TimeFormat = iota // "2024-04-29T15:46:02.401Z"
	UnixTimestamp                   // 1714405562.401, seconds
)

const isoMillis = "2006-01-02T15:04:05.000Z"

// Instants of the years 0000 to 9999, the range that ISO 8601 writes with four digits.
const (
	minTime Time = -62167219200000
	maxTime Time = 253402300799999
)

// TimeOf returns t cut to milliseconds.
func TimeOf(t time.Time) Time { return Time(t.UnixMilli()) }

// PtrTime returns a pointer to TimeOf(t), for optional members.
func PtrTime(t time.Time) *Time { return Ptr(TimeOf(t)) }

// Time returns the instant as a time.Time in UTC.
func (t Time) Time() time.Time { return time.UnixMilli(int64(t)).UTC() }

// String returns ISO 8601 in UTC with milliseconds and Z.
func (t Time) String() string { return t.Time().Format(isoMillis) }

// ParseTime reads an ISO 8601 (RFC 3339) date-time with a zone. Digits below the millisecond are cut.
func ParseTime(s string) (Time, error) {
	if len(s) > 64 {
		return 0, fmt.Errorf("a date-time has at most 64 characters, this one %d", len(s))
	}
	parsed, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return 0, fmt.Errorf("%q is no ISO 8601 date-time such as 2024-04-29T15:46:02.401Z", s)
	}
	t := TimeOf(parsed)
	if t < minTime || t > maxTime {
		return 0, fmt.Errorf("%q is outside the years 0000 to 9999", s)
	}
	return t, nil
}

// appendTime appends t as a JSON value.
func appendTime(b []byte, t Time, format TimeFormat) []byte {
	if format == ISO8601 {
		b = append(b, '"')
		b = t.Time().AppendFormat(b, isoMillis)
		return append(b, '"')
	}
	sec, ms := int64(t)/1000, int64(t)%1000
	if ms == 0 {
		return strconv.AppendInt(b, sec, 10)
	}
	if t < 0 {
		b = append(b, '-')
		sec, ms = -sec, -ms
	}
	b = strconv.AppendInt(b, sec, 10)
	return append(b, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
}
