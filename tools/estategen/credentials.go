package main

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// awsSecret draws 40 characters as in an AWS secret access key.
func (s *stream) awsSecret() string {
	for {
		key := s.from(alphanum+"/+", 40)
		if strings.ContainsAny(key, "/+") && strings.ContainsAny(key, decimal) {
			return key
		}
	}
}

// stripe draws a key that anyone can see to be invented and that has the right form all the same.
func (s *stream) stripe(kind string) string {
	return kind + "_live_" + "1nv3nt3dF0rT4lw1ndEst4t3" + s.digits(4)
}

func (s *stream) basicAuth() string {
	user := pick(s, []string{"svc-inventory", "svc-erp", "warehouse", "pim-sync", "reporting"})
	password := pick(s, []string{"Kettle", "Derailleur", "Saddlebag", "Crankset"}) + s.digits(3) + pick(s, []string{"!", "?", "#"})
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func (s *stream) cookie() string {
	return fmt.Sprintf("Cookie: sid=%s; basket=%s; theme=%s", s.from(hexadec, 24), s.from(lower, 8), pick(s, []string{"dark", "light"}))
}

func (s *stream) setCookie() string {
	return fmt.Sprintf("Set-Cookie: sid=%s; Path=/; Secure; HttpOnly; SameSite=Lax", s.from(hexadec, 24))
}

var base64url = base64.RawURLEncoding

// jwt draws a token in the compact form of RFC 7515 with a signature of the right length.
func (s *stream) jwt() string {
	header := pick(s, []string{`{"alg":"HS256","typ":"JWT"}`, `{"alg":"RS256","typ":"JWT","kid":"shop-3"}`})
	length := 32
	if strings.Contains(header, "RS256") {
		length = 256
	}
	claims := fmt.Sprintf(`{"sub":"user-%d","scope":"basket orders","exp":%d}`, s.between(1000, 9999), 1795000000+s.below(100000))
	return base64url.EncodeToString([]byte(header)) + "." + base64url.EncodeToString([]byte(claims)) + "." +
		base64url.EncodeToString(s.bytes(length))
}

// notAJWT draws three parts of which the first is no JSON object with an algorithm.
func (s *stream) notAJWT() string {
	first := base64url.EncodeToString([]byte(`{"typ":"basket","v":2}`))
	if s.below(2) == 0 {
		first = "eyJ" + s.from(alphanum, 30) // does not decode to JSON
	}
	return first + "." + base64url.EncodeToString(s.bytes(30)) + "." + base64url.EncodeToString(s.bytes(32))
}
