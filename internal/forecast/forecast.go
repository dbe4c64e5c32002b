// Package forecast says what it would cost to read objects, from what a listing tells of them and from some that were read as a sample. It does
// no I/O and has no clock: whoever uses it lists, reads and measures.
//
// # The formula
//
// Objects are of kinds k (formats, by their extension). With N(k) objects of B(k) bytes to be read, an overhead of o seconds for each object and a
// rate of r(k) seconds for each byte, the work is
//
//	work = sum over k of N(k)*o + B(k)*r(k)
//
// and the time is work/p, but no less than the largest object takes alone, since one worker reads an object, or a part of one where jobs read large
// objects in parts. All of these are measured on the
// sample, which is read by as many workers as would read the whole:
//
//	o    = the median time of the objects in the sample that have less than SmallObject bytes; without such, the shortest time of any
//	r(k) = what the objects of the kind took beyond o, over their bytes; of a kind without a sample, that of all kinds together
//	p    = the sum of the times of all objects in the sample over the time that reading it took; at least 1, at most the workers
//
// # The range
//
// The sample is small, so each rate has a factor of doubt u(k), and the range is [r(k)/u(k), r(k)*u(k)]. With s(k) the standard deviation of the
// rates of single objects around r(k), weighted by their bytes, and n(k) their number, u(k) = 1 + max(LeastDoubt, 2*s(k)/(r(k)*sqrt(n(k)))); one
// object gives u = 2. A kind without a sample has the range of all measured kinds, from the quickest to the slowest, and if its objects are
// compressed ten times as much upwards: how far they expand shows only when they are read. The same holds for o and p: o has the doubt 1+LeastDoubt.
package forecast

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/extract"
)

// LeastDoubt is by how much a measured speed is doubted at least: what the same work differs by on a machine that is not alone.
const LeastDoubt = 0.5

// SmallObject is below how many bytes the time of an object is that of opening it.
const SmallObject = 16 << 10

// expansion is how much further the time of compressed objects that nobody has read may lie.
const expansion = 10

// Unknown is the kind of objects whose extension no format has: their content decides.
const Unknown = "unknown"

// Kinds knows the kinds of objects by their extension.
type Kinds struct {
	byExtension map[string]*extract.Format
	limits      extract.Limits
	alone       func(size int64) int64
}

// NewKinds makes Kinds of the formats that are read, within the limits that it is done with. Of several formats with an extension the first
// counts. alone says how many bytes one worker reads of an object of that size that can be read in parts; nil if each is read whole.
func NewKinds(formats []extract.Format, limits extract.Limits, alone func(size int64) int64) *Kinds {
	if limits.TextBytes <= 0 {
		limits.TextBytes = extract.DefaultLimits().TextBytes
	}
	k := &Kinds{map[string]*extract.Format{}, limits, alone}
	for i := range formats {
		for _, e := range formats[i].Extensions {
			if k.byExtension[e] == nil {
				k.byExtension[e] = &formats[i]
			}
		}
	}
	return k
}

// Of returns the kind of an object by its key.
func (k *Kinds) Of(key string) string {
	if f := k.format(key); f != nil {
		return f.Name
	}
	return Unknown
}

func (k *Kinds) format(key string) *extract.Format {
	return k.byExtension[strings.ToLower(extract.Extension(key))]
}

// TooLarge returns the reason for which an object of so many bytes is not read, by the quota of its kind and the limit that was asked for (0 is
// none); "" if there is none. Its content may show that it is of another kind.
func (k *Kinds) TooLarge(key string, size, limit int64) extract.Reason {
	f := k.format(key)
	quota := int64(math.MaxInt64)
	switch {
	case f != nil && f.Split != nil:
		quota = k.limits.TextBytes
	case f != nil && f.MaxBytes > 0:
		quota = f.MaxBytes
	}
	if limit > 0 {
		quota = min(quota, limit)
	}
	switch {
	case size <= quota:
		return ""
	case f != nil && f.Archive:
		return extract.ArchiveExceedsSizeLimit
	}
	return extract.FileExceedsSizeLimit
}

// Alone returns how many bytes of an object one worker reads, while others may read the rest.
func (k *Kinds) Alone(key string, size int64) int64 {
	if f := k.format(key); f == nil || f.Split == nil || k.alone == nil {
		return size
	}
	return k.alone(size)
}

// Compressed says whether objects of a kind hold more than their bytes: how much shows when they are read.
func Compressed(kind string) bool { return compressed[kind] }

