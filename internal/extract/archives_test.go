package extract_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/ulikunitz/xz/lzma"

	"github.com/magpie-sec/magpie/internal/extract"
)

// number7z writes a number of 7z in its longest form.
func number7z(n int) []byte {
	return binary.LittleEndian.AppendUint64([]byte{0xff}, uint64(n))
}

func property7z(id byte, content []byte) []byte {
	return append(append([]byte{id}, number7z(len(content))...), content...)
}

// sevenZip writes a 7z archive: packed data, and a header.
func sevenZip(packed, header []byte) []byte {
	start := binary.LittleEndian.AppendUint64(nil, uint64(len(packed)))
	start = binary.LittleEndian.AppendUint64(start, uint64(len(header)))
	start = binary.LittleEndian.AppendUint32(start, crc32.ChecksumIEEE(header))
	b := []byte("7z\xbc\xaf\x27\x1c\x00\x04")
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(start))
	return append(append(append(b, start...), packed...), header...)
}

// folder7z is the header of an archive with one folder for members of that size each.
func folder7z(coder []byte, packed, size, members int) []byte {
	h := append([]byte{1, 4, 6, 0}, number7z(1)...)
	h = append(append(append(h, 9), number7z(packed)...), 0)
	h = append(append(h, 7, 11, 1, 0, 1), coder...)
	h = append(append(append(h, 12), number7z(size*members)...), 0)
	h = append(append(h, 8, 13), number7z(members)...)
	h = append(h, 9)
	for range members - 1 {
		h = append(h, number7z(size)...)
	}
	h = append(h, 0, 0) // ends of the substreams and the streams
	names := []byte{0}
	for i := range members {
		for _, c := range fmt.Sprintf("%07d.txt", i) {
			names = append(names, byte(c), 0)
		}
		names = append(names, 0, 0)
	}
	h = append(append(h, 5), number7z(members)...)
	h = append(h, property7z(17, names)...)
	return append(h, 0, 0)
}

// decompressorLimit is what an object may take whose decompressors keep all they are allowed.
const decompressorLimit = 64 << 20

func TestSevenZipIsBounded(t *testing.T) {
	const size = 1 << 28
	var two bytes.Buffer
	w, err := lzma.Writer2Config{DictCap: 1 << 20}.NewWriter2(&two)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(w, repeated("", "bomb", size/4, "")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	bomb := two.Bytes()
	t.Logf("256 MiB in %d bytes", len(bomb))
	hugeDict := []byte{0x21, 0x21, 1, 40} // LZMA2 with a dictionary of 4 GiB
	ppmd := append([]byte{0x23, 3, 4, 1, 5, 8}, 0xff, 0xff, 0xff, 0xff)
	copied := []byte{1, 0}
	over := extract.ArchiveTotalBytesExtractedOverLimit
	const many = 300_000
	for _, c := range []struct {
		name      string
		content   []byte
		want      extract.Result
		atMost    int64
		documents int
	}{
		{"bomb.7z", sevenZip(bomb, folder7z(hugeDict, len(bomb), size, 1)), extract.Result{Code: extract.Partial, Reason: over}, 120 << 20, 2},
		{"bomb of many.7z", sevenZip(bomb, folder7z(hugeDict, len(bomb), 1<<18, 1024)), extract.Result{Code: extract.Partial, Reason: over}, 120 << 20, 0},
		{"says more than ten GB.7z", sevenZip(bomb, folder7z(hugeDict, len(bomb), size, 41)), extract.Result{Code: extract.Skipped, Reason: over}, 0, 1},
		{"model of 4 GB.7z", sevenZip(bomb, folder7z(ppmd, len(bomb), 1<<20, 2)),
			extract.Result{Code: extract.Partial, Reason: extract.ArchiveContainsUnprocessedFiles}, 0, 3},
		{"many.7z", sevenZip(make([]byte, many), folder7z(copied, many, 1, many)), extract.Result{}, many, many + 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			res, p := watchedWithin(t, extract.Object{Name: c.name, Size: int64(len(c.content)), ReaderAt: bytes.NewReader(c.content)}, extract.Limits{}, decompressorLimit)
			if c.want.Code != "" && (res.Code != c.want.Code || res.Reason != c.want.Reason) || p.Bytes > c.atMost || c.documents > 0 && p.documents != c.documents {
				t.Errorf("%+v after %d bytes of %d documents", res, p.Bytes, p.documents)
			}
		})
	}
}

