package forecast

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/formats"
)

func tallyOf(objects map[string][]int64) *Tally {
	t := &Tally{}
	for kind, sizes := range objects {
		for _, s := range sizes {
			t.Add(kind, s, s)
		}
	}
	return t
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-9*max(1, math.Abs(want)) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// TestKnown works the formula out by hand.
func TestKnown(t *testing.T) {
	// An overhead of 0.01 s; csv 1 s for 1 MB and 1 s for 1 MB (one doubted, none differs), json 1 s for 0.5 MB; two workers, always both busy.
	m := &Measure{Workers: 2, Seconds: 1.52, Samples: []Sample{
		{"csv", 1_000_000, 1.01}, {"csv", 1_000_000, 1.01}, {"json", 500_000, 1.01}, {"csv", 0, 0.01},
	}}
	got := m.Of(tallyOf(map[string][]int64{"csv": {4_000_000, 2_000_000, 2_000_000}, "json": {1_000_000}}))
	// work = 4*0.01 + 8e6*1e-6 + 1e6*2e-6 = 10.04; p = 3.04/1.52 = 2
	near(t, "likely", got.Likely, 5.02)
	// The three objects of csv do not differ; one object of json is doubted twice.
	near(t, "low", got.Low, (4*0.01/1.5+8/1.5+2/2.0)/2)
	near(t, "high", got.High, (4*0.01*1.5+8*1.5+2*2)/2)

	// One object cannot be read by two workers.
	got = m.Of(tallyOf(map[string][]int64{"csv": {10_000_000}}))
	near(t, "one object", got.Likely, 10.01)

	// A kind that was not read has the range of those that were; a compressed one may take ten times as long.
	got = m.Of(tallyOf(map[string][]int64{"yaml": {1_000_000, 1_000_000}}))
	near(t, "unread: likely", got.Likely, (2*0.01+2*3/2.5)/2)
	near(t, "unread: low", got.Low, (2*0.01/1.5+2/1.5)/2)
	near(t, "unread: high", got.High, (2*0.01*1.5+2*4)/2)
	zipped := m.Of(tallyOf(map[string][]int64{"zip": {1_000_000, 1_000_000}}))
	near(t, "unread and compressed: likely", zipped.Likely, got.Likely)
	near(t, "unread and compressed: high", zipped.High, (2*0.01*1.5+2*40)/2)

	// Without a sample only the speed of detection is known.
	got = (&Measure{Workers: 4, Rate: 1e-6}).Of(tallyOf(map[string][]int64{"csv": {4_000_000, 4_000_000, 4_000_000, 4_000_000}}))
	if got != (Estimate{4, 4, 40}) {
		t.Errorf("without a sample: %+v", got)
	}
}

func TestNothing(t *testing.T) {
	for _, m := range []*Measure{{}, {Workers: 8, Rate: 1}, {Workers: 2, Seconds: 1, Samples: []Sample{{"csv", 100, 1}}}, {Samples: []Sample{{"csv", 0, 0}}}} {
		if got := m.Of(&Tally{}); got != (Estimate{}) {
			t.Errorf("nothing takes %+v", got)
		}
	}
}

// TestMonotone holds estimates to what they promise, for any sample and tally: an ordered range of finite numbers, and more of anything never
// takes less.
func TestMonotone(t *testing.T) {
	kinds := []string{"csv", "json", "gzip", "pdf", Unknown}
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom(kinds)
		size := rapid.Int64Range(0, 1<<40)
		m := &Measure{Workers: rapid.IntRange(0, 64).Draw(t, "workers"), Seconds: rapid.Float64Range(0, 100).Draw(t, "seconds"),
			Rate: rapid.Float64Range(0, 1).Draw(t, "rate")}
		for range rapid.IntRange(0, 6).Draw(t, "samples") {
			m.Samples = append(m.Samples, Sample{kind.Draw(t, "kind"), size.Draw(t, "bytes"), rapid.Float64Range(0, 100).Draw(t, "seconds")})
		}
		tally := &Tally{}
		last := Estimate{}
		for range rapid.IntRange(0, 12).Draw(t, "objects") {
			n := size.Draw(t, "size")
			tally.Add(kind.Draw(t, "kind"), n, n)
			got := m.Of(tally)
			if !(got.Low <= got.Likely && got.Likely <= got.High) || math.IsInf(got.High, 0) || got.Low < 0 {
				t.Fatalf("no range: %+v", got)
			}
			if slack := 1 - 1e-12; got.Low < last.Low*slack || got.Likely < last.Likely*slack || got.High < last.High*slack {
				t.Fatalf("more takes less: %+v after %+v", got, last)
			}
			last = got
		}
	})
}

