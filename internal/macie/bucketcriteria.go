package macie

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// A bucketMatch says whether a bucket meets criteria.
type bucketMatch func(*macie2.BucketMetadata) (bool, error)

// A bucketField is a field of the metadata that buckets can be filtered by.
type bucketField struct {
	number bool // takes gt, gte, lt, lte; dates are numbers of milliseconds
	date   bool
	prefix bool
}

// bucketFields are the fields of DescribeBuckets' criteria, named by the path of the member (macie.md 6.8).
var bucketFields = func() map[string]bucketField {
	fields := map[string]bucketField{"bucketName": {prefix: true}}
	for _, name := range []string{
		"accountId", "allowsUnencryptedObjectUploads", "automatedDiscoveryMonitoringStatus", "errorCode",
		"jobDetails.isDefinedInJob", "jobDetails.isMonitoredByJob", "publicAccess.effectivePermission", "replicationDetails.replicated",
		"replicationDetails.replicatedExternally", "serverSideEncryption.type", "sharedAccess", "tags.key", "tags.value",
	} {
		fields[name] = bucketField{}
	}
	const configuration = "publicAccess.permissionConfiguration."
	for _, level := range []string{"accountLevelPermissions.blockPublicAccess.", "bucketLevelPermissions.blockPublicAccess."} {
		for _, name := range []string{"blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"} {
			fields[configuration+level+name] = bucketField{}
		}
	}
	for _, grant := range []string{"accessControlList.", "bucketPolicy."} {
		for _, name := range []string{"allowsPublicReadAccess", "allowsPublicWriteAccess"} {
			fields[configuration+"bucketLevelPermissions."+grant+name] = bucketField{}
		}
	}
	for _, name := range []string{
		"classifiableObjectCount", "classifiableSizeInBytes", "objectCount", "sensitivityScore", "sizeInBytes", "sizeInBytesCompressed",
		"objectCountByEncryptionType.customerManaged", "objectCountByEncryptionType.kmsManaged", "objectCountByEncryptionType.s3Managed",
		"objectCountByEncryptionType.unencrypted", "objectCountByEncryptionType.unknown",
		"unclassifiableObjectCount.total", "unclassifiableObjectSizeInBytes.total",
	} {
		fields[name] = bucketField{number: true}
	}
	for _, name := range []string{"bucketCreatedAt", "lastAutomatedDiscoveryTime", "lastUpdated"} {
		fields[name] = bucketField{number: true, date: true}
	}
	return fields
}()

// bucketCriteria compiles the criteria of DescribeBuckets; all fields must match.
func bucketCriteria(in map[string]macie2.BucketCriteriaAdditionalProperties) (bucketMatch, error) {
	type term struct {
		path  []string
		field bucketField
		c     macie2.BucketCriteriaAdditionalProperties
	}
	var terms []term
	for _, name := range slices.Sorted(maps.Keys(in)) {
		c := in[name]
		field, ok := bucketFields[name]
		ranged := c.Gt != nil || c.Gte != nil || c.Lt != nil || c.Lte != nil
		switch {
		case !ok:
			return nil, wire.Errorf(wire.Validation, "criteria: buckets cannot be filtered by %q", name)
		case !ranged && c.Prefix == nil && c.Eq == nil && c.Neq == nil:
			return nil, wire.Errorf(wire.Validation, "criteria: %s has no operator", name)
		case len(c.Eq) > store.MaxCriterionValues || len(c.Neq) > store.MaxCriterionValues:
			return nil, wire.Errorf(wire.Validation, "criteria: an operator of %s may have %d values at most", name, store.MaxCriterionValues)
		case c.Prefix != nil && !field.prefix:
			return nil, wire.Errorf(wire.Validation, "criteria: prefix goes with bucketName only, not with %s", name)
		case ranged && !field.number:
			return nil, wire.Errorf(wire.Validation, "criteria: %s is neither a number nor a date", name)
		}
		terms = append(terms, term{strings.Split(name, "."), field, c})
	}
	return func(m *macie2.BucketMetadata) (bool, error) {
		if len(terms) == 0 {
			return true, nil
		}
		var members map[string]any
		if err := json.Unmarshal(wire.Marshal(m), &members); err != nil {
			return false, fmt.Errorf("read the metadata of bucket %s: %w", *m.BucketName, err)
		}
		for _, t := range terms {
			if !meets(values(members, t.path, t.field), t.c) {
				return false, nil
			}
		}
		return true, nil
	}, nil
}

// values returns the values at a path as criteria write them; a list on the way gives those of all its elements.
func values(at any, path []string, field bucketField) []string {
	switch v := at.(type) {
	case map[string]any:
		if len(path) == 0 {
			return nil
		}
		return values(v[path[0]], path[1:], field)
	case []any:
		var all []string
		for _, element := range v {
			all = append(all, values(element, path, field)...)
		}
		return all
	case string:
		if field.date {
			if t, err := wire.ParseTime(v); err == nil {
				return []string{strconv.FormatInt(int64(t), 10)}
			}
		}
		return []string{v}
	case bool:
		return []string{strconv.FormatBool(v)}
	case float64:
		return []string{strconv.FormatFloat(v, 'f', -1, 64)}
	default:
		return nil
	}
}

func meets(found []string, c macie2.BucketCriteriaAdditionalProperties) bool {
	any := func(test func(string) bool) bool { return slices.ContainsFunc(found, test) }
	number := func(test func(int64) bool) bool {
		return any(func(v string) bool {
			n, err := strconv.ParseInt(v, 10, 64)
			return err == nil && test(n)
		})
	}
	switch {
	case c.Eq != nil && !any(func(v string) bool { return slices.Contains(c.Eq, v) }):
	case c.Neq != nil && any(func(v string) bool { return slices.Contains(c.Neq, v) }):
	case c.Prefix != nil && !any(func(v string) bool { return strings.HasPrefix(v, *c.Prefix) }):
	case c.Gt != nil && !number(func(n int64) bool { return n > *c.Gt }):
	case c.Gte != nil && !number(func(n int64) bool { return n >= *c.Gte }):
	case c.Lt != nil && !number(func(n int64) bool { return n < *c.Lt }):
	case c.Lte != nil && !number(func(n int64) bool { return n <= *c.Lte }):
	default:
		return true
	}
	return false
}
