package macie

import (
	"context"
	"regexp"
	"strings"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// revealSetting is the setting that holds a revealSettings.
const revealSetting = "reveal-configuration"

// revealSettings say whether samples of what was found may be shown, and how Macie would reach them. The key and the role are kept as they were
// given: samples are encrypted by the connection alone, and objects are read as jobs read them.
type revealSettings struct {
	Enabled    bool   `json:"enabled"`
	KMSKey     string `json:"kmsKey,omitempty"`
	Role       string `json:"role,omitempty"` // "": the caller's credentials
	ExternalID string `json:"externalId,omitempty"`
}

func (r *revealSettings) configuration() *macie2.RevealConfiguration {
	c := &macie2.RevealConfiguration{Status: macie2.RevealStatusDisabled}
	if r.Enabled {
		c.Status = macie2.RevealStatusEnabled
	}
	if r.KMSKey != "" {
		c.KmsKeyId = wire.Ptr(r.KMSKey)
	}
	return c
}

func (r *revealSettings) retrieval() *macie2.RetrievalConfiguration {
	if r.Role == "" {
		return &macie2.RetrievalConfiguration{RetrievalMode: macie2.RetrievalModeCallerCredentials}
	}
	return &macie2.RetrievalConfiguration{
		RetrievalMode: macie2.RetrievalModeAssumeRole, RoleName: wire.Ptr(r.Role), ExternalId: wire.Ptr(r.ExternalID)}
}

// GetRevealConfiguration tells whether samples of sensitive data may be shown, and how.
func (s *Service) GetRevealConfiguration(ctx context.Context, _ *macie2.GetRevealConfigurationInput) (*macie2.GetRevealConfigurationOutput, error) {
	var settings revealSettings
	err := s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		settings = revealSettings{}
		return readSetting(ctx, tx, t, revealSetting, &settings)
	})
	if err != nil {
		return nil, err
	}
	return &macie2.GetRevealConfigurationOutput{Configuration: settings.configuration(), RetrievalConfiguration: settings.retrieval()}, nil
}

// UpdateRevealConfiguration says whether samples of sensitive data may be shown, and how. The first time that they may it needs a key. While
// they may not, and while they are read with the caller's credentials, there is neither role nor external id: both are forgotten.
func (s *Service) UpdateRevealConfiguration(ctx context.Context, in *macie2.UpdateRevealConfigurationInput) (*macie2.UpdateRevealConfigurationOutput, error) {
	key, caller := wire.Value(in.Configuration.KmsKeyId), wire.CallerFrom(ctx)
	if err := checkRevealKey(key, caller); err != nil {
		return nil, err
	}
	if r := in.RetrievalConfiguration; r != nil {
		role := r.RetrievalMode == macie2.RetrievalModeAssumeRole
		if role && wire.Value(r.RoleName) == "" {
			return nil, invalid("retrievalConfiguration: ASSUME_ROLE needs roleName")
		}
		if !role && wire.Value(r.RoleName) != "" {
			return nil, invalid("retrievalConfiguration: roleName goes with ASSUME_ROLE only")
		}
	}
	newID := s.cfg.NewID()
	var settings revealSettings
	err := s.update(ctx, func(tx store.Tx, t store.Tenant) error {
		settings = revealSettings{}
		if err := store.Exclusive(ctx, tx, t, "lock/"+revealSetting); err != nil {
			return err
		}
		if err := readSetting(ctx, tx, t, revealSetting, &settings); err != nil {
			return err
		}
		settings.Enabled = in.Configuration.Status == macie2.RevealStatusEnabled
		if key != "" {
			settings.KMSKey = key
		}
		if settings.Enabled && settings.KMSKey == "" {
			return invalid("configuration: kmsKeyId is needed when samples are enabled for the first time")
		}
		if r := in.RetrievalConfiguration; r != nil {
			settings.Role = wire.Value(r.RoleName)
		}
		switch {
		case !settings.Enabled || settings.Role == "":
			settings.Role, settings.ExternalID = "", ""
		case settings.ExternalID == "":
			settings.ExternalID = newID
		}
		return writeSetting(ctx, tx, t, revealSetting, s.cfg.Now().UnixMilli(), &settings)
	})
	if err != nil {
		return nil, err
	}
	if !settings.Enabled {
		s.reveals.forget(tenant(ctx))
	}
	return &macie2.UpdateRevealConfigurationOutput{Configuration: settings.configuration(), RetrievalConfiguration: settings.retrieval()}, nil
}

// The forms in which a KMS key is named ("Key identifiers (KeyId)" in the AWS KMS Developer Guide): ids, also of multi-Region keys, and aliases,
// of which those of AWS's own keys begin with alias/aws/.
var (
	kmsKeyID = regexp.MustCompile(`^(mrk-[0-9a-f]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$`)
	kmsAlias = regexp.MustCompile(`^alias/[a-zA-Z0-9/_-]{1,250}$`)
)

const kmsOwnAlias = "alias/aws/"

// checkRevealKey holds the name of a key to its forms (macie.md 8.5): an ARN of the Region, an id, or an alias; "" is no key.
func checkRevealKey(key string, caller wire.Caller) error {
	if key == "" {
		return nil
	}
	name := key
	if strings.HasPrefix(key, "arn:") {
		a, err := arn.Parse(key)
		if err != nil || a.Service != "kms" || a.Partition != caller.Partition || !arn.IsAccount(a.Account) {
			return invalid("configuration: kmsKeyId is no ARN of a KMS key")
		}
		if a.Region != caller.Region {
			return invalid("configuration: the key of kmsKeyId must be in the Region %s", caller.Region)
		}
		var isKey bool
		if name, isKey = strings.CutPrefix(a.Resource, "key/"); !isKey && !strings.HasPrefix(name, "alias/") || isKey && !kmsKeyID.MatchString(name) {
			return invalid("configuration: kmsKeyId is no ARN of a KMS key")
		}
	}
	switch {
	case strings.HasPrefix(name, kmsOwnAlias):
		return invalid("configuration: kmsKeyId must name a customer managed key")
	case !kmsKeyID.MatchString(name) && !kmsAlias.MatchString(name):
		return invalid("configuration: kmsKeyId must be an ARN, an id, or an alias with the prefix alias/")
	}
	return nil
}
