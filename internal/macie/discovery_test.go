package macie

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/managed"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

func (w *world) discovery() *macie2.GetAutomatedDiscoveryConfigurationOutput {
	w.Helper()
	out, err := w.service.GetAutomatedDiscoveryConfiguration(w.ctx, &macie2.GetAutomatedDiscoveryConfigurationInput{})
	must(w, err)
	return out
}

func (w *world) setDiscovery(status macie2.AutomatedDiscoveryStatus, mode macie2.AutoEnableMode) {
	w.Helper()
	_, err := w.service.UpdateAutomatedDiscoveryConfiguration(w.ctx,
		&macie2.UpdateAutomatedDiscoveryConfigurationInput{Status: status, AutoEnableOrganizationMembers: mode})
	must(w, err)
}

const (
	discoveryOn  = macie2.AutomatedDiscoveryStatusEnabled
	discoveryOff = macie2.AutomatedDiscoveryStatusDisabled
)

func TestAutomatedDiscoveryConfiguration(t *testing.T) {
	w := newWorld(t)
	start := wire.TimeOf(w.clock.Now())
	c := w.discovery()
	id := *c.ClassificationScopeId
	equal(t, "at first", *c, macie2.GetAutomatedDiscoveryConfigurationOutput{Status: discoveryOff, AutoEnableOrganizationMembers: macie2.AutoEnableModeNone,
		ClassificationScopeId: &id, SensitivityInspectionTemplateId: c.SensitivityInspectionTemplateId, LastUpdatedAt: &start})
	w.clock.Advance(time.Hour)
	w.setDiscovery(discoveryOn, "")
	on := wire.TimeOf(w.clock.Now())
	c = w.discovery()
	equal(t, "status", c.Status, discoveryOn)
	equal(t, "mode", c.AutoEnableOrganizationMembers, macie2.AutoEnableModeAll)
	equal(t, "first enabled", *c.FirstEnabledAt, on)
	if c.DisabledAt != nil || *c.LastUpdatedAt != on || *c.ClassificationScopeId != id {
		t.Errorf("%s", wire.Marshal(c))
	}
	w.clock.Advance(time.Hour)
	w.setDiscovery(discoveryOff, macie2.AutoEnableModeNew)
	c = w.discovery()
	equal(t, "disabled", *c.DisabledAt, wire.TimeOf(w.clock.Now()))
	equal(t, "first enabled", *c.FirstEnabledAt, on)
	w.clock.Advance(time.Hour)
	w.setDiscovery(discoveryOn, macie2.AutoEnableModeNew)
	if c = w.discovery(); c.DisabledAt != nil || *c.FirstEnabledAt != on || c.AutoEnableOrganizationMembers != macie2.AutoEnableModeNew {
		t.Errorf("%s", wire.Marshal(c))
	}
	if other := discoveryID(abroad, scopeSetting); other == id || len(id) != 32 {
		t.Errorf("scope %s here and %s in another Region", id, other)
	}
}

