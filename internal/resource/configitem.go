package resource

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/inventory"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/folder"
)

// readItems takes in the AWS Config items of all types but buckets, which the inventory reads. They win over the template where they state a
// fact.
func (e *estate) readItems() {
	for _, item := range e.buckets.Items {
		k := kindOf(item.Type)
		if k == nil {
			if item.Type != "AWS::S3::AccountPublicAccessBlock" {
				e.NotRead = append(e.NotRead, item.Type+" "+label(item))
			}
			continue
		}
		if k.item == nil {
			continue
		}
		k.item(item, e.itemResource(item))
	}
}

func label(item inventory.ConfigItem) string {
	if item.Name != "" {
		return item.Name
	}
	return item.ID
}

// itemResource finds the resource of an item, or begins one.
func (e *estate) itemResource(item inventory.ConfigItem) *Resource {
	id := item.ARN
	if id == "" {
		id = e.itemARN(item)
	}
	if i, known := e.found[named{item.Type, id}]; known {
		return &e.Resources[i]
	}
	r := Resource{ARN: id, Type: item.Type, Account: item.Account, Region: item.Region, Place: Place{File: folder.ConfigItems}}
	if r.Account == "" {
		r.Account = e.opts.Account
	}
	if r.Region == "" {
		r.Region = e.opts.Region
	}
	reason := fmt.Sprintf("the item of %s in %s does not say", label(item), folder.ConfigItems)
	r.Policy.Reason, r.Encrypted.Reason, r.Shares.Reason = reason, reason, reason
	r.Grants, r.KMSKey = source.Absent[[]KeyGrant](""), source.Absent[string]("")
	return &e.Resources[e.add(r)]
}

// itemARNs are the ARNs of items that do not give theirs.
var itemARNs = map[string]string{
	Role: "arn:%[1]s:iam::%[3]s:role/%[4]s", Key: "arn:%[1]s:kms:%[2]s:%[3]s:key/%[5]s", Function: "arn:%[1]s:lambda:%[2]s:%[3]s:function:%[4]s",
	Queue: "arn:%[1]s:sqs:%[2]s:%[3]s:%[4]s", Topic: "arn:%[1]s:sns:%[2]s:%[3]s:%[4]s", Repository: "arn:%[1]s:ecr:%[2]s:%[3]s:repository/%[4]s",
	FileSystem: "arn:%[1]s:elasticfilesystem:%[2]s:%[3]s:file-system/%[5]s", Snapshot: "arn:%[1]s:ec2:%[2]s::snapshot/%[5]s",
	DBSnapshot: "arn:%[1]s:rds:%[2]s:%[3]s:snapshot:%[4]s", DBClusterSnapshot: "arn:%[1]s:rds:%[2]s:%[3]s:cluster-snapshot:%[4]s",
	Table: "arn:%[1]s:dynamodb:%[2]s:%[3]s:table/%[4]s", DirectoryBucket: "arn:%[1]s:s3express:%[2]s:%[3]s:bucket/%[4]s",
}

func (e *estate) itemARN(item inventory.ConfigItem) string {
	account, region, id := item.Account, item.Region, item.ID
	if account == "" {
		account = e.opts.Account
	}
	if region == "" {
		region = e.opts.Region
	}
	if id == "" {
		id = item.Name
	}
	format, ok := itemARNs[item.Type]
	if !ok || strings.HasPrefix(id, "arn:") {
		return id
	}
	// Every format takes what it needs of the five.
	return strings.NewReplacer("%[1]s", arn.PartitionOf(region), "%[2]s", region, "%[3]s", account, "%[4]s", label(item), "%[5]s", id).Replace(format)
}

func unreadable(item inventory.ConfigItem, part string) string {
	return fmt.Sprintf("%s: %s %q: %s is not in the form that AWS gives it", folder.ConfigItems, item.Type, label(item), part)
}

// member finds a member of an item, in its supplementary configuration or its configuration; case does not count.
func member(item inventory.ConfigItem, name string) (json.RawMessage, bool) {
	for given, raw := range item.Supplementary {
		if strings.EqualFold(given, name) {
			return unwrap(raw), true
		}
	}
	var configuration map[string]json.RawMessage
	if len(item.Configuration) == 0 || json.Unmarshal(item.Configuration, &configuration) != nil {
		return nil, false
	}
	for given, raw := range configuration {
		if strings.EqualFold(given, name) {
			return unwrap(raw), true
		}
	}
	return nil, false
}

// unwrap takes JSON out of a string, which may be encoded as in a URL (IAM's documents are).
func unwrap(raw json.RawMessage) json.RawMessage {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return raw
	}
	if strings.HasPrefix(text, "%7B") || strings.HasPrefix(text, "%7b") {
		if decoded, err := url.PathUnescape(text); err == nil {
			text = decoded
		}
	}
	if !json.Valid([]byte(text)) {
		return raw
	}
	return json.RawMessage(text)
}

// wrappers are members in which a policy stands in answers of APIs.
var wrappers = []string{"policyText", "PolicyDocument", "policy", "ResourcePolicy"}

// itemPolicy reads a policy from the first of some members that an item has.
func itemPolicy(item inventory.ConfigItem, into *source.Fact[Document], names ...string) {
	for _, name := range names {
		raw, given := member(item, name)
		if !given {
			continue
		}
		for range 3 {
			var m map[string]json.RawMessage
			if json.Unmarshal(raw, &m) != nil {
				break
			}
			inner, wrapped := json.RawMessage(nil), false
			for _, w := range wrappers {
				for given, v := range m {
					if strings.EqualFold(given, w) {
						inner, wrapped = v, true
					}
				}
			}
			if !wrapped {
				break
			}
			raw = unwrap(inner)
		}
		switch text := strings.TrimSpace(string(raw)); {
		case text == "" || text == "null" || text == `""`:
			*into = source.Absent[Document]("")
		case text[0] == '{':
			*into = source.Known(Document{Text: text, Places: nil})
		default:
			*into = source.Unknown[Document](unreadable(item, name))
		}
		return
	}
}

// itemText reads a text.
func itemText(item inventory.ConfigItem, into *source.Fact[string], name string) {
	raw, given := member(item, name)
	var text string
	if given && json.Unmarshal(raw, &text) == nil && text != "" {
		*into = source.Known(text)
	}
}
