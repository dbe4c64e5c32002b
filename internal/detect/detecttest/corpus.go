package detecttest

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/magpie-sec/magpie/internal/text"
)

// A Corpus makes text as machines write it, with a sensitive value here and there. The same seed makes the same text. The proportions are
// those of a web service's logs, a customer export and an event stream; all values are invented.
type Corpus struct {
	r *rand.Rand
	// Planted counts the values by identifier.
	Planted map[string]int
}

// NewCorpus returns a generator.
func NewCorpus(seed uint64) *Corpus {
	return &Corpus{r: rand.New(rand.NewPCG(seed, 20)), Planted: map[string]int{}}
}

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

var (
	givenNames  = strings.Fields("James Mary Robert Linda Carlos Maria Lukas Sofia Omar Fatima Hans Greta Luca Giulia Chloe Jean")
	familyNames = strings.Fields("Smith Johnson Garcia Miller Davis Schmidt Rossi Ferrari Dubois Silva Ivanov Tanaka Singh Kumar")
	words       = strings.Fields("request handled by service after retry because cache entry expired while worker pool drained and upstream returned status " +
		"for shard batch index queue message partition offset commit leader timeout connection reset limit reached order shipped invoice paid " +
		"updated profile loaded session refreshed job scheduled report generated delivery delayed customer called about refund ticket closed")
	paths  = strings.Fields("/api/v1/orders /api/v1/users /static/js/app.js /healthz /login /cart/checkout /img/logo.png /metrics")
	agents = []string{"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36", "curl/8.8.0", "kube-probe/1.30"}
	levels = strings.Fields("INFO INFO INFO WARN DEBUG ERROR")
)

func (c *Corpus) pick(list []string) string { return list[c.r.IntN(len(list))] }

func (c *Corpus) digits(n int) string {
	var b [32]byte
	for i := range n {
		b[i] = '0' + byte(c.r.IntN(10))
	}
	return string(b[:n])
}

func (c *Corpus) chars(set string, n int) string {
	var b strings.Builder
	for range n {
		b.WriteByte(set[c.r.IntN(len(set))])
	}
	return b.String()
}

func (c *Corpus) hex(n int) string { return c.chars("0123456789abcdef", n) }

func (c *Corpus) uuid() string {
	return c.hex(8) + "-" + c.hex(4) + "-" + c.hex(4) + "-" + c.hex(4) + "-" + c.hex(12)
}

func (c *Corpus) sentence(from, to int) string {
	var b strings.Builder
	for i := range from + c.r.IntN(to-from) {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(c.pick(words))
	}
	return b.String()
}

