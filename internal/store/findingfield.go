package store

import "slices"

// Kind is the type of a filterable field; it decides the operators it takes (macie.md 5.6).
type Kind uint8

// Kinds of fields, with their operators.
const (
	String    Kind = iota + 1 // eq, neq
	StringSet                 // eq, neq, eqExactMatch
	Boolean                   // eq, neq with "true" and "false"
	Number                    // eq, neq, gt, gte, lt, lte; 64-bit integers
	Date                      // eq, neq, gt, gte, lt, lte; milliseconds since the epoch
)

// String returns the kind as an error message names it.
func (k Kind) String() string {
	switch k {
	case String:
		return "string"
	case StringSet:
		return "set of strings"
	case Boolean:
		return "boolean"
	case Number:
		return "number"
	case Date:
		return "date"
	}
	return "unknown kind"
}

// seat says in which table a field's value is kept; see the comment of finding.go.
type seat uint8

const (
	inFinding   seat = iota + 1 // a column of findings, for what differs from one finding to the next
	inTraits                    // a column of finding_traits
	inBucket                    // a column of bucket_snapshots
	inBucketTag                 // a column of bucket_snapshot_tags: many values
	inPlace                     // a column of finding_places
	inAttribute                 // rows of finding_attributes: many values, or rare ones
)

// Field is something findings can be filtered by.
type Field struct {
	// Name is the field's name in a criterion: the path of the member in the finding's JSON, array levels left out.
	Name string
	Kind Kind

	seat   seat
	column string // of the seat's table
	code   int64  // number of the field in finding_attributes, never to be changed or used again; 0 if it has no rows there
}

const (
	bucketPrefix = "resourcesAffected.s3Bucket."
	objectPrefix = "resourcesAffected.s3Object."
	resultPrefix = "classificationDetails.result."
	publicPrefix = bucketPrefix + "publicAccess.permissionConfiguration."
	actionPrefix = "policyDetails.action."
	actorPrefix  = "policyDetails.actor."
	userPrefix   = actorPrefix + "userIdentity."
)