func TestAutomatedDiscoveryAccounts(t *testing.T) {
	w := newWorld(t)
	list := func(ids ...string) string {
		t.Helper()
		out, err := w.service.ListAutomatedDiscoveryAccounts(w.ctx, &macie2.ListAutomatedDiscoveryAccountsInput{AccountIds: ids})
		must(t, err)
		var all []string
		for _, a := range out.Items {
			all = append(all, *a.AccountId+" "+string(a.Status))
		}
		return strings.Join(all, ", ")
	}
	update := func(status macie2.AutomatedDiscoveryAccountStatus, ids ...string) (*macie2.BatchUpdateAutomatedDiscoveryAccountsOutput, error) {
		in := &macie2.BatchUpdateAutomatedDiscoveryAccountsInput{}
		for _, id := range ids {
			in.Accounts = append(in.Accounts, macie2.AutomatedDiscoveryAccountUpdate{AccountId: &id, Status: status})
		}
		return w.service.BatchUpdateAutomatedDiscoveryAccounts(w.ctx, in)
	}
	const off = macie2.AutomatedDiscoveryAccountStatusDisabled
	equal(t, "at first", list(), home.Account+" DISABLED")
	_, err := update(off, home.Account)
	refused(t, err, wire.Conflict, "is disabled")
	w.setDiscovery(discoveryOn, macie2.AutoEnableModeAll)
	equal(t, "on", list(other.Account, home.Account), home.Account+" ENABLED")
	equal(t, "another account", list(other.Account), "")
	_, err = update(off, home.Account)
	refused(t, err, wire.Conflict, "Cannot modify account states")
	w.setDiscovery(discoveryOn, macie2.AutoEnableModeNone)
	out, err := update(off, home.Account, other.Account)
	must(t, err)
	equal(t, "errors", string(wire.Marshal(out)), `{"errors":[{"accountId":"`+other.Account+`","errorCode":"ACCOUNT_NOT_FOUND"}]}`)
	equal(t, "off", list(), home.Account+" DISABLED")
	equal(t, "the whole is on", w.discovery().Status, discoveryOn)
	_, err = update(off, other.Account)
	refused(t, err, wire.Validation, "ACCOUNT_NOT_FOUND")
	_, err = update(off)
	refused(t, err, wire.Validation, "at least one")
	w.setDiscovery(discoveryOn, macie2.AutoEnableModeAll)
	equal(t, "all", list(), home.Account+" ENABLED")
	w.setDiscovery(discoveryOn, macie2.AutoEnableModeNew)
	_, err = w.service.UpdateMacieSession(w.ctx, &macie2.UpdateMacieSessionInput{Status: macie2.MacieStatusPaused})
	must(t, err)
	_, err = update(off, home.Account)
	refused(t, err, wire.Validation, "ACCOUNT_PAUSED")
	_, err = w.service.ListAutomatedDiscoveryAccounts(w.ctx, &macie2.ListAutomatedDiscoveryAccountsInput{AccountIds: make([]string, 51)})
	refused(t, err, wire.Validation, "50")
}

