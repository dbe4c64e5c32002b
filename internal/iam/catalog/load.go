package catalog

import (
	"bytes"
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
)

//go:embed catalog.gz
var packed []byte

// Load gives the catalogue. The first call reads the embedded data, which takes some milliseconds; all calls give the same.
func Load() *Catalog { return loaded() }

var loaded = sync.OnceValue(func() *Catalog {
	text, err := unpack(packed)
	if err == nil {
		var c *Catalog
		if c, err = decode(text); err == nil {
			return c
		}
	}
	panic("catalog: " + err.Error()) // the embedded data are broken, which the tests would show
})

// unpack gives the text of the embedded file.
func unpack(packed []byte) (string, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if n := len(packed); n >= 4 { // the last four bytes are the length
		b.Grow(int(packed[n-4]) | int(packed[n-3])<<8 | int(packed[n-2])<<16)
	}
	if _, err := io.Copy(&b, z); err != nil {
		return "", err
	}
	return b.String(), nil
}

// Format names the form of the data, in their first line. It consists of lines, their columns set apart by tabs:
//
//	Format, version, date, integrity of the source (as in source.go)
//	number of keys, lists of keys, services, types of resources, actions, resources of actions
//	key:      name, type
//	list:     keys by number, from 0, set apart by spaces
//	service:  prefix, name, 1 if RCPs apply, keys (a list by number), number of types, of actions; behind it its types and actions
//	type:     name, keys, ARNs set apart by spaces
//	action:   full name, level, keys, resources
//	resource: of an action, set apart by spaces: type by number in the service, + if required, list number behind . if not empty
const Format = "magpie catalog 1"

// decode reads the text of the embedded file. All strings are parts of text, all slices parts of a few.
func decode(text string) (*Catalog, error) {
	d := decoder{rest: text}
	if head := d.line(); d.column(&head) != Format {
		return nil, errors.New("not of the form " + Format)
	}
	line := d.line()
	var counts [6]int
	for i := range counts {
		counts[i] = d.number(&line, len(text))
	}
	nKeys, nLists, nServices, nTypes, nActions, nResources := counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]

	keys := make([]ConditionKey, nKeys, nKeys+len(globals))
	for i := range keys {
		line := d.line()
		keys[i].Name = d.column(&line)
		keys[i].Type = Type(d.number(&line, int(ArrayOfBool)))
	}
	lists := make([][]*ConditionKey, nLists)
	for i := range lists {
		line := d.line()
		for line != "" {
			n := d.index(&line, ' ', nKeys)
			if d.failed {
				break
			}
			lists[i] = append(lists[i], &keys[n])
		}
	}
	c := &Catalog{services: make([]Service, nServices), types: make([]ResourceType, nTypes), actions: make([]Action, nActions)}
	resources := make([]ActionResource, nResources)
	types, actions, used := 0, 0, 0
	for i := range c.services {
		s := &c.services[i]
		line := d.line()
		s.Prefix, s.Name = d.column(&line), d.column(&line)
		s.RCP = d.column(&line) == "1"
		s.Keys = d.list(&line, lists)
		m, n := d.number(&line, nTypes-types), d.number(&line, nActions-actions)
		s.ResourceTypes, types = c.types[types:types+m:types+m], types+m
		for j := range s.ResourceTypes {
			r := &s.ResourceTypes[j]
			line := d.line()
			r.Service, r.Name, r.Keys, r.ARNs = s, d.column(&line), d.list(&line, lists), strings.Fields(line)
		}
		s.Actions = c.actions[actions : actions+n : actions+n]
		for j := range s.Actions {
			a := &s.Actions[j]
			line := d.line()
			a.Service, a.ID, a.Full = s, actions+j, d.column(&line)
			if !strings.HasPrefix(a.Full, s.Prefix+":") {
				d.failed = true
				break
			}
			a.Name = a.Full[len(s.Prefix)+1:]
			a.Level = AccessLevel(d.number(&line, int(PermissionsManagement)))
			a.Keys = d.list(&line, lists)
			first := used
			for ; line != "" && used < nResources; used++ {
				d.resource(&line, &resources[used], s, lists)
			}
			a.Resources = resources[first:used:used]
		}
		actions += n
		if d.failed {
			break
		}
	}
	if d.failed || d.rest != "" || types != nTypes || actions != nActions || used != nResources {
		return nil, fmt.Errorf("broken before byte %d of %d", len(text)-len(d.rest), len(text))
	}
	c.index(addGlobals(keys))
	return c, nil
}

