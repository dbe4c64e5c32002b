package macie

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/managed"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// profileArtifacts is how many objects a profile shows (macie.md 7.4), and profilePage how many detections a page of it has.
const (
	profileArtifacts = 100
	profilePage      = 25
)

// A leftOut is an identifier that does not count in a bucket.
type leftOut struct {
	Custom bool   `json:"custom,omitempty"`
	ID     string `json:"id"`
}

// A profile is what automated discovery knows of a bucket.
type profile struct {
	store.DiscoveryProfile
	suppressed []leftOut
	sums       *store.DiscoverySums
}

func (p *profile) suppresses(custom bool, id string) bool {
	return slices.Contains(p.suppressed, leftOut{custom, id})
}

func readProfile(ctx context.Context, tx store.Tx, t store.Tenant, bucket string) (*profile, error) {
	row, err := store.GetDiscoveryProfile(ctx, tx, t, bucket)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	p := &profile{DiscoveryProfile: row}
	if len(row.Suppressed) > 0 {
		if err := json.Unmarshal(row.Suppressed, &p.suppressed); err != nil {
			return nil, fmt.Errorf("the profile of bucket %s is damaged: %w", bucket, err)
		}
	}
	p.sums, err = store.SumDiscovery(ctx, tx, t, bucket, p.suppresses)
	return p, err
}

// rescore stores a bucket's sensitivity score as it follows from what is known now. A bucket that is not in the inventory has none.
func rescore(ctx context.Context, tx store.Tx, t store.Tenant, bucket string) error {
	row, err := store.GetBucket(ctx, tx, t, bucket)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	m, _, err := readBucketRow(&row)
	if err != nil {
		return err
	}
	p, err := readProfile(ctx, tx, t, bucket)
	if err != nil {
		return err
	}
	score := p.score(m)
	if score == row.Score && (row.AnalyzedAt == nil) == (p.sums.AnalyzedAt == nil) && wire.Value(row.AnalyzedAt) == wire.Value(p.sums.AnalyzedAt) {
		return nil
	}
	return store.SetBucketScore(ctx, tx, t, bucket, score, p.sums.AnalyzedAt)
}

// score is the sensitivity score of the profile's bucket (docs/sensitivity.md).
func (p *profile) score(m *macie2.BucketMetadata) int64 {
	f := found{objects: wire.Value(m.ObjectCount), classified: p.sums.Classified, skipped: p.sums.Skipped, sensitive: p.sums.Unsuppressed}
	for _, d := range p.sums.Found {
		if !p.suppresses(d.Custom, d.ID) {
			f.detections = append(f.detections, d)
		}
	}
	switch {
	case p.Overridden:
		return scoreOverridden
	case m.ErrorCode != "" || m.ErrorMessage != nil && m.ObjectCount == nil:
		return scoreUnanalysed
	case f.classified == 0 && f.skipped == 0:
		return baseScore(m)
	}
	return sensitivityScore(f)
}

// profiled finds the bucket of a resource ARN. Of a tenant without automated discovery every bucket is as if nothing was looked at.
func profiled(ctx context.Context, tx store.Tx, t store.Tenant, resource string) (row store.Bucket, on bool, err error) {
	unknown := wire.Errorf(wire.NotFound, "The account has no bucket with this ARN.").About("bucket", resource)
	a, err := arn.Parse(resource)
	if err != nil || a.Service != "s3" || a.Region != "" || a.Account != "" || strings.Contains(a.Resource, "/") {
		return row, false, unknown
	}
	if row, err = store.GetBucket(ctx, tx, t, a.Resource); errors.Is(err, store.ErrNotFound) {
		return row, false, unknown
	} else if err != nil {
		return row, false, err
	}
	v, err := viewDiscovery(ctx, tx, t)
	return row, v.enabled, err
}

// viewProfile runs fn for the bucket of a request; p is nil while automated discovery is off.
func (s *Service) viewProfile(ctx context.Context, resource string, fn func(tx store.Tx, t store.Tenant, row store.Bucket, p *profile) error) error {
	if err := s.freshInventory(ctx); err != nil {
		return err
	}
	return s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		row, on, err := profiled(ctx, tx, t, resource)
		if err != nil {
			return err
		}
		var p *profile
		if on {
			if p, err = readProfile(ctx, tx, t, row.Name); err != nil {
				return err
			}
		}
		return fn(tx, t, row, p)
	})
}

