package extract

import "time"

// Limits bound what one object may cost. A zero member means its default, which is Macie's published quota where there is one.
type Limits struct {
	// Time is how long one object may take, measured with Extractor.Now: 10 hours. Then TIME_CUT_OFF_REACHED, keeping what was read.
	Time time.Duration
	// Depth is how many archives may stand in one another, the object itself included: 10.
	Depth int
	// Members is how many members may be extracted in all from one object: 1,000,000.
	Members int64
	// ExtractedBytes is how much may be extracted from one object, counted for each level of nesting by itself: 10 GB.
	ExtractedBytes int64
	// MemberBytes is how large an extracted member may be: 3 GB.
	MemberBytes int64
	// Ratio and RatioFrom stop bombs early: beyond RatioFrom extracted bytes (100 MiB) no level of nesting may have yielded more than
	// Ratio (500) times the bytes read of the object so far. Deflate ends at 1032:1, which only constant data comes near; logs lie between
	// 5:1 and 100:1, the most repetitive ones at 200:1. Macie has no such rule; its reason is that of ExtractedBytes.
	Ratio     int64
	RatioFrom int64
	// JSONDepth is how deep JSON may be nested: 256.
	JSONDepth int
	// ObjectBytes is how large an object may be, when smaller than the quota of its format: no limit.
	ObjectBytes int64
	// TextBytes is how large plain text, a table of text and JSON Lines may be, the formats that can be read in parts: 20 GB.
	TextBytes int64
	// SpoolMemory is up to which size a document that needs random access is kept in memory rather than in Extractor.Spool: 1 MiB.
	SpoolMemory int64
}

// DefaultLimits returns the limits with every member set.
func DefaultLimits() Limits { return Limits{}.withDefaults() }

func (l Limits) withDefaults() Limits {
	def(&l.Time, 10*time.Hour)
	def(&l.Depth, 10)
	def(&l.Members, 1_000_000)
	def(&l.ExtractedBytes, 10*GB)
	def(&l.MemberBytes, 3*GB)
	def(&l.Ratio, 500)
	def(&l.RatioFrom, 100<<20)
	def(&l.JSONDepth, 256)
	def(&l.ObjectBytes, 1<<63-1)
	def(&l.TextBytes, 20*GB)
	def(&l.SpoolMemory, 1<<20)
	return l
}

func def[T int | int64 | time.Duration](v *T, value T) {
	if *v <= 0 {
		*v = value
	}
}

// GB is the unit of Macie's quotas, read as the larger of the two meanings.
const GB = 1 << 30