func TestClassificationScope(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"a", "b", "c"} {
		w.put(name, nil)
	}
	id := *w.discovery().ClassificationScopeId
	scopes := func(name *string) int {
		t.Helper()
		out, err := w.service.ListClassificationScopes(w.ctx, &macie2.ListClassificationScopesInput{Name: name})
		must(t, err)
		for _, s := range out.ClassificationScopes {
			equal(t, "scope", *s.Id+" "+*s.Name, id+" automated-sensitive-data-discovery")
		}
		return len(out.ClassificationScopes)
	}
	equal(t, "scopes", scopes(nil), 1)
	equal(t, "scopes of the name", scopes(wire.Ptr("automated-sensitive-data-discovery")), 1)
	equal(t, "scopes of another name", scopes(wire.Ptr("other")), 0)
	excluded := func() string {
		t.Helper()
		out, err := w.service.GetClassificationScope(w.ctx, &macie2.GetClassificationScopeInput{Id: &id})
		must(t, err)
		return strings.Join(out.S3.Excludes.BucketNames, " ")
	}
	update := func(operation macie2.ClassificationScopeUpdateOperation, names ...string) error {
		_, err := w.service.UpdateClassificationScope(w.ctx, &macie2.UpdateClassificationScopeInput{Id: &id, S3: &macie2.S3ClassificationScopeUpdate{
			Excludes: &macie2.S3ClassificationScopeExclusionUpdate{BucketNames: names, Operation: operation}}})
		return err
	}
	const add, remove, replace = macie2.ClassificationScopeUpdateOperationAdd, macie2.ClassificationScopeUpdateOperationRemove, macie2.ClassificationScopeUpdateOperationReplace
	equal(t, "at first", excluded(), "")
	must(t, update(add, "b", "a", "b"))
	equal(t, "added", excluded(), "a b")
	must(t, update(add, "b"))
	equal(t, "added again", excluded(), "a b")
	must(t, update(remove, "a", "unknown"))
	equal(t, "removed", excluded(), "b")
	must(t, update(replace, "c", "a"))
	equal(t, "replaced", excluded(), "a c")
	refused(t, update(add, "unknown"), wire.Validation, `"unknown"`)
	refused(t, update(replace, "a", "unknown"), wire.Validation, `"unknown"`)
	equal(t, "refused", excluded(), "a c")
	w.setDiscovery(discoveryOn, "")
	equal(t, "not monitored", bucketNames(w.buckets(macie2.DescribeBucketsInput{Criteria: map[string]macie2.BucketCriteriaAdditionalProperties{
		"automatedDiscoveryMonitoringStatus": {Eq: []string{"NOT_MONITORED"}}}})), "a c")
	equal(t, "monitored", bucketNames(w.buckets(macie2.DescribeBucketsInput{Criteria: map[string]macie2.BucketCriteriaAdditionalProperties{
		"automatedDiscoveryMonitoringStatus": {Neq: []string{"NOT_MONITORED"}}}})), "b")
	equal(t, "one of them", string(w.buckets(macie2.DescribeBucketsInput{})[1].AutomatedDiscoveryMonitoringStatus), "MONITORED")
	must(t, update(replace))
	equal(t, "emptied", excluded(), "")
	_, err := w.service.GetClassificationScope(w.ctx, &macie2.GetClassificationScopeInput{Id: wire.Ptr(strings.Repeat("0", 32))})
	refused(t, err, wire.NotFound, "classification scope")
	_, err = w.service.UpdateClassificationScope(w.ctx, &macie2.UpdateClassificationScopeInput{Id: wire.Ptr("x")})
	refused(t, err, wire.NotFound, "classification scope")

	var full classificationScope
	var many []string
	for i := range maxExcludedBuckets + 1 {
		many = append(many, fmt.Sprintf("bucket-%04d", i))
	}
	in := &macie2.S3ClassificationScopeExclusionUpdate{BucketNames: many, Operation: add}
	refused(t, full.update(in, many), wire.Validation, "1000")
	in.BucketNames = many[1:]
	must(t, full.update(in, many))
}