// updateProfile changes the profile of the bucket of a request and its score.
func (s *Service) updateProfile(ctx context.Context, resource string, change func(p *profile)) error {
	if err := s.freshInventory(ctx); err != nil {
		return err
	}
	return s.update(ctx, func(tx store.Tx, t store.Tenant) error {
		row, on, err := profiled(ctx, tx, t, resource)
		if err != nil {
			return err
		}
		if !on {
			return invalid("Automated sensitive data discovery is not enabled for the account.")
		}
		p, err := readProfile(ctx, tx, t, row.Name)
		if err != nil {
			return err
		}
		change(p)
		if p.DiscoveryProfile.Suppressed, err = json.Marshal(p.suppressed); err != nil {
			return err
		}
		p.Bucket, p.UpdatedAt = row.Name, s.cfg.Now().UnixMilli()
		if err := store.PutDiscoveryProfile(ctx, tx, t, p.DiscoveryProfile); err != nil {
			return err
		}
		return rescore(ctx, tx, t, row.Name)
	})
}

// GetResourceProfile tells how sensitive a bucket is, and what that rests on.
func (s *Service) GetResourceProfile(ctx context.Context, in *macie2.GetResourceProfileInput) (*macie2.GetResourceProfileOutput, error) {
	out := &macie2.GetResourceProfileOutput{}
	err := s.viewProfile(ctx, *in.ResourceArn, func(_ store.Tx, _ store.Tenant, row store.Bucket, p *profile) error {
		out.SensitivityScore = wire.Ptr(row.BaseScore)
		sums := &store.DiscoverySums{}
		if p != nil {
			out.SensitivityScore, sums = wire.Ptr(row.Score), p.sums
			if p.UpdatedAt != 0 {
				out.ProfileUpdatedAt = wire.Ptr(wire.Time(p.UpdatedAt))
			}
		}
		out.SensitivityScoreOverridden = wire.Ptr(p != nil && p.Overridden)
		out.Statistics = &macie2.ResourceStatistics{
			TotalBytesClassified:               wire.Ptr(sums.Bytes),
			TotalDetections:                    wire.Ptr(sums.Detections),
			TotalDetectionsSuppressed:          wire.Ptr(sums.Suppressed),
			TotalItemsClassified:               wire.Ptr(sums.Classified),
			TotalItemsSensitive:                wire.Ptr(sums.Sensitive),
			TotalItemsSkipped:                  wire.Ptr(sums.Skipped),
			TotalItemsSkippedInvalidEncryption: wire.Ptr(sums.SkippedEncryption),
			TotalItemsSkippedInvalidKms:        wire.Ptr(sums.SkippedKMS),
			TotalItemsSkippedPermissionDenied:  wire.Ptr(sums.SkippedPermission),
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// UpdateResourceProfile sets the score of a bucket to the highest there is, or back to what was found.
func (s *Service) UpdateResourceProfile(ctx context.Context, in *macie2.UpdateResourceProfileInput) (*macie2.UpdateResourceProfileOutput, error) {
	if o := in.SensitivityScoreOverride; o != nil && *o != scoreOverridden {
		return nil, invalid("sensitivityScoreOverride must be %d, or absent for the score that was worked out, not %d", scoreOverridden, *o)
	}
	err := s.updateProfile(ctx, *in.ResourceArn, func(p *profile) { p.Overridden = in.SensitivityScoreOverride != nil })
	if err != nil {
		return nil, err
	}
	return &macie2.UpdateResourceProfileOutput{}, nil
}

// ListResourceProfileArtifacts names objects of a bucket that automated discovery has looked at.
func (s *Service) ListResourceProfileArtifacts(ctx context.Context, in *macie2.ListResourceProfileArtifactsInput) (
	*macie2.ListResourceProfileArtifactsOutput, error) {
	if _, err := s.cfg.Tokens.Open(wire.CallerFrom(ctx), in); err != nil {
		return nil, err
	}
	out := &macie2.ListResourceProfileArtifactsOutput{Artifacts: []macie2.ResourceProfileArtifact{}}
	err := s.viewProfile(ctx, *in.ResourceArn, func(tx store.Tx, t store.Tenant, row store.Bucket, p *profile) error {
		if p == nil {
			return nil
		}
		objects, sensitive, err := store.DiscoveryArtifacts(ctx, tx, t, row.Name, profileArtifacts)
		for i, o := range objects {
			a := macie2.ResourceProfileArtifact{Arn: wire.Ptr(*in.ResourceArn + "/" + store.CleanText(string(o.Key))), ClassificationResultStatus: wire.Ptr(o.Status)}
			if o.Status != statusSkipped {
				a.Sensitive = wire.Ptr(sensitive[i])
			}
			out.Artifacts = append(out.Artifacts, a)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ListResourceProfileDetections tells what was found in a bucket, and what of it does not count.
func (s *Service) ListResourceProfileDetections(ctx context.Context, in *macie2.ListResourceProfileDetectionsInput) (
	*macie2.ListResourceProfileDetectionsOutput, error) {
	limit, err := pageSize(in.MaxResults, profilePage)
	if err != nil {
		return nil, err
	}
	after, err := s.cfg.Tokens.Open(wire.CallerFrom(ctx), in)
	if err != nil {
		return nil, err
	}
	out := &macie2.ListResourceProfileDetectionsOutput{Detections: []macie2.Detection{}}
	err = s.viewProfile(ctx, *in.ResourceArn, func(_ store.Tx, _ store.Tenant, _ store.Bucket, p *profile) error {
		if p == nil {
			return nil
		}
		for _, d := range p.sums.Found {
			kind := macie2.DataIdentifierTypeManaged
			shown := macie2.Detection{Id: wire.Ptr(d.ID), Name: wire.Ptr(d.ID), Count: wire.Ptr(d.Count), Suppressed: wire.Ptr(p.suppresses(d.Custom, d.ID))}
			if d.Custom {
				kind, shown.Name, shown.Arn = macie2.DataIdentifierTypeCustom, wire.Ptr(d.Name), wire.Ptr(d.ARN)
			}
			shown.Type = kind
			place := map[bool]string{false: "0", true: "1"}[d.Custom] + d.ID
			if place <= string(after) {
				continue
			}
			if len(out.Detections) == limit {
				last := out.Detections[limit-1]
				out.NextToken = s.nextToken(ctx, in, []byte(map[macie2.DataIdentifierType]string{macie2.DataIdentifierTypeManaged: "0", macie2.DataIdentifierTypeCustom: "1"}[last.Type]+*last.Id))
				return nil
			}
			out.Detections = append(out.Detections, shown)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// UpdateResourceProfileDetections replaces the list of identifiers that do not count in a bucket's score.
func (s *Service) UpdateResourceProfileDetections(ctx context.Context, in *macie2.UpdateResourceProfileDetectionsInput) (
	*macie2.UpdateResourceProfileDetectionsOutput, error) {
	if n := len(in.SuppressDataIdentifiers); n > maxSuppressed {
		return nil, invalid("suppressDataIdentifiers may hold %d elements at most, not %d", maxSuppressed, n)
	}
	var list []leftOut
	all := managed.All()
	for _, d := range in.SuppressDataIdentifiers {
		switch {
		case d.Id == nil || *d.Id == "" || d.Type == "":
			return nil, invalid("suppressDataIdentifiers: each element needs an id and a type")
		case d.Type == macie2.DataIdentifierTypeManaged && !slices.ContainsFunc(all, func(known *detect.Identifier) bool { return known.ID == *d.Id }):
			return nil, invalid("suppressDataIdentifiers: this version of Magpie has no identifier %q; ListManagedDataIdentifiers names those it has", *d.Id)
		}
		list = append(list, leftOut{d.Type == macie2.DataIdentifierTypeCustom, *d.Id})
	}
	slices.SortFunc(list, func(a, b leftOut) int {
		return cmp.Or(strings.Compare(a.ID, b.ID), cmp.Compare(fmt.Sprint(a.Custom), fmt.Sprint(b.Custom)))
	})
	list = slices.Compact(list)
	err := s.updateProfile(ctx, *in.ResourceArn, func(p *profile) { p.suppressed = list })
	if err != nil {
		return nil, err
	}
	return &macie2.UpdateResourceProfileDetectionsOutput{}, nil
}
