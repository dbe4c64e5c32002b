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
	"strings"
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
// that tells of them, and waits in the store from the commit on; an Exporter takes complete files to where the tenant wants them.
//
// Which file tells of an object is settled before the object is read, so that a run leaves the same files however often its workers die: the objects
// of a page share files by their numbers in it, each commit adding a part, and an object of which much is to be told has a file, or a folder of
// files, to itself.

// How much of results is taken together.
const (
	// commitWeight is how much outcomes may weigh (see weight) before they are committed.
	commitWeight = 50_000
	// exportObjects is how many objects of a page share a file.
	exportObjects = commitObjects
	// exportWeight is how much an outcome weighs that has a file to itself.
	exportWeight = 2_000
	// exportFileBytes is how many bytes of records make a file of a folder complete. A file is held in memory, compressed, when it is written.
	exportFileBytes = 8 << 20
	// exportFolderBytes is how many bytes of its members' kept results make an archive large: it has a folder of files to itself.
	exportFolderBytes = 4 << 20
)

// A resultsPlace says where in its run a commit's outcomes stand: they are the objects of a shard from the first on, and the last of them or not.
// The zero place is of outcomes that share a file among themselves and with no others.
type resultsPlace struct {
	shard string
	first int
	last  bool
}

// placeInPage is the place of outcomes with which the first done objects of an attempt's page are dealt with.
func placeInPage(a *job.Attempt, done, outcomes int) (resultsPlace, error) {
	objects, err := pageOf(a.Payload)
	if err != nil {
		return resultsPlace{}, job.Permanent(err)
	}
	return resultsPlace{shard: a.Key, first: done - outcomes, last: done >= len(objects)}, nil
}

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
	tenant   store.Tenant
	run      string
	findings [][]byte
	now      int64
	parts    []packedPart
	body     spill    // the parts, one behind the other
	complete []string // shared files to which nothing more will come
}

// A packedPart is a part of a file.
type packedPart struct {
	file        string
	destination []byte // JSON of where it is to go; nil if nobody wants it yet
	number      int64
	open        bool // more parts will come
	records     int64
	from, end   int64 // in the body
}

