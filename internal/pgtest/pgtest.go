// Package pgtest runs a real PostgreSQL server for tests: one per test binary, a fresh database per test.
//
// A package that uses it says so once:
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }
//
// The server is started when the first test asks for a database, listens on a Unix socket in its own folder only, and ends with the test
// binary, however that ends: a shell at the other end of a pipe notices and cleans up. As root it runs as the user postgres or
// nobody, for PostgreSQL refuses root.
//
// MAGPIE_TEST_POSTGRES names a running server instead (a URL whose user may create databases). Without either the tests fail and say what
// to install.
package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Environment is the variable that names a server to use instead of starting one.
const Environment = "MAGPIE_TEST_POSTGRES"

const superuser = "magpie"

// startTimeout bounds the start of a server on a slow machine.
const startTimeout = 2 * time.Minute

var shared struct {
	sync.Mutex
	server   *Server
	err      error
	template string // the name of the database that Prepared copies
}

var databases atomic.Int64

// Main runs the tests and then stops the server that they shared. Its result is the exit code.
func Main(m *testing.M) int {
	code := m.Run()
	shared.Lock()
	defer shared.Unlock()
	if given := os.Getenv(Environment); given != "" && shared.template != "" {
		if err := execute(given, "DROP DATABASE IF EXISTS "+shared.template); err != nil {
			fmt.Fprintln(os.Stderr, "pgtest:", err)
			return max(code, 1)
		}
	}
	if shared.server != nil {
		if err := shared.server.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "pgtest:", err)
			return max(code, 1)
		}
		shared.server = nil
	}
	return code
}

// Database returns the URL of a fresh database on the server that the tests share. It is dropped when the test ends. The shared server
// does not sync to disk: start one of your own with [Start] to test durability.
func Database(t testing.TB) string {
	t.Helper()
	return create(t, admin(t), "template0")
}

// Prepared is [Database] with what prepare makes of an empty database, given its URL: a copy of the first, for which alone it is called. A test
// binary prepares in one way.
func Prepared(t testing.TB, prepare func(url string) error) string {
	t.Helper()
	server := admin(t)
	shared.Lock()
	defer shared.Unlock()
	if shared.template == "" {
		name := fmt.Sprintf("magpie_test_%d_template", os.Getpid())
		statement(t, server, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'UTF8'")
		if err := prepare(named(t, server, name)); err != nil {
			statement(t, server, "DROP DATABASE "+name+" WITH (FORCE)")
			t.Fatalf("pgtest: prepare a database: %v", err)
		}
		shared.template = name
	}
	return create(t, server, shared.template)
}

// admin returns the URL of the database from which others are made.
func admin(t testing.TB) string {
	t.Helper()
	if given := os.Getenv(Environment); given != "" {
		return given
	}
	shared.Lock()
	if shared.server == nil && shared.err == nil {
		shared.server, shared.err = Start(Options{})
	}
	server, err := shared.server, shared.err
	shared.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	return server.URL("postgres")
}

func create(t testing.TB, admin, template string) string {
	t.Helper()
	name := fmt.Sprintf("magpie_test_%d_%d", os.Getpid(), databases.Add(1))
	statement(t, admin, "CREATE DATABASE "+name+" TEMPLATE "+template+" ENCODING 'UTF8'")
	t.Cleanup(func() { statement(t, admin, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })
	return named(t, admin, name)
}

// named returns the URL of another database of the same server.
func named(t testing.TB, admin, name string) string {
	t.Helper()
	u, err := url.Parse(admin)
	if err != nil {
		t.Fatalf("pgtest: %s: %v", Environment, err)
	}
	u.Path = "/" + name
	return u.String()
}

func statement(t testing.TB, admin, sql string) {
	t.Helper()
	if err := execute(admin, sql); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
}

func execute(admin, sql string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("%s: %w", sql, err)
	}
	return nil
}

// Options of a server.
type Options struct {
	// Durable makes it sync to disk as in production. Without it a crash of the machine (not of the server) may lose data.
	Durable bool
	// Settings are further settings of the server, such as "max_connections=200".
	Settings []string
}

// Server is a PostgreSQL server of one's own, to stop and kill.
type Server struct {
	options Options
	bin     string
	dir     string // holds data, socket and log
	run     *syscall.Credential

	mu       sync.Mutex
	postgres *exec.Cmd // nil while stopped
	exited   chan struct{}
	watchdog *exec.Cmd
	leash    io.WriteCloser // the watchdog's standard input
}

// Start makes a new cluster in a temporary folder and starts its server.
func Start(options Options) (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	s := &Server{options: options, bin: bin}
	if err := s.init(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.Start(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// programs finds the folder that holds initdb and postgres.
func programs() (string, error) {
	var folders []string
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			folders = append(folders, filepath.Dir(path))
		}
	}
	versions, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // Debian keeps them out of PATH
	slices.SortFunc(versions, func(a, b string) int { return version(b) - version(a) })
	for _, folder := range append(folders, versions...) {
		if _, err := exec.LookPath(filepath.Join(folder, "postgres")); err == nil {
			return folder, nil
		}
	}
	return "", missing()
}

func missing() error {
	return fmt.Errorf("pgtest: PostgreSQL's server programs (initdb, postgres) are neither in PATH nor in /usr/lib/postgresql/*/bin: "+
		"install the package postgresql (apt-get install postgresql) or name a running server in %s", Environment)
}

func version(bin string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(bin)))
	return n
}

