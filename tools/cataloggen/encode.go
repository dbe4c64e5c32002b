package main

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/magpie-sec/magpie/internal/iam/catalog"
)

// encode writes the form that catalog.Format describes. The same source gives the same bytes.
func encode(s source) ([]byte, error) {
	e := encoder{keys: map[key]int{}, lists: map[string]int{}}
	keys := e.number(s.services)
	var body bytes.Buffer
	types, actions := 0, 0
	for _, v := range s.services {
		if err := e.service(&body, v); err != nil {
			return nil, err
		}
		types, actions = types+len(v.types), actions+len(v.actions)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\t%s\t%s\t%s\n", catalog.Format, s.version, s.date, s.integrity)
	fmt.Fprintf(&b, "%d\t%d\t%d\t%d\t%d\t%d\n", len(keys), len(e.order), len(s.services), types, actions, e.resources)
	for _, k := range keys {
		fmt.Fprintf(&b, "%s\t%d\n", k.name, k.typ)
	}
	for _, l := range e.order {
		b.WriteString(l + "\n")
	}
	b.Write(body.Bytes())
	if bytes.Count(b.Bytes(), []byte("\n")) != 2+len(keys)+len(e.order)+len(s.services)+types+actions {
		return nil, fmt.Errorf("a name holds a line break")
	}
	return b.Bytes(), nil
}

type encoder struct {
	keys      map[key]int
	lists     map[string]int // by their text
	order     []string
	resources int
}

// number numbers all keys. Of two with the same name the one that the service of its prefix has stands first, since that is the one a name means.
func (e *encoder) number(services []service) []key {
	own := map[key]bool{}
	for _, s := range services {
		for _, k := range s.keys {
			prefix, _, _ := strings.Cut(k.name, ":")
			own[k] = own[k] || prefix == s.prefix
		}
	}
	keys := make([]key, 0, len(own))
	for k := range own {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b key) int {
		if n := compareFold(a.name, b.name); n != 0 {
			return n
		}
		if own[a] != own[b] {
			if own[a] {
				return -1
			}
			return 1
		}
		return compareKeys(a, b)
	})
	for i, k := range keys {
		e.keys[k] = i
	}
	return keys
}

// list gives the number of a list of keys.
func (e *encoder) list(keys []key) int {
	var b strings.Builder
	for i, k := range keys {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strconv.Itoa(e.keys[k]))
	}
	n, ok := e.lists[b.String()]
	if !ok {
		n = len(e.order)
		e.lists[b.String()] = n
		e.order = append(e.order, b.String())
	}
	return n
}

func (e *encoder) service(b *bytes.Buffer, s service) error {
	rcp := 0
	if s.rcp {
		rcp = 1
	}
	fmt.Fprintf(b, "%s\t%s\t%d\t%d\t%d\t%d\n", s.prefix, s.name, rcp, e.list(s.keys), len(s.types), len(s.actions))
	place := map[string]int{}
	for i, t := range s.types {
		place[t.name] = i
		fmt.Fprintf(b, "%s\t%d\t%s\n", t.name, e.list(t.keys), strings.Join(t.arns, " "))
		for _, a := range t.arns {
			if strings.ContainsAny(a, " \t") {
				return fmt.Errorf("%s: type %s: a blank in %q", s.prefix, t.name, a)
			}
		}
	}
	for _, a := range s.actions {
		fmt.Fprintf(b, "%s:%s\t%d\t%d\t", s.prefix, a.name, a.level, e.list(a.keys))
		for i, r := range a.resources {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(strconv.Itoa(place[r.typ]))
			if r.required {
				b.WriteByte('+')
			}
			if len(r.keys) > 0 {
				fmt.Fprintf(b, ".%d", e.list(r.keys))
			}
			e.resources++
		}
		b.WriteByte('\n')
	}
	return nil
}
