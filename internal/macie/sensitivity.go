package macie

import (
	"math"

	"github.com/magpie-sec/magpie/internal/store"
)

// Sensitivity scores with a meaning of their own (macie.md 7.3).
const (
	scoreFailed     = -1  // objects were tried, and none could be analysed
	scoreUnanalysed = 50  // nothing was tried, or the bucket cannot be read
	scoreEmpty      = 1   // there is nothing in the bucket
	scoreOverridden = 100 // set by hand
	scoreClean      = 49  // the highest score without, and two below the lowest score with sensitive data
	scoreRange      = 48
)

// Found is what a score is made of.
type found struct {
	objects    int64 // in the bucket
	classified int64 // of these: analysed, completely or in part
	skipped    int64 // of these: tried in vain
	sensitive  int64 // of the classified ones: with a detection that counts
	detections []store.DiscoveryDetection
}

// sensitivityScore is the score of a bucket that can be read, from -1 to 99. It is written down in docs/sensitivity.md.
func sensitivityScore(f found) int64 {
	switch {
	case f.classified == 0 && f.skipped == 0:
		return scoreUnanalysed
	case f.classified == 0:
		return scoreFailed
	case f.sensitive == 0:
		n := float64(f.classified)
		share := min(1, n/float64(max(f.objects, 1)))
		seen := 1 - (1-share)*math.Exp2(-n/256)
		return scoreClean - int64(math.Round(scoreRange*seen))
	}
	mass := 0.0
	for _, d := range f.detections {
		mass += float64(d.Level) * math.Log2(1+float64(d.Count))
	}
	density := float64(f.sensitive) / float64(f.classified)
	return scoreClean + 2 + int64(math.Round(scoreRange*(1-math.Exp2(-mass/20))*(1+density)/2))
}