// TestModel measures objects of a machine that is as the formula says, but for noise, and holds the truth to lie in the range nearly always.
func TestModel(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	rates := map[string]float64{"csv": 8e-9, "json": 6e-9, "gzip": 40e-9}
	cost := func(kind string, size int64) float64 {
		return (0.004 + float64(size)*rates[kind]) * (1 + 0.3*random.NormFloat64()*0.5)
	}
	inside := 0
	const rounds = 200
	for range rounds {
		tally, truth := &Tally{}, 0.0
		m := &Measure{Workers: 1}
		for range 400 {
			kind := []string{"csv", "json", "gzip"}[random.IntN(3)]
			size := int64(math.Exp(8 + 8*random.Float64()))
			tally.Add(kind, size, size)
			c := cost(kind, size)
			truth += c
			if random.IntN(20) == 0 {
				m.Samples = append(m.Samples, Sample{kind, size, c})
				m.Seconds += c
			}
		}
		if e := m.Of(tally); e.Low <= truth && truth <= e.High {
			inside++
		}
	}
	if inside < rounds*9/10 {
		t.Errorf("the truth lies in %d of %d ranges", inside, rounds)
	}
}

func TestKinds(t *testing.T) {
	k := NewKinds(formats.All(), extract.Limits{}, nil)
	for key, want := range map[string]string{"a/b.CSV": "csv", "x.jsonl": "jsonl", "x.json.gz": "gzip", "x.tar": "tar", "x.pdf": "pdf", "photo.JPG": "jpeg",
		"README": Unknown, "x.exe": Unknown, "": Unknown, "a.b/": Unknown} {
		if got := k.Of(key); got != want {
			t.Errorf("%q is %s, want %s", key, got, want)
		}
	}
	for _, v := range []struct {
		key         string
		size, limit int64
		want        extract.Reason
	}{
		{"a.csv", 20 << 30, 0, ""}, {"a.csv", 20<<30 + 1, 0, extract.FileExceedsSizeLimit}, {"a.zip", 8<<30 + 1, 0, extract.ArchiveExceedsSizeLimit},
		{"a.csv", 11, 10, extract.FileExceedsSizeLimit}, {"a.zip", 11, 10, extract.ArchiveExceedsSizeLimit}, {"a.csv", 10, 10, ""},
		{"a", 1 << 60, 0, ""}, {"a", 11, 10, extract.FileExceedsSizeLimit}, {"a", -1, 10, ""},
	} {
		if got := k.TooLarge(v.key, v.size, v.limit); got != v.want {
			t.Errorf("%s of %d bytes, limit %d: %q, want %q", v.key, v.size, v.limit, got, v.want)
		}
	}
	known := map[string]bool{Unknown: true}
	for _, f := range formats.All() {
		known[f.Name] = true
	}
	for _, set := range []map[string]bool{compressed, streamed} {
		for name := range set {
			if !known[name] {
				t.Errorf("there is no format %q", name)
			}
		}
	}
}

func TestTally(t *testing.T) {
	a, b := tallyOf(map[string][]int64{"csv": {5, 7}}), tallyOf(map[string][]int64{"csv": {1}, "json": {2, -1}})
	a.Refuse("INVALID_OBJECT_STATE", 9)
	b.Refuse("INVALID_OBJECT_STATE", -1)
	b.Leave(4)
	b.Hidden = 2
	a.Merge(b)
	if a.Read != (Amount{5, 15}) || a.Kinds["csv"] != (Amount{3, 13}) || a.Kinds["json"] != (Amount{2, 2}) || a.NotRead["INVALID_OBJECT_STATE"] != (Amount{2, 9}) ||
		a.Left != (Amount{1, 4}) || a.Unsized != 1 || a.Hidden != 2 || a.Largest["csv"] != 7 {
		t.Errorf("%+v", a)
	}
	var c Tally
	c.Merge(a)
	if got := ByBytes(c.Kinds); len(got) != 2 || got[0] != "csv" {
		t.Errorf("%v", got)
	}
}

func TestText(t *testing.T) {
	a := Text(100_000)
	if len(a) != 100_000 || !bytes.Equal(a, Text(100_000)) || bytes.Count(a, []byte("\n")) < 500 {
		t.Errorf("%d bytes, %d lines", len(a), bytes.Count(a, []byte("\n")))
	}
}

// TestParts forecasts a large table that several workers read: up to the limit that is configured, and in less time than one worker takes.
func TestParts(t *testing.T) {
	const block, size = 64 << 20, 50 << 30
	k := NewKinds(formats.All(), extract.Limits{TextBytes: size}, func(n int64) int64 { return min(n, block) })
	for key, want := range map[string]int64{"a.csv": block, "a.jsonl": block, "a.log": block, "a.zip": size, "a": size} {
		if got := k.Alone(key, size); got != want {
			t.Errorf("of %s one worker reads %d, want %d", key, got, want)
		}
	}
	if a, b := k.TooLarge("a.csv", size, 0), k.TooLarge("a.csv", size+1, 0); a != "" || b != extract.FileExceedsSizeLimit {
		t.Errorf("a table of the limit: %q, and of one byte more: %q", a, b)
	}
	m := Measure{Workers: 4, Rate: 0.5 / (1 << 20)}
	var whole, parts Tally
	whole.Add("csv", size, size)
	parts.Add("csv", size, block)
	if a, b := m.Of(&whole), m.Of(&parts); a.Likely != 25600 || b.Likely != 6400 || b.Low >= a.Low || b.High >= a.High {
		t.Errorf("read whole: %+v, in parts by four workers: %+v", a, b)
	}
}