func TestSensitivityInspectionTemplate(t *testing.T) {
	w := newWorld(t)
	listed, err := w.service.ListSensitivityInspectionTemplates(w.ctx, &macie2.ListSensitivityInspectionTemplatesInput{})
	must(t, err)
	id := *listed.SensitivityInspectionTemplates[0].Id
	equal(t, "id", id, *w.discovery().SensitivityInspectionTemplateId)
	get := func() string {
		t.Helper()
		out, err := w.service.GetSensitivityInspectionTemplate(w.ctx, &macie2.GetSensitivityInspectionTemplateInput{Id: &id})
		must(t, err)
		out.SensitivityInspectionTemplateId = nil
		return string(wire.Marshal(out))
	}
	const empty = `{"description":"","excludes":{"managedDataIdentifierIds":[]},"includes":{"allowListIds":[],"customDataIdentifierIds":[],"managedDataIdentifierIds":[]},"name":"automated-sensitive-data-discovery"}`
	equal(t, "at first", get(), empty)
	made, err := w.service.CreateCustomDataIdentifier(w.ctx, &macie2.CreateCustomDataIdentifierInput{Name: wire.Ptr("badge"), Regex: wire.Ptr(`BDG-\d{6}`)})
	must(t, err)
	badge := *made.CustomDataIdentifierId
	set := func(in macie2.UpdateSensitivityInspectionTemplateInput) error {
		in.Id = &id
		_, err := w.service.UpdateSensitivityInspectionTemplate(w.ctx, &in)
		return err
	}
	includes := func(i macie2.SensitivityInspectionTemplateIncludes) macie2.UpdateSensitivityInspectionTemplateInput {
		return macie2.UpdateSensitivityInspectionTemplateInput{Includes: &i}
	}
	must(t, set(macie2.UpdateSensitivityInspectionTemplateInput{Description: wire.Ptr("ours"),
		Includes: &macie2.SensitivityInspectionTemplateIncludes{CustomDataIdentifierIds: []string{badge, badge}, ManagedDataIdentifierIds: []string{"NAME"}},
		Excludes: &macie2.SensitivityInspectionTemplateExcludes{ManagedDataIdentifierIds: []string{"CREDIT_CARD_NUMBER"}}}))
	equal(t, "set", get(), `{"description":"ours","excludes":{"managedDataIdentifierIds":["CREDIT_CARD_NUMBER"]},"includes":{"allowListIds":[],"customDataIdentifierIds":["`+
		badge+`"],"managedDataIdentifierIds":["NAME"]},"name":"automated-sensitive-data-discovery"}`)
	refused(t, set(includes(macie2.SensitivityInspectionTemplateIncludes{ManagedDataIdentifierIds: []string{"NO_SUCH"}})), wire.Validation, `"NO_SUCH"`)
	refused(t, set(includes(macie2.SensitivityInspectionTemplateIncludes{CustomDataIdentifierIds: []string{"no-such"}})), wire.Validation, `"no-such"`)
	refused(t, set(includes(macie2.SensitivityInspectionTemplateIncludes{AllowListIds: []string{"no-such"}})), wire.Validation, `"no-such"`)
	refused(t, set(macie2.UpdateSensitivityInspectionTemplateInput{Description: wire.Ptr(strings.Repeat("x", 201))}), wire.Validation, "200")
	var recommended []string
	for _, i := range detect.Recommended(managed.All()) {
		recommended = append(recommended, i.ID)
	}
	nothing := macie2.UpdateSensitivityInspectionTemplateInput{Excludes: &macie2.SensitivityInspectionTemplateExcludes{ManagedDataIdentifierIds: recommended}}
	refused(t, set(nothing), wire.Validation, "nothing would be looked for")
	must(t, set(macie2.UpdateSensitivityInspectionTemplateInput{}))
	equal(t, "overwritten", get(), empty)
	_, err = w.service.GetSensitivityInspectionTemplate(w.ctx, &macie2.GetSensitivityInspectionTemplateInput{Id: wire.Ptr("x")})
	refused(t, err, wire.NotFound, "sensitivity inspection template")

	template := inspectionTemplate{Managed: []string{"NAME"}, ExcludedManaged: []string{"CREDIT_CARD_NUMBER"}}
	var ids []string
	for _, i := range template.identifiers() {
		ids = append(ids, i.ID)
	}
	if !slices.Contains(ids, "NAME") || slices.Contains(ids, "CREDIT_CARD_NUMBER") || len(ids) != len(recommended) {
		t.Errorf("%q", ids)
	}
}

// see stores that automated discovery has looked at objects of a bucket of home.
func (w *world) see(objects ...store.DiscoveryObject) {
	w.Helper()
	must(w, w.db.Update(w.ctx, func(tx store.Tx) error {
		if err := store.PutDiscoveryObjects(w.ctx, tx, home, objects); err != nil {
			return err
		}
		return rescore(w.ctx, tx, home, objects[0].Bucket)
	}))
}

