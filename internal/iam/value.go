package iam

import (
	"encoding/base64"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// JSONType is how a condition's value is written. It makes no difference to what it means: 10, "10", true and "true" are compared as texts
// (access-analyzer.md 4.1).
type JSONType uint8

// The types of values.
const (
	JSONString JSONType = iota
	JSONNumber
	JSONBool
)

// Value is one value of a condition, converted to what the operator compares.
type Value struct {
	Text
	Type JSONType
	// OK says that the text has the operator's type. A value that has not compares with nothing. Texts of String, ARN, Bool and Null
	// operators are always OK.
	OK       bool
	Template Template     // of String and ARN operators, and of Bool (a literal, perhaps with variables)
	Number   Number       // of Numeric operators
	Time     int64        // of Date operators: milliseconds since 1970
	Net      netip.Prefix // of IP operators
	True     bool         // of Bool (without variables) and Null
	Binary   string       // of BinaryEquals: the bytes
}

// Number is a decimal number of any size. Numbers that are equal are equal under ==.
type Number struct {
	negative bool
	digits   string // without zeros at either end; "" is zero
	point    int64  // the number is 0.digits times ten to this power
}

// ParseNumber reads a decimal number, with or without sign, fraction, exponent (nine digits at most) and leading zeros.
func ParseNumber(text string) (n Number, ok bool) {
	rest := text
	switch {
	case strings.HasPrefix(rest, "-"):
		n.negative = true
		rest = rest[1:]
	case strings.HasPrefix(rest, "+"):
		rest = rest[1:]
	}
	var exponent int64
	if i := strings.IndexAny(rest, "eE"); i >= 0 {
		const most = 9 // digits of an exponent
		digits := strings.TrimLeft(rest[i+1:], "+-")
		if len(rest[i+1:])-len(digits) > 1 || len(digits) > most || !allDigits(digits) || digits == "" {
			return Number{}, false
		}
		exponent, _ = strconv.ParseInt(rest[i+1:], 10, 64)
		rest = rest[:i]
	}
	whole, fraction, _ := strings.Cut(rest, ".")
	if whole+fraction == "" || !allDigits(whole) || !allDigits(fraction) {
		return Number{}, false
	}
	digits := whole + fraction
	n.digits = strings.TrimLeft(digits, "0")
	n.point = int64(len(whole)-(len(digits)-len(n.digits))) + exponent
	n.digits = strings.TrimRight(n.digits, "0")
	if n.digits == "" {
		return Number{}, true
	}
	if n.point-1 > 999_999_999 || n.point-1 < -999_999_999 { // String would need an exponent of ten digits
		return Number{}, false
	}
	return n, true
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// Compare returns -1, 0 or 1 as n is less than, equal to or greater than m.
func (n Number) Compare(m Number) int {
	switch {
	case n.sign() < m.sign():
		return -1
	case n.sign() > m.sign():
		return 1
	case n.sign() < 0:
		return -compareSize(n, m)
	}
	return compareSize(n, m)
}

func (n Number) sign() int {
	switch {
	case n.digits == "":
		return 0
	case n.negative:
		return -1
	}
	return 1
}

func compareSize(n, m Number) int {
	switch {
	case n.digits == "" || m.digits == "", n.point == m.point:
		return strings.Compare(n.digits, m.digits)
	case n.point < m.point:
		return -1
	}
	return 1
}

// String writes the number in a form that ParseNumber reads.
func (n Number) String() string {
	if n.digits == "" {
		return "0"
	}
	sign := ""
	if n.negative {
		sign = "-"
	}
	const most = 40 // zeros that are written out
	switch at := int(n.point); {
	case at > len(n.digits)+most || at < -most:
		return sign + strings.TrimSuffix(n.digits[:1]+"."+n.digits[1:], ".") + "e" + strconv.Itoa(at-1)
	case at >= len(n.digits):
		return sign + n.digits + strings.Repeat("0", at-len(n.digits))
	case at <= 0:
		return sign + "0." + strings.Repeat("0", -at) + n.digits
	default:
		return sign + n.digits[:at] + "." + n.digits[at:]
	}
}

// dateLayouts are the W3C's profile of ISO 8601, and its forms without a time zone, which is then UTC.
var dateLayouts = []string{
	"2006", "2006-01", "2006-01-02", "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04", "2006-01-02T15:04:05",
}

// ParseDate reads a date as milliseconds since 1970: in ISO 8601, or as seconds since 1970, of which four digits are taken for a year. What is
// finer than a millisecond is cut off.
func ParseDate(text string) (milliseconds int64, ok bool) {
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UnixMilli(), true
		}
	}
	whole, fraction, dotted := strings.Cut(text, ".")
	const most = 14 // digits, with a sign
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || len(whole) > most || dotted && (fraction == "" || !allDigits(fraction)) {
		return 0, false
	}
	millis, _ := strconv.ParseInt((fraction + "000")[:3], 10, 64)
	if strings.HasPrefix(whole, "-") {
		millis = -millis
	}
	return seconds*1000 + millis, true
}

// ParseNet reads an address or a range in CIDR notation. Bits behind the prefix do not count in IPv4; in IPv6 such a range holds nothing and
// is not ok (access-analyzer.md 4.5).
func ParseNet(text string) (net netip.Prefix, ok bool) {
	if !strings.Contains(text, "/") {
		address, err := netip.ParseAddr(text)
		if err != nil || address.Zone() != "" {
			return netip.Prefix{}, false
		}
		return netip.PrefixFrom(address, address.BitLen()), true
	}
	net, err := netip.ParsePrefix(text)
	if err != nil || net.Addr().Is6() && net != net.Masked() {
		return netip.Prefix{}, false
	}
	return net.Masked(), true
}

// ParseAddress reads the address that a request comes from. IPv4 written as IPv6 (::ffff:192.0.2.1) is IPv4.
func ParseAddress(text string) (address netip.Addr, ok bool) {
	address, err := netip.ParseAddr(text)
	return address.Unmap(), err == nil && address.Zone() == ""
}

// ParseBool reads a Boolean: "true" in any case is true, everything else false (access-analyzer.md 4.5).
func ParseBool(text string) bool { return FoldKey(text) == "true" }

// ParseBinary decodes base64.
func ParseBinary(text string) (data string, ok bool) {
	b, err := base64.StdEncoding.DecodeString(text)
	return string(b), err == nil
}
