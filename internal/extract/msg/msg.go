// Package msg reads messages that Outlook saved as files ([MS-OXMSG]): mails, and contacts, appointments and notes likewise, as running text
// with their attachments as members.
package msg

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/office"
	"github.com/magpie-sec/magpie/internal/extract/ole"
	"github.com/magpie-sec/magpie/internal/text"
)

// Format is .msg and templates of messages.
var Format = ole.Format{
	Format: extract.Format{
		Name: "msg",
		MIME: "application/vnd.ms-outlook",
		About: extract.About{
			Title: "Messages of Outlook",
			Reads: "Subject, sender, recipients, transport headers, the other properties that are text (names and numbers of contacts among them), " +
				"the body: plain, or else as HTML or RTF; attachments, attached messages.",
			Leaves:  "Further forms of the same body.",
			Sniffed: "A compound file with a message's properties.",
			Places:  "Lines; attachments by their names.",
			Reasons: []extract.Reason{extract.MalformedOrFileSizeExceedsLimit, extract.ArchiveContainsUnprocessedFiles},
		},
		Extensions: []string{"msg", "oft"},
		Kind:       text.Lines,
		MaxBytes:   office.MaxBytes,
	},
	OLE:  ole.Message,
	Read: read,
}

const (
	// maxText is how much is read at once of a property; bodies and headers may be longer. maxFixed bounds the list of properties of fixed size,
	// maxNames the tables of the names of others.
	maxText, maxFixed, maxNames = 32 << 10, 64 << 10, 1 << 20
	// maxSeen bounds how many values are remembered, so that they are not written twice.
	maxSeen = 1 << 10

	fixedStream = "__properties_version1.0"
	nameStorage = "__nameid_version1.0"
)

// Types of properties ([MS-OXCDATA] 2.11.1).
const (
	typeInt     = 0x0003
	typeObject  = 0x000d
	typeString8 = 0x001e
	typeString  = 0x001f
	typeTime    = 0x0040
	typeBinary  = 0x0102
	typeMany    = 0x1000 // added to the type of each value
)

// Identifiers of properties ([MS-OXPROPS]) that are looked for.
const (
	propHeaders   = 0x007d
	propBody      = 0x1000
	propRTF       = 0x1009
	propHTML      = 0x1013
	propSubmit    = 0x0039
	propDelivery  = 0x0e06
	propBirthday  = 0x3a42
	propRecipient = 0x0c15
	propName      = 0x3001
	propAddress   = 0x3003
	propSMTP      = 0x39fe
	propData      = 0x3701
	propShortFile = 0x3704
	propLongFile  = 0x3707
	propInternet  = 0x3fde
	propCodePage  = 0x3ffd
)

type message struct {
	f     *ole.File
	root  *ole.Entry
	out   *extract.Output
	flow  *office.Flow
	page  int
	html  int // the code page of a body of HTML
	names map[int]string
	seen  map[string]bool
	buf   [maxText]byte
	first error
}

func read(f *ole.File, in *extract.Input, out *extract.Output) error {
	m := &message{f: f, root: f.Root(), out: out, flow: office.NewFlow(out), seen: map[string]bool{}}
	err := m.text()
	if e := m.flow.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = m.members()
	}
	if err == nil {
		err = m.first
	}
	return err
}

// note keeps the first trouble after which reading goes on.
func (m *message) note(err error) {
	if m.first == nil {
		m.first = err
	}
}

// stream returns a property's stream in a storage.
func stream(e *ole.Entry, id, kind int) *ole.Entry {
	c := e.Child(fmt.Sprintf("__substg1.0_%04X%04X", id, kind))
	if c == nil || c.Storage != (kind == typeObject) {
		return nil
	}
	return c
}

// tag reads the identifier and the type in a stream's name. Each of several values has a number behind it, and their list has none.
func tag(name string) (id, kind int, ok bool) {
	rest, found := strings.CutPrefix(name, "__substg1.0_")
	if !found || len(rest) < 8 {
		return 0, 0, false
	}
	n, err := strconv.ParseUint(rest[:8], 16, 32)
	if err != nil || len(rest) > 8 != (n&typeMany != 0) {
		return 0, 0, false
	}
	return int(n >> 16), int(n & 0xffff &^ typeMany), true
}