func (s *Server) init() error {
	dir, err := os.MkdirTemp("", "magpie-pgtest-")
	if err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	s.dir = dir
	if os.Getuid() == 0 {
		if s.run, err = ordinaryUser(); err != nil {
			return err
		}
		if err := os.Chown(dir, int(s.run.Uid), int(s.run.Gid)); err != nil {
			return fmt.Errorf("pgtest: %w", err)
		}
	}
	initdb := s.command(filepath.Join(s.bin, "initdb"), "--pgdata", s.data(), "--username", superuser, "--auth=trust",
		"--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("pgtest: initdb: %w\n%s", err, out)
	}
	return nil
}

func ordinaryUser() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("pgtest: user %s: %w", name, err)
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("pgtest: user %s: %w", name, err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("pgtest: PostgreSQL does not run as root, and there is no user postgres or nobody to run it as")
}

// command prepares a program that runs as the server's user, in its folder, in its own process group: a terminal's Ctrl-C stops the
// tests, and they stop the server.
func (s *Server) command(program string, args ...string) *exec.Cmd {
	c := exec.Command(program, args...)
	c.Dir = s.dir
	c.Env = append(os.Environ(), "HOME="+s.dir, "LC_ALL=C", "TZ=UTC")
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: s.run}
	return c
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// watch waits for a word on standard input. If the input ends without one, whoever started the server is gone: end it, remove its folder.
const watch = `read -r word && exit 0
kill -QUIT "$1"
while kill -0 "$1" 2>/dev/null; do sleep 0.1; done
cd / && rm -rf "$2"`

// Start starts the server again after [Server.Stop] or [Server.Kill], on the same data and URL, and waits until it answers.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	deadline := time.Now().Add(startTimeout)
	for s.postgres == nil {
		if err := s.launch(); err != nil {
			return err
		}
		err := s.await(deadline)
		if err == nil {
			return nil
		}
		if stop := s.end(syscall.SIGQUIT); stop != nil {
			return errors.Join(err, stop)
		}
		// After Kill the server's children need a moment to notice and to let go of the shared memory.
		if time.Now().After(deadline) || !strings.Contains(s.Log(), "is still in use") {
			return err
		}
	}
	return nil
}

// launch runs the server and its watchdog.
func (s *Server) launch() error {
	settings := []string{"listen_addresses=", "unix_socket_directories=" + s.dir, "max_connections=100", "logging_collector=off",
		"log_min_messages=warning", "shared_buffers=128MB"}
	if !s.options.Durable {
		settings = append(settings, "fsync=off", "synchronous_commit=off", "full_page_writes=off")
	}
	args := []string{"-D", s.data()}
	for _, setting := range append(settings, s.options.Settings...) {
		args = append(args, "-c", setting)
	}
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	defer log.Close()
	postgres := s.command(filepath.Join(s.bin, "postgres"), args...)
	postgres.Stdout, postgres.Stderr = log, log
	if err := postgres.Start(); err != nil {
		return fmt.Errorf("pgtest: start PostgreSQL: %w", err)
	}
	watchdog := s.command("/bin/sh", "-c", watch, "pgtest", strconv.Itoa(postgres.Process.Pid), s.dir)
	stdin, err := watchdog.StdinPipe()
	if err == nil {
		err = watchdog.Start()
	}
	exited := make(chan struct{})
	go func() {
		postgres.Wait()
		close(exited)
	}()
	if err != nil {
		postgres.Process.Kill()
		<-exited
		return fmt.Errorf("pgtest: start the watchdog: %w", err)
	}
	s.postgres, s.exited, s.watchdog, s.leash = postgres, exited, watchdog, stdin
	return nil
}