// findingFields is every field of macie.md 5.6 with its kind and its place.
var findingFields = []Field{
	{"accountId", String, inBucket, "account_id", 0},
	{"archived", Boolean, inTraits, "archived", 0},
	{"category", String, inTraits, "category", 0},
	{"count", Number, inFinding, "count", 0},
	{"createdAt", Date, inFinding, "created_at", 0},
	{"id", String, inFinding, "id", 0},
	{"region", String, inBucket, "region", 0},
	{"sample", Boolean, inTraits, "sample", 0},
	{"severity.description", String, inTraits, "severity", 0},
	{"type", String, inTraits, "type", 0},
	{"updatedAt", Date, inFinding, "updated_at", 0},

	{bucketPrefix + "allowsUnencryptedObjectUploads", String, inBucket, "unencrypted_uploads", 0},
	{bucketPrefix + "createdAt", Date, inBucket, "created_at", 0},
	{bucketPrefix + "defaultServerSideEncryption.encryptionType", String, inBucket, "encryption_type", 0},
	{bucketPrefix + "defaultServerSideEncryption.kmsMasterKeyId", String, inBucket, "kms_key", 0},
	{bucketPrefix + "name", String, inBucket, "name", 1},
	{bucketPrefix + "owner.displayName", String, inBucket, "owner_name", 0},
	{bucketPrefix + "publicAccess.effectivePermission", String, inBucket, "effective_permission", 0},
	{publicPrefix + "accountLevelPermissions.blockPublicAccess.blockPublicAcls", Boolean, inBucket, "account_block_acls", 0},
	{publicPrefix + "accountLevelPermissions.blockPublicAccess.blockPublicPolicy", Boolean, inBucket, "account_block_policy", 0},
	{publicPrefix + "accountLevelPermissions.blockPublicAccess.ignorePublicAcls", Boolean, inBucket, "account_ignore_acls", 0},
	{publicPrefix + "accountLevelPermissions.blockPublicAccess.restrictPublicBuckets", Boolean, inBucket, "account_restrict", 0},
	{publicPrefix + "bucketLevelPermissions.accessControlList.allowsPublicReadAccess", Boolean, inBucket, "acl_public_read", 0},
	{publicPrefix + "bucketLevelPermissions.accessControlList.allowsPublicWriteAccess", Boolean, inBucket, "acl_public_write", 0},
	{publicPrefix + "bucketLevelPermissions.blockPublicAccess.blockPublicAcls", Boolean, inBucket, "bucket_block_acls", 0},
	{publicPrefix + "bucketLevelPermissions.blockPublicAccess.blockPublicPolicy", Boolean, inBucket, "bucket_block_policy", 0},
	{publicPrefix + "bucketLevelPermissions.blockPublicAccess.ignorePublicAcls", Boolean, inBucket, "bucket_ignore_acls", 0},
	{publicPrefix + "bucketLevelPermissions.blockPublicAccess.restrictPublicBuckets", Boolean, inBucket, "bucket_restrict", 0},
	{publicPrefix + "bucketLevelPermissions.bucketPolicy.allowsPublicReadAccess", Boolean, inBucket, "policy_public_read", 0},
	{publicPrefix + "bucketLevelPermissions.bucketPolicy.allowsPublicWriteAccess", Boolean, inBucket, "policy_public_write", 0},
	{bucketPrefix + "tags.key", StringSet, inBucketTag, "key", 0},
	{bucketPrefix + "tags.value", StringSet, inBucketTag, "value", 0},

	{objectPrefix + "extension", String, inAttribute, "", 3},
	{objectPrefix + "key", String, inAttribute, "", 4},
	{objectPrefix + "lastModified", Date, inFinding, "modified_at", 0},
	{objectPrefix + "path", String, inFinding, "resource", 0},
	{objectPrefix + "publicAccess", Boolean, inTraits, "object_public", 0},
	{objectPrefix + "serverSideEncryption.encryptionType", String, inTraits, "object_encryption", 0},
	{objectPrefix + "serverSideEncryption.kmsMasterKeyId", String, inAttribute, "", 5},
	{objectPrefix + "tags.key", StringSet, inAttribute, "", 6},
	{objectPrefix + "tags.value", StringSet, inAttribute, "", 7},

	{"classificationDetails.jobId", String, inPlace, "job_id", 2},
	{"classificationDetails.originType", String, inTraits, "origin", 0},
	{resultPrefix + "customDataIdentifiers.detections.arn", StringSet, inAttribute, "", 8},
	{resultPrefix + "customDataIdentifiers.detections.name", StringSet, inAttribute, "", 9},
	{resultPrefix + "customDataIdentifiers.detections.count", Number, inAttribute, "", 10},
	{resultPrefix + "mimeType", String, inTraits, "mime_type", 0},
	{resultPrefix + "sensitiveData.category", StringSet, inTraits, "sensitive_categories", 0},
	{resultPrefix + "sensitiveData.detections.type", StringSet, inAttribute, "", 11},
	{resultPrefix + "sensitiveData.detections.count", Number, inAttribute, "", 12},
	{resultPrefix + "sizeClassified", Number, inFinding, "size_classified", 0},
	{resultPrefix + "status.code", String, inTraits, "status", 0},

	{actionPrefix + "actionType", String, inAttribute, "", 20},
	{actionPrefix + "apiCallDetails.api", String, inAttribute, "", 21},
	{actionPrefix + "apiCallDetails.apiServiceName", String, inAttribute, "", 22},
	{actionPrefix + "apiCallDetails.firstSeen", Date, inFinding, "first_seen", 0},
	{actionPrefix + "apiCallDetails.lastSeen", Date, inFinding, "last_seen", 0},
	{actorPrefix + "domainDetails.domainName", String, inAttribute, "", 23},
	{actorPrefix + "ipAddressDetails.ipAddressV4", String, inAttribute, "", 24},
	{actorPrefix + "ipAddressDetails.ipCity.name", String, inAttribute, "", 25},
	{actorPrefix + "ipAddressDetails.ipCountry.name", String, inAttribute, "", 26},
	{actorPrefix + "ipAddressDetails.ipOwner.asn", String, inAttribute, "", 27},
	{actorPrefix + "ipAddressDetails.ipOwner.asnOrg", String, inAttribute, "", 28},
	{actorPrefix + "ipAddressDetails.ipOwner.isp", String, inAttribute, "", 29},
	{userPrefix + "type", String, inAttribute, "", 30},
	{userPrefix + "assumedRole.accessKeyId", String, inAttribute, "", 31},
	{userPrefix + "assumedRole.accountId", String, inAttribute, "", 32},
	{userPrefix + "assumedRole.arn", String, inAttribute, "", 33},
	{userPrefix + "assumedRole.principalId", String, inAttribute, "", 34},
	{userPrefix + "assumedRole.sessionContext.sessionIssuer.type", String, inAttribute, "", 35},
	{userPrefix + "assumedRole.sessionContext.sessionIssuer.userName", String, inAttribute, "", 36},
	{userPrefix + "awsAccount.accountId", String, inAttribute, "", 37},
	{userPrefix + "awsAccount.principalId", String, inAttribute, "", 38},
	{userPrefix + "awsService.invokedBy", String, inAttribute, "", 39},
	{userPrefix + "federatedUser.accessKeyId", String, inAttribute, "", 40},
	{userPrefix + "federatedUser.accountId", String, inAttribute, "", 41},
	{userPrefix + "federatedUser.arn", String, inAttribute, "", 42},
	{userPrefix + "federatedUser.principalId", String, inAttribute, "", 43},
	{userPrefix + "federatedUser.sessionContext.sessionIssuer.type", String, inAttribute, "", 44},
	{userPrefix + "federatedUser.sessionContext.sessionIssuer.userName", String, inAttribute, "", 45},
	{userPrefix + "iamUser.accountId", String, inAttribute, "", 46},
	{userPrefix + "iamUser.principalId", String, inAttribute, "", 47},
	{userPrefix + "iamUser.userName", String, inAttribute, "", 48},
	{userPrefix + "root.accountId", String, inAttribute, "", 49},
	{userPrefix + "root.principalId", String, inAttribute, "", 50},
}