// fixed are the properties of fixed size: entries of 16 bytes.
type fixed []byte

func (m *message) fixed(e *ole.Entry, header int) (fixed, error) {
	e = e.Child(fixedStream)
	if e == nil || e.Storage {
		return nil, nil
	}
	b := make([]byte, min(e.Size, maxFixed))
	if err := m.f.Stream(e).Full(b, 0); err != nil && len(b) > 0 {
		return nil, err
	}
	return b[min(header, len(b)):], nil
}

func (f fixed) value(id, kind int) uint64 {
	for len(f) >= 16 {
		if int(binary.LittleEndian.Uint16(f)) == kind && int(binary.LittleEndian.Uint16(f[2:])) == id {
			return binary.LittleEndian.Uint64(f[8:])
		}
		f = f[16:]
	}
	return 0
}

// labels name the properties that people know, as Outlook does. Those without a name of their own here are written without any.
var labels = map[int]string{
	0x0037: "Subject", 0x0c1a: "From", 0x0c1f: "From", 0x5d01: "From", 0x0042: "On behalf of", 0x0065: "On behalf of", 0x5d02: "On behalf of",
	0x0040: "Received by", 0x0076: "Received by", 0x0e04: "To", 0x0e03: "Cc", 0x0e02: "Bcc", 0x0050: "Reply to", 0x3001: "Display name",
	0x3a00: "Account", 0x3a02: "Callback telephone", 0x3a06: "Given name", 0x3a07: "Government ID number", 0x3a08: "Business telephone",
	0x3a09: "Home telephone", 0x3a0d: "Location", 0x3a10: "Organizational ID number", 0x3a11: "Surname", 0x3a15: "Postal address", 0x3a16: "Company",
	0x3a17: "Title", 0x3a18: "Department", 0x3a19: "Office", 0x3a1a: "Primary telephone", 0x3a1b: "Business telephone", 0x3a1c: "Mobile telephone",
	0x3a1d: "Radio telephone", 0x3a1e: "Car telephone", 0x3a1f: "Other telephone", 0x3a21: "Pager", 0x3a23: "Primary fax", 0x3a24: "Business fax",
	0x3a25: "Home fax", 0x3a26: "Country", 0x3a27: "City", 0x3a28: "State", 0x3a29: "Street", 0x3a2a: "Postal code", 0x3a2b: "PO box",
	0x3a2e: "Assistant telephone", 0x3a2f: "Home telephone", 0x3a30: "Assistant", 0x3a44: "Middle name", 0x3a46: "Profession", 0x3a48: "Spouse",
	0x3a4a: "Customer ID", 0x3a4f: "Nickname", 0x3a51: "Home page", 0x3a57: "Company telephone", 0x3a58: "Children", 0x3a59: "Home city",
	0x3a5a: "Home country", 0x3a5b: "Home postal code", 0x3a5c: "Home state", 0x3a5d: "Home street", 0x3a5f: "Other city", 0x3a60: "Other country",
	0x3a61: "Other postal code", 0x3a62: "Other state", 0x3a63: "Other street", 0x007d: "Headers",
}

// technical are properties whose text is no person's: classes, kinds of addresses, and what repeats the subject or the headers.
var technical = map[int]bool{
	0x001a: true, 0x003d: true, 0x0064: true, 0x0070: true, 0x0075: true, 0x0077: true, 0x0c1e: true, 0x0e1d: true, 0x1035: true, 0x1039: true,
	0x1042: true, 0x3002: true, 0x3a0c: true, 0x0e2f: true, 0x3ff8: true, 0x3ffa: true, 0x4022: true, 0x4023: true, 0x4024: true, 0x4025: true,
	propHeaders: true, propBody: true, propHTML: true, propRTF: true,
}

