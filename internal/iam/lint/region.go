package lint

import "strings"

// partitions are the groups of Regions that are closed against each other ("AWS General Reference: ARNs").
var partitions = []string{"aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"}

// regions are the Regions by name, with their partition ("Regions and Availability Zones").
var regions = map[string]string{
	"us-east-1": "aws", "us-east-2": "aws", "us-west-1": "aws", "us-west-2": "aws", "af-south-1": "aws", "ap-east-1": "aws", "ap-east-2": "aws",
	"ap-south-1": "aws", "ap-south-2": "aws", "ap-northeast-1": "aws", "ap-northeast-2": "aws", "ap-northeast-3": "aws", "ap-southeast-1": "aws",
	"ap-southeast-2": "aws", "ap-southeast-3": "aws", "ap-southeast-4": "aws", "ap-southeast-5": "aws", "ap-southeast-6": "aws",
	"ap-southeast-7": "aws", "ca-central-1": "aws", "ca-west-1": "aws", "eu-central-1": "aws", "eu-central-2": "aws", "eu-west-1": "aws",
	"eu-west-2": "aws", "eu-west-3": "aws", "eu-south-1": "aws", "eu-south-2": "aws", "eu-north-1": "aws", "il-central-1": "aws",
	"me-south-1": "aws", "me-central-1": "aws", "mx-central-1": "aws", "sa-east-1": "aws", "sa-west-1": "aws",
	"cn-north-1": "aws-cn", "cn-northwest-1": "aws-cn", "us-gov-east-1": "aws-us-gov", "us-gov-west-1": "aws-us-gov",
	"us-iso-east-1": "aws-iso", "us-iso-west-1": "aws-iso", "us-isob-east-1": "aws-iso-b", "us-isob-west-1": "aws-iso-b",
	"eu-isoe-west-1": "aws-iso-e", "us-isof-east-1": "aws-iso-f", "us-isof-south-1": "aws-iso-f", "eusc-de-east-1": "aws-eusc",
}

// directions are the words between a Region's area and its number.
var directions = []string{"north", "northeast", "northwest", "south", "southeast", "southwest", "east", "west", "central"}

// isRegion reports whether a text may be a Region. One that is not on the list may be newer than it: if it is made of an area, a direction
// and a number it passes.
func isRegion(s string) bool {
	if _, ok := regions[s]; ok {
		return true
	}
	words := strings.Split(s, "-")
	n := len(words)
	if n < 3 || n > 4 || len(words[0]) < 2 || len(words[0]) > 4 || len(words[n-1]) != 1 || words[n-1][0] < '1' || words[n-1][0] > '9' {
		return false
	}
	for _, word := range words[:n-1] {
		if word == "" || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") != "" {
			return false
		}
	}
	for _, d := range directions {
		if words[n-2] == d {
			return true
		}
	}
	return false
}

// nearRegion names the Region that was probably meant: one from which the text differs in one letter or by two that changed places.
func nearRegion(s string) string {
	best := ""
	for name := range regions {
		if near(s, name) && (best == "" || name < best) {
			best = name
		}
	}
	if best == "" {
		return ""
	}
	return " Did you mean " + best + "?"
}

// near reports whether one letter inserted, left out, replaced, or exchanged with its neighbour makes b of a.
func near(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	switch len(b) - len(a) {
	case 0:
		return i == len(a) || a[i+1:] == b[i+1:] || i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
	case 1:
		return a[i:] == b[i+1:]
	}
	return false
}