// The reference is the program itself, which must be there to make the archive, too.
func BenchmarkSevenZip(b *testing.B) {
	program, err := exec.LookPath("7z")
	if err != nil {
		b.Skip("no 7z")
	}
	dir := b.TempDir()
	data := logs()
	if err := os.WriteFile(filepath.Join(dir, "a.log"), data, 0o600); err != nil {
		b.Fatal(err)
	}
	for _, method := range []string{"LZMA2", "Deflate", "BZip2"} {
		name := filepath.Join(dir, method+".7z")
		if out, err := exec.Command(program, "a", name, filepath.Join(dir, "a.log"), "-m0="+method).CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		packed, err := os.ReadFile(name)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(method+"/ours", func(b *testing.B) { bench(b, "a.7z", packed, len(data)) })
		b.Run(method+"/reference=7z", func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if err := exec.Command(program, "t", name, "-mmt=off").Run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// quineZip is Russ Cox's zip file that holds itself (research.swtch.com/zip), as archive/zip tests with it.
const quineZip = "" +
	"UEsDBBQAAAAIAAgDZDz59IlkSAEAALgBAAAHAAAAci9yLnppcAAlANr/UEsDBBQAAAAIAAgDZDz59IlkSAEAALgBAAAHAAAAci9yLnppcAAvAND/ACUA2v9Q" +
	"SwMEFAAAAAgACANkPPn0iWRIAQAAuAEAAAcAAAByL3IuemlwAC8A0P/CVI5XOQAFAPr/wlSOVzkABQD6/wAFAPr/ABQA6//CVI5XOQAFAPr/AAUA+v8AFADr" +
	"/0KIIcQAABQA6/9CiCHEAAAUAOv/QoghxAAAFADr/0KIIcQAABQA6/9CiCHEAAAAAP//AAAA//8ANADL/0KIIcQAAAAA//8AAAD//wA0AMv/QughXg8AAAD/" +
	"/wrwZmQSYcAV3OigSL9IryqzIMCblQ3EZwRCUwYGBkAABgD5/20BAAAAAELoIV4PAAAA//8K8GZkEmHAFdzooEi/SK8qsyDAm5UNxGcEQlMGBgZAAAYA+f9t" +
	"AQAAAABQSwECFAAUAAAACAAIA2Q8+fSJZEgBAAC4AQAABwAAAAAAAAAAAAAAAAAAAAAAci9yLnppcFBLBQYAAAAAAQABADUAAABtAQAAAAA="

func TestZipQuine(t *testing.T) {
	q, err := base64.StdEncoding.DecodeString(quineZip)
	if err != nil {
		t.Fatal(err)
	}
	res, p := watched(t, extract.Object{Name: "r.zip", Size: int64(len(q)), ReaderAt: bytes.NewReader(q)}, extract.Limits{})
	if res.Reason != extract.ArchiveNestingLevelOverLimit || p.documents != 11 {
		t.Errorf("%+v after %d documents", res, p.documents)
	}
}

// The references are the programs themselves, which must be there to pack, too.
func BenchmarkStreams(b *testing.B) {
	data := logs()
	for _, c := range []struct{ program, ext string }{{"bzip2", "bz2"}, {"xz", "xz"}, {"zstd", "zst"}, {"lz4", "lz4"}, {"lzip", "lz"}} {
		if _, err := exec.LookPath(c.program); err != nil {
			b.Logf("no %s", c.program)
			continue
		}
		pack := exec.Command(c.program, "-c")
		pack.Stdin = bytes.NewReader(data)
		packed, err := pack.Output()
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.ext+"/ours", func(b *testing.B) { bench(b, "a.log."+c.ext, packed, len(data)) })
		b.Run(c.ext+"/reference="+c.program, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				unpack := exec.Command(c.program, "-dc")
				unpack.Stdin = bytes.NewReader(packed)
				if err := unpack.Run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
