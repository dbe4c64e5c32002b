package macie

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"

	"github.com/klauspost/compress/gzip"

	"github.com/magpie-sec/magpie/internal/detect/custom"
	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/macie/classify"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// Discovery results are written as files of records. What a commit has to say is written down before it, since findings and records name the file
// that tells of them, and waits in the store from the commit on; an Exporter takes the files to where the tenant wants them.
//
// An object with a finding has a file to itself, or a folder of files, named by the object and the run: what a finding says does not depend on which
// worker dies when. The other objects of a commit share a file that is named by the first of them. Objects are committed once in a run, so
// that a worker that is killed leaves all files of a commit or none.

// How much of results is taken together.
const (
	// commitWeight is how much outcomes may weigh (see weight) before they are committed.
	commitWeight = 50_000
	// exportFileBytes is how many bytes of records make a file complete, behind which another begins. A file is held in memory, compressed, when it
	// is written.
	exportFileBytes = 8 << 20
	// exportTogether is how many bytes of files make a statement's worth.
	exportTogether = 256 << 10
	// exportFolderBytes is how many bytes of its members' kept results make an archive large: it has a folder.
	exportFolderBytes = 4 << 20
)

// weight measures the memory that an outcome takes until it is committed: the number of places, in some 100 bytes each.
func (o *objectOutcome) weight() int {
	weight := 0
	if o.document != nil {
		for i := range o.document.Detections {
			weight += len(o.document.Detections[i].Locations)
		}
		for i := range o.document.Custom {
			weight += len(o.document.Custom[i].Locations)
		}
	}
	if o.members != nil {
		weight += int(o.members.size / 100)
	}
	return weight
}

// members are the members of an archive, written down in their order.
type members struct {
	spill
	count int
}

func (m *members) add(d classify.Document) error {
	line, err := d.KeepMember()
	if err != nil {
		return err
	}
	m.count++
	if _, err := m.Write(append(line, '\n')); err != nil {
		return &extract.SpoolError{Err: err}
	}
	return nil
}

// each reads the members back, less what the object as a whole does not report: whether a custom data identifier reaches its lowest threshold is
// a question of the object.
func (m *members) each(j *activeJob, of *classify.Document, do func(*classify.Document) error) error {
	lines := bufio.NewReaderSize(m.reader(0, m.size), 64<<10)
	for range m.count {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return &extract.SpoolError{Err: err}
		}
		d, _, err := classify.Told(line, j.managed, j.definitions)
		if err != nil {
			return err
		}
		d.Custom = slices.DeleteFunc(d.Custom, func(c classify.CustomDetection) bool { return !reports(of, c.Definition) })
		if err := do(&d); err != nil {
			return err
		}
	}
	return nil
}

func reports(d *classify.Document, definition *custom.Definition) bool {
	return slices.ContainsFunc(d.Custom, func(c classify.CustomDetection) bool { return c.Definition == definition })
}

// A packed commit is what it writes of findings and files.
type packed struct {
	tenant      store.Tenant
	destination []byte // JSON; nil if nobody wants the files yet
	now         int64
	findings    [][]byte
	files       []packedFile
	body        spill // the files, one behind the other
}

type packedFile struct {
	name      string
	records   int64
	from, end int64 // in the body
}

// pack writes down the findings and the records of outcomes, which end with it.
func (w *Worker) pack(ctx context.Context, j *activeJob, outcomes []objectOutcome) (_ *packed, err error) {
	var to *macie2.S3Destination
	if len(outcomes) > 0 {
		err = w.cfg.DB.View(ctx, func(tx store.Tx) (err error) {
			to, err = exportDestination(ctx, tx, j.run.Tenant)
			return err
		})
	}
	if err != nil {
		for i := range outcomes {
			outcomes[i].end()
		}
		return nil, err
	}
	return w.packFor(j, outcomes, to, func(bucket string) error { return j.knowBucket(ctx, w.cfg.DB, bucket) })
}

