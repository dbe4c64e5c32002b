package macie

import (
	"context"
	"fmt"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/inventory"
	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// A JobPlan is what a job that is not made yet would look at, by the rules of the jobs themselves.
type JobPlan struct {
	job         *activeJob
	tenant      store.Tenant
	Identifiers []*detect.Identifier // the managed data identifiers of its selector
}

// PlanJob reads a request for a job of an account. The error is of the request, as CreateClassificationJob would have it, but that ids are not looked
// up. clientToken and name may be missing.
func PlanJob(t store.Tenant, request []byte) (*JobPlan, *macie2.CreateClassificationJobInput, error) {
	in := &macie2.CreateClassificationJobInput{}
	if err := wire.Unmarshal(request, in); err != nil {
		return nil, nil, err
	}
	for _, s := range []**string{&in.ClientToken, &in.Name} {
		if *s == nil {
			*s = wire.Ptr("forecast")
		}
	}
	var check wire.Check
	in.Validate(&check)
	if err := check.Err(); err != nil {
		return nil, nil, err
	}
	if err := checkJob(t.Account, in); err != nil {
		return nil, nil, err
	}
	j := &activeJob{run: job.RunRef{Tenant: t}, definition: in}
	var err error
	if j.scope, err = newObjectScope(in.S3JobDefinition.Scoping); err != nil {
		return nil, nil, err
	}
	if j.selection, err = newBucketSelection(in.S3JobDefinition.BucketCriteria); err != nil {
		return nil, nil, err
	}
	p := &JobPlan{job: j, tenant: t}
	p.Identifiers, err = selectIdentifiers(in.ManagedDataIdentifierSelector, in.ManagedDataIdentifierIds, len(in.CustomDataIdentifierIds) > 0)
	return p, in, err
}

// A PlannedBucket is a bucket that a job would list, and the source that it would be listed in.
type PlannedBucket struct {
	Driver source.Driver // nil with Err
	Name   string        // "" if the buckets of a source cannot be listed
	Err    error
}

// Buckets returns the buckets that the job would list now, those that it names or those that meet its criteria.
func (p *JobPlan) Buckets(ctx context.Context, sources Sources) (out []PlannedBucket, err error) {
	if p.job.definition.S3JobDefinition.BucketCriteria == nil {
		for _, name := range namedBuckets(p.job.definition) {
			driver, err := sources.find(ctx, p.tenant, name)
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			out = append(out, PlannedBucket{driver, name, err})
		}
		return out, nil
	}
	seen := map[string]bool{}
	for _, driver := range sources[p.tenant] {
		inv, err := inventory.Load(ctx, driver, inventory.Options{Account: p.tenant.Account, Region: p.tenant.Region})
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		} else if err != nil {
			out = append(out, PlannedBucket{Err: err})
			continue
		}
		for i := range inv.Buckets {
			b := &inv.Buckets[i]
			if seen[b.Name] {
				continue // the first source that has it counts
			}
			seen[b.Name] = true
			if p.job.selection.holds(observe(inv, b, func(string) (string, bool) { return "", false }).doc) {
				out = append(out, PlannedBucket{driver, b.Name, nil})
			}
		}
	}
	return out, nil
}

// Holds says whether the first run would look at an object, if all that is there now is old enough for it. Of a sample it answers for one of the same
// share: which objects a job samples depends on its id. The error is of reading the object's tags.
func (p *JobPlan) Holds(ctx context.Context, driver source.Driver, bucket string, o *source.Object) (bool, error) {
	return p.job.looksAt(o, increment{}, tagReader(ctx, driver, bucket))
}

// Notes says what a forecast of the job leaves out.
func (p *JobPlan) Notes() (notes []string) {
	in := p.job.definition
	if n := len(in.CustomDataIdentifierIds); n > 0 {
		notes = append(notes, fmt.Sprintf("what %d custom data identifiers take is not measured", n))
	}
	if in.JobType == macie2.JobTypeScheduled {
		notes = append(notes, "later runs look at what is new or changed only, and objects that the ledger knows are not read again")
		if !wire.Value(in.InitialRun) {
			notes = append(notes, "initialRun is false: the first run looks at what is new since the job was made; this forecast is of everything that is there")
		}
	} else {
		notes = append(notes, "objects that the ledger knows from earlier jobs are not read again")
	}
	return notes
}
