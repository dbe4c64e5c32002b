package eml_test

import (
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/extract/extracttest"
)

// What begins like the header of a mail and is none stays what it is, and mails are mails under any name.
func TestWhatIsAMail(t *testing.T) {
	for _, c := range []struct {
		name, content string
		mail          bool
	}{
		{"a.eml", "From: a@example.org\nTo: b@example.org\n\nhello\n", true},
		{"a", "Return-Path: <a@example.org>\r\nReceived: from x\r\n\tby y; Mon, 2 Feb 2026\r\nSubject: x\r\n\r\nhello\r\n", true},
		{"a.json", "subject: small letters\nfrom: Ann <a@example.org>\nto: b@example.org\ndate: Mon, 2 Feb 2026 10:00:00 +0000\n\nhello\n", true},
		{"a.csv", "\xef\xbb\xbfFrom: a@example.org\nMessage-ID: <1@example.org>\n\nhello, you\n", true},
		{"a.log", "From: <Saved by Blink>\nSnapshot-Content-Location: https://example.org/\nSubject: x\nDate: Mon, 2 Feb 2026 10:00:00 -0000\n" +
			"MIME-Version: 1.0\nContent-Type: text/plain\n\nhello\n", false},
		{"a.mht", "From: <Saved by Blink>\nSnapshot-Content-Location: https://example.org/\nSubject: x\nDate: Mon, 2 Feb 2026 10:00:00 -0000\n" +
			"MIME-Version: 1.0\nContent-Type: text/plain\n\nhello\n", true},
		{"a.eml", "Subject: x\n\nhello\n", true},
		{"a.txt", "Subject: x\n\nhello\n", false},
		{"a.txt", "HTTP/1.1 200 OK\nDate: Mon, 2 Feb 2026 10:00:00 GMT\nContent-Type: text/plain\n\nhello\n", false},
		{"a.txt", "Date: Mon, 2 Feb 2026 10:00:00 GMT\nServer: x\nContent-Type: text/plain\nContent-Length: 6\n\nhello\n", false},
		{"a.txt", "POST /a HTTP/1.1\nHost: example.org\nUser-Agent: curl/8\nContent-Type: text/plain\n\nhello\n", false},
		{"a.txt", "Host: example.org\nUser-Agent: curl/8\nAccept: */*\nDate: today\n\nhello\n", false},
		{"a.yaml", "from: a@example.org\nto: b@example.org\nsubject: x\nserver: mail\n", false},
		{"a.yml", "From: a@example.org\nTo: b@example.org\nsubject: x\n", false},
		{"a.py", "From: a@example.org\nTo: b@example.org\n", false},
		{"a.txt", "to: do\nfrom: here\ndate: today\n", false},
		{"a.txt", "From: me\nTo: you\n\nA play in two acts.\n", false},
		{"a.txt", "12:00:01 sent to: a@example.org\n12:00:02 from: b@example.org\n", false},
		{"a.txt", "Package: magpie\nMaintainer: a@example.org\nVersion: 1\nDescription: x\n", false},
		{"a.txt", "INVITE sip:b@example.org SIP/2.0\nVia: SIP/2.0/UDP x\nFrom: <sip:a@example.org>\nTo: <sip:b@example.org>\n\n", false},
		{"a.txt", "note to self: From: a@example.org\nTo: b@example.org\n\n", false},
	} {
		if d := extracttest.Read(t, c.name, c.content); (d.MIME == "message/rfc822") != c.mail {
			t.Errorf("%s %.40q: %s", c.name, c.content, d.MIME)
		}
	}
}

// Numbers are found where line ends of the encoding break them, and lines stay those of the file.
func TestLinesAreThoseOfTheFile(t *testing.T) {
	const head = "From: a@example.org\nTo: b@example.org\nX-Card: 4111\n 1111\n"
	for _, c := range []struct{ content, want string }{
		{head + "Content-Transfer-Encoding: quoted-printable\n\n41=\n11=\n11\nlast\n", "Content-Transfer-Encoding: quoted-printable\n\n411111\n\n\nlast\n"},
		{head + "Content-Type: text/plain; format=flowed\n\na \nb 41 \n11 \nlast\n", "Content-Type: text/plain; format=flowed\n\na \nb 41 11 \n\nlast\n"},
		{head + "Content-Type: text/plain; format=flowed; delsp=yes\n\nab \ncd\nlast\n", "Content-Type: text/plain; format=flowed; delsp=yes\n\nabcd\n\nlast\n"},
	} {
		d := extracttest.Read(t, "a.eml", c.content)
		want := "From: a@example.org\nTo: b@example.org\nX-Card: 4111 1111\n\n" + c.want
		if len(d.Values) != 1 || d.Values[0].Text != want {
			t.Fatalf("got %s\nwant %q", d, want)
		}
		if got := d.Values[0].Text; strings.Count(got[:strings.Index(got, "last")], "\n") != strings.Count(c.content[:strings.Index(c.content, "last")], "\n") {
			t.Errorf("the last line is another one: %q", got)
		}
	}
}
