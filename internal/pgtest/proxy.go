package pgtest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A Proxy stands between a client and a server and makes the network between them fail.
type Proxy struct {
	listener net.Listener
	database string // the path of the URL

	mu        sync.Mutex
	socket    string // of the server
	links     map[*link]bool
	delay     time.Duration
	refuse    bool
	unsent    int // commits to be cut off before the server has them
	unheard   int // commits to be cut off when the server has made them
	unsentN   int
	unheardN  int
	pumps     sync.WaitGroup
	closed    bool
	accepting chan struct{}
}

// NewProxy makes a proxy before the server of a database that [Server.Database] or [Database] made. It ends with the test.
func NewProxy(t testing.TB, database string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: l, links: map[*link]bool{}, accepting: make(chan struct{})}
	if err := p.lead(database); err != nil {
		t.Fatal(err)
	}
	go p.accept()
	t.Cleanup(p.close)
	return p
}

// lead sets where new connections lead.
func (p *Proxy) lead(database string) error {
	u, err := url.Parse(database)
	if err != nil {
		return err
	}
	folder := u.Query().Get("host")
	if folder == "" {
		return fmt.Errorf("pgtest: a proxy needs a server on a socket, not %s", u.Redacted())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.socket, p.database = filepath.Join(folder, ".s.PGSQL.5432"), u.Path
	return nil
}

// URL is the database behind the proxy, with settings of the session if there are any ("name=value").
func (p *Proxy) URL(settings ...string) string {
	query := append([]string{"sslmode=disable"}, settings...)
	return fmt.Sprintf("postgres://%s@%s%s?%s", superuser, p.listener.Addr(), p.database, strings.Join(query, "&"))
}

// Lead makes new connections lead to a database on another server and cuts the present ones.
func (p *Proxy) Lead(t testing.TB, database string) {
	t.Helper()
	if err := p.lead(database); err != nil {
		t.Fatal(err)
	}
	p.Cut()
}

// Delay makes everything take so much longer, in both directions.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Refuse lets no more connections through, or does so again.
func (p *Proxy) Refuse(refuse bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = refuse
}

// Cut resets all connections and returns how many there were.
func (p *Proxy) Cut() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.links)
	for l := range p.links {
		l.cut()
	}
	return n
}

// Silence makes all present connections half-open: nothing passes any more, and neither end is told. It returns how many there were.
func (p *Proxy) Silence() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for l := range p.links {
		l.silence.Do(func() { close(l.silent); n++ })
	}
	return n
}

// CutCommits resets the connections of the next commits: of so many before the server has them, of so many after it has made them. To the
// client both look the same.
func (p *Proxy) CutCommits(unsent, unheard int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unsent, p.unheard = unsent, unheard
}

// CommitsCut returns how many commits were cut off.
func (p *Proxy) CommitsCut() (unsent, unheard int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.unsentN, p.unheardN
}

func (p *Proxy) accept() {
	defer close(p.accepting)
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		if p.refuse || p.closed {
			p.mu.Unlock()
			reset(client)
			continue
		}
		server, err := net.Dial("unix", p.socket)
		if err != nil { // the server is down
			p.mu.Unlock()
			reset(client)
			continue
		}
		l := &link{proxy: p, client: client, server: server, silent: make(chan struct{})}
		p.links[l] = true
		p.pumps.Add(2)
		p.mu.Unlock()
		go l.pump(l.upwards)
		go l.pump(l.downwards)
	}
}

func (p *Proxy) close() {
	p.listener.Close()
	<-p.accepting
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.Cut()
	p.pumps.Wait()
}

// A link is a connection through the proxy.
type link struct {
	proxy          *Proxy
	client, server net.Conn
	silence        sync.Once
	silent         chan struct{} // closed when it is half-open
	ending         sync.Once

	mu   sync.Mutex
	deaf bool // what the server says goes nowhere; when it has answered, the link ends
}

// cut ends both connections at once, the client's without a farewell.
func (l *link) cut() {
	l.ending.Do(func() {
		reset(l.client)
		l.server.Close()
	})
}

func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	c.Close()
}

func (l *link) pump(run func() error) {
	defer l.proxy.pumps.Done()
	_ = run() // whatever ended it, the link is over
	l.cut()
	l.proxy.mu.Lock()
	delete(l.proxy.links, l)
	l.proxy.mu.Unlock()
}

// pass writes a message to the other end, when it is time, unless the link is half-open: then it is lost.
func (l *link) pass(to io.Writer, message []byte) error {
	l.proxy.mu.Lock()
	delay := l.proxy.delay
	l.proxy.mu.Unlock()
	if delay > 0 {
		time.Sleep(delay)
	}
	select {
	case <-l.silent:
		return nil
	default:
	}
	_, err := to.Write(message)
	return err
}

// upwards passes on what the client says: a message without a type, then messages with one.
func (l *link) upwards() error {
	first, err := readMessage(l.client, false)
	if err != nil {
		return err
	}
	if err := l.pass(l.server, first); err != nil {
		return err
	}
	for {
		m, err := readMessage(l.client, true)
		if err != nil {
			return err
		}
		if m[0] == 'Q' && strings.EqualFold(string(bytes.TrimRight(m[5:], "\x00; ")), "commit") {
			if !l.commit() {
				return nil
			}
		}
		if err := l.pass(l.server, m); err != nil {
			return err
		}
	}
}

// commit says whether a commit is to be sent on.
func (l *link) commit() (send bool) {
	p := l.proxy
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.unsent > 0:
		p.unsent--
		p.unsentN++
		return false
	case p.unheard > 0:
		p.unheard--
		p.unheardN++
		l.mu.Lock()
		l.deaf = true
		l.mu.Unlock()
	}
	return true
}

// downwards passes on what the server says.
func (l *link) downwards() error {
	for {
		m, err := readMessage(l.server, true)
		if err != nil {
			return err
		}
		l.mu.Lock()
		deaf := l.deaf
		l.mu.Unlock()
		if !deaf {
			if err := l.pass(l.client, m); err != nil {
				return err
			}
		} else if m[0] == 'Z' {
			return nil // the commit is made, and nobody heard of it
		}
	}
}

// readMessage reads a message of PostgreSQL's protocol.
func readMessage(r io.Reader, typed bool) ([]byte, error) {
	head := make([]byte, 4, 512)
	if typed {
		head = head[:5]
	}
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint32(head[len(head)-4:])) - 4
	if n < 0 || n > 1<<28 {
		return nil, fmt.Errorf("a message of %d bytes", n)
	}
	m := append(head, make([]byte, n)...)
	_, err := io.ReadFull(r, m[len(head):])
	return m, err
}