func (c *Corpus) card() string {
	s := "4" + c.digits(14)
	sum := 0
	for i := range s {
		d := int(s[len(s)-1-i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	s += strconv.Itoa((10 - sum%10) % 10)
	if c.r.IntN(3) == 0 {
		return s[:4] + " " + s[4:8] + " " + s[8:12] + " " + s[12:]
	}
	return s
}

func (c *Corpus) ssn() string {
	return fmt.Sprintf("%03d-%02d-%04d", 1+c.r.IntN(665), 1+c.r.IntN(99), 1+c.r.IntN(9999))
}

func (c *Corpus) phone() string {
	form := c.pick([]string{"(%03d) %03d-%04d", "%03d-%03d-%04d", "+1 %03d %03d %04d", "%03d.%03d.%04d"})
	return fmt.Sprintf(form, 212+10*c.r.IntN(70), 220+10*c.r.IntN(70), c.r.IntN(10000))
}

func (c *Corpus) birth() string {
	return fmt.Sprintf("%04d-%02d-%02d", 1940+c.r.IntN(68), 1+c.r.IntN(12), 1+c.r.IntN(28))
}

func (c *Corpus) iban() string {
	bban := c.digits(18)
	rest := 0
	for _, d := range bban + "131400" {
		rest = (rest*10 + int(d-'0')) % 97
	}
	return fmt.Sprintf("DE%02d%s", 98-rest, bban)
}

// plant returns a label and a value, and counts it.
func (c *Corpus) plant() (label, value string) {
	id := ""
	switch c.r.IntN(6) {
	case 0:
		id, label, value = "CREDIT_CARD_NUMBER", "credit card ", c.card()
	case 1:
		id, label, value = "USA_SOCIAL_SECURITY_NUMBER", "ssn: ", c.ssn()
	case 2:
		id, label, value = "PHONE_NUMBER", "phone: ", c.phone()
	case 3:
		id, label, value = "DATE_OF_BIRTH", "date of birth: ", c.birth()
	case 4:
		id, label, value = "GERMANY_BANK_ACCOUNT_NUMBER", "iban ", c.iban()
	case 5:
		id, label, value = "STRIPE_CREDENTIALS", "stripe_key=", "sk_live_"+c.chars(alphanumeric, 24)
	}
	c.Planted[id]++
	return label, value
}

// Log makes about n bytes of log lines, with a value in every sixtieth.
func (c *Corpus) Log(n int) []byte {
	out := make([]byte, 0, n+512)
	for second := 0; len(out) < n; second += c.r.IntN(3) {
		stamp := fmt.Sprintf("2026-%02d-%02dT%02d:%02d:%02d.%03dZ", 1+second/2592000%12, 1+second/86400%28, second/3600%24, second/60%60, second%60, c.r.IntN(1000))
		switch k := c.r.IntN(10); {
		case k < 4:
			out = fmt.Appendf(out, "10.%d.%d.%d - - [%s] \"GET %s?id=%s HTTP/1.1\" 200 %d \"-\" \"%s\"", c.r.IntN(256), c.r.IntN(256), 1+c.r.IntN(254), stamp, c.pick(paths), c.digits(6), c.r.IntN(90000), c.pick(agents))
		case k < 8:
			out = fmt.Appendf(out, "%s %s [worker-%d] com.example.svc.%s - %s (took %dms)", stamp, c.pick(levels), c.r.IntN(32), c.pick(familyNames), c.sentence(6, 18), c.r.IntN(4000))
		default:
			decoy := c.pick([]string{"request_id=" + c.uuid(), "sha256:" + c.hex(64), "etag=" + c.chars(alphanumeric, 40), "order=" + c.digits(9), "ts=17" + c.digits(11)})
			out = fmt.Appendf(out, "time=%q level=info msg=%q pod=web-%s %s", stamp, c.sentence(4, 10), c.hex(10), decoy)
		}
		if c.r.IntN(60) == 0 {
			label, value := c.plant()
			out = append(out, " "+label+value...)
		}
		out = append(out, '\n')
	}
	return out
}

var csvHeader = strings.Split("customer_id,first_name,last_name,email,phone,date_of_birth,ssn,street_address,city,state,zip,credit_card_number,iban,last_login,order_total,notes", ",")

// Table makes about n bytes of a customer table: one block for some 200 rows, every value a segment, and the size of its CSV text.
func (c *Corpus) Table(n int) (blocks []*text.Block, size int) {
	fields := make([]*text.Field, len(csvHeader))
	for i, name := range csvHeader {
		fields[i] = &text.Field{Names: []string{name}, Column: i + 1}
	}
	row := int64(1)
	for size < n {
		b := &text.Block{Kind: text.Cells}
		for range 200 {
			row++
			for i, cell := range c.row(int(row)) {
				start := int32(len(b.Text))
				b.Text = append(b.Text, cell...)
				b.Segments = append(b.Segments, text.Segment{Start: start, End: int32(len(b.Text)), Field: fields[i], Row: row})
				b.Text = append(b.Text, ',')
			}
		}
		blocks = append(blocks, b)
		size += len(b.Text)
	}
	return blocks, size
}

func (c *Corpus) row(n int) []string {
	first, last := c.pick(givenNames), c.pick(familyNames)
	cells := []string{
		fmt.Sprintf("%08d", n), first, last, strings.ToLower(first+"."+last) + strconv.Itoa(c.r.IntN(9999)) + "@example.com", c.phone(), c.birth(), "",
		fmt.Sprintf("%d Maple St", 1+c.r.IntN(9999)), "Denver", "CO", "803" + c.digits(2), "", "",
		fmt.Sprintf("2026-%02d-%02d %02d:%02d:%02d", 1+c.r.IntN(12), 1+c.r.IntN(28), c.r.IntN(24), c.r.IntN(60), c.r.IntN(60)),
		fmt.Sprintf("%d.%02d", 5+c.r.IntN(9000), c.r.IntN(100)), c.sentence(2, 8) + ", " + c.sentence(2, 8),
	}
	c.Planted["PHONE_NUMBER"]++
	c.Planted["DATE_OF_BIRTH"]++
	optional := func(at int, percent int, id, value string) {
		if c.r.IntN(100) < percent {
			cells[at] = value
			c.Planted[id]++
		}
	}
	optional(6, 80, "USA_SOCIAL_SECURITY_NUMBER", c.ssn())
	optional(11, 40, "CREDIT_CARD_NUMBER", c.card())
	optional(12, 10, "GERMANY_BANK_ACCOUNT_NUMBER", c.iban())
	return cells
}

// Events makes about n bytes of JSON Lines, with a value in every fourth record.
func (c *Corpus) Events(n int) []byte {
	out := make([]byte, 0, n+1024)
	for record := 0; len(out) < n; record++ {
		out = fmt.Appendf(out, `{"event_id": "%s", "type": "%s", "ts": %d, "source": {"ip": "10.%d.%d.%d", "agent": "%s", "session": "%s"}, `,
			c.uuid(), c.pick([]string{"order.created", "user.login", "ticket.updated"}), 1770000000000+record*37, c.r.IntN(256), c.r.IntN(256), c.r.IntN(256), c.pick(agents), c.chars(alphanumeric, 24))
		out = fmt.Appendf(out, `"payload": {"order_id": %s, "items": [{"sku": "%s-%s", "qty": %d, "price": %d.%02d}]}, "message": "%s", "hash": "%s"`,
			"1"+c.digits(9), c.chars("ABCDEFGHJKLMNPRSTUVWXYZ", 3), c.digits(5), 1+c.r.IntN(8), c.r.IntN(999), c.r.IntN(100), c.sentence(8, 30), c.hex(40))
		if c.r.IntN(4) == 0 {
			label, value := c.plant()
			out = fmt.Appendf(out, `, "customer": {"%s": "%s"}`, strings.ReplaceAll(strings.Trim(label, " :="), " ", "_"), value)
		}
		out = append(out, "}\n"...)
	}
	return out
}
