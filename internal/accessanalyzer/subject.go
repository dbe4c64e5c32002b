package accessanalyzer

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/magpie-sec/magpie/internal/iam/reach"
	"github.com/magpie-sec/magpie/internal/resource"
)

// A subjectKey tells a resource from all others: an ARN need not, for stores of different owners may have buckets of the same name.
type subjectKey struct{ arn, owner string }

// A subject is a resource that an analyzer looks at, as all sources describe it that have it: mostly one.
type subject struct {
	parts []*resource.Resource
	place *place // that has the first
	away  bool   // a source that has it cannot tell about it just now
	print resource.Fingerprint
}

func (s *subject) resource() *resource.Resource { return s.parts[0] }

// analysisVersion is counted up when another version of the program makes something else of the same resource: everything is then analysed
// again.
const analysisVersion = 1

// A zoneDigest stands for everything but the resource that an analysis depends on.
type zoneDigest [sha256.Size]byte

func digestZone(z reach.Zone) zoneDigest {
	accounts := slices.Sorted(slices.Values(z.Accounts))
	return sha256.Sum256(fmt.Appendf(nil, "%d %q %q %q", analysisVersion, z.Organization, accounts, z.Paths))
}

// fingerprint is the same for subjects of which an analysis makes the same. Where a document has what it says does not count.
func (s *subject) fingerprint(zone zoneDigest) resource.Fingerprint {
	print := placeless(s.parts[0]).Fingerprint()
	for _, r := range s.parts[1:] {
		next := placeless(r).Fingerprint()
		print = sha256.Sum256(append(print[:], next[:]...))
	}
	for i := range print {
		print[i] ^= zone[i]
	}
	return print
}

// placeless is a resource without the places of its documents in files, so that a line that is put in above does not change it.
func placeless(r *resource.Resource) *resource.Resource {
	if r.Place == (resource.Place{}) && r.Policy.Value.Places == nil && len(r.AccessPoints.Value) == 0 && r.SecretKey == nil {
		return r
	}
	c := *r
	c.Place, c.Policy.Value.Places = resource.Place{}, nil
	if len(c.AccessPoints.Value) > 0 {
		c.AccessPoints.Value = slices.Clone(c.AccessPoints.Value)
		for i := range c.AccessPoints.Value {
			c.AccessPoints.Value[i].Policy.Value.Places = nil
		}
	}
	if c.SecretKey != nil {
		c.SecretKey = placeless(c.SecretKey)
	}
	return &c
}

// unreadable is the fingerprint of a resource of which its source cannot tell whether it is still there.
func unreadable(why string, zone zoneDigest) resource.Fingerprint {
	return sha256.Sum256(append(zone[:], "unreadable "+why...))
}

// analyze works a subject out. What several sources tell of it counts together. It is no result if the context has ended.
func (s *subject) analyze(ctx context.Context, zone reach.Zone) (all resource.Result) {
	defer func() {
		if p := recover(); p != nil { // one resource must not keep the others from being analysed
			all = resource.Result{Error: resource.InternalError, Reason: fmt.Sprint("the analysis failed: ", p)}
		}
	}()
	limits := reach.Limits{Stop: ctx.Err}
	all = resource.AnalyzeWithin(s.parts[0], zone, limits)
	for _, r := range s.parts[1:] {
		result := resource.AnalyzeWithin(r, zone, limits)
		all.Findings = append(slices.Clone(all.Findings), result.Findings...)
		all.Public = all.Public || result.Public
		all.Actions, all.SharedVia = union(all.Actions, result.Actions), union(all.SharedVia, result.SharedVia)
		if all.Error != resource.InternalError && result.Error != "" {
			all.Error, all.Reason = result.Error, result.Reason
		}
	}
	return all
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}
