package macie

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/magpie-sec/magpie/internal/macie/classify"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// Bounds of samples (macie.md 8.5, 11.2); those of one type are classify's.
const (
	maxRevealTypes  = 100
	revealsPerDay   = 100         // requests for one object
	revealDayBegins = time.Second // after midnight UTC
)

// revealable holds the types of objects that samples are taken of, with the size up to which they are, in units of 1,000,000 bytes read as the
// larger of their two meanings (macie.md 8.5). What Macie reads as plain text is in revealQuota.
var revealable = map[string]int64{
	"application/avro":          70,
	"application/parquet":       100,
	"text/csv":                  255,
	"application/gzip":          90,
	"application/json":          25,
	"text/plain":                100,
	"text/tab-separated-values": 75,
	"application/zip":           355,
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": 20,
}

// asPlainText are the types of which Macie tells nothing but that it reads them as text (macie.md 3.2).
var asPlainText = map[string]bool{"application/xml": true, "application/xhtml+xml": true, "application/yaml": true, "application/toml": true, "application/sql": true}

// revealQuota returns the size up to which samples are taken of objects of a type; false if they are not.
func revealQuota(mime string) (bytes int64, ok bool) {
	quota, ok := revealable[mime]
	if !ok && (asPlainText[mime] || strings.HasPrefix(mime, "text/")) {
		quota, ok = revealable["text/plain"], true
	}
	return quota << 20, ok
}

// GetSensitiveDataOccurrencesAvailability tells whether samples of what a finding reports can be had, and why not.
func (s *Service) GetSensitiveDataOccurrencesAvailability(ctx context.Context, in *macie2.GetSensitiveDataOccurrencesAvailabilityInput) (
	*macie2.GetSensitiveDataOccurrencesAvailabilityOutput, error) {
	finding, err := s.toReveal(ctx, *in.FindingId)
	if err != nil {
		return nil, err
	}
	reasons := unrevealable(finding)
	if len(reasons) == 0 {
		if reasons, err = s.unreachable(ctx, finding); err != nil {
			return nil, err
		}
	}
	out := &macie2.GetSensitiveDataOccurrencesAvailabilityOutput{Code: macie2.AvailabilityCodeAvailable, Reasons: []macie2.UnavailabilityReasonCode{}}
	if len(reasons) > 0 {
		out.Code, out.Reasons = macie2.AvailabilityCodeUnavailable, reasons
	}
	return out, nil
}

// GetSensitiveDataOccurrences begins to read the object of a finding for samples of what was found in it, or tells how far that is. The samples
// are read from the object, which must be as it was when it was analysed; they are nowhere stored, and forgotten soon.
func (s *Service) GetSensitiveDataOccurrences(ctx context.Context, in *macie2.GetSensitiveDataOccurrencesInput) (*macie2.GetSensitiveDataOccurrencesOutput, error) {
	finding, err := s.toReveal(ctx, *in.FindingId)
	if err != nil {
		return nil, err
	}
	t := tenant(ctx)
	place := revealPlace{t, *in.FindingId}
	if out, known, err := s.reveals.get(place); known || err != nil {
		return s.revealed(ctx, place, out, err)
	}
	reasons := unrevealable(finding)
	if len(reasons) == 0 {
		if reasons, err = s.unreachable(ctx, finding); err != nil {
			return nil, err
		}
	}
	if len(reasons) > 0 {
		return nil, wire.Errorf(wire.Unprocessable, "%s", reasons[0])
	}
	processing := &macie2.GetSensitiveDataOccurrencesOutput{Status: macie2.RevealRequestStatusProcessing}
	isNew, err := s.reveals.reserve(place)
	if err != nil {
		return nil, err
	}
	if !isNew { // another call came between
		return processing, nil
	}
	o := finding.ResourcesAffected.S3Object
	within := false
	err = s.update(ctx, func(tx store.Tx, t store.Tenant) (err error) {
		within, err = store.CountReveal(ctx, tx, t, revealDay(s.cfg.Now()), *finding.ResourcesAffected.S3Bucket.Name, []byte(*o.Key), revealsPerDay)
		return err
	})
	if err == nil && !within {
		err = wire.Errorf(wire.Quota, "Samples of the object were asked for %d times today, which is the quota. It begins anew at 00:00:01 UTC.", revealsPerDay).
			About("s3-object", wire.Value(o.Path))
	}
	if err != nil {
		s.reveals.drop(place)
		return nil, err
	}
	s.reveals.begin(place, finding)
	return processing, nil
}

// revealed answers with what became of a request for samples, and notes in the log who got them, not what they are.
func (s *Service) revealed(ctx context.Context, place revealPlace, out *macie2.GetSensitiveDataOccurrencesOutput, err error) (
	*macie2.GetSensitiveDataOccurrencesOutput, error) {
	if err != nil {
		return nil, err
	}
	if out.Status == macie2.RevealRequestStatusSuccess {
		c := wire.CallerFrom(ctx)
		s.cfg.Log.Info("samples of a finding were given out", "tenant", place.tenant.String(), "finding", place.finding, "principal", c.PrincipalARN,
			"accessKeyId", c.AccessKeyID, "requestId", wire.RequestID(ctx))
	}
	return out, nil
}

// revealDay numbers the days for which requests are counted: they begin a second after midnight, UTC.
func revealDay(now time.Time) int64 {
	return now.Add(-revealDayBegins).UTC().Unix() / int64((24 * time.Hour).Seconds())
}

