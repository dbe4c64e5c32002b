package inventory

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/folder"
)

// A ConfigItem is one AWS Config item: a resource with its configuration at a time.
type ConfigItem struct {
	Type     string // AWS::S3::Bucket...
	ID       string
	Name     string
	ARN      string
	Account  string
	Region   string
	Created  time.Time // zero when not given
	Captured time.Time // zero when not given
	// Configuration and Supplementary are JSON. AWS writes them as objects in files and as strings of JSON in answers of its API; here they
	// are never strings.
	Configuration json.RawMessage
	Supplementary map[string]json.RawMessage
	Tags          map[string]string
	// Deleted says that the item records the end of its resource.
	Deleted bool
}

// rawItem has the members of an item under both spellings: files of snapshots and history (AWS Config Developer Guide, "Configuration item
// history"), and the API (ConfigurationItem, BaseConfigurationItem).
type rawItem struct {
	ResourceType string                     `json:"resourceType"`
	ResourceID   string                     `json:"resourceId"`
	ResourceName string                     `json:"resourceName"`
	ARN          string                     `json:"arn"` // "ARN" in files
	AccountID    string                     `json:"accountId"`
	AWSAccountID string                     `json:"awsAccountId"`
	Region       string                     `json:"awsRegion"`
	Created      itemTime                   `json:"resourceCreationTime"`
	Captured     itemTime                   `json:"configurationItemCaptureTime"`
	Status       string                     `json:"configurationItemStatus"`
	Config       json.RawMessage            `json:"configuration"`
	Extra        map[string]json.RawMessage `json:"supplementaryConfiguration"`
	Tags         map[string]string          `json:"tags"`
}

// ParseConfigItems reads AWS Config items: a list of them, or an object that holds the list as configurationItems (snapshot and history
// files, GetResourceConfigHistory) or baseConfigurationItems (BatchGetResourceConfig). An item that cannot be read is an entry of bad and
// leaves the others alone; err is for the text as a whole.
func ParseConfigItems(data []byte) (items []ConfigItem, bad []error, err error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	list, err := itemList(data)
	if err != nil {
		return nil, nil, err
	}
	for i, raw := range list {
		item, err := parseItem(raw)
		if err != nil {
			bad = append(bad, fmt.Errorf("item %d: %w", i+1, err))
			continue
		}
		items = append(items, item)
	}
	return items, bad, nil
}

func itemList(data []byte) ([]json.RawMessage, error) {
	var list []json.RawMessage
	if trimmed := bytes.TrimLeft(data, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '[' {
		return list, decode(data, &list)
	}
	var holder struct {
		Items *[]json.RawMessage `json:"configurationItems"`
		Base  *[]json.RawMessage `json:"baseConfigurationItems"`
	}
	if err := decode(data, &holder); err != nil {
		return nil, err
	}
	if holder.Items == nil && holder.Base == nil {
		return nil, errors.New(`an object with "configurationItems" or "baseConfigurationItems", or a list of items, is expected`)
	}
	for _, part := range []*[]json.RawMessage{holder.Items, holder.Base} {
		if part != nil {
			list = append(list, *part...)
		}
	}
	return list, nil
}

// decode reads one JSON value and nothing behind it. Errors name the line and column, never the content.
func decode(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	err := d.Decode(v)
	if err == nil {
		if _, err = d.Token(); err == io.EOF {
			return nil
		}
		return fmt.Errorf("%s: something follows the document", position(data, d.InputOffset()))
	}
	var syntax *json.SyntaxError
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("%s: this is no JSON", position(data, syntax.Offset))
	case errors.As(err, &wrong):
		return fmt.Errorf("%s: %q must not be a %s", position(data, wrong.Offset), wrong.Field, kindOfJSON(wrong.Value))
	case errors.Is(err, errTime):
		return errTime
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the JSON text ends too soon")
	default:
		return errors.New("this is no JSON")
	}
}

// kindOfJSON cuts the value off that encoding/json adds to a number's kind.
func kindOfJSON(value string) string {
	kind, _, _ := strings.Cut(value, " ")
	return kind
}

func position(data []byte, offset int64) string {
	before := data[:min(int64(len(data)), max(offset, 1)-1)]
	return fmt.Sprintf("%d:%d", bytes.Count(before, []byte("\n"))+1, len(before)-bytes.LastIndexByte(before, '\n'))
}