// FindingFields returns every field that findings can be filtered by, in the order of the documentation.
func FindingFields() []Field { return slices.Clone(findingFields) }

// FindingField returns the field of that name.
func FindingField(name string) (Field, bool) {
	i := slices.IndexFunc(findingFields, func(f Field) bool { return f.Name == name })
	if i < 0 {
		return Field{}, false
	}
	return findingFields[i], true
}

// sensitiveCategories numbers the categories of sensitive data: their place is their bit in finding_traits.sensitive_categories.
var sensitiveCategories = []string{"FINANCIAL_INFORMATION", "PERSONAL_INFORMATION", "CREDENTIALS", "CUSTOM_IDENTIFIER"}

// FindingSort is an attribute that findings can be sorted by (macie.md 5.5).
type FindingSort struct {
	// Attribute is one of [FindingSortAttributes]; "" means updatedAt.
	Attribute  string
	Descending bool
}

type sortColumn struct {
	attribute, column string
	bytes             bool // the column holds bytes, else numbers
}

// sortColumns maps the attributes to columns of findings; each has an index (tenant, column, seq).
var sortColumns = []sortColumn{
	{"count", "count", false},
	{"createdAt", "created_at", false},
	{actionPrefix + "apiCallDetails.firstSeen", "first_seen", false},
	{actionPrefix + "apiCallDetails.lastSeen", "last_seen", false},
	{"resourcesAffected", "resource", true},
	{"severity.score", "severity", false},
	{"type", "type", true},
	{"updatedAt", "updated_at", false},
}

// FindingSortAttributes returns the attributes that findings can be sorted by. resourcesAffected sorts by bucket name, then object key.
// Where values are equal the order of storing decides, so every order is total. A finding without the attribute counts as the smallest.
func FindingSortAttributes() []string {
	var names []string
	for _, c := range sortColumns {
		names = append(names, c.attribute)
	}
	return names
}