// text writes what is text of the message itself.
func (m *message) text() error {
	header := 32
	if e := m.root.Child(fixedStream); e != nil && e.Size%16 == 8 { // of a message that was attached to another
		header = 24
	}
	all, err := m.fixed(m.root, header)
	if err != nil {
		return err
	}
	m.page = int(all.value(propCodePage, typeInt) & 0xffff)
	m.html = int(all.value(propInternet, typeInt) & 0xffff)
	if m.page == 0 {
		m.page = m.html
	}
	if err := m.readNames(); err != nil {
		return err
	}
	for _, id := range []int{0x0037, 0x0c1a, 0x0c1f, 0x5d01} {
		if err := m.property(id); err != nil {
			return err
		}
	}
	for _, date := range []struct {
		id   int
		name string
	}{{propSubmit, "Date"}, {propDelivery, "Received"}, {propBirthday, "Birthday"}} {
		if s := ole.FileTime(all.value(date.id, typeTime)); s != "" {
			if err := m.line(date.name, s); err != nil {
				return err
			}
		}
	}
	recipients, err := m.recipients()
	if err != nil {
		return err
	}
	for _, e := range m.root.Children {
		id, kind, ok := tag(e.Name)
		shown := recipients && (id == 0x0e02 || id == 0x0e03 || id == 0x0e04)
		if !ok || e.Storage || technical[id] || shown || kind != typeString && kind != typeString8 {
			continue
		}
		if err := m.write(m.label(id), e, kind); err != nil {
			return err
		}
	}
	for _, id := range []int{propHeaders, propBody} {
		m.flow.Break()
		if err := m.property(id); err != nil {
			return err
		}
	}
	return nil
}

func (m *message) label(id int) string {
	if id >= 0x8000 {
		return m.names[id]
	}
	return labels[id]
}

// property writes a property of the message, if it has it.
func (m *message) property(id int) error {
	for _, kind := range []int{typeString, typeString8} {
		if e := stream(m.root, id, kind); e != nil {
			name := m.label(id)
			if id == propHeaders {
				name = ""
			}
			return m.write(name, e, kind)
		}
	}
	return nil
}

func (m *message) encoding(kind int) encoding.Encoding {
	if kind == typeString {
		return ole.CodePage(1200)
	}
	return ole.CodePage(m.page)
}

// short reads a text as far as it fits into a piece.
func (m *message) short(e *ole.Entry, id int) (string, error) {
	for _, kind := range []int{typeString, typeString8} {
		c := stream(e, id, kind)
		if c == nil {
			continue
		}
		b := make([]byte, min(c.Size, maxText))
		if err := m.f.Stream(c).Full(b, 0); err != nil && len(b) > 0 {
			return "", err
		}
		if kind == typeString {
			return ole.Decode(b, 1200), nil
		}
		return ole.Decode(b, m.page), nil
	}
	return "", nil
}

// line writes a short text with its name, if it was not written before.
func (m *message) line(name, s string) error {
	if s = strings.TrimSpace(s); s == "" || m.seen[s] {
		return nil
	}
	if len(s) <= 256 && len(m.seen) < maxSeen {
		m.seen[s] = true
	}
	if name != "" {
		s = name + ": " + s
	}
	m.flow.Break()
	_, err := m.flow.Write([]byte(s))
	m.flow.Break()
	return err
}

