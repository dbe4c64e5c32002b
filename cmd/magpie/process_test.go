package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/store/storetest"
)

// patience is how long a test waits for something that must come. It is far beyond what a slow machine needs.
const patience = 4 * time.Minute

// A process is a magpie that a test started. It is killed when the test ends.
type process struct {
	t      testing.TB
	cmd    *exec.Cmd
	stdout output
	killed bool          // by the test, so that its end is no news
	asked  bool          // to end gracefully: a second time would end it at once
	exited chan struct{} // closed when it has ended and all its output is read

	mu    sync.Mutex
	cond  *sync.Cond
	lines []string // of standard error
	ended bool
}

// output collects what a process writes while it runs.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// said returns all that the process wrote so far, to both outputs.
func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stdout.String() + strings.Join(p.lines, "\n")
}

// command makes a command of the program with a clean environment and a folder of its own.
func command(dir string, env []string, args ...string) *exec.Cmd {
	cmd := exec.Command("magpie", args...)
	cmd.Dir = dir
	for _, v := range os.Environ() {
		if strings.HasPrefix(v, storetest.Conflicts+"=") || !strings.HasPrefix(v, "MAGPIE_") && !strings.HasPrefix(v, "AWS_") && !strings.HasPrefix(v, "GOMEMLIMIT=") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// start starts the program.
func start(t testing.TB, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, exited: make(chan struct{})}
	p.cond = sync.NewCond(&p.mu)
	cmd.Stdout = &p.stdout
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go p.collect(stderr)
	t.Cleanup(func() {
		p.signal(syscall.SIGKILL)
		<-p.exited
		if t.Failed() && !p.killed {
			t.Logf("%s\n%s", strings.Join(cmd.Args, " "), p.log())
		}
	})
	return p
}

func (p *process) collect(stderr io.Reader) {
	lines := bufio.NewScanner(stderr)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		p.mu.Lock()
		p.lines = append(p.lines, lines.Text())
		p.mu.Unlock()
		p.cond.Broadcast()
	}
	_ = p.cmd.Wait() // the state says how it ended
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	p.cond.Broadcast()
	close(p.exited)
}

// log returns the last lines of what the process wrote to standard error.
func (p *process) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines[max(0, len(p.lines)-8):], "\n")
}

// awaitLog waits for a line of the log with this message and returns its members.
func (p *process) awaitLog(msg string) map[string]any {
	p.t.Helper()
	deadline := time.AfterFunc(patience, p.cond.Broadcast)
	defer deadline.Stop()
	began := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := 0; ; {
		for ; i < len(p.lines); i++ {
			var line map[string]any
			if json.Unmarshal([]byte(p.lines[i]), &line) == nil && line["msg"] == msg {
				return line
			}
		}
		if p.ended || time.Since(began) >= patience {
			p.t.Fatalf("no %q in the log of %s (ended: %t):\n%s", msg, strings.Join(p.cmd.Args, " "), p.ended, strings.Join(p.lines, "\n"))
		}
		p.cond.Wait()
	}
}

func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) } // it may have ended

// kill ends the process as a power cut would, and waits for its end.
func (p *process) kill() {
	p.killed = true
	p.signal(syscall.SIGKILL)
	<-p.exited
}

// wait waits for the end and returns the exit code; -1 for a signal.
func (p *process) wait() int {
	p.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.t.Fatalf("%s does not end:\n%s", strings.Join(p.cmd.Args, " "), p.log())
	}
	return p.cmd.ProcessState.ExitCode()
}

// stop ends the process gracefully; it may have been asked to already.
func (p *process) stop() {
	p.t.Helper()
	if !p.asked {
		p.asked = true
		p.signal(syscall.SIGTERM)
	}
	if code := p.wait(); code != 0 {
		p.t.Fatalf("exit code %d after SIGTERM:\n%s", code, p.log())
	}
}

// A serving is a server that answers.
type serving struct {
	*process
	endpoint string // http://HOST:PORT
	ops      string
	dir      string // the data folder
}

// anyPort are the flags that let the system choose the ports.
var anyPort = []string{"--listen", "127.0.0.1:0", "--ops", "127.0.0.1:0"}

// serve starts a server on a data folder and waits until it serves.
func serve(t testing.TB, data string, args ...string) *serving {
	t.Helper()
	return serveWith(t, nil, data, args...)
}

// serveWith is serve with environment variables.
func serveWith(t testing.TB, env []string, data string, args ...string) *serving {
	t.Helper()
	p := start(t, command(filepath.Dir(data), env, append(append([]string{"serve", "--data", data}, anyPort...), args...)...))
	return awaitServing(p, data)
}

func awaitServing(p *process, data string) *serving {
	p.t.Helper()
	line := p.awaitLog("serving")
	return &serving{p, fmt.Sprintf("http://%s", line["listen"]), fmt.Sprintf("http://%s", line["ops"]), data}
}

// get asks the ops port, with the status and the text of the answer.
func get(t testing.TB, url string) (int, string) {
	t.Helper()
	status, text, err := tryGet(url)
	if err != nil {
		t.Fatal(err)
	}
	return status, text
}

func tryGet(url string) (int, string, error) {
	resp, err := http.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// fails runs the program to its end and returns what it wrote to standard error; its exit code must be 1.
func fails(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	p := start(t, cmd)
	if code := p.wait(); code != exitError {
		t.Errorf("exit code %d, want %d", code, exitError)
	}
	if out := p.stdout.String(); out != "" {
		t.Errorf("standard output: %s", out)
	}
	return p.log()
}

// succeeds runs the program to its end and returns its standard output; its exit code must be 0.
func succeeds(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, exit.Stderr)
	} else if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
