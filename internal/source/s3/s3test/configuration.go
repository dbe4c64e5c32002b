package s3test

import (
	"encoding/xml"
	"net/http"
	"strings"

	"github.com/magpie-sec/magpie/internal/source"
)

// Configure makes the proxy tell how a bucket is configured, as S3 would: a known fact is the document, an absent one S3's answer that there
// is none, a denied one AccessDenied, an unknown one with a reason InternalError. A fact that is left out (the zero value) stays what the
// server says of it, often that it does not know the operation. Owner and ACL are one document, as are Encryption and KMSKey.
// Created cannot be set; LocationConstraint is Region.
func (b *Bench) Configure(bucket string, c source.Configuration) {
	on := func(op string, do Reply) {
		if do != nil {
			b.On(Rule{Op: op, Bucket: bucket, Do: do})
		}
	}
	on("GetBucketLocation", fact(c.Region, nil, func(region string) Reply {
		if region == "us-east-1" {
			region = ""
		}
		return Document(`<LocationConstraint xmlns="` + namespace + `">` + region + `</LocationConstraint>`)
	}))
	on("GetBucketVersioning", fact(c.Versioning, Document(`<VersioningConfiguration xmlns="`+namespace+`"/>`), func(enabled bool) Reply {
		status := "Suspended"
		if enabled {
			status = "Enabled"
		}
		return Document(`<VersioningConfiguration xmlns="` + namespace + `"><Status>` + status + `</Status></VersioningConfiguration>`)
	}))
	on("GetBucketTagging", fact(c.Tags, none("NoSuchTagSet", "The TagSet does not exist"), func(tags []source.Tag) Reply {
		var set strings.Builder
		for _, t := range tags {
			set.WriteString("<Tag>" + element("Key", t.Key) + element("Value", t.Value) + "</Tag>")
		}
		return Document(`<Tagging xmlns="` + namespace + `"><TagSet>` + set.String() + `</TagSet></Tagging>`)
	}))
	unencrypted := none("ServerSideEncryptionConfigurationNotFoundError", "The server side encryption configuration was not found")
	on("GetBucketEncryption", fact(c.Encryption, unencrypted, func(algorithm string) Reply {
		if algorithm == "NONE" {
			return unencrypted
		}
		key, _ := c.KMSKey.Get()
		if key != "" {
			key = element("KMSMasterKeyID", key)
		}
		return Document(`<ServerSideEncryptionConfiguration xmlns="` + namespace + `"><Rule><ApplyServerSideEncryptionByDefault>` +
			element("SSEAlgorithm", algorithm) + key +
			`</ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>`)
	}))
	on("GetBucketPolicy", fact(c.Policy, none("NoSuchBucketPolicy", "The bucket policy does not exist"), func(policy string) Reply {
		return Answer(http.StatusOK, "application/json", policy)
	}))
	on("GetBucketAcl", fact(c.ACL, nil, func(grants []source.Grant) Reply { return acl(c.Owner.Value, grants) }))
	on("GetPublicAccessBlock", fact(c.PublicAccessBlock, noBlock, publicAccessBlock))
	on("GetBucketOwnershipControls", fact(c.Ownership, none("OwnershipControlsNotFoundError", "The bucket ownership controls were not found"),
		func(ownership string) Reply {
			return Document(`<OwnershipControls xmlns="` + namespace + `"><Rule>` + element("ObjectOwnership", ownership) + `</Rule></OwnershipControls>`)
		}))
	on("GetBucketReplication", fact(c.Replication, none("ReplicationConfigurationNotFoundError", "The replication configuration was not found"),
		replication))
}

// ConfigureAccount makes the proxy tell the account-wide public access block (S3 Control), as Configure does.
func (b *Bench) ConfigureAccount(f source.Fact[source.PublicAccessBlock]) {
	if do := fact(f, noBlock, publicAccessBlock); do != nil {
		b.On(Rule{Op: "GetAccountPublicAccessBlock", Do: do})
	}
}

func fact[T any](f source.Fact[T], absent Reply, known func(T) Reply) Reply {
	switch {
	case f.State == source.StateKnown:
		return known(f.Value)
	case f.State == source.StateAbsent:
		return absent
	case f.Denied:
		return AccessDenied
	case f.Reason != "":
		return InternalError
	default:
		return nil
	}
}