func TestResourceProfile(t *testing.T) {
	w := newWorld(t)
	w.put("b", map[string]string{"a": "x", "b": "y", "c": "z", "d": "z"})
	w.put("empty", map[string]string{"nothing": ""})
	arn, empty := wire.Ptr("arn:aws:s3:::b"), wire.Ptr("arn:aws:s3:::empty")
	profile := func(arn *string) *macie2.GetResourceProfileOutput {
		t.Helper()
		out, err := w.service.GetResourceProfile(w.ctx, &macie2.GetResourceProfileInput{ResourceArn: arn})
		must(t, err)
		return out
	}
	const zeros = `{"totalBytesClassified":0,"totalDetections":0,"totalDetectionsSuppressed":0,"totalItemsClassified":0,"totalItemsSensitive":0,"totalItemsSkipped":0,"totalItemsSkippedInvalidEncryption":0,"totalItemsSkippedInvalidKms":0,"totalItemsSkippedPermissionDenied":0}`
	check := func(what string, score int64, overridden bool) {
		t.Helper()
		p := profile(arn)
		if *p.SensitivityScore != score || *p.SensitivityScoreOverridden != overridden {
			t.Errorf("%s: score %d, overridden %v", what, *p.SensitivityScore, *p.SensitivityScoreOverridden)
		}
		equal(t, what+": the bucket's score", *w.buckets(macie2.DescribeBucketsInput{})[0].SensitivityScore, score)
	}
	check("before", 50, false)
	equal(t, "statistics", string(wire.Marshal(profile(arn).Statistics)), zeros)
	_, err := w.service.UpdateResourceProfile(w.ctx, &macie2.UpdateResourceProfileInput{ResourceArn: arn, SensitivityScoreOverride: wire.Ptr[int64](100)})
	refused(t, err, wire.Validation, "not enabled")
	w.setDiscovery(discoveryOn, "")
	check("on", 50, false)
	equal(t, "empty", *profile(empty).SensitivityScore, 1)
	w.clock.Advance(time.Minute)
	now := w.clock.Now().UnixMilli()
	object := func(key, status, reason string, found ...store.DiscoveryDetection) store.DiscoveryObject {
		return store.DiscoveryObject{Bucket: "b", Key: []byte(key), Status: status, Reason: reason, BytesClassified: 10, AnalyzedAt: now, Detections: found}
	}
	w.see(object("a", "SKIPPED", "PERMISSION_DENIED"))
	check("in vain", -1, false)
	w.see(object("b", "COMPLETE", ""))
	check("one of four without anything", 37, false)
	ssn := store.DiscoveryDetection{ID: "USA_SOCIAL_SECURITY_NUMBER", Count: 1, Level: 3}
	badge := store.DiscoveryDetection{Custom: true, ID: "0a", Name: "badge", ARN: "arn:x", Count: 7, Level: 2}
	w.see(object("c", "PARTIAL", "", ssn, badge))
	both := sensitivityScore(found{4, 2, 1, 1, []store.DiscoveryDetection{ssn, badge}})
	check("sensitive", both, false)
	equal(t, "analysed at", *w.buckets(macie2.DescribeBucketsInput{})[0].LastAutomatedDiscoveryTime, wire.TimeOf(w.clock.Now()))
	detections := func(in macie2.ListResourceProfileDetectionsInput) string {
		t.Helper()
		var all []string
		for in.ResourceArn = arn; ; {
			out, err := w.service.ListResourceProfileDetections(w.ctx, &in)
			must(t, err)
			for i := range out.Detections {
				all = append(all, string(wire.Marshal(&out.Detections[i])))
			}
			if in.NextToken = out.NextToken; in.NextToken == nil {
				return strings.Join(all, "\n")
			}
		}
	}
	suppress := func(list ...macie2.SuppressDataIdentifier) error {
		_, err := w.service.UpdateResourceProfileDetections(w.ctx, &macie2.UpdateResourceProfileDetectionsInput{ResourceArn: arn, SuppressDataIdentifiers: list})
		return err
	}
	const first = `{"count":1,"id":"USA_SOCIAL_SECURITY_NUMBER","name":"USA_SOCIAL_SECURITY_NUMBER","suppressed":%v,"type":"MANAGED"}`
	const second = `{"arn":"arn:x","count":7,"id":"0a","name":"badge","suppressed":%v,"type":"CUSTOM"}`
	equal(t, "detections", detections(macie2.ListResourceProfileDetectionsInput{}), fmt.Sprintf(first+"\n"+second, false, false))
	equal(t, "one by one", detections(macie2.ListResourceProfileDetectionsInput{MaxResults: wire.Ptr[int64](1)}), fmt.Sprintf(first+"\n"+second, false, false))
	custom := macie2.SuppressDataIdentifier{Id: wire.Ptr("0a"), Type: macie2.DataIdentifierTypeCustom}
	number := macie2.SuppressDataIdentifier{Id: &ssn.ID, Type: macie2.DataIdentifierTypeManaged}
	must(t, suppress(custom, custom))
	equal(t, "detections", detections(macie2.ListResourceProfileDetectionsInput{}), fmt.Sprintf(first+"\n"+second, false, true))
	check("one suppressed", sensitivityScore(found{4, 2, 1, 1, []store.DiscoveryDetection{ssn}}), false)
	must(t, suppress(number, custom))
	check("all suppressed", sensitivityScore(found{objects: 4, classified: 2, skipped: 1}), false)
	equal(t, "statistics", string(wire.Marshal(profile(arn).Statistics)), `{"totalBytesClassified":30,"totalDetections":8,"totalDetectionsSuppressed":8,`+
		`"totalItemsClassified":2,"totalItemsSensitive":1,"totalItemsSkipped":1,"totalItemsSkippedInvalidEncryption":0,"totalItemsSkippedInvalidKms":0,"totalItemsSkippedPermissionDenied":1}`)
	must(t, suppress(number))
	equal(t, "replaced", detections(macie2.ListResourceProfileDetectionsInput{}), fmt.Sprintf(first+"\n"+second, true, false))
	must(t, suppress())
	check("none suppressed", both, false)
	refused(t, suppress(macie2.SuppressDataIdentifier{Id: wire.Ptr("NO_SUCH"), Type: macie2.DataIdentifierTypeManaged}), wire.Validation, "NO_SUCH")
	refused(t, suppress(macie2.SuppressDataIdentifier{Id: wire.Ptr("NAME")}), wire.Validation, "an id and a type")

	artifacts, err := w.service.ListResourceProfileArtifacts(w.ctx, &macie2.ListResourceProfileArtifactsInput{ResourceArn: arn})
	must(t, err)
	equal(t, "artifacts", string(wire.Marshal(artifacts)), `{"artifacts":[{"arn":"arn:aws:s3:::b/c","classificationResultStatus":"PARTIAL","sensitive":true},`+
		`{"arn":"arn:aws:s3:::b/b","classificationResultStatus":"COMPLETE","sensitive":false},{"arn":"arn:aws:s3:::b/a","classificationResultStatus":"SKIPPED"}]}`)

	override := func(score *int64) error {
		_, err := w.service.UpdateResourceProfile(w.ctx, &macie2.UpdateResourceProfileInput{ResourceArn: arn, SensitivityScoreOverride: score})
		return err
	}
	must(t, override(wire.Ptr[int64](100)))
	check("overridden", 100, true)
	equal(t, "updated", *profile(arn).ProfileUpdatedAt, wire.TimeOf(w.clock.Now()))
	for _, bad := range []int64{-1, 0, 1, 99, 101} {
		refused(t, override(&bad), wire.Validation, "100")
	}
	must(t, override(nil))
	check("worked out", both, false)
	stats, err := w.service.GetBucketStatistics(w.ctx, &macie2.GetBucketStatisticsInput{})
	must(t, err)
	equal(t, "sensitive buckets", *stats.BucketStatisticsBySensitivity.Sensitive.TotalCount, 1)
	equal(t, "buckets that are not", *stats.BucketStatisticsBySensitivity.NotSensitive.TotalCount, 1)

	for _, bad := range []string{"arn:aws:s3:::none", "b", "arn:aws:s3:::b/c", "arn:aws:sqs:eu-west-1:123456789012:b", ""} {
		_, err := w.service.GetResourceProfile(w.ctx, &macie2.GetResourceProfileInput{ResourceArn: &bad})
		refused(t, err, wire.NotFound, "no bucket")
	}
	// Off, nothing shows; on again within thirty days everything does, later nothing is left.
	w.setDiscovery(discoveryOff, "")
	check("off", 50, false)
	equal(t, "statistics", string(wire.Marshal(profile(arn).Statistics)), zeros)
	equal(t, "detections", detections(macie2.ListResourceProfileDetectionsInput{}), "")
	w.clock.Advance(discoveryKept - time.Second)
	w.setDiscovery(discoveryOn, "")
	check("on again", both, false)
	w.setDiscovery(discoveryOff, "")
	w.clock.Advance(discoveryKept)
	w.setDiscovery(discoveryOn, "")
	check("too late", 50, false)
}