// packFor is pack for a destination, which is nil if there is none. Know reads what is known of a bucket.
func (w *Worker) packFor(j *activeJob, outcomes []objectOutcome, to *macie2.S3Destination, know func(bucket string) error) (_ *packed, err error) {
	now := w.cfg.Now()
	p := &packer{j: j, to: to, now: wire.TimeOf(now), packed: &packed{tenant: j.run.Tenant, now: now.UnixMilli(), body: spill{open: w.cfg.Extractor.Spool}}}
	defer func() {
		for i := range outcomes {
			outcomes[i].end()
		}
		p.release()
		if err != nil {
			p.packed.close()
		}
	}()
	if p.to != nil {
		p.destination = wire.Marshal(p.to)
	}
	for _, own := range []bool{false, true} { // one file is open at a time
		for i := range outcomes {
			if o := &outcomes[i]; o.hasFile() == own {
				if err := know(o.result.Bucket); err != nil {
					return nil, err
				}
				if err := p.add(o); err != nil {
					return nil, fmt.Errorf("write the record of an object: %w", err)
				}
			}
		}
		if err := p.end(); err != nil {
			return nil, err
		}
	}
	return p.packed, nil
}

// end lets go of what an outcome holds beside memory.
func (o *objectOutcome) end() {
	if o.members != nil {
		o.members.close()
	}
}

// hasFile says whether an outcome has a file to itself.
func (o *objectOutcome) hasFile() bool { return o.finding != nil || o.hasFolder() }

// hasFolder says whether the results of an archive may need several files.
func (o *objectOutcome) hasFolder() bool {
	return o.members != nil && o.members.size > exportFolderBytes
}

// save stores files within the transaction of the results that they tell of.
func (p *packed) save(ctx context.Context, tx store.Tx) error {
	var files []store.ExportFile
	var bodies [][]byte
	size := int64(0)
	flush := func() error {
		if err := store.PutExports(ctx, tx, files, bodies); err != nil {
			return fmt.Errorf("store files of results: %w", err)
		}
		files, bodies, size = files[:0], bodies[:0], 0
		return nil
	}
	for _, f := range p.files {
		body := make([]byte, f.end-f.from)
		if _, err := io.ReadFull(p.body.reader(f.from, f.end), body); err != nil {
			return &extract.SpoolError{Err: err}
		}
		row := store.ExportFile{Tenant: p.tenant, File: f.name, Destination: p.destination, Records: f.records, NotBefore: p.now, CreatedAt: p.now}
		if p.destination == nil {
			row.NotBefore = store.ExportKept
		}
		files, bodies, size = append(files, row), append(bodies, body), size+int64(len(body))
		if size >= exportTogether {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

func (p *packed) close() { p.body.close() }

// A packer makes the files of a commit.
type packer struct {
	*packed
	j   *activeJob
	to  *macie2.S3Destination // nil: nobody wants the files yet
	now wire.Time

	records classify.Recorder

	zip  *gzip.Writer // nil if no file is open
	file packedFile
	raw  int64 // bytes of records in it
}

var zips = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, zipLevel) // never fails: the level is one
	return z
}}

// zipLevel makes files of records as small as the usual level does, in two thirds of the time: they say the same again and again.
const zipLevel = 3

// folder is where the files of the run lie (macie.md 8.2).
func (p *packer) folder() string {
	if p.j.automated {
		return resultsFolder(p.tenant) + discoveryName + "/"
	}
	return resultsFolder(p.tenant) + p.j.run.JobID + "/"
}

// add writes down an outcome: its record, those of its members, and its finding. Outcomes that share a file come one behind the other.
func (p *packer) add(o *objectOutcome) error {
	named := []string{o.result.Bucket, o.object.Key, o.object.VersionID}
	next := func() error { return p.begin(p.folder() + resultsID(p.j.run, named...) + resultsSuffix) }
	folder := ""
	if o.hasFolder() {
		folder = p.folder() + resultsID(p.j.run, append(named, "folder")...) + "/"
		files := 0
		next = func() error {
			files++
			return p.begin(folder + resultsID(p.j.run, append(named, "file", strconv.Itoa(files))...) + resultsSuffix)
		}
	}
	if p.zip == nil || o.hasFile() || p.raw >= exportFileBytes {
		if err := next(); err != nil {
			return err
		}
	}
	subject := p.j.subject(o.result.Bucket, o.object, p.now)
	subject.Location = exportLocation(p.to, p.file.name)
	if folder != "" {
		subject.Location = exportLocation(p.to, folder)
	}
	document := o.document
	if document == nil {
		document = &classify.Document{
			Document: extract.Document{Name: o.object.Key, Size: o.object.Size},
			Status:   extract.Result{Code: extract.Code(o.result.Status), Reason: extract.Reason(o.result.Reason)},
		}
	}
	if o.finding != nil {
		o.finding.ClassificationDetails.DetailedResultsLocation = wire.Ptr(subject.Location)
		p.findings = append(p.findings, wire.Marshal(o.finding))
	}
	if err := p.record(document, subject); err != nil || o.members == nil {
		return err
	}
	id, n := subject.ID, uint64(0)
	return o.members.each(p.j, document, func(member *classify.Document) error {
		if folder != "" && p.raw >= exportFileBytes {
			if err := next(); err != nil {
				return err
			}
		}
		n++
		subject.ID = memberID(id, n)
		return p.record(member, subject)
	})
}

