package pgtest

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// child makes the test binary start a server, print its folder and wait to be killed.
const child = "MAGPIE_PGTEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(child) != "" {
		s, err := Start(Options{})
		if err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		fmt.Println(s.dir)
		select {}
	}
	os.Exit(Main(m))
}

func query(t *testing.T, url, sql string) string {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	var answer string
	if err := conn.QueryRow(ctx, sql).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return answer
}

// TestDatabase shows that each call gives an empty database of its own.
func TestDatabase(t *testing.T) {
	a, b := Database(t), Database(t)
	if a == b {
		t.Fatalf("the same database twice: %s", a)
	}
	statement(t, a, "CREATE TABLE t (n int)")
	for url, want := range map[string]string{a: "1", b: "0"} {
		if got := query(t, url, "SELECT count(*)::text FROM pg_tables WHERE tablename = 't'"); got != want {
			t.Errorf("%s has %s tables, want %s", url, got, want)
		}
	}
}

// TestRestart shows that data survives a stop and a kill, on the same URL.
func TestRestart(t *testing.T) {
	s, err := Start(Options{Durable: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(s.dir); !os.IsNotExist(err) {
			t.Errorf("the folder is still there: %v", err)
		}
	}()
	url := s.URL("postgres")
	statement(t, url, "CREATE TABLE t (n int)")
	for i, stop := range []func() error{s.Stop, s.Kill} {
		query(t, url, "INSERT INTO t VALUES (1) RETURNING 'done'")
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if conn, err := pgx.Connect(t.Context(), url); err == nil {
			conn.Close(t.Context())
			t.Fatal("a stopped server answers")
		}
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		if got, want := query(t, url, "SELECT count(*)::text FROM t"), fmt.Sprint(i+1); got != want {
			t.Errorf("after stop %d: %s rows, want %s", i, got, want)
		}
	}
}

// TestOwnerKilled shows that a server does not outlive a killed test binary.
func TestOwnerKilled(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self)
	c.Env = append(os.Environ(), child+"=1")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	dir, err := bufio.NewReader(out).ReadString('\n')
	dir = strings.TrimSpace(dir)
	if err != nil || strings.HasPrefix(dir, "error:") {
		c.Process.Kill()
		t.Fatalf("child: %q, %v", dir, err)
	}
	if _, err := os.Stat(dir + "/data/postmaster.pid"); err != nil {
		t.Error(err)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	c.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(dir); os.IsNotExist(err) {
			return // the folder goes last
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			entries, err := fs.Glob(os.DirFS(dir), "*")
			t.Fatalf("the server's folder is still there: %v %v", entries, err)
		}
	}
}

// TestMissing shows what a machine without PostgreSQL says.
func TestMissing(t *testing.T) {
	if folders, _ := fs.Glob(os.DirFS("/usr/lib/postgresql"), "*/bin"); len(folders) > 0 {
		if _, err := programs(); err != nil {
			t.Errorf("Debian's folders %v are not found: %v", folders, err)
		}
	}
	got := missing().Error()
	for _, want := range []string{"apt-get install postgresql", Environment, "initdb"} {
		if !strings.Contains(got, want) {
			t.Errorf("the message does not name %s: %s", want, got)
		}
	}
}