// addGlobals marks the keys that are global and adds those that no service names. There is room for them in keys, since lists point into it.
func addGlobals(keys []ConditionKey) []ConditionKey {
	for _, g := range globals {
		i := slices.IndexFunc(keys, func(k ConditionKey) bool { return k.Type == g.Type && compareFold(k.Name, g.Name) == 0 })
		if i < 0 {
			keys = append(keys, g)
			continue
		}
		name := keys[i].Name
		keys[i] = g
		keys[i].Name = name
	}
	return keys
}

// index fills what things are found by.
func (c *Catalog) index(keys []ConditionKey) {
	c.keys = make([]*ConditionKey, len(keys))
	for i := range keys {
		c.keys[i] = &keys[i]
		if keys[i].Template() {
			head, tail := around(keys[i].Name)
			c.templates = append(c.templates, keyTemplate{head, tail, &keys[i]})
		}
	}
	slices.SortStableFunc(c.keys, func(a, b *ConditionKey) int { return compareFold(a.Name, b.Name) })
	slices.SortStableFunc(c.templates, func(a, b keyTemplate) int {
		return cmp.Compare(len(b.head)+len(b.tail), len(a.head)+len(a.tail))
	})

	c.arns = make([]arnTemplate, 0, len(c.types)+len(c.types)/16)
	for i := range c.types {
		for _, t := range c.types[i].ARNs {
			parts, _ := SplitARN(t)
			c.arns = append(c.arns, arnTemplate{parts, fixed(t), &c.types[i]})
		}
	}
	slices.SortStableFunc(c.arns, func(a, b arnTemplate) int {
		if n := strings.Compare(a.parts[2], b.parts[2]); n != 0 {
			return n
		}
		return a.foreign() - b.foreign()
	})
}

// decoder reads lines and their columns. After the first thing that is not as it should be, failed is true and what it gives means nothing.
type decoder struct {
	rest   string
	failed bool
}

func (d *decoder) line() string {
	line, rest, ok := strings.Cut(d.rest, "\n")
	d.failed = d.failed || !ok
	d.rest = rest
	return line
}

// column takes the first column off a line.
func (d *decoder) column(line *string) string { return take(line, '\t') }

// number takes a number from 0 to most off a line.
func (d *decoder) number(line *string, most int) int {
	n, err := strconv.Atoi(take(line, '\t'))
	return d.checked(n, err, most)
}

// index takes a number below n off a line.
func (d *decoder) index(line *string, sep byte, n int) int {
	i, err := strconv.Atoi(take(line, sep))
	return d.checked(i, err, n-1)
}

// list takes the number of a list off a line.
func (d *decoder) list(line *string, lists [][]*ConditionKey) []*ConditionKey {
	if i := d.index(line, '\t', len(lists)); i < len(lists) {
		return lists[i]
	}
	return nil
}

func (d *decoder) resource(line *string, r *ActionResource, s *Service, lists [][]*ConditionKey) {
	text, list, hasList := strings.Cut(take(line, ' '), ".")
	text, r.Required = strings.CutSuffix(text, "+")
	i, err := strconv.Atoi(text)
	if i = d.checked(i, err, len(s.ResourceTypes)-1); i < len(s.ResourceTypes) {
		r.Type = &s.ResourceTypes[i]
	}
	if hasList {
		r.Keys = d.list(&list, lists)
	}
}

func (d *decoder) checked(n int, err error, most int) int {
	if err != nil || n < 0 || n > most {
		d.failed = true
		return 0
	}
	return n
}

// take cuts the text up to the separator off a line.
func take(line *string, sep byte) string {
	i := strings.IndexByte(*line, sep)
	if i < 0 {
		s := *line
		*line = ""
		return s
	}
	s := (*line)[:i]
	*line = (*line)[i+1:]
	return s
}