// toReveal returns a finding of the caller's account, in which samples must be enabled.
func (s *Service) toReveal(ctx context.Context, id string) (*macie2.Finding, error) {
	var settings revealSettings
	var findings []macie2.Finding
	err := s.view(ctx, func(tx store.Tx, t store.Tenant) (err error) {
		settings = revealSettings{}
		if err := readSetting(ctx, tx, t, revealSetting, &settings); err != nil {
			return err
		}
		findings, err = readFindings(ctx, tx, t, []string{id}, store.FindingSort{})
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case len(findings) == 0:
		return nil, wire.Errorf(wire.NotFound, "The request failed because the specified finding does not exist.").About("finding", id)
	case !settings.Enabled:
		return nil, wire.Errorf(wire.AccessDenied, "Samples of sensitive data are disabled. Enable them with UpdateRevealConfiguration.")
	}
	return &findings[0], nil
}

// unrevealable returns why no samples of a finding can be had, as far as the finding tells; nothing if nothing is in the way.
func unrevealable(f *macie2.Finding) []macie2.UnavailabilityReasonCode {
	if f.Category != macie2.FindingCategoryClassification || wire.Value(f.Sample) {
		return []macie2.UnavailabilityReasonCode{macie2.UnavailabilityReasonCodeUnsupportedFindingType}
	}
	if f.ClassificationDetails == nil || f.ClassificationDetails.Result == nil || f.ResourcesAffected == nil || f.ResourcesAffected.S3Bucket == nil ||
		f.ResourcesAffected.S3Object == nil || len(samplingsOf(f)) == 0 {
		return []macie2.UnavailabilityReasonCode{macie2.UnavailabilityReasonCodeInvalidClassificationResult}
	}
	quota, ok := revealQuota(wire.Value(f.ClassificationDetails.Result.MimeType))
	if !ok {
		return []macie2.UnavailabilityReasonCode{macie2.UnavailabilityReasonCodeUnsupportedObjectType}
	}
	if wire.Value(f.ResourcesAffected.S3Object.Size) > quota {
		return []macie2.UnavailabilityReasonCode{macie2.UnavailabilityReasonCodeObjectExceedsSizeQuota}
	}
	return nil
}

// reachWithin bounds how long a request waits for the object's source.
const reachWithin = 20 * time.Second

// unreachable opens the object of a finding and returns why it cannot be read as it was. Its error is that the request has ended.
func (s *Service) unreachable(ctx context.Context, f *macie2.Finding) ([]macie2.UnavailabilityReasonCode, error) {
	bounded, cancel := context.WithTimeout(ctx, reachWithin)
	defer cancel()
	r, err := openRevealed(bounded, s.cfg.Sources, tenant(ctx), f)
	if err == nil {
		return nil, r.Close()
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	s.cfg.Log.Info("the object of a finding cannot be read for samples", "tenant", tenant(ctx).String(), "finding", *f.Id, "error", err.Error())
	return []macie2.UnavailabilityReasonCode{macie2.UnavailabilityReasonCodeObjectUnavailable}, nil
}

// errUnidentified says that the source tells nothing by which a changed object could be told from the one that was analysed.
var errUnidentified = errors.New("nothing tells whether the object is the one that was analysed")

// openRevealed opens the object of a finding as it was when it was analysed; a *source.Error of kind Changed if it is another now.
func openRevealed(ctx context.Context, sources Sources, t store.Tenant, f *macie2.Finding) (source.Reader, error) {
	bucket, o := *f.ResourcesAffected.S3Bucket.Name, f.ResourcesAffected.S3Object
	etag, version := wire.Value(o.ETag), wire.Value(o.VersionId)
	if etag == "" && version == "" {
		return nil, errUnidentified
	}
	driver, err := sources.find(ctx, t, bucket)
	if err != nil {
		return nil, err
	}
	return driver.Open(ctx, bucket, *o.Key, source.OpenOptions{VersionID: version, ETag: etag})
}

// samplingsOf asks for samples of the types that a finding reports.
func samplingsOf(f *macie2.Finding) []*classify.Sampling {
	var out []*classify.Sampling
	r := f.ClassificationDetails.Result
	for _, category := range r.SensitiveData {
		for _, d := range category.Detections {
			out = append(out, &classify.Sampling{Managed: wire.Value(d.Type), At: d.Occurrences})
		}
	}
	if r.CustomDataIdentifiers != nil {
		for _, d := range r.CustomDataIdentifiers.Detections {
			arn := wire.Value(d.Arn)
			out = append(out, &classify.Sampling{Custom: arn[strings.LastIndexByte(arn, '/')+1:], At: d.Occurrences})
		}
	}
	return out[:min(len(out), maxRevealTypes)]
}

// sampleKeys returns what the samples of a finding's types are called: the id of a managed data identifier; of a custom one its name, a colon
// and its id.
func sampleKeys(f *macie2.Finding) map[string]string {
	keys := map[string]string{}
	if c := f.ClassificationDetails.Result.CustomDataIdentifiers; c != nil {
		for _, d := range c.Detections {
			arn := wire.Value(d.Arn)
			id := arn[strings.LastIndexByte(arn, '/')+1:]
			keys[id] = fmt.Sprintf("%s:%s", wire.Value(d.Name), id)
		}
	}
	return keys
}