const resultsSuffix = ".jsonl.gz"

func (p *packer) record(d *classify.Document, s classify.Subject) error {
	line, err := p.records.Record(d, s)
	if err != nil {
		return err
	}
	p.file.records++
	p.raw += int64(len(line)) + 1
	if _, err := p.zip.Write(append(line, '\n')); err != nil {
		return &extract.SpoolError{Err: err}
	}
	return nil
}

// begin begins a file behind the one that is open, if there is one.
func (p *packer) begin(name string) error {
	if err := p.end(); err != nil {
		return err
	}
	p.file, p.raw = packedFile{name: name, from: p.body.size}, 0
	p.zip = zips.Get().(*gzip.Writer)
	p.zip.Reset(&p.body)
	return nil
}

// end completes the file that is open, if there is one.
func (p *packer) end() error {
	if p.zip == nil {
		return nil
	}
	err := p.zip.Close()
	p.release()
	if err != nil {
		return &extract.SpoolError{Err: err}
	}
	p.file.end = p.body.size
	p.files = append(p.files, p.file)
	return nil
}

func (p *packer) release() {
	if p.zip != nil {
		zips.Put(p.zip)
		p.zip = nil
	}
}

// resultsID makes a UUID (RFC 9562, version 8) of something in a run: the same whoever makes it.
func resultsID(run job.RunRef, of ...string) string {
	h := sha256.New()
	for _, part := range append([]string{"results", run.Account, run.Region, run.JobID, run.RunID}, of...) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		io.WriteString(h, part)
	}
	b := h.Sum(nil)[:16]
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// memberID makes the id of the record of an archive's nth member.
func memberID(id string, n uint64) string {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(id), n))
	return fmt.Sprintf("%x", sum[:16])
}

// A spill holds bytes in memory as long as they are few, and then in a temporary file.
type spill struct {
	open   func() (extract.Spooled, error) // nil: always in memory
	size   int64
	file   extract.Spooled
	inFile int64
	memory []byte
}

// spillAt is how many bytes are held in memory.
const spillAt = 256 << 10

// Write adds bytes.
func (s *spill) Write(p []byte) (int, error) {
	s.memory = append(s.memory, p...)
	s.size += int64(len(p))
	if len(s.memory) < spillAt || s.open == nil {
		return len(p), nil
	}
	if s.file == nil {
		var err error
		if s.file, err = s.open(); err != nil {
			return 0, err
		}
	}
	n, err := s.file.Write(s.memory)
	s.inFile += int64(n)
	s.memory = s.memory[:0]
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// reader reads a range of what was written.
func (s *spill) reader(from, end int64) io.Reader {
	memory := s.memory[max(min(from, s.size)-s.inFile, 0):max(min(end, s.size)-s.inFile, 0)]
	if from >= s.inFile {
		return bytes.NewReader(memory)
	}
	return io.MultiReader(io.NewSectionReader(s.file, from, min(end, s.inFile)-from), bytes.NewReader(memory))
}

func (s *spill) close() error {
	s.memory = nil
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	return err
}

var errNoRecords = errors.New("a file of results is damaged")

// relocate writes a file of results anew, for another place: each of its records says where it is.
func relocate(body []byte, from, to *macie2.S3Destination) ([]byte, error) {
	member := func(d *macie2.S3Destination) []byte {
		quoted, _ := json.Marshal(exportLocation(d, "")) // never fails
		return append([]byte(`"detailedResultsLocation":`), bytes.TrimSuffix(quoted, []byte{'"'})...)
	}
	old, changed := member(from), member(to)
	in, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, errors.Join(errNoRecords, err)
	}
	var out bytes.Buffer
	zip := zips.Get().(*gzip.Writer)
	defer zips.Put(zip)
	zip.Reset(&out)
	lines := bufio.NewReaderSize(in, 64<<10)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			// Quotes within a text are escaped: this stands nowhere else.
			if _, err := zip.Write(bytes.Replace(line, old, changed, 1)); err != nil {
				return nil, err
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, errors.Join(errNoRecords, err)
		}
	}
	if err := zip.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
