package records

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"
)

// The quick ways to write numbers and days write what strconv and time do.
func TestFloatAndDate(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	check := func(v float64) {
		want := strconv.FormatFloat(v, 'f', -1, 64)
		if a := math.Abs(v); a != 0 && (a < 1e-6 || a >= 1e21) {
			want = strconv.FormatFloat(v, 'e', -1, 64)
		}
		if got := string(Float(nil, v, 64)); got != want {
			t.Fatalf("%b: %s, want %s", v, got, want)
		}
	}
	for range 200_000 {
		n := r.Int64() >> r.IntN(64)
		check(float64(n))
		check(float64(n) / math.Pow10(r.IntN(8)))
		check(math.Nextafter(float64(n)/math.Pow10(r.IntN(6)), float64(r.IntN(2))*1e300))
		check(r.NormFloat64())
		if v := math.Float64frombits(r.Uint64()); !math.IsNaN(v) && !math.IsInf(v, 0) {
			check(v)
		}
	}
	for _, v := range []float64{0, math.Copysign(0, -1), 0.1, 0.3, 1e11, 99999999999.9999, 1e-5, 12345678.00001, 1e15 + 0.5} {
		check(v)
		check(-v)
	}
	for days := int64(-800_000); days < 3_000_000; days += 37 {
		if got, want := string(Date(nil, days)), time.Unix(days*86400, 0).UTC().Format(time.DateOnly); got != want {
			t.Fatalf("%d: %s, want %s", days, got, want)
		}
	}
}