// TestSensitivityScore tests what docs/sensitivity.md promises on random buckets.
func TestSensitivityScore(t *testing.T) {
	for f, want := range map[*found]int64{
		{objects: 5}:                            50,
		{objects: 5, skipped: 1}:                -1,
		{objects: 5, classified: 5, skipped: 1}: 1,
		{objects: 1_000_000, classified: 1}:     49,
		{objects: 1_000_000, classified: 256}:   25,
		{objects: 1, classified: 1, sensitive: 1, detections: []store.DiscoveryDetection{{ID: "A", Count: 1, Level: 3}}}:     56,
		{objects: 100, classified: 100, sensitive: 1, detections: []store.DiscoveryDetection{{ID: "A", Count: 1, Level: 3}}}: 53,
	} {
		if got := sensitivityScore(*f); got != want {
			t.Errorf("%+v: %d, want %d", *f, got, want)
		}
	}
	r := rand.New(rand.NewPCG(4, 2))
	clone := func(f found) found { f.detections = slices.Clone(f.detections); return f }
	highest := int64(0)
	for range 20000 {
		f := found{classified: 1 + int64(math10(r, 5)), skipped: int64(r.IntN(3))}
		f.objects = f.classified + int64(math10(r, 6))
		for i := range r.IntN(12) {
			f.detections = append(f.detections, store.DiscoveryDetection{ID: fmt.Sprint(i), Count: 1 + int64(math10(r, 6)), Level: int64(1 + r.IntN(3))})
		}
		if len(f.detections) > 0 {
			f.sensitive = 1 + r.Int64N(f.classified)
		}
		score := sensitivityScore(f)
		highest = max(highest, score)
		if low, high := int64(1), int64(49); f.sensitive == 0 && (score < low || score > high) || f.sensitive > 0 && (score < 51 || score > 99) {
			t.Fatalf("%+v: %d", f, score)
		}
		never := func(what string, g found, lower bool) {
			t.Helper()
			if got := sensitivityScore(g); lower && got < score || !lower && got > score {
				t.Fatalf("%s: from %d to %d: %+v", what, score, got, f)
			}
		}
		clean := clone(f)
		clean.classified++
		clean.objects = max(clean.objects, clean.classified)
		never("another object without", clean, false)
		more := clone(f)
		more.classified, more.sensitive, more.objects = f.classified+1, f.sensitive+1, max(f.objects, f.classified+1)
		more.detections = append(more.detections, store.DiscoveryDetection{ID: "more", Count: 1, Level: 1})
		never("another object with", more, true)
		if len(f.detections) == 0 {
			continue
		}
		i := r.IntN(len(f.detections))
		g := clone(f)
		g.detections[i].Count++
		never("another occurrence", g, true)
		g = clone(f)
		g.detections[i].Level = min(3, g.detections[i].Level+1)
		never("a higher level", g, true)
		g = clone(f)
		g.detections = slices.Delete(g.detections, i, i+1)
		g.sensitive = r.Int64N(f.sensitive + 1)
		if len(g.detections) == 0 {
			g.sensitive = 0
		} else {
			g.sensitive = max(1, g.sensitive)
		}
		never("a suppressed identifier", g, false)
	}
	if highest != 99 {
		t.Errorf("the highest score is %d", highest)
	}
}

// math10 returns a number of up to n digits, of any length alike.
func math10(r *rand.Rand, n int) int {
	limit := 1
	for range r.IntN(n + 1) {
		limit *= 10
	}
	return r.IntN(limit)
}