// Streamed says whether the beginning of an object of a kind can be read without its end.
func Streamed(kind string) bool { return streamed[kind] }

var (
	compressed = names("gzip bzip2 zstd xz lz4 snappy lzip lzma compress snappyblocks 7z zip rpm xlsx docx pptx odt ods odp odg parquet avro orc pdf")
	streamed   = names("gzip bzip2 zstd xz lz4 snappy lzip lzma compress tar cpio ar mbox eml sql jsonl json csv tsv html xml yaml ini toml plaintext rtf avro unknown")
)

func names(list string) map[string]bool {
	set := map[string]bool{}
	for _, n := range strings.Fields(list) {
		set[n] = true
	}
	return set
}

// An Amount is a number of objects with their bytes as stored.
type Amount struct {
	Objects int64 `json:"objects"`
	Bytes   int64 `json:"bytes"`
}

func (a *Amount) add(b Amount) {
	a.Objects += b.Objects
	a.Bytes += b.Bytes
}

// A Tally is what there is to read and what is not going to be read. The zero value is nothing.
type Tally struct {
	Read    Amount            // what would be read
	Kinds   map[string]Amount // the same by kind
	Doubted Amount            // of what would be read, what has the extension of a type that is not: the content decides
	Left    Amount            // what the sample that was asked for, or a scope, leaves out
	NotRead map[string]Amount // what cannot be read, by reason
	Largest map[string]int64  // the bytes of the largest object to be read of each kind
	Alone   map[string]int64  // the most bytes of each kind that one worker has to read of one object
	Unsized int64             // objects to be read whose size is not known; their bytes are missing
	Hidden  int64             // keys or folders that could not be listed
}

// Add counts an object to be read; size is negative if it is not known. One worker reads alone bytes of it.
func (t *Tally) Add(kind string, size, alone int64) {
	if size < 0 {
		t.Unsized++
		size, alone = 0, 0
	}
	a := Amount{1, size}
	t.Read.add(a)
	into(&t.Kinds, kind, a)
	most(&t.Largest, kind, size)
	most(&t.Alone, kind, alone)
}

// Refuse counts an object that cannot be read.
func (t *Tally) Refuse(reason string, size int64) {
	into(&t.NotRead, reason, Amount{1, max(size, 0)})
}

// Doubt counts an object to be read once more, whose extension is of a type that is not read.
func (t *Tally) Doubt(size int64) { t.Doubted.add(Amount{1, max(size, 0)}) }

// Leave counts an object that is left out on purpose.
func (t *Tally) Leave(size int64) { t.Left.add(Amount{1, max(size, 0)}) }

// Merge adds another tally.
func (t *Tally) Merge(o *Tally) {
	t.Read.add(o.Read)
	t.Left.add(o.Left)
	t.Doubted.add(o.Doubted)
	for k, a := range o.Kinds {
		into(&t.Kinds, k, a)
	}
	for k, a := range o.NotRead {
		into(&t.NotRead, k, a)
	}
	for k, n := range o.Largest {
		most(&t.Largest, k, n)
	}
	for k, n := range o.Alone {
		most(&t.Alone, k, n)
	}
	t.Unsized += o.Unsized
	t.Hidden += o.Hidden
}

func into(m *map[string]Amount, key string, a Amount) {
	if *m == nil {
		*m = map[string]Amount{}
	}
	sum := (*m)[key]
	sum.add(a)
	(*m)[key] = sum
}

func most(m *map[string]int64, key string, n int64) {
	if *m == nil {
		*m = map[string]int64{}
	}
	(*m)[key] = max((*m)[key], n)
}

// ByBytes returns the keys of amounts, the most bytes first.
func ByBytes(m map[string]Amount) []string {
	return slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		return cmp.Or(cmp.Compare(m[b].Bytes, m[a].Bytes), cmp.Compare(m[b].Objects, m[a].Objects), strings.Compare(a, b))
	})
}

// A Sample is an object that was read, or the beginning of one.
type Sample struct {
	Kind    string
	Bytes   int64 // that were read
	Seconds float64
}

// A Measure is what reading a sample has shown.
type Measure struct {
	Samples []Sample
	Seconds float64 // that reading all of them took
	Workers int     // how many read at a time, at least 1
	// Rate is a rate to start from where there is no sample, in seconds for each byte and worker: what detection takes for text in memory.
	Rate float64
}

// An Estimate is a time in seconds: the most likely one and the range around it.
type Estimate struct{ Low, Likely, High float64 }

