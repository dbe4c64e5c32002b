package s3test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Where every store is, and the credentials it accepts.
const (
	Region    = "us-east-1"
	AccessKey = "magpie-bench"
	SecretKey = "secret of the bench, which no one else has"
)

// folders are what a gateway keeps its state in, below its folder.
var folders = []string{"data", "meta", "versions"}

// A gateway is a running versitygw.
type gateway struct {
	dir   string
	stdin io.Closer // its end ends the process; so does the end of this one
}

// idle are the gateways that no bench uses now. They live as long as the test binary.
var idle struct {
	sync.Mutex
	gateways []*gateway
}

// takeGateway returns an empty store.
func takeGateway() (*gateway, error) {
	idle.Lock()
	defer idle.Unlock()
	if n := len(idle.gateways); n > 0 {
		g := idle.gateways[n-1]
		idle.gateways = idle.gateways[:n-1]
		return g, nil
	}
	return startGateway()
}

// release empties the store for another bench.
func (g *gateway) release() error {
	for _, folder := range folders {
		entries, err := os.ReadDir(filepath.Join(g.dir, folder))
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := os.RemoveAll(filepath.Join(g.dir, folder, e.Name())); err != nil {
				return err
			}
		}
	}
	idle.Lock()
	defer idle.Unlock()
	idle.gateways = append(idle.gateways, g)
	return nil
}

func startGateway() (*gateway, error) {
	program, err := build()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(stateFolder(), "s3test")
	if err != nil {
		return nil, err
	}
	for _, folder := range folders {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o700); err != nil {
			return nil, err
		}
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(program, "-dir", dir, "-access", AccessKey, "-secret", SecretKey, "-region", Region)
	cmd.Stderr = log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "ready\n" {
		said, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("s3test: versitygw said %q instead of ready (%v):\n%s", line, err, said)
	}
	return &gateway{dir: dir, stdin: stdin}, nil
}

// dial connects to the gateway.
func (g *gateway) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(g.dir, "sock"))
}

var program struct {
	sync.Mutex
	path string
}

// build returns the path of the gateway's program. It is built once for each state of its module and kept in the user's cache, so that
// only the first test of all waits for it, and needs the modules.
func build() (string, error) {
	program.Lock()
	defer program.Unlock()
	if program.path != "" {
		return program.path, nil
	}
	_, here, _, _ := runtime.Caller(0)
	module := filepath.Join(filepath.Dir(here), "..", "..", "..", "..", "tools", "versitygw")
	h := sha256.New()
	io.WriteString(h, runtime.Version())
	for _, name := range []string{"go.mod", "go.sum", "main.go"} {
		text, err := os.ReadFile(filepath.Join(module, name))
		if err != nil {
			return "", err
		}
		h.Write(text)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	path := filepath.Join(cache, "magpie-test", "versitygw-"+hex.EncodeToString(h.Sum(nil)[:8]))
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		// Several test binaries may build at once: the last one wins, with the same program.
		unfinished := fmt.Sprintf("%s.%d", path, os.Getpid())
		cmd := exec.Command("go", "build", "-C", module, "-o", unfinished, ".")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("s3test: building the S3 server of the tests: %w\n%s", err, out)
		}
		if err := os.Rename(unfinished, path); err != nil {
			return "", err
		}
	} else if err != nil {
		return "", err
	}
	program.path = path
	return path, nil
}

// send makes a signed request of the bench's own to the gateway, past the proxy, and fails the test unless it succeeds.
func (b *Bench) send(t testing.TB, method, path, query string, body []byte, header ...string) []byte {
	t.Helper()
	out, err := b.try(method, path, query, body, header...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (b *Bench) try(method, path, query string, body []byte, header ...string) ([]byte, error) {
	r, err := http.NewRequest(method, "http://gateway"+escape(path), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.URL.RawQuery = query
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	r.Header.Set("X-Amz-Content-Sha256", hash)
	err = v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }).SignHTTP(context.Background(),
		aws.Credentials{AccessKeyID: AccessKey, SecretAccessKey: SecretKey}, r, hash, "s3", Region, time.Now())
	if err != nil {
		return nil, err
	}
	resp, err := b.direct.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= 300 {
		err = fmt.Errorf("s3test: %s %q: %s: %s", method, path, resp.Status, answer)
	}
	return answer, err
}

// escape encodes a path as S3's signatures want it: everything but letters, digits and -._~/.
func escape(path string) string {
	var out []byte
	for i := range len(path) {
		switch c := path[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_', c == '~', c == '/':
			out = append(out, c)
		default:
			out = fmt.Appendf(out, "%%%02X", c)
		}
	}
	return string(out)
}
