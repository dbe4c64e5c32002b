package s3test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Kinds of servers.
const (
	MinIO = "minio"
	Ceph  = "ceph"
)

// StoresFolder is the environment variable that names the folder of tools/stores/get.sh.
const StoresFolder = "MAGPIE_STORES"

// A Server is a store as others run it, by tools/stores/run.sh.
type Server struct {
	Kind, URL string
	Owner     Keys
	dir       string
	log       string
	stdin     io.WriteCloser
	client    *http.Client
}

// Keys are those of a user; the zero value is nobody.
type Keys struct{ ID, Secret string }

// StartServer runs a store until the test ends. env are environment variables of its program.
func StartServer(t testing.TB, kind string, env ...string) *Server {
	t.Helper()
	stores := os.Getenv(StoresFolder)
	if stores == "" {
		t.Fatalf("%s names no folder with stores: make test-stores runs this test", StoresFolder)
	}
	dir := t.TempDir()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	_, here, _, _ := runtime.Caller(0)
	script := filepath.Join(filepath.Dir(here), "..", "..", "..", "..", "tools", "stores", "run.sh")
	address, monitor := freePort(t), freePort(t)
	cmd := exec.Command("sh", script, kind, stores, dir, address, monitor)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = log, log
	s := &Server{Kind: kind, URL: "http://127.0.0.1:" + address, Owner: Keys{"magpieowner", "magpieownersecret"}, dir: dir, log: log.Name(),
		client: &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16}}}
	if s.stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		s.stdin.Close() // the script then ends the programs
		<-ended
	})
	for {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("%s does not start: %v\n%s", kind, err, s.said())
		case <-t.Context().Done():
			t.Fatalf("%s does not start in time\n%s", kind, s.said())
		case <-time.After(100 * time.Millisecond): // a store says in no other way that it is ready
		}
		if s.ready(t) {
			return s
		}
	}
}

func (s *Server) ready(t testing.TB) bool {
	status, _, err := s.try(t.Context(), s.Owner, "GET", "/", "", nil)
	return err == nil && status == http.StatusOK
}

func (s *Server) said() string {
	text, _ := os.ReadFile(s.log)
	return string(text[max(0, len(text)-4000):])
}

func freePort(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// Kill kills what answers requests, without a warning.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	s.tell(t, "kill")
	for {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
		if err != nil {
			return
		}
		conn.Close()
	}
}

// Start starts it again.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	s.tell(t, "start")
	for !s.ready(t) {
		if t.Context().Err() != nil {
			t.Fatal("the store does not come back")
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (s *Server) tell(t testing.TB, line string) {
	t.Helper()
	if _, err := io.WriteString(s.stdin, line+"\n"); err != nil {
		t.Fatal(err)
	}
}

// Status makes a request, signed unless the keys are nobody's, and returns the answer's status.
func (s *Server) Status(t testing.TB, who Keys, method, path, query string, body []byte, header ...string) int {
	t.Helper()
	status, _, err := s.try(t.Context(), who, method, path, query, body, header...)
	if err != nil {
		t.Fatal(err)
	}
	return status
}

// Do makes a request that must succeed, and returns the answer's body.
func (s *Server) Do(t testing.TB, who Keys, method, path, query string, body []byte, header ...string) []byte {
	t.Helper()
	status, answer, err := s.try(context.WithoutCancel(t.Context()), who, method, path, query, body, header...)
	if err != nil || status >= 300 {
		t.Fatalf("%s %q?%s: status %d, %v\n%s", method, path, query, status, err, answer)
	}
	return answer
}

func (s *Server) try(ctx context.Context, who Keys, method, path, query string, body []byte, header ...string) (int, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, s.URL+escape(path), bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.URL.RawQuery = query
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if who != (Keys{}) {
		sum := sha256.Sum256(body)
		hash := hex.EncodeToString(sum[:])
		r.Header.Set("X-Amz-Content-Sha256", hash)
		err = v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }).SignHTTP(ctx,
			aws.Credentials{AccessKeyID: who.ID, SecretAccessKey: who.Secret}, r, hash, "s3", Region, time.Now())
		if err != nil {
			return 0, nil, err
		}
	}
	resp, err := s.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// User makes a user who may do nothing but what buckets allow. Of Ceph, a tenant other than "" gives the user a store of buckets of its own.
func (s *Server) User(t testing.TB, name, tenant string) Keys {
	t.Helper()
	keys := Keys{name + tenant + "key", name + tenant + "secretsecret"}
	if s.Kind == Ceph {
		s.Do(t, s.Owner, "PUT", "/admin/user", "access-key="+keys.ID+"&display-name="+name+"&key-type=s3&secret-key="+keys.Secret+"&tenant="+tenant+"&uid="+name, nil)
		return keys
	}
	s.mc(t, "admin", "user", "add", "store", keys.ID, keys.Secret)
	return keys
}

// Allow gives a user of MinIO a policy instead of the one that it had.
func (s *Server) Allow(t testing.TB, who Keys, statements ...map[string]any) {
	t.Helper()
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "policy")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	s.mc(t, "admin", "policy", "create", "store", "of-"+who.ID, file)
	s.mcMay("admin", "policy", "attach", "store", "of-"+who.ID, "--user", who.ID) // refused if it has it already
}

// mc runs MinIO's client.
func (s *Server) mc(t testing.TB, args ...string) {
	t.Helper()
	if out, err := s.mcMay(args...); err != nil {
		t.Fatalf("mc %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func (s *Server) mcMay(args ...string) ([]byte, error) {
	cmd := exec.Command(filepath.Join(os.Getenv(StoresFolder), "bin", "mc"), append([]string{"--config-dir", filepath.Join(s.dir, "mc"), "--quiet"}, args...)...)
	cmd.Env = append(os.Environ(), fmt.Sprintf("MC_HOST_store=http://%s:%s@%s", s.Owner.ID, s.Owner.Secret, strings.TrimPrefix(s.URL, "http://")))
	return cmd.CombinedOutput()
}