// A speed is what was measured of a kind: seconds for each byte, and the ends of the range.
type speed struct{ low, likely, high float64 }

// speeds are what an estimate rests on.
type speeds struct {
	overhead float64
	parallel float64
	byKind   map[string]speed
	others   speed // of kinds without a sample
	guessed  bool  // there was no sample at all
}

// Of estimates how long reading what a tally counts takes. Nothing takes no time; more of anything never takes less.
func (m *Measure) Of(t *Tally) Estimate {
	s := m.speeds()
	var work, alone Estimate
	for _, kind := range slices.Sorted(maps.Keys(t.Kinds)) {
		a := t.Kinds[kind]
		v := s.of(kind)
		of := func(objects, bytes int64) Estimate {
			n, b := float64(objects)*s.overhead, float64(bytes)
			return Estimate{n/(1+LeastDoubt) + b*v.low, n + b*v.likely, n*(1+LeastDoubt) + b*v.high}
		}
		w := of(a.Objects, a.Bytes)
		work = Estimate{work.Low + w.Low, work.Likely + w.Likely, work.High + w.High}
		one := of(min(a.Objects, 1), t.Alone[kind])
		alone = Estimate{max(alone.Low, one.Low), max(alone.Likely, one.Likely), max(alone.High, one.High)}
	}
	workers := float64(max(m.Workers, 1))
	return Estimate{max(work.Low/workers, alone.Low), max(work.Likely/s.parallel, alone.Likely), max(work.High/s.parallel, alone.High)}
}

// Measured says how many objects of the sample are of a kind.
func (m *Measure) Measured(kind string) (n int) {
	for _, s := range m.Samples {
		if s.Kind == kind {
			n++
		}
	}
	return n
}

func (s *speeds) of(kind string) speed {
	if v, ok := s.byKind[kind]; ok {
		return v
	}
	v := s.others
	if Compressed(kind) {
		v.high *= expansion
	}
	return v
}

func (m *Measure) speeds() speeds {
	s := speeds{parallel: 1, byKind: map[string]speed{}}
	if len(m.Samples) == 0 {
		// The speed of the source is not known at all: it may be as good as nothing beside detection, or ten times as slow.
		s.others, s.guessed = speed{m.Rate, m.Rate, m.Rate * expansion}, true
		s.parallel = float64(max(m.Workers, 1))
		return s
	}
	s.overhead = overhead(m.Samples)
	var all, beyond, sum float64
	kinds := map[string][]Sample{}
	for _, o := range m.Samples {
		kinds[o.Kind] = append(kinds[o.Kind], o)
		all += float64(o.Bytes)
		beyond += max(o.Seconds-s.overhead, 0)
		sum += o.Seconds
	}
	if m.Seconds > 0 {
		s.parallel = min(max(sum/m.Seconds, 1), float64(max(m.Workers, 1)))
	}
	likely := m.Rate
	if all > 0 {
		likely = beyond / all
	}
	s.others = speed{likely, likely, likely}
	for kind, samples := range kinds {
		v, ok := rate(samples, s.overhead)
		if !ok {
			continue // they are all empty
		}
		s.byKind[kind] = v
		s.others.low, s.others.high = min(s.others.low, v.low), max(s.others.high, v.high)
	}
	return s
}

// overhead is what an object takes, however small.
func overhead(samples []Sample) float64 {
	var small []float64
	least := math.Inf(1)
	for _, o := range samples {
		least = min(least, o.Seconds)
		if o.Bytes < SmallObject {
			small = append(small, o.Seconds)
		}
	}
	if len(small) == 0 {
		return least
	}
	slices.Sort(small)
	return small[len(small)/2]
}

// rate is what a byte takes in the samples of a kind; ok is false if they have none.
func rate(samples []Sample, overhead float64) (v speed, ok bool) {
	var bytes, seconds float64
	for _, o := range samples {
		bytes += float64(o.Bytes)
		seconds += max(o.Seconds-overhead, 0)
	}
	if bytes == 0 {
		return speed{}, false
	}
	r := seconds / bytes
	doubt := 1.0
	if n := len(samples); n > 1 && r > 0 {
		var variance float64
		for _, o := range samples {
			if o.Bytes > 0 {
				d := max(o.Seconds-overhead, 0)/float64(o.Bytes) - r
				variance += d * d * float64(o.Bytes) / bytes
			}
		}
		doubt = max(LeastDoubt, 2*math.Sqrt(variance/float64(n))/r)
	}
	return speed{r / (1 + doubt), r, r * (1 + doubt)}, true
}
