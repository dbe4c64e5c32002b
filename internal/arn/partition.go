package arn

import "strings"

// A partition is a group of Regions with its own accounts, ARNs and domain.
type partition struct {
	name      string
	prefixes  []string // of its Regions' names
	urlSuffix string
}

// defaultPartition holds every Region that no other partition claims.
var defaultPartition = partition{name: "aws", urlSuffix: "amazonaws.com"}

// partitions are AWS's partitions other than the default one, by the prefixes
// of their Region names. Source: the partition data that every AWS SDK carries.
var partitions = []partition{
	{name: "aws-cn", prefixes: []string{"cn-"}, urlSuffix: "amazonaws.com.cn"},
	{name: "aws-us-gov", prefixes: []string{"us-gov-"}, urlSuffix: "amazonaws.com"},
	{name: "aws-iso", prefixes: []string{"us-iso-"}, urlSuffix: "c2s.ic.gov"},
	{name: "aws-iso-b", prefixes: []string{"us-isob-"}, urlSuffix: "sc2s.sgov.gov"},
	{name: "aws-iso-e", prefixes: []string{"eu-isoe-"}, urlSuffix: "cloud.adc-e.uk"},
	{name: "aws-iso-f", prefixes: []string{"us-isof-", "eu-isof-"}, urlSuffix: "csp.hci.ic.gov"},
	{name: "aws-eusc", prefixes: []string{"eusc-"}, urlSuffix: "amazonaws.eu"},
}

// PartitionOf returns the name of the partition that a Region belongs to, by
// the Region's prefix: "aws-cn" for cn-north-1, "aws" for us-east-1 and for
// every name that no other partition claims.
func PartitionOf(region string) string { return partitionOf(region).name }

// URLSuffix returns the domain of a partition's service endpoints, such as
// "amazonaws.com.cn" for aws-cn; a partition that is not known has
// "amazonaws.com".
func URLSuffix(partitionName string) string {
	for _, p := range partitions {
		if p.name == partitionName {
			return p.urlSuffix
		}
	}
	return defaultPartition.urlSuffix
}

func partitionOf(region string) partition {
	for _, p := range partitions {
		for _, prefix := range p.prefixes {
			if strings.HasPrefix(region, prefix) {
				return p
			}
		}
	}
	return defaultPartition
}