func none(code, message string) Reply { return Error(http.StatusNotFound, code, message, "") }

var noBlock = none("NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found")

func publicAccessBlock(p source.PublicAccessBlock) Reply {
	flag := func(name string, v bool) string {
		if v {
			return element(name, "true")
		}
		return element(name, "false")
	}
	return Document(`<PublicAccessBlockConfiguration xmlns="` + namespace + `">` + flag("BlockPublicAcls", p.BlockPublicACLs) +
		flag("IgnorePublicAcls", p.IgnorePublicACLs) + flag("BlockPublicPolicy", p.BlockPublicPolicy) +
		flag("RestrictPublicBuckets", p.RestrictPublicBuckets) + `</PublicAccessBlockConfiguration>`)
}

func acl(owner source.Owner, grants []source.Grant) Reply {
	who := element("ID", owner.ID)
	if owner.DisplayName != "" {
		who += element("DisplayName", owner.DisplayName)
	}
	var list strings.Builder
	for _, g := range grants {
		name := map[string]string{"Group": "URI", "AmazonCustomerByEmail": "EmailAddress"}[g.GranteeType]
		if name == "" {
			name = "ID"
		}
		list.WriteString(`<Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="` + g.GranteeType + `">` +
			element(name, g.Grantee) + `</Grantee>` + element("Permission", g.Permission) + `</Grant>`)
	}
	return Document(`<AccessControlPolicy xmlns="` + namespace + `"><Owner>` + who + `</Owner><AccessControlList>` + list.String() +
		`</AccessControlList></AccessControlPolicy>`)
}

func replication(rules []source.ReplicationRule) Reply {
	var list strings.Builder
	for _, r := range rules {
		status := "Disabled"
		if r.Enabled {
			status = "Enabled"
		}
		destination := element("Bucket", r.Bucket.Value)
		if account, ok := r.Account.Get(); ok {
			destination += element("Account", account)
		}
		list.WriteString("<Rule>" + element("ID", r.ID) + "<Priority>1</Priority><Filter><Prefix></Prefix></Filter>" + element("Status", status) +
			"<DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication><Destination>" + destination + "</Destination></Rule>")
	}
	return Document(`<ReplicationConfiguration xmlns="` + namespace + `"><Role>arn:aws:iam::123456789012:role/replication</Role>` + list.String() +
		`</ReplicationConfiguration>`)
}

// Inventory makes the proxy say that a bucket has an S3 Inventory report: daily, of current versions, in a format (CSV, ORC or Parquet), below a
// prefix of the destination bucket, with these optional fields (Size, LastModifiedDate, ETag, StorageClass, EncryptionStatus...).
func (b *Bench) Inventory(bucket, id, format, destination, prefix string, fields ...string) {
	var optional strings.Builder
	for _, f := range fields {
		optional.WriteString(element("Field", f))
	}
	configuration := `<InventoryConfiguration>` + element("Id", id) + `<IsEnabled>true</IsEnabled><Destination><S3BucketDestination>` +
		element("Format", format) + element("Bucket", "arn:aws:s3:::"+destination) + element("Prefix", prefix) +
		`</S3BucketDestination></Destination><Schedule><Frequency>Daily</Frequency></Schedule><IncludedObjectVersions>Current</IncludedObjectVersions>` +
		`<OptionalFields>` + optional.String() + `</OptionalFields></InventoryConfiguration>`
	b.On(Rule{Op: "ListBucketInventoryConfigurations", Bucket: bucket, Do: Document(`<ListInventoryConfigurationsResult xmlns="` + namespace + `">` +
		configuration + `<IsTruncated>false</IsTruncated></ListInventoryConfigurationsResult>`)})
	b.On(Rule{Op: "GetBucketInventoryConfiguration", Bucket: bucket, Do: Document(strings.Replace(configuration, "<InventoryConfiguration>",
		`<InventoryConfiguration xmlns="`+namespace+`">`, 1))})
}

func element(name, text string) string {
	var escaped strings.Builder
	xml.EscapeText(&escaped, []byte(text))
	return "<" + name + ">" + escaped.String() + "</" + name + ">"
}