func parseItem(data json.RawMessage) (ConfigItem, error) {
	var raw rawItem
	if err := decode(data, &raw); err != nil {
		return ConfigItem{}, err
	}
	if raw.ResourceType == "" {
		return ConfigItem{}, errors.New("resourceType is missing")
	}
	if raw.ResourceID == "" && raw.ResourceName == "" {
		return ConfigItem{}, fmt.Errorf("%q has neither resourceId nor resourceName", raw.ResourceType)
	}
	item := ConfigItem{
		Type: raw.ResourceType, ID: raw.ResourceID, Name: raw.ResourceName, ARN: raw.ARN,
		Account: raw.AccountID, Region: raw.Region, Tags: raw.Tags, Created: raw.Created.Time, Captured: raw.Captured.Time,
		Deleted: strings.HasPrefix(raw.Status, "ResourceDeleted"),
	}
	if item.Account == "" {
		item.Account = raw.AWSAccountID
	}
	var err error
	if item.Configuration, err = unquote(raw.Config); err != nil {
		return ConfigItem{}, fmt.Errorf("configuration: %w", err)
	}
	for name, value := range raw.Extra {
		if item.Supplementary == nil {
			item.Supplementary = map[string]json.RawMessage{}
		}
		// A part that is no JSON stays as it is; whoever asks for it will say so.
		if item.Supplementary[name], err = unquote(value); err != nil {
			item.Supplementary[name] = value
		}
	}
	return item, nil
}

// An itemTime is a time as files and newer clients write it, in ISO 8601 (without an offset it is UTC), or as the API and older clients do, in
// seconds since 1970.
type itemTime struct{ time.Time }

// UnmarshalJSON reads either form.
func (t *itemTime) UnmarshalJSON(raw []byte) error {
	var seconds float64
	if json.Unmarshal(raw, &seconds) == nil {
		if seconds < 0 || seconds > 1<<40 {
			return errTime
		}
		t.Time = time.UnixMilli(int64(seconds * 1000)).UTC()
		return nil
	}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return errTime
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04:05.999999999"} {
		if at, err := time.Parse(layout, text); err == nil {
			t.Time = at.UTC()
			return nil
		}
	}
	return errTime
}

var errTime = errors.New("a time is neither ISO 8601 nor seconds since 1970")

// unquote takes JSON out of the strings it may stand in; AWS Config puts some parts in two of them.
func unquote(raw json.RawMessage) (json.RawMessage, error) {
	for range 3 {
		raw = bytes.TrimSpace(raw)
		if len(raw) == 0 || raw[0] != '"' {
			return raw, nil
		}
		var inner string
		if err := json.Unmarshal(raw, &inner); err != nil || inner != "" && !json.Valid([]byte(inner)) {
			return nil, errors.New("the string holds no JSON")
		}
		raw = json.RawMessage(inner)
	}
	return nil, errors.New("strings in strings in strings")
}

// readItems takes in the AWS Config items and what they say about buckets.
func (e *Estate) readItems(data []byte) {
	items, bad, err := ParseConfigItems(data)
	if err != nil {
		bad = []error{err}
	}
	for _, err := range bad {
		e.problem(folder.ConfigItems, "%v", err)
		e.itemsUnknown = folder.ConfigItems + ": " + err.Error()
	}
	e.Items = newest(items)
	for _, item := range e.Items {
		if item.Type == "AWS::S3::Bucket" {
			e.addItem(item)
		}
	}
}

// newest keeps of each resource the item that was captured last (of equal ones the last in the file), without resources that have ended.
func newest(items []ConfigItem) []ConfigItem {
	type resource struct{ account, region, kind, id string }
	last := map[resource]int{}
	key := func(i ConfigItem) resource { return resource{i.Account, i.Region, i.Type, i.ID + "\x00" + i.Name} }
	for n, item := range items {
		if m, seen := last[key(item)]; !seen || !item.Captured.Before(items[m].Captured) {
			last[key(item)] = n
		}
	}
	kept := items[:0:0]
	for n, item := range items {
		if last[key(item)] == n && !item.Deleted {
			kept = append(kept, item)
		}
	}
	return slices.Clip(kept)
}

// addItem lays what an item states over what the template states.
func (e *Estate) addItem(item ConfigItem) {
	name := item.Name
	if name == "" {
		name = item.ID
	}
	b := e.buckets[name]
	if b == nil {
		reason := e.unknown
		if reason == "" {
			reason = fmt.Sprintf("the item of bucket %q in %s does not say", name, folder.ConfigItems)
		}
		c := unknownConfiguration(reason)
		if e.opts.Region != "" {
			c.Region = source.Known(e.opts.Region)
		}
		b = &described{configuration: c}
		e.buckets[name] = b
	}
	b.account = item.Account
	item.overlay(&b.configuration)
}
