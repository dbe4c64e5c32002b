package folder_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/folder"
)

// trees are what the benchmarks list: all files in one directory, and a hundred in each.
var trees = []struct {
	name  string
	files int
	path  func(i int) string
}{
	{"flat-1M", 1_000_000, func(i int) string { return fmt.Sprintf("object-%07d.json", (i*7919)%1_000_000) }},
	{"nested-100k", 100_000, func(i int) string { return fmt.Sprintf("%02d/%02d/object-%05d.json", i/10_000, i/100%100, i) }},
}

// plant makes a tree of empty files.
func plant(b *testing.B, files int, path func(i int) string) (root string) {
	b.Helper()
	root = b.TempDir()
	last := ""
	for i := range files {
		p := filepath.Join(root, "b", path(i))
		if dir := filepath.Dir(p); dir != last {
			must(b, os.MkdirAll(dir, 0o755))
			last = dir
		}
		f, err := os.OpenFile(p, os.O_CREATE|os.O_WRONLY, 0o644)
		must(b, err)
		must(b, f.Close())
	}
	return root
}

// BenchmarkList reports objects a second of a listing beside filepath.WalkDir with the attributes of each file, and the growth of the heap
// while a listing is at its first object (heap-MB).
func BenchmarkList(b *testing.B) {
	for _, tree := range trees {
		b.Run(tree.name, func(b *testing.B) {
			root := plant(b, tree.files, tree.path)
			b.Run("folder", func(b *testing.B) {
				d := open(b, folder.Estate, root)
				b.ReportAllocs()
				var before, at runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				for b.Loop() {
					n := 0
					for item, err := range d.List(b.Context(), "b", source.ListOptions{}) {
						if err != nil || item.Err != nil {
							b.Fatal(err, item.Err)
						}
						if n++; n == 1 {
							runtime.ReadMemStats(&at)
						}
					}
					if n != tree.files {
						b.Fatalf("%d objects", n)
					}
				}
				b.ReportMetric(float64(tree.files)*float64(b.N)/b.Elapsed().Seconds(), "objects/s")
				b.ReportMetric(float64(at.HeapInuse-before.HeapInuse)/1e6, "heap-MB")
			})
			b.Run("resume-at-last", func(b *testing.B) {
				d := open(b, folder.Estate, root)
				keys := list(b, d, "b", source.ListOptions{})
				after := source.ListOptions{After: keys[len(keys)-2]}
				for b.Loop() {
					if got := list(b, d, "b", after); len(got) != 1 {
						b.Fatalf("%d objects behind the last but one", len(got))
					}
				}
			})
			b.Run("WalkDir", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					n := 0
					must(b, filepath.WalkDir(root, func(_ string, e fs.DirEntry, err error) error {
						if err != nil || e.IsDir() {
							return err
						}
						n++
						_, err = e.Info()
						return err
					}))
					if n != tree.files {
						b.Fatalf("%d objects", n)
					}
				}
				b.ReportMetric(float64(tree.files)*float64(b.N)/b.Elapsed().Seconds(), "objects/s")
			})
		})
	}
}

// BenchmarkOpen reports objects a second of opening, reading and closing files of 1 KB.
func BenchmarkOpen(b *testing.B) {
	root := b.TempDir()
	const files = 2000
	for i := range files {
		write(b, filepath.Join(root, "b", "some", "folder", fmt.Sprint(i)), string(make([]byte, 1024)))
	}
	d := open(b, folder.Estate, root)
	keys := list(b, d, "b", source.ListOptions{})
	buf := make([]byte, 4096)
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		r, err := d.Open(b.Context(), "b", keys[i%files], source.OpenOptions{})
		must(b, err)
		for err == nil {
			_, err = r.Read(buf)
		}
		r.Close()
		i++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "objects/s")
}
