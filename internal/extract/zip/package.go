package zip

import (
	"bufio"
	"io"
	"slices"
	"strings"

	"github.com/klauspost/compress/flate"

	"github.com/magpie-sec/magpie/internal/extract"
)

// A Package is a zip file that is one document: its members are parts that are known by their names (Office Open XML, OpenDocument).
type Package struct {
	dir   *directory
	parts map[string]*entry
	used  int64
	// More says that the package has more parts than were wanted at most.
	More bool
}

// maxPartNames is how many bytes of names of parts are kept.
const maxPartNames = 2 << 20

// OpenPackage lists the parts whose names keep wants, at most so many. Names are compared in lower case, with slashes.
func OpenPackage(r io.ReaderAt, size int64, most int, keep func(name string) bool) (*Package, error) {
	d, err := openDirectory(r, size)
	if err != nil {
		return nil, err
	}
	p := &Package{dir: d, parts: map[string]*entry{}}
	names := 0
	err = d.walk(func(e *entry) error {
		name := partName(e.name)
		if e.directoryEntry || !keep(name) {
			return nil
		}
		if names += len(name); len(p.parts) >= most || names > maxPartNames {
			p.More = true
			return nil
		}
		e.name = ""
		if p.parts[name] == nil {
			p.parts[name] = e
		}
		return nil
	})
	return p, err
}

func partName(name string) string {
	return strings.TrimPrefix(strings.ToLower(strings.ReplaceAll(name, `\`, "/")), "/")
}

// Below returns the names of the parts in the folders of a name, wherever these stand, in order.
func (p *Package) Below(folder string) []string {
	var names []string
	for name := range p.parts {
		if strings.Contains("/"+name, "/"+folder+"/") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Has says whether there is such a part.
func (p *Package) Has(name string) bool { return p.parts[partName(name)] != nil }

// Size is what the directory says of a part's size when unpacked, 0 if there is no such part.
func (p *Package) Size(name string) int64 {
	if e := p.parts[partName(name)]; e != nil {
		return e.size
	}
	return 0
}

// Open returns a part unpacked, nil if there is none of that name. A part can be read once: then it is gone, so that a document in which
// everything refers to one large part costs no more than that part. The reader checks size and checksum.
func (p *Package) Open(name string) (io.Reader, error) {
	name = partName(name)
	e := p.parts[name]
	if e == nil {
		return nil, nil
	}
	delete(p.parts, name)
	if e.flags&flagEncrypted != 0 || e.method != stored && e.method != deflated {
		return nil, &extract.Problem{Reason: extract.UnsupportedFileType, Detail: "a part is encrypted, or compressed in another way"}
	}
	if p.used += localSize + e.packed; p.used > p.dir.start-p.dir.base || e.packed < 0 {
		return nil, extract.Malformed("parts overlap")
	}
	data, err := p.dir.data(e)
	if err != nil {
		return nil, err
	}
	if e.method == deflated {
		data = flate.NewReader(bufio.NewReaderSize(data, 16<<10))
	} else {
		data = bufio.NewReaderSize(data, 16<<10)
	}
	return &checked{r: data, entry: e}, nil
}