// write writes a property of any length.
func (m *message) write(name string, e *ole.Entry, kind int) error {
	r := transform.NewReader(m.out.Unpacked(m.f.Stream(e)), m.encoding(kind).NewDecoder())
	for first := true; ; first = false {
		n, err := io.ReadFull(r, m.buf[:])
		b := visible(m.buf[:n])
		ends := err == io.EOF || err == io.ErrUnexpectedEOF
		switch {
		case first && ends && len(b) <= 256:
			return m.line(name, string(b))
		case first && name != "":
			if _, e := m.flow.Write([]byte(name + ": ")); e != nil {
				return e
			}
		}
		if _, e := m.flow.Write(b); e != nil {
			return e
		}
		if ends {
			m.flow.Break()
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// visible leaves out control characters in place, but for tabs and ends of lines.
func visible(b []byte) []byte {
	n := 0
	for _, c := range b {
		if c >= ' ' || c == '\n' || c == '\t' {
			b[n] = c
			n++
		}
	}
	return b[:n]
}

// recipients writes a line for each recipient, and says whether there are any.
func (m *message) recipients() (bool, error) {
	found := false
	for _, e := range m.root.Children {
		if !e.Storage || !strings.HasPrefix(e.Name, "__recip_version1.0_") {
			continue
		}
		found = true
		all, err := m.fixed(e, 8)
		if err != nil {
			return found, err
		}
		kind := "To"
		switch all.value(propRecipient, typeInt) & 0xf {
		case 2:
			kind = "Cc"
		case 3:
			kind = "Bcc"
		}
		var s string
		smtp := false
		for _, id := range []int{propName, propSMTP, propAddress} {
			v, err := m.short(e, id)
			if err != nil {
				return found, err
			}
			if id == propAddress && smtp { // that of Exchange, within the house
				continue
			}
			smtp = id == propSMTP && v != ""
			if v = strings.TrimSpace(v); v != "" && !strings.Contains(s, v) {
				if s = strings.TrimSpace(s + " " + v); id != propName {
					s = s[:len(s)-len(v)] + "<" + v + ">"
				}
			}
		}
		if err := m.line(kind, s); err != nil {
			return found, err
		}
	}
	return found, nil
}

// readNames reads the names of the properties from 0x8000 on that have one ([MS-OXMSG] 2.2.3).
func (m *message) readNames() error {
	e := m.root.Child(nameStorage)
	if e == nil || !e.Storage {
		return nil
	}
	var tables [2][]byte
	for i, id := range []int{3, 4} {
		c := stream(e, id, typeBinary)
		if c == nil {
			return nil
		}
		tables[i] = make([]byte, min(c.Size, maxNames))
		if err := m.f.Stream(c).Full(tables[i], 0); err != nil && len(tables[i]) > 0 {
			return err
		}
	}
	m.names = map[int]string{}
	entries, strs := tables[0], tables[1]
	for ; len(entries) >= 8 && len(m.names) < maxSeen; entries = entries[8:] {
		at, kind, index := int(binary.LittleEndian.Uint32(entries)), entries[4]&1, int(binary.LittleEndian.Uint16(entries[6:]))
		if kind == 0 || at+4 > len(strs) {
			continue
		}
		if n := int(binary.LittleEndian.Uint32(strs[at:])); n <= min(512, len(strs)-at-4) {
			m.names[0x8000+index] = ole.Decode(strs[at+4:at+4+n], 1200)
		}
	}
	return nil
}

// members delivers the body, if it is not plain, and the attachments.
func (m *message) members() error {
	if err := m.body(); err != nil {
		return err
	}
	for _, e := range m.root.Children {
		if e.Storage && strings.HasPrefix(e.Name, "__attach_version1.0_") {
			if err := m.attachment(e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *message) body() error {
	for _, kind := range []int{typeString, typeString8} {
		if e := stream(m.root, propBody, kind); e != nil && e.Size > 4 {
			return nil
		}
	}
	if e := stream(m.root, propHTML, typeBinary); e != nil && e.Size > 0 {
		return m.member("body.html", m.f.Stream(e), e.Size)
	}
	for _, kind := range []int{typeString, typeString8} {
		if e := stream(m.root, propHTML, kind); e != nil && e.Size > 0 {
			return m.member("body.html", transform.NewReader(m.f.Stream(e), m.encoding(kind).NewDecoder()), -1)
		}
	}
	if e := stream(m.root, propRTF, typeBinary); e != nil && e.Size > 0 {
		r, err := newRTF(m.f.Stream(e), e.Size)
		if err != nil && err != io.EOF {
			return err
		}
		if err == io.EOF {
			m.note(extract.Malformed("no compressed RTF"))
			return nil
		}
		return m.member("body.rtf", r, -1)
	}
	return nil
}

func (m *message) member(name string, r io.Reader, size int64) error {
	_, err := m.out.Member(extract.Member{Name: name, Size: size}, r)
	return err
}

func (m *message) attachment(e *ole.Entry) error {
	name := ""
	for _, id := range []int{propLongFile, propShortFile, propName} {
		v, err := m.short(e, id)
		if err != nil {
			return err
		}
		if name = ole.Printable(v); name != "" {
			break
		}
	}
	if name == "" {
		name = "attachment"
	}
	if c := stream(e, propData, typeBinary); c != nil {
		return m.member(name, m.f.Stream(c), c.Size)
	}
	c := stream(e, propData, typeObject)
	switch {
	case c == nil:
		return nil
	case ole.KindOf(c) == ole.Message:
		// The names of its properties stand in the outermost message.
		r, size := m.f.Export(c, m.root.Child(nameStorage))
		return m.member(strings.TrimSuffix(name, ".msg")+".msg", r, size)
	}
	_, err := m.f.Object(c, name, m.out)
	return err
}

// dictionary is what compressed RTF begins with having seen ([MS-OXRTFCP] 2.1.2.1).
const dictionary = "{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier" +
	"{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"

// CompressedRTF unpacks compressed RTF ([MS-OXRTFCP]) of so many bytes; an error means that it is none.
func CompressedRTF(r io.ReaderAt, size int64) (io.Reader, error) { return newRTF(r, size) }

// An rtf unpacks compressed RTF while it is read.
type rtf struct {
	r      io.Reader
	left   int64 // bytes of the result to come
	plain  bool
	window [4096]byte
	at     int
	flags  uint
	in     [4096]byte
	b      []byte
	ended  bool
	out    bytes.Buffer
}

func newRTF(r io.ReaderAt, size int64) (*rtf, error) {
	var h [16]byte
	if n, err := r.ReadAt(h[:], 0); n < len(h) {
		return nil, err
	}
	x := &rtf{r: io.NewSectionReader(r, 16, size-16), left: int64(binary.LittleEndian.Uint32(h[4:])), flags: 1}
	switch string(h[8:12]) {
	case "LZFu":
	case "MELA":
		x.plain = true
	default:
		return nil, extract.Malformed("unknown compression of RTF")
	}
	x.at = copy(x.window[:], dictionary)
	return x, nil
}

func (x *rtf) byte() (byte, error) {
	if len(x.b) == 0 {
		n, err := x.r.Read(x.in[:])
		if n == 0 {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
		x.b = x.in[:n]
	}
	c := x.b[0]
	x.b = x.b[1:]
	return c, nil
}

// Read implements io.Reader.
func (x *rtf) Read(p []byte) (int, error) {
	for x.out.Len() == 0 && x.left > 0 {
		if x.ended {
			return 0, io.EOF
		}
		if err := x.token(); err != nil {
			return 0, err
		}
	}
	if x.left <= 0 {
		return 0, io.EOF
	}
	n, _ := x.out.Read(p[:min(int64(len(p)), x.left)])
	x.left -= int64(n)
	return n, nil
}

// token unpacks a byte, or a reference to bytes that were there before: 12 bits where, 4 bits how many. One to the place that is written next
// ends the text.
func (x *rtf) token() error {
	if x.plain {
		c, err := x.byte()
		x.out.WriteByte(c)
		return err
	}
	if x.flags == 1 {
		c, err := x.byte()
		if err != nil {
			return err
		}
		x.flags = uint(c) | 0x100
	}
	reference := x.flags&1 != 0
	x.flags >>= 1
	c, err := x.byte()
	if err != nil {
		return err
	}
	if !reference {
		x.put(c)
		return nil
	}
	d, err := x.byte()
	if err != nil {
		return err
	}
	from, n := int(c)<<4|int(d)>>4, int(d&15)+2
	if from == x.at {
		x.ended = true
		return nil
	}
	for i := range n {
		x.put(x.window[(from+i)&4095])
	}
	return nil
}

func (x *rtf) put(c byte) {
	x.window[x.at] = c
	x.at = (x.at + 1) & 4095
	x.out.WriteByte(c)
}