// await connects until the server answers or has ended.
func (s *Server) await(deadline time.Time) error {
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.exited:
			return fmt.Errorf("pgtest: PostgreSQL ended at once:\n%s", s.Log())
		case <-ctx.Done():
			return fmt.Errorf("pgtest: PostgreSQL does not answer: %w\n%s", err, s.Log())
		case <-tick.C:
		}
	}
}

// end signals the server, waits for its end and dismisses the watchdog.
func (s *Server) end(signal syscall.Signal) error {
	if s.postgres == nil {
		return nil
	}
	if err := s.postgres.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("pgtest: signal PostgreSQL: %w", err)
	}
	<-s.exited
	_, err := io.WriteString(s.leash, "done\n")
	s.leash.Close()
	if wait := s.watchdog.Wait(); err == nil {
		err = wait
	}
	s.postgres = nil
	if err != nil {
		return fmt.Errorf("pgtest: watchdog: %w", err)
	}
	return nil
}

// Log returns what the server has written to its log.
func (s *Server) Log() string {
	log, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(log)
}

// URL returns the URL of a database of this server; "postgres" exists from the start.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres://%s@/%s?host=%s", superuser, database, url.QueryEscape(s.dir))
}

// Database creates a fresh database on this server and returns its URL.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	return create(t, s.URL("postgres"), "template0")
}

// Standby makes a server that follows this one, by streaming and some way behind: it takes over with [Server.Promote].
func (s *Server) Standby() (*Server, error) {
	dir, err := os.MkdirTemp("", "magpie-pgtest-")
	if err != nil {
		return nil, fmt.Errorf("pgtest: %w", err)
	}
	b := &Server{options: s.options, bin: s.bin, dir: dir, run: s.run}
	if b.run != nil {
		if err := os.Chown(dir, int(b.run.Uid), int(b.run.Gid)); err != nil {
			return nil, errors.Join(fmt.Errorf("pgtest: %w", err), b.Close())
		}
	}
	backup := b.command(filepath.Join(b.bin, "pg_basebackup"), "--host", s.dir, "--username", superuser, "--pgdata", b.data(),
		"--write-recovery-conf", "--checkpoint=fast", "--wal-method=stream", "--no-sync")
	if out, err := backup.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("pgtest: pg_basebackup: %w\n%s", err, out), b.Close())
	}
	if err := b.Start(); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// Promote makes a standby a server of its own and waits until it takes writes.
func (s *Server) Promote() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	defer conn.Close(ctx)
	var promoted bool
	if err := conn.QueryRow(ctx, "SELECT pg_promote(true, 60)").Scan(&promoted); err != nil || !promoted {
		return fmt.Errorf("pgtest: the standby was not promoted (%t): %w", promoted, err)
	}
	return nil
}

// Stop stops the server as an administrator would (fast mode): connections are cut, data is complete.
func (s *Server) Stop() error { return s.stop(syscall.SIGINT) }

// Kill ends the server at once, as the loss of its machine would; its next start recovers from the log.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.postgres == nil {
		return nil
	}
	// A killed postmaster leaves its backends behind, which go on answering until they notice. They are sessions of their own, so that no
	// process group holds them.
	backends := children(s.postgres.Process.Pid)
	err := s.end(syscall.SIGKILL)
	for _, pid := range backends {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	return err
}

// children returns the processes that a process has started and that are still there, where the system tells by /proc.
func children(parent int) []int {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	var pids []int
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		// pid (name) state ppid ...: the name may hold anything, so the fields are those behind its last parenthesis.
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err == nil && len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (s *Server) stop(signal syscall.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end(signal)
}

// Close ends the server at once and removes its folder.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.end(syscall.SIGQUIT)
	if s.dir == "" {
		return err
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}
