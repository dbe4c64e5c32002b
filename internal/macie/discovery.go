package macie

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/managed"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// The settings of automated sensitive data discovery, each a JSON document.
const (
	discoverySetting = "automated-discovery"
	scopeSetting     = "classification-scope"
	templateSetting  = "sensitivity-inspection-template"
)

// discoveryName is the name of the classification scope and of the sensitivity inspection template, of which an account has one each.
const discoveryName = "automated-sensitive-data-discovery"

// discoveryKept is how long what was found is kept after automated discovery was disabled (macie.md 7.3).
const discoveryKept = 30 * 24 * time.Hour

// Bounds of the settings (macie.md 7.4, 7.5, 11.2).
const (
	maxExcludedBuckets     = 1000
	maxTemplateDescription = 200
	maxAccountIDs          = 50
	maxSuppressed          = 1000
)

// A discoveryConfiguration says whether automated discovery is on. Times are milliseconds.
type discoveryConfiguration struct {
	Enabled        bool   `json:"enabled"`
	AutoEnable     string `json:"autoEnable,omitempty"`
	AccountOff     bool   `json:"accountOff,omitempty"` // the account itself is left out
	FirstEnabledAt int64  `json:"firstEnabledAt,omitempty"`
	EnabledAt      int64  `json:"enabledAt,omitempty"` // the last time
	DisabledAt     int64  `json:"disabledAt,omitempty"`
	UpdatedAt      int64  `json:"updatedAt,omitempty"`
	Forgotten      bool   `json:"forgotten,omitempty"` // what was found is deleted, as it was disabled long ago
}

// on says whether objects are looked at.
func (c *discoveryConfiguration) on() bool { return c.Enabled && !c.AccountOff }

// A classificationScope says which buckets are left alone.
type classificationScope struct {
	Excluded []string `json:"excluded"` // in order
}

// An inspectionTemplate says what is looked for.
type inspectionTemplate struct {
	Description     string   `json:"description,omitempty"`
	AllowLists      []string `json:"allowLists,omitempty"`
	Custom          []string `json:"custom,omitempty"`
	Managed         []string `json:"managed,omitempty"`
	ExcludedManaged []string `json:"excludedManaged,omitempty"`
}

// identifiers returns the managed data identifiers of the template: the recommended ones and those it adds, less those it takes away. Ids that
// this version does not have any more are passed over.
func (t *inspectionTemplate) identifiers() []*detect.Identifier {
	all := managed.All()
	recommended := map[string]bool{}
	for _, id := range detect.Recommended(all) {
		recommended[id.ID] = true
	}
	return slices.DeleteFunc(all, func(id *detect.Identifier) bool {
		return !recommended[id.ID] && !slices.Contains(t.Managed, id.ID) || slices.Contains(t.ExcludedManaged, id.ID)
	})
}

