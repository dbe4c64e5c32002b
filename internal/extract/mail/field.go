package mail

import (
	"bytes"
	"strings"
)

// maxName is how long the name of a header field may be.
const maxName = 76

// Name returns the length of the name of the header field that a line begins, 0 if it begins none. White space before the colon is allowed, as
// RFC 5322 does for old mails.
func Name(line []byte) int {
	n := 0
	for n < len(line) && n <= maxName && line[n] > ' ' && line[n] < 0x7f && line[n] != ':' {
		n++
	}
	i := n
	for i < len(line) && (line[i] == ' ' || line[i] == '\t') {
		i++
	}
	if n == 0 || n > maxName || i == len(line) || line[i] != ':' {
		return 0
	}
	return n
}

// Value returns what stands behind the colon of a line that Name found to begin a field.
func Value(line []byte) []byte { return line[bytes.IndexByte(line, ':')+1:] }

// Known says how telling a header field is for a mail.
type Known uint8

const (
	Unknown  Known = iota
	Weak           // other things have it, too
	Telling        // hardly anything but mail has it
	Specific       // nothing else has it, with such a value
)

// addresses, ids and others are the fields of RFC 5322, 2045 and 5536 and of widespread software, in small letters.
var (
	addresses = set("from to cc bcc sender reply-to return-path delivered-to envelope-to x-original-to errors-to resent-from resent-to resent-sender " +
		"disposition-notification-to apparently-to return-receipt-to x-envelope-from x-envelope-to x-sender x-receiver x-forwarded-to x-forwarded-for")
	ids     = set("message-id in-reply-to references content-id resent-message-id list-id list-unsubscribe list-post list-help list-archive list-subscribe")
	telling = set("mime-version received received-spf dkim-signature authentication-results arc-seal arc-message-signature arc-authentication-results " +
		"domainkey-signature x-mailer x-mozilla-status x-mozilla-status2 x-mozilla-keys x-gmail-labels x-gm-thrid x-uidl x-uid x-spam-status x-spam-level " +
		"x-spam-flag x-spam-score x-priority x-msmail-priority x-mimeole x-originating-ip thread-topic thread-index newsgroups nntp-posting-host " +
		"content-transfer-encoding content-disposition delivery-date auto-submitted precedence x-unsent x-google-smtp-source x-received resent-date " +
		"x-apple-base-url x-universally-unique-identifier x-uniform-type-identifier x-apple-mail-remote-attachments x-confirm-reading-to")
	weak = set("subject date content-type content-language importance user-agent organization comments keywords status x-status lines path xref " +
		"content-length content-description sensitivity priority x-keywords")
)

func set(names string) map[string]bool {
	m := map[string]bool{}
	for _, n := range strings.Fields(names) {
		m[n] = true
	}
	return m
}

// Field says what the field is that a line begins, from its name and the kind of its value.
func Field(line []byte) (name string, known Known) {
	n := Name(line)
	if n == 0 {
		return "", Unknown
	}
	name = strings.ToLower(string(line[:n]))
	v := bytes.TrimSpace(Value(line))
	switch {
	case addresses[name]:
		if bytes.IndexByte(v, '@') > 0 || bytes.Equal(v, []byte("<>")) || bytes.HasPrefix(bytes.ToLower(v), []byte("undisclosed")) {
			return name, Specific
		}
		return name, Weak // a name alone, an address on the next line, an encoded word
	case ids[name]:
		if len(v) == 0 || v[0] == '<' || bytes.IndexByte(v, '<') > 0 {
			return name, Specific
		}
		return name, Weak
	case telling[name]:
		return name, Telling
	case weak[name]:
		return name, Weak
	}
	return name, Unknown
}

// Begins says how sure it is that a text begins with the header of a mail, of which whole says that nothing follows: 0 for not, 1 for fields that
// a mail may have, 2 for the header of a mail, 3 for that of a mail which was sent.
func Begins(text []byte, whole bool) int {
	var seen, fields, specific, telling int
	names := map[string]bool{}
	for first := true; len(text) > 0; first = false {
		i := bytes.IndexByte(text, '\n')
		if i < 0 {
			if !whole && !first {
				break
			}
			i = len(text) - 1
		}
		line, _ := Content(text[:i+1])
		text = text[i+1:]
		if len(bytes.TrimRight(line, " \t")) == 0 {
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			if first {
				return 0
			}
			continue
		}
		name, known := Field(line)
		if name == "" {
			if first || bytes.HasPrefix(line, []byte("--")) && fields == 0 {
				return 0
			}
			break // a broken line, or a mail without the empty line
		}
		fields++
		if known == Unknown || names[name] {
			continue
		}
		names[name] = true
		seen++
		if line[0] >= 'a' && line[0] <= 'z' {
			seen-- // keys of YAML and of programs are written so; the telling ones count all the same
		}
		switch known {
		case Specific:
			specific++
		case Telling:
			telling++
		}
	}
	switch {
	case specific > 0 && telling > 0, specific >= 3 && seen >= 4:
		return 3
	case specific > 0 && seen >= 2, specific >= 2, telling > 0 && seen >= 3:
		return 2
	case seen > 0 || specific+telling > 0:
		return 1
	}
	return 0
}

// Separator says that a line begins a message in a mailbox: "From ", an address, and when it came: a time of day and a year among it.
func Separator(line []byte) bool {
	if len(line) > 1000 || !bytes.HasPrefix(line, []byte("From ")) {
		return false
	}
	month, time, year := false, false, false
	for i, w := range bytes.Fields(line[5:]) {
		switch {
		case i > 0 && months[string(w)]:
			month = true
		case !month: // the address, the day of the week
		case len(w) >= 4 && len(w) <= 8 && bytes.IndexByte(w, ':') > 0:
			time = digits(bytes.ReplaceAll(w, []byte(":"), nil))
		case len(w) == 4 && digits(w):
			year = w[0] == '1' && w[1] == '9' || w[0] == '2' && w[1] == '0'
		}
	}
	return month && time && year
}

var months = map[string]bool{"Jan": true, "Feb": true, "Mar": true, "Apr": true, "May": true, "Jun": true, "Jul": true, "Aug": true, "Sep": true,
	"Oct": true, "Nov": true, "Dec": true}

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}