// pack writes down the findings and the records of outcomes, which end with it.
func (w *Worker) pack(ctx context.Context, j *activeJob, at resultsPlace, outcomes []objectOutcome) (_ *packed, err error) {
	now := wire.TimeOf(w.cfg.Now())
	p := &packer{j: j, at: at, now: now, packed: &packed{
		tenant: j.run.Tenant, run: j.run.JobID + "/" + j.run.RunID, now: w.cfg.Now().UnixMilli(), body: spill{open: w.cfg.Extractor.Spool},
	}}
	defer func() {
		for i := range outcomes {
			if m := outcomes[i].members; m != nil {
				m.close()
			}
		}
		p.release()
		if err != nil {
			p.packed.close()
		}
	}()
	if len(outcomes) == 0 {
		return p.packed, nil
	}
	p.first = &outcomes[0]
	err = w.cfg.DB.View(ctx, func(tx store.Tx) (err error) {
		p.destination, err = exportDestination(ctx, tx, j.run.Tenant)
		if err != nil || at.shard == "" || at.first%exportObjects == 0 {
			return err
		}
		begun, err := store.ExportDestination(ctx, tx, j.run.Tenant, p.shared(at.first))
		switch {
		case errors.Is(err, store.ErrNotFound): // all before have files to themselves
			return nil
		case err != nil:
			return err
		}
		p.begun = true // the file goes where it was begun for
		if len(begun) > 0 {
			p.begunFor, err = readDestination(j.run.Tenant, begun)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for i := range outcomes {
		if err := j.knowBucket(ctx, w.cfg.DB, outcomes[i].result.Bucket); err != nil {
			return nil, err
		}
		if err := p.add(i, &outcomes[i]); err != nil {
			return nil, fmt.Errorf("write the record of an object: %w", err)
		}
	}
	if err := p.end(); err != nil {
		return nil, err
	}
	if at.shard == "" {
		p.complete = []string{p.shared(0)}
	} else {
		done := at.first + len(outcomes)
		for n := at.first; n < done; n += exportObjects - n%exportObjects {
			if at.last || done >= n+exportObjects-n%exportObjects {
				p.complete = append(p.complete, p.shared(n))
			}
		}
	}
	return p.packed, nil
}

// save stores files within the transaction of the results that they tell of.
func (p *packed) save(ctx context.Context, tx store.Tx) error {
	for _, part := range p.parts {
		body := make([]byte, part.end-part.from)
		if _, err := io.ReadFull(p.body.reader(part.from, part.end), body); err != nil {
			return &extract.SpoolError{Err: err}
		}
		row := store.ExportFile{Tenant: p.tenant, File: part.file, Run: p.run, Destination: part.destination, Records: part.records, NotBefore: p.now, CreatedAt: p.now}
		switch {
		case part.open:
			row.NotBefore = store.ExportOpen
		case part.destination == nil:
			row.NotBefore = store.ExportKept
		}
		if err := store.AddExport(ctx, tx, row, part.number, body); err != nil {
			return fmt.Errorf("store a file of results: %w", err)
		}
	}
	for _, file := range p.complete {
		if err := store.CloseExport(ctx, tx, p.tenant, file, p.now); err != nil {
			return fmt.Errorf("complete a file of results: %w", err)
		}
	}
	return nil
}

func (p *packed) close() { p.body.close() }

// A packer makes the files of a commit.
type packer struct {
	*packed
	j           *activeJob
	at          resultsPlace
	destination *macie2.S3Destination // nil: nobody wants the files yet
	begun       bool                  // the file that the first outcome shares has parts already
	begunFor    *macie2.S3Destination
	first       *objectOutcome
	now         wire.Time

	zip  *gzip.Writer // nil if no part is open
	part packedPart
	raw  int64 // bytes of records in it
}

var zips = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// folder is where the files of the run lie (macie.md 8.2).
func (p *packer) folder() string {
	if p.j.automated {
		return resultsFolder(p.tenant) + discoveryName + "/"
	}
	return resultsFolder(p.tenant) + p.j.run.JobID + "/"
}

// shared returns the file that the nth object of the page shares.
func (p *packer) shared(n int) string {
	if p.at.shard == "" {
		return p.folder() + resultsID(p.j.run, "commit", p.first.result.Bucket, p.first.object.Key, p.first.object.VersionID) + resultsSuffix
	}
	return p.folder() + resultsID(p.j.run, "page", p.at.shard, fmt.Sprint(n/exportObjects)) + resultsSuffix
}

// add writes down the ith outcome: its record, those of its members, and its finding.
func (p *packer) add(i int, o *objectOutcome) error {
	folder := o.members != nil && o.members.size > exportFolderBytes
	alone := folder || o.weight() >= exportWeight
	number := p.at.first + i
	destination := p.destination
	file := p.folder() + resultsID(p.j.run, "object", o.result.Bucket, o.object.Key, o.object.VersionID) + resultsSuffix
	location := file
	files := 0
	next := func() error {
		if folder {
			file = location + resultsID(p.j.run, "object", o.result.Bucket, o.object.Key, o.object.VersionID, fmt.Sprint(files)) + resultsSuffix
			files++
		}
		return p.begin(packedPart{file: file, number: int64(number), open: !alone}, destination)
	}
	switch {
	case folder:
		location = strings.TrimSuffix(file, resultsSuffix) + "/"
	case !alone:
		file = p.shared(number)
		location = file
		if p.begun && file == p.shared(p.at.first) {
			destination = p.begunFor
		}
	}
	if alone || p.zip == nil || p.part.file != file {
		if err := next(); err != nil {
			return err
		}
	}
	subject := p.j.subject(o.result.Bucket, o.object, p.now)
	subject.Location = exportLocation(destination, location)
	document := o.document
	if document == nil {
		document = &classify.Document{
			Document: extract.Document{Name: o.object.Key, Size: o.object.Size},
			Status:   extract.Result{Code: extract.Code(o.result.Status), Reason: extract.Reason(o.result.Reason)},
		}
	}
	if err := p.record(document, subject); err != nil {
		return err
	}
	if o.members != nil {
		id, n := subject.ID, uint64(0)
		err := o.members.each(p.j, document, func(member *classify.Document) error {
			if folder && p.raw >= exportFileBytes {
				if err := next(); err != nil {
					return err
				}
			}
			n++
			subject.ID = memberID(id, n)
			return p.record(member, subject)
		})
		if err != nil {
			return err
		}
	}
	if alone {
		if err := p.end(); err != nil {
			return err
		}
	}
	if o.finding != nil {
		o.finding.ClassificationDetails.DetailedResultsLocation = wire.Ptr(subject.Location)
		p.findings = append(p.findings, wire.Marshal(o.finding))
	}
	return nil
}

const resultsSuffix = ".jsonl.gz"

func (p *packer) record(d *classify.Document, s classify.Subject) error {
	line, err := d.Record(s)
	if err != nil {
		return err
	}
	p.part.records++
	p.raw += int64(len(line)) + 1
	if _, err := p.zip.Write(append(line, '\n')); err != nil {
		return &extract.SpoolError{Err: err}
	}
	return nil
}

// begin begins a part behind the one that is open, if there is one.
func (p *packer) begin(part packedPart, destination *macie2.S3Destination) error {
	if err := p.end(); err != nil {
		return err
	}
	if destination != nil {
		part.destination = wire.Marshal(destination)
	}
	part.from = p.body.size
	p.part, p.raw = part, 0
	p.zip = zips.Get().(*gzip.Writer)
	p.zip.Reset(&p.body)
	return nil
}

// end completes the part that is open, if there is one.
func (p *packer) end() error {
	if p.zip == nil {
		return nil
	}
	err := p.zip.Close()
	p.release()
	if err != nil {
		return &extract.SpoolError{Err: err}
	}
	p.part.end = p.body.size
	p.parts = append(p.parts, p.part)
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
