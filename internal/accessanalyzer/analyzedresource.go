package accessanalyzer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
)

// GetAnalyzedResource tells what an analyzer has made of a resource.
func (s *Service) GetAnalyzedResource(ctx context.Context, in *accessanalyzer.GetAnalyzedResourceInput) (*accessanalyzer.GetAnalyzedResourceOutput, error) {
	out := &accessanalyzer.GetAnalyzedResourceOutput{}
	err := s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		a, err := s.readableAt(ctx, tx, t, *in.AnalyzerArn)
		if err != nil {
			return err
		}
		row, err := store.GetAnalyzedResource(ctx, tx, t, a.ID, *in.ResourceArn)
		if errors.Is(err, store.ErrNotFound) {
			return notFound(resourceType, *in.ResourceArn)
		} else if err != nil {
			return err
		}
		findings, err := store.AccessFindingsOf(ctx, tx, t, a.ID, *in.ResourceArn)
		if err != nil {
			return err
		}
		if out.Resource, err = readAnalyzed(&row); err != nil {
			return err
		}
		out.Resource.Status = statusOf(findings, row.Owner)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func readAnalyzed(row *store.AnalyzedResource) (*accessanalyzer.AnalyzedResource, error) {
	r := &accessanalyzer.AnalyzedResource{}
	if err := wire.Unmarshal(row.Doc, r); err != nil {
		return nil, fmt.Errorf("what is stored of resource %s is damaged: %w", row.Resource, err)
	}
	r.CreatedAt, r.AnalyzedAt, r.UpdatedAt = wire.Ptr(wire.Time(row.CreatedAt)), wire.Ptr(wire.Time(row.AnalyzedAt)), wire.Ptr(wire.Time(row.UpdatedAt))
	return r, nil
}

// statusOf is the status of an owner's resource with findings: active if one of them is, else archived if one is; "" if it has none.
func statusOf(findings []store.AccessFinding, owner string) accessanalyzer.FindingStatus {
	status := accessanalyzer.FindingStatus("")
	for _, f := range findings {
		switch {
		case f.Owner != owner:
		case f.Status == store.FindingActive:
			return accessanalyzer.FindingStatusActive
		case f.Status == store.FindingArchived:
			status = accessanalyzer.FindingStatusArchived
		case status == "":
			status = accessanalyzer.FindingStatusResolved
		}
	}
	return status
}

// ListAnalyzedResources lists the resources that an analyzer has analysed, by ARN.
func (s *Service) ListAnalyzedResources(ctx context.Context, in *accessanalyzer.ListAnalyzedResourcesInput) (
	*accessanalyzer.ListAnalyzedResourcesOutput, error) {
	limit, err := pageSize(in.MaxResults)
	if err != nil {
		return nil, err
	}
	after, err := s.cfg.Tokens.Open(wire.CallerFrom(ctx), in)
	if err != nil {
		return nil, err
	}
	out := &accessanalyzer.ListAnalyzedResourcesOutput{AnalyzedResources: []accessanalyzer.AnalyzedResourceSummary{}}
	err = s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		a, err := s.readableAt(ctx, tx, t, *in.AnalyzerArn)
		if err != nil {
			return err
		}
		resource, owner, _ := strings.Cut(string(after), "\x00")
		rows, err := store.ListAnalyzedResources(ctx, tx, t, a.ID, string(in.ResourceType), resource, owner, limit+1)
		if err != nil {
			return err
		}
		rows, next := trim(rows, limit, func(r store.AnalyzedResource) string { return r.Resource + "\x00" + r.Owner })
		for i := range rows {
			r, err := readAnalyzed(&rows[i])
			if err != nil {
				return err
			}
			out.AnalyzedResources = append(out.AnalyzedResources, accessanalyzer.AnalyzedResourceSummary{ResourceArn: r.ResourceArn,
				ResourceOwnerAccount: r.ResourceOwnerAccount, ResourceType: r.ResourceType})
		}
		out.NextToken = s.nextToken(ctx, in, next)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// analyzedServices are the services in the ARNs of the types of resources that package resource knows.
var analyzedServices = []string{"s3", "s3express", "iam", "kms", "lambda", "sqs", "sns", "secretsmanager", "ecr", "elasticfilesystem", "ec2", "rds",
	"dynamodb"}

// StartResourceScan has a resource analysed at once, whether it has changed or not. It need not be known yet.
func (s *Service) StartResourceScan(ctx context.Context, in *accessanalyzer.StartResourceScanInput) (*accessanalyzer.StartResourceScanOutput, error) {
	parsed, err := arn.Parse(*in.ResourceArn)
	if err != nil {
		return nil, invalid("resourceArn", "is no ARN")
	}
	if in.ResourceOwnerAccount != nil && !arn.IsAccount(*in.ResourceOwnerAccount) {
		return nil, invalid("resourceOwnerAccount", "must be an account id of 12 digits")
	}
	if !slices.Contains(analyzedServices, parsed.Service) {
		return nil, invalid("resourceArn", "is of no type of resource that can be analysed")
	}
	err = s.update(ctx, func(tx store.Tx, t store.Tenant) error {
		a, err := s.readableAt(ctx, tx, t, *in.AnalyzerArn)
		if err != nil {
			return err
		}
		if err := store.ForgetFingerprint(ctx, tx, t, a.ID, *in.ResourceArn); err != nil {
			return err
		}
		return store.RequestScan(ctx, tx, t, a.ID)
	})
	if err != nil {
		return nil, err
	}
	s.scanner.soon()
	return &accessanalyzer.StartResourceScanOutput{}, nil
}