// readSetting reads a settings document; one that was never put leaves the value as it is.
func readSetting(ctx context.Context, tx store.Tx, t store.Tenant, name string, into any) error {
	doc, err := store.GetSetting(ctx, tx, t, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err == nil {
		if err = json.Unmarshal(doc, into); err != nil {
			err = fmt.Errorf("the setting %s is damaged: %w", name, err)
		}
	}
	return err
}

func writeSetting(ctx context.Context, tx store.Tx, t store.Tenant, name string, now int64, value any) error {
	doc, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return store.PutSetting(ctx, tx, t, name, now, doc)
}

// discoveryID makes the id of the one thing of a kind that a tenant has.
func discoveryID(t store.Tenant, kind string) string {
	sum := sha256.Sum256([]byte(kind + "\x00" + t.Account + "\x00" + t.Region))
	return hex.EncodeToString(sum[:16])
}

// A discoveryView is what the inventory shows of automated sensitive data discovery.
type discoveryView struct {
	enabled  bool            // what was found shows
	on       bool            // objects are looked at; not if the account is left out
	excluded map[string]bool // buckets
}

func (v *discoveryView) monitors(bucket string) bool { return v.on && !v.excluded[bucket] }

// viewDiscovery reads the view of a tenant.
func viewDiscovery(ctx context.Context, tx store.Tx, t store.Tenant) (discoveryView, error) {
	var c discoveryConfiguration
	var scope classificationScope
	err := errors.Join(readSetting(ctx, tx, t, discoverySetting, &c), readSetting(ctx, tx, t, scopeSetting, &scope))
	v := discoveryView{enabled: c.Enabled, on: c.on(), excluded: map[string]bool{}}
	for _, name := range scope.Excluded {
		v.excluded[name] = true
	}
	return v, err
}

// GetAutomatedDiscoveryConfiguration tells whether automated sensitive data discovery is on.
func (s *Service) GetAutomatedDiscoveryConfiguration(ctx context.Context, _ *macie2.GetAutomatedDiscoveryConfigurationInput) (
	*macie2.GetAutomatedDiscoveryConfigurationOutput, error) {
	var c discoveryConfiguration
	var since store.Session
	err := s.view(ctx, func(tx store.Tx, t store.Tenant) (err error) {
		if since, err = session(ctx, tx, t); err != nil {
			return err
		}
		return readSetting(ctx, tx, t, discoverySetting, &c)
	})
	if err != nil {
		return nil, err
	}
	t := tenant(ctx)
	out := &macie2.GetAutomatedDiscoveryConfigurationOutput{
		AutoEnableOrganizationMembers:   macie2.AutoEnableMode(c.AutoEnable),
		ClassificationScopeId:           wire.Ptr(discoveryID(t, scopeSetting)),
		SensitivityInspectionTemplateId: wire.Ptr(discoveryID(t, templateSetting)),
		Status:                          macie2.AutomatedDiscoveryStatusDisabled,
		LastUpdatedAt:                   wire.Ptr(wire.Time(max(c.UpdatedAt, since.CreatedAt))),
	}
	if out.AutoEnableOrganizationMembers == "" {
		out.AutoEnableOrganizationMembers = macie2.AutoEnableModeNone
	}
	if c.Enabled {
		out.Status = macie2.AutomatedDiscoveryStatusEnabled
	}
	if c.FirstEnabledAt != 0 {
		out.FirstEnabledAt = wire.Ptr(wire.Time(c.FirstEnabledAt))
	}
	if c.DisabledAt != 0 {
		out.DisabledAt = wire.Ptr(wire.Time(c.DisabledAt))
	}
	return out, nil
}

// UpdateAutomatedDiscoveryConfiguration turns automated sensitive data discovery on or off.
func (s *Service) UpdateAutomatedDiscoveryConfiguration(ctx context.Context, in *macie2.UpdateAutomatedDiscoveryConfigurationInput) (
	*macie2.UpdateAutomatedDiscoveryConfigurationOutput, error) {
	err := s.changeDiscovery(ctx, func(c *discoveryConfiguration) error {
		c.Enabled = in.Status == macie2.AutomatedDiscoveryStatusEnabled
		c.AutoEnable = string(macie2.AutoEnableModeAll)
		if in.AutoEnableOrganizationMembers != "" {
			c.AutoEnable = string(in.AutoEnableOrganizationMembers)
		}
		if c.AutoEnable == string(macie2.AutoEnableModeAll) {
			c.AccountOff = false
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &macie2.UpdateAutomatedDiscoveryConfigurationOutput{}, nil
}

// changeDiscovery changes the configuration, and starts or ends what hangs on it.
func (s *Service) changeDiscovery(ctx context.Context, change func(*discoveryConfiguration) error) error {
	err := s.update(ctx, func(tx store.Tx, t store.Tenant) error {
		if err := store.Exclusive(ctx, tx, t, "lock/"+discoverySetting); err != nil {
			return err
		}
		var c discoveryConfiguration
		if err := readSetting(ctx, tx, t, discoverySetting, &c); err != nil {
			return err
		}
		was, now := c, s.cfg.Now().UnixMilli()
		if err := change(&c); err != nil {
			return err
		}
		switch {
		case c.Enabled && !was.Enabled:
			if was.DisabledAt != 0 && now-was.DisabledAt >= discoveryKept.Milliseconds() {
				if err := forgetDiscovery(ctx, tx, t); err != nil {
					return err
				}
			}
			c.EnabledAt, c.DisabledAt, c.Forgotten = now, 0, false
			if c.FirstEnabledAt == 0 {
				c.FirstEnabledAt = now
			}
		case !c.Enabled && was.Enabled:
			c.DisabledAt = now
		}
		c.UpdatedAt = now
		return writeSetting(ctx, tx, t, discoverySetting, now, &c)
	})
	if err == nil {
		s.look()
	}
	return err
}

// forgetDiscovery deletes what automated discovery has found.
func forgetDiscovery(ctx context.Context, tx store.Tx, t store.Tenant) error {
	if err := store.DeleteDiscovery(ctx, tx, t, ""); err != nil {
		return err
	}
	names, err := store.BucketNames(ctx, tx, t)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := rescore(ctx, tx, t, name); err != nil {
			return err
		}
	}
	return nil
}

// ListAutomatedDiscoveryAccounts tells for which accounts automated discovery is on: of an account by itself, for that one.
func (s *Service) ListAutomatedDiscoveryAccounts(ctx context.Context, in *macie2.ListAutomatedDiscoveryAccountsInput) (
	*macie2.ListAutomatedDiscoveryAccountsOutput, error) {
	if len(in.AccountIds) > maxAccountIDs {
		return nil, invalid("accountIds may hold %d ids at most, not %d", maxAccountIDs, len(in.AccountIds))
	}
	if _, err := s.cfg.Tokens.Open(wire.CallerFrom(ctx), in); err != nil {
		return nil, err
	}
	var c discoveryConfiguration
	err := s.view(ctx, func(tx store.Tx, t store.Tenant) error { return readSetting(ctx, tx, t, discoverySetting, &c) })
	if err != nil {
		return nil, err
	}
	out := &macie2.ListAutomatedDiscoveryAccountsOutput{Items: []macie2.AutomatedDiscoveryAccount{}}
	own := tenant(ctx).Account
	if len(in.AccountIds) > 0 && !slices.Contains(in.AccountIds, own) {
		return out, nil
	}
	status := macie2.AutomatedDiscoveryAccountStatusDisabled
	if c.on() {
		status = macie2.AutomatedDiscoveryAccountStatusEnabled
	}
	out.Items = append(out.Items, macie2.AutomatedDiscoveryAccount{AccountId: wire.Ptr(own), Status: status})
	return out, nil
}

// BatchUpdateAutomatedDiscoveryAccounts turns automated discovery on or off for accounts. An account by itself has none but its own.
func (s *Service) BatchUpdateAutomatedDiscoveryAccounts(ctx context.Context, in *macie2.BatchUpdateAutomatedDiscoveryAccountsInput) (
	*macie2.BatchUpdateAutomatedDiscoveryAccountsOutput, error) {
	own := tenant(ctx).Account
	out := &macie2.BatchUpdateAutomatedDiscoveryAccountsOutput{Errors: []macie2.AutomatedDiscoveryAccountUpdateError{}}
	for _, a := range in.Accounts {
		if a.AccountId == nil || a.Status == "" {
			return nil, invalid("accounts: each element needs an accountId and a status")
		}
	}
	if len(in.Accounts) == 0 {
		return nil, invalid("accounts must name at least one account")
	}
	var since store.Session
	if err := s.view(ctx, func(tx store.Tx, t store.Tenant) (err error) {
		since, err = session(ctx, tx, t)
		return err
	}); err != nil {
		return nil, err
	}
	err := s.changeDiscovery(ctx, func(c *discoveryConfiguration) error {
		out.Errors = out.Errors[:0]
		switch {
		case c.AutoEnable == string(macie2.AutoEnableModeAll):
			return wire.Errorf(wire.Conflict, "Cannot modify account states while auto-enable is set to ALL. Set autoEnableOrganizationMembers to NEW or NONE first.")
		case !c.Enabled:
			return wire.Errorf(wire.Conflict, "Automated sensitive data discovery is disabled. Enable it with UpdateAutomatedDiscoveryConfiguration first.")
		}
		for _, a := range in.Accounts {
			code := macie2.AutomatedDiscoveryAccountUpdateErrorCode("")
			switch {
			case *a.AccountId != own:
				code = macie2.AutomatedDiscoveryAccountUpdateErrorCodeAccountNotFound
			case since.Status != string(macie2.MacieStatusEnabled):
				code = macie2.AutomatedDiscoveryAccountUpdateErrorCodeAccountPaused
			default:
				c.AccountOff = a.Status == macie2.AutomatedDiscoveryAccountStatusDisabled
				continue
			}
			out.Errors = append(out.Errors, macie2.AutomatedDiscoveryAccountUpdateError{AccountId: a.AccountId, ErrorCode: code})
		}
		if len(out.Errors) == len(in.Accounts) {
			return invalid("no account was updated: %s for %s", out.Errors[0].ErrorCode, *out.Errors[0].AccountId)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ListClassificationScopes names the classification scope of the account.
func (s *Service) ListClassificationScopes(ctx context.Context, in *macie2.ListClassificationScopesInput) (*macie2.ListClassificationScopesOutput, error) {
	if _, err := s.cfg.Tokens.Open(wire.CallerFrom(ctx), in); err != nil {
		return nil, err
	}
	out := &macie2.ListClassificationScopesOutput{ClassificationScopes: []macie2.ClassificationScopeSummary{}}
	err := s.view(ctx, func(_ store.Tx, t store.Tenant) error {
		if wire.ValueOr(in.Name, discoveryName) == discoveryName {
			out.ClassificationScopes = append(out.ClassificationScopes,
				macie2.ClassificationScopeSummary{Id: wire.Ptr(discoveryID(t, scopeSetting)), Name: wire.Ptr(discoveryName)})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// theOnly refuses an id that is not that of the tenant's one thing of a kind.
func theOnly(t store.Tenant, kind, id string) error {
	if id != discoveryID(t, kind) {
		return wire.Errorf(wire.NotFound, "There is no %s with this id.", strings.ReplaceAll(kind, "-", " ")).About(kind, id)
	}
	return nil
}

// GetClassificationScope tells which buckets automated discovery leaves alone.
func (s *Service) GetClassificationScope(ctx context.Context, in *macie2.GetClassificationScopeInput) (*macie2.GetClassificationScopeOutput, error) {
	var scope classificationScope
	err := s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		if err := theOnly(t, scopeSetting, *in.Id); err != nil {
			return err
		}
		return readSetting(ctx, tx, t, scopeSetting, &scope)
	})
	if err != nil {
		return nil, err
	}
	return &macie2.GetClassificationScopeOutput{Id: in.Id, Name: wire.Ptr(discoveryName),
		S3: &macie2.S3ClassificationScope{Excludes: &macie2.S3ClassificationScopeExclusion{BucketNames: append([]string{}, scope.Excluded...)}}}, nil
}

// UpdateClassificationScope changes which buckets automated discovery leaves alone.
func (s *Service) UpdateClassificationScope(ctx context.Context, in *macie2.UpdateClassificationScopeInput) (*macie2.UpdateClassificationScopeOutput, error) {
	if err := s.freshInventory(ctx); err != nil {
		return nil, err
	}
	err := s.update(ctx, func(tx store.Tx, t store.Tenant) error {
		if err := theOnly(t, scopeSetting, *in.Id); err != nil || in.S3 == nil {
			return err
		}
		if err := store.Exclusive(ctx, tx, t, "lock/"+scopeSetting); err != nil {
			return err
		}
		var scope classificationScope
		if err := readSetting(ctx, tx, t, scopeSetting, &scope); err != nil {
			return err
		}
		names, err := store.BucketNames(ctx, tx, t)
		if err != nil {
			return err
		}
		if err := scope.update(in.S3.Excludes, names); err != nil {
			return err
		}
		return writeSetting(ctx, tx, t, scopeSetting, s.cfg.Now().UnixMilli(), &scope)
	})
	if err != nil {
		return nil, err
	}
	return &macie2.UpdateClassificationScopeOutput{}, nil
}

// update adds, takes away or replaces; existing are the names of the account's buckets. What is excluded stays so when its bucket goes.
func (c *classificationScope) update(in *macie2.S3ClassificationScopeExclusionUpdate, existing []string) error {
	list := slices.Clone(c.Excluded)
	switch in.Operation {
	case macie2.ClassificationScopeUpdateOperationRemove:
		list = slices.DeleteFunc(list, func(name string) bool { return slices.Contains(in.BucketNames, name) })
	case macie2.ClassificationScopeUpdateOperationReplace:
		list = nil
		fallthrough
	default:
		for _, name := range in.BucketNames {
			if !slices.Contains(existing, name) && !slices.Contains(c.Excluded, name) {
				return invalid("s3.excludes.bucketNames: the account has no bucket %q; DescribeBuckets names those it has", name)
			}
			list = append(list, name)
		}
	}
	slices.Sort(list)
	if list = slices.Compact(list); len(list) > maxExcludedBuckets {
		return invalid("s3.excludes: %d buckets may be excluded at most, not %d", maxExcludedBuckets, len(list))
	}
	c.Excluded = list
	return nil
}

// ListSensitivityInspectionTemplates names the sensitivity inspection template of the account.
func (s *Service) ListSensitivityInspectionTemplates(ctx context.Context, in *macie2.ListSensitivityInspectionTemplatesInput) (
	*macie2.ListSensitivityInspectionTemplatesOutput, error) {
	if _, err := s.cfg.Tokens.Open(wire.CallerFrom(ctx), in); err != nil {
		return nil, err
	}
	out := &macie2.ListSensitivityInspectionTemplatesOutput{}
	err := s.view(ctx, func(_ store.Tx, t store.Tenant) error {
		out.SensitivityInspectionTemplates = []macie2.SensitivityInspectionTemplatesEntry{
			{Id: wire.Ptr(discoveryID(t, templateSetting)), Name: wire.Ptr(discoveryName)}}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// GetSensitivityInspectionTemplate tells what automated discovery looks for beside the recommended identifiers, and what it leaves out.
func (s *Service) GetSensitivityInspectionTemplate(ctx context.Context, in *macie2.GetSensitivityInspectionTemplateInput) (
	*macie2.GetSensitivityInspectionTemplateOutput, error) {
	var template inspectionTemplate
	err := s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		if err := theOnly(t, templateSetting, *in.Id); err != nil {
			return err
		}
		return readSetting(ctx, tx, t, templateSetting, &template)
	})
	if err != nil {
		return nil, err
	}
	list := func(ids []string) []string { return append([]string{}, ids...) }
	return &macie2.GetSensitivityInspectionTemplateOutput{
		SensitivityInspectionTemplateId: in.Id, Name: wire.Ptr(discoveryName), Description: wire.Ptr(template.Description),
		Includes: &macie2.SensitivityInspectionTemplateIncludes{
			AllowListIds: list(template.AllowLists), CustomDataIdentifierIds: list(template.Custom), ManagedDataIdentifierIds: list(template.Managed)},
		Excludes: &macie2.SensitivityInspectionTemplateExcludes{ManagedDataIdentifierIds: list(template.ExcludedManaged)},
	}, nil
}

// UpdateSensitivityInspectionTemplate replaces what automated discovery looks for; what is not given is the default.
func (s *Service) UpdateSensitivityInspectionTemplate(ctx context.Context, in *macie2.UpdateSensitivityInspectionTemplateInput) (
	*macie2.UpdateSensitivityInspectionTemplateOutput, error) {
	template := inspectionTemplate{Description: wire.Value(in.Description)}
	if i := in.Includes; i != nil {
		template.AllowLists, template.Custom, template.Managed = distinct(i.AllowListIds), distinct(i.CustomDataIdentifierIds), distinct(i.ManagedDataIdentifierIds)
	}
	if e := in.Excludes; e != nil {
		template.ExcludedManaged = distinct(e.ManagedDataIdentifierIds)
	}
	all := managed.All()
	for _, id := range slices.Concat(template.Managed, template.ExcludedManaged) {
		if !slices.ContainsFunc(all, func(known *detect.Identifier) bool { return known.ID == id }) {
			return nil, invalid("managedDataIdentifierIds: this version of Magpie has no identifier %q; ListManagedDataIdentifiers names those it has", id)
		}
	}
	switch {
	case utf8.RuneCountInString(template.Description) > maxTemplateDescription:
		return nil, invalid("description may have %d characters at most", maxTemplateDescription)
	case len(template.Custom) > maxJobCustomIdentifiers:
		return nil, invalid("customDataIdentifierIds may hold %d ids at most, not %d", maxJobCustomIdentifiers, len(template.Custom))
	case len(template.AllowLists) > maxJobAllowLists:
		return nil, invalid("allowListIds may hold %d ids at most, not %d", maxJobAllowLists, len(template.AllowLists))
	case len(template.identifiers()) == 0 && len(template.Custom) == 0:
		return nil, invalid("the template excludes every identifier: nothing would be looked for")
	}
	err := s.update(ctx, func(tx store.Tx, t store.Tenant) error {
		if err := theOnly(t, templateSetting, *in.Id); err != nil {
			return err
		}
		if err := jobRefersTo(ctx, tx, t, template.asJob()); err != nil {
			return err
		}
		return writeSetting(ctx, tx, t, templateSetting, s.cfg.Now().UnixMilli(), &template)
	})
	if err != nil {
		return nil, err
	}
	return &macie2.UpdateSensitivityInspectionTemplateOutput{}, nil
}

// asJob is a job that looks for what the template says.
func (t *inspectionTemplate) asJob() *macie2.CreateClassificationJobInput {
	in := &macie2.CreateClassificationJobInput{
		ManagedDataIdentifierSelector: macie2.ManagedDataIdentifierSelectorNone, CustomDataIdentifierIds: t.Custom, AllowListIds: t.AllowLists,
		JobType: macie2.JobTypeOneTime, S3JobDefinition: &macie2.S3JobDefinition{},
	}
	for _, id := range t.identifiers() {
		in.ManagedDataIdentifierSelector = macie2.ManagedDataIdentifierSelectorInclude
		in.ManagedDataIdentifierIds = append(in.ManagedDataIdentifierIds, id.ID)
	}
	return in
}
