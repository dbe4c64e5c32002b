// Command fuzz runs the fuzz targets of the module for a while, two at once, with a line for each.
//
//	go run ./tools/fuzz                     30 s for each format, 5 s for each other target
//	go run ./tools/fuzz -within 5m          as many of them as that takes: another part with every commit
//	go run ./tools/fuzz -time 5m -run csv   five minutes for the formats whose package or target matches
//
// Go's own runner takes one target at a time. The targets are seeded with their packages' samples and the inputs kept in testdata/fuzz. A
// failing input is written there, and its path is printed.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"hash/fnv"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

func main() {
	o := options{}
	flag.DurationVar(&o.formats, "time", 30*time.Second, "how long each target of internal/extract runs")
	flag.DurationVar(&o.others, "others", 5*time.Second, "how long each other target runs")
	flag.DurationVar(&o.within, "within", 0, "run no more targets than fit into this time; which ones turns with the commit")
	flag.Func("run", "only targets whose package or name match", func(s string) (err error) {
		o.only, err = regexp.Compile(s)
		return err
	})
	root := flag.String("root", ".", "root of the module")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	targets, err := find(*root)
	if err == nil {
		err = run(ctx, *root, targets, o, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(1)
	}
}

type options struct {
	formats, others, within time.Duration
	only                    *regexp.Regexp
}

// A target is a fuzz target: the folder of its package below the root, and its name.
type target struct{ dir, name string }

func (t target) String() string { return t.dir + " " + t.name }

// time is how long a target runs.
func (o options) time(t target) time.Duration {
	if strings.HasPrefix(t.dir+"/", "internal/extract/") {
		return o.formats
	}
	return o.others
}

// find reads the test files: to have go test list the targets, it would have to build the tests of every package.
func find(root string) (all []target, err error) {
	err = filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (d.Name() == "testdata" || d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".")):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, decl := range f.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Fuzz") {
				all = append(all, target{filepath.ToSlash(dir), fn.Name.Name})
			}
		}
		return nil
	})
	slices.SortFunc(all, func(a, b target) int { return strings.Compare(a.String(), b.String()) })
	return all, err
}

const (
	// atOnce is how many targets run at a time. With more than there are cores, none of them would get far.
	atOnce = 2
	// overhead is what it takes to build a target and to run its seeds.
	overhead = 12 * time.Second
)

// parts divides the targets so that each part fits into the time.
func parts(targets []target, o options) [][]target {
	all := [][]target{nil}
	var sum time.Duration
	for _, t := range targets {
		d := o.time(t) + overhead
		if sum += d; o.within > 0 && sum > atOnce*o.within && all[len(all)-1] != nil {
			all, sum = append(all, nil), d
		}
		all[len(all)-1] = append(all[len(all)-1], t)
	}
	return all
}

// commit returns a number that differs from commit to commit, 0 outside of a repository.
func commit(ctx context.Context, root string) uint32 {
	cmd := exec.CommandContext(ctx, "git", "rev-parse", "HEAD")
	cmd.Dir = root
	b, err := cmd.Output()
	if err != nil {
		return 0
	}
	h := fnv.New32a()
	h.Write(b)
	return h.Sum32()
}

func run(ctx context.Context, root string, targets []target, o options, out io.Writer) error {
	if o.only != nil {
		targets = slices.DeleteFunc(targets, func(t target) bool { return !o.only.MatchString(t.String()) })
	}
	all := parts(targets, o)
	if part := int(commit(ctx, root) % uint32(len(all))); len(all) > 1 {
		fmt.Fprintf(out, "part %d of %d, %d of %d targets: another commit runs another part, make fuzz runs all\n", part+1, len(all), len(all[part]), len(targets))
		targets = all[part]
	}
	// The longest first, so that none is left alone at the end.
	slices.SortStableFunc(targets, func(a, b target) int { return int(o.time(b) - o.time(a)) })
	var (
		wait   sync.WaitGroup
		mutex  sync.Mutex
		failed []string
		queue  = make(chan target)
	)
	for range min(len(targets), atOnce) {
		wait.Go(func() {
			for t := range queue {
				line, ok := fuzz(ctx, root, t, o.time(t))
				mutex.Lock()
				fmt.Fprintln(out, line)
				if !ok {
					failed = append(failed, t.String())
				}
				mutex.Unlock()
			}
		})
	}
	for _, t := range targets {
		if ctx.Err() != nil {
			break
		}
		queue <- t
	}
	close(queue)
	wait.Wait()
	if len(failed) > 0 {
		return fmt.Errorf("%d of %d targets failed: %s", len(failed), len(targets), strings.Join(failed, ", "))
	}
	return ctx.Err()
}

var (
	executions = regexp.MustCompile(`execs: (\d+)`)
	written    = regexp.MustCompile(`Failing input written to (\S+)`)
	// seeded is how an input of the corpus is named that fails before anything new is tried.
	seeded = regexp.MustCompile(`failure while testing seed corpus entry: (\S+)`)
)

// fuzz runs a target and tells in a line how it went.
func fuzz(ctx context.Context, root string, t target, d time.Duration) (line string, ok bool) {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-fuzz", "^"+t.name+"$", "-fuzztime", d.String(), "-fuzzminimizetime", "5x",
		"-parallel", "1", "./"+t.dir)
	cmd.Dir = root
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	begun := time.Now()
	b, err := cmd.CombinedOutput()
	took := time.Since(begun).Round(time.Second)
	execs := "0"
	if all := executions.FindAllSubmatch(b, -1); len(all) > 0 {
		execs = string(all[len(all)-1][1])
	}
	switch input := written.FindSubmatch(b); {
	case err == nil:
		return fmt.Sprintf("ok    %s, %s executions, %s", t, execs, took), true
	case input != nil:
		return fmt.Sprintf("FAIL  %s: %s/%s\n%s", t, t.dir, input[1], b), false
	case endOfTime(b):
		return fmt.Sprintf("ok    %s, %s executions, %s", t, execs, took), true
	}
	if entry := seeded.FindSubmatch(b); entry != nil {
		return fmt.Sprintf("FAIL  %s: %s/testdata/fuzz/%s\n%s", t, t.dir, entry[1], b), false
	}
	return fmt.Sprintf("FAIL  %s: %v\n%s", t, err, b), false
}

// endOfTime knows what Go says now and then when the time is over within an execution: no input failed.
func endOfTime(b []byte) bool {
	return bytes.Contains(b, []byte("context deadline exceeded")) && !bytes.Contains(b, []byte("panic")) && !bytes.Contains(b, []byte("_test.go:"))
}
