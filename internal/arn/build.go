package arn

// The builders below take the partition from the Region, except where a
// resource has no Region and the partition must be given. The forms are those
// of the services' own ARNs.

// ClassificationJob is the ARN of a Macie classification job; id has 32
// lowercase hexadecimal digits.
func ClassificationJob(region, account, id string) ARN {
	return macie(region, account, "classification-job/"+id)
}

// CustomDataIdentifier is the ARN of a Macie custom data identifier; id is a
// UUID.
func CustomDataIdentifier(region, account, id string) ARN {
	return macie(region, account, "custom-data-identifier/"+id)
}

// FindingsFilter is the ARN of a Macie findings filter; id is a UUID.
func FindingsFilter(region, account, id string) ARN {
	return macie(region, account, "findings-filter/"+id)
}

// AllowList is the ARN of a Macie allow list; id has 22 characters a-z and 0-9.
func AllowList(region, account, id string) ARN {
	return macie(region, account, "allow-list/"+id)
}

// MacieMember is the ARN of a member account as its Macie administrator sees it.
func MacieMember(region, administrator, member string) ARN {
	return macie(region, administrator, "member/"+member)
}

// MacieExportConfiguration is the source ARN that Macie states when it writes
// discovery results; policies match it in aws:SourceArn. Its last part is a
// literal asterisk.
func MacieExportConfiguration(region, account string) ARN {
	return macie(region, account, "export-configuration:*")
}

func macie(region, account, resource string) ARN {
	return ARN{Partition: PartitionOf(region), Service: "macie2", Region: region, Account: account, Resource: resource}
}

// MacieServiceRole is the ARN of the service-linked role that Macie works with;
// GetMacieSession returns it as serviceRole.
func MacieServiceRole(partition, account string) ARN {
	return Role(partition, account, "aws-service-role/macie.amazonaws.com/AWSServiceRoleForAmazonMacie")
}

// Analyzer is the ARN of an IAM Access Analyzer analyzer.
func Analyzer(region, account, name string) ARN {
	return ARN{Partition: PartitionOf(region), Service: "access-analyzer", Region: region, Account: account, Resource: "analyzer/" + name}
}

// Bucket is the ARN of an S3 bucket.
func Bucket(partition, name string) ARN {
	return ARN{Partition: partition, Service: "s3", Resource: name}
}

// AccountRoot is the ARN that stands for a whole account in policies, and for
// its root user as a caller.
func AccountRoot(partition, account string) ARN {
	return ARN{Partition: partition, Service: "iam", Account: account, Resource: "root"}
}

// Role is the ARN of an IAM role; name includes the role's path without the
// leading slash.
func Role(partition, account, name string) ARN {
	return ARN{Partition: partition, Service: "iam", Account: account, Resource: "role/" + name}
}
