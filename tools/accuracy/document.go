package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

func capitalised(s string) string {
	r := []rune(s)
	return strings.ToUpper(string(r[:1])) + string(r[1:])
}

// A document is one small object with at most one planted value.
type document struct {
	name    string // with the extension
	content string
	of      string // the identifier it is about
	value   string // planted; "" in a near miss
	about   string // what is near and what is missed
}

// snake and camel write a label as names of columns, variables and elements.
func snake(label string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		switch r {
		case ' ', '-':
			return '_'
		case '\'', '.', '#':
			return -1
		}
		return r
	}, label), "_")
}

func camel(label string) string {
	var b strings.Builder
	for i, w := range strings.Split(snake(label), "_") {
		if i > 0 {
			w = capitalised(w)
		}
		b.WriteString(w)
	}
	return b.String()
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// A textKind writes a label and a value as a kind of text does. Whole values and bare ones go without a label.
type textKind struct {
	name string // of the object
	text func(g *gen, label, value string) string
}

var opening = []string{
	"Thank you for getting in touch with our office last week.\n\n", "The following was entered by the clerk at the front desk.\n\n",
	"# exported by the nightly batch, do not edit\n\n", "Meeting notes, third quarter, second version.\n\n", "",
}

const closing = "\n\nPlease keep this on file until the end of next year.\n"

var contexts = []textKind{
	{"form.txt", func(g *gen, l, v string) string {
		return pick(g, opening) + "Branch: west wing\n" + capitalised(l) + ": " + v + "\nRemarks: none" + closing
	}},
	{"letter.txt", func(g *gen, l, v string) string {
		return pick(g, opening) + "As agreed we have noted the " + l + " " + v + " and will answer soon." + closing
	}},
	{"above.txt", func(g *gen, l, v string) string { return pick(g, opening) + l + "\n" + v + closing }},
	{"settings.env", func(g *gen, l, v string) string {
		return "MODE=production\n" + strings.ToUpper(snake(l)) + "=" + v + "\nRETRIES=3\n"
	}},
	{"app.log", func(g *gen, l, v string) string {
		return fmt.Sprintf("2026-03-01T10:00:%02dZ INFO accepted update\n2026-03-01T10:01:%02dZ INFO %s=%s status=ok\n", g.IntN(60), g.IntN(60), snake(l), v)
	}},
	{"record.json", func(g *gen, l, v string) string {
		return fmt.Sprintf(`{"kind": "update", "person": {"%s": %s}, "ok": true}`, snake(l), quoted(v)) + "\n"
	}},
	{"events.jsonl", func(g *gen, l, v string) string {
		return fmt.Sprintf("{\"n\": 1, \"%s\": null}\n{\"n\": 2, \"%s\": %s}\n", camel(l), camel(l), quoted(v))
	}},
	{"table.csv", func(g *gen, l, v string) string {
		return "line,kind," + snake(l) + ",state\n1,new,,open\n2,new,\"" + strings.ReplaceAll(v, `"`, `""`) + "\",open\n"
	}},
	{"values.yaml", func(g *gen, l, v string) string {
		return "service:\n  replicas: 2\n  " + strings.ToLower(snake(l)) + ": \"" + v + "\"\n"
	}},
	{"data.xml", func(g *gen, l, v string) string {
		return "<?xml version=\"1.0\"?>\n<entry>\n  <" + camel(l) + ">" + v + "</" + camel(l) + ">\n</entry>\n"
	}},
	{"main.py", func(g *gen, l, v string) string {
		return "def handler(event):\n    " + strings.ToLower(snake(l)) + " = \"" + v + "\"\n    return run(event)\n"
	}},
}

var wholeContexts = []textKind{
	{"key.txt", func(g *gen, _, v string) string { return pick(g, opening) + v + closing }},
	{"values.yaml", func(g *gen, _, v string) string {
		return "data:\n  blob: |\n    " + strings.ReplaceAll(v, "\n", "\n    ") + "\n"
	}},
	{"record.json", func(g *gen, _, v string) string { return `{"n": 1, "blob": ` + quoted(v) + "}\n" }},
	{"main.go", func(g *gen, _, v string) string { return "package main\n\nconst blob = `" + v + "`\n" }},
}

// documents makes the corpus of one identifier: n texts with a value and n near misses.
func (k *kind) documents(g *gen, n int) []document {
	var out []document
	for range n {
		out = append(out, k.positive(g))
	}
	for range n {
		if d, ok := k.nearMiss(g); ok {
			out = append(out, d)
		}
	}
	return out
}

func (k *kind) positive(g *gen) document {
	v := k.make(g)
	if k.whole {
		c := pick(g, wholeContexts)
		content := c.text(g, "", v)
		if c.name == "values.yaml" {
			v = strings.ReplaceAll(v, "\n", "\n    ")
		}
		return document{name: c.name, content: content, of: k.id, value: v, about: "as it is"}
	}
	label := "entry"
	if len(k.labels) > 0 && !(k.id == "CREDIT_CARD_NUMBER_(NO_KEYWORD)") {
		label = pick(g, k.labels)
	}
	c := pick(g, contexts)
	for strings.Contains(label, "#") && !strings.HasSuffix(c.name, ".txt") { // no name of a variable
		c = pick(g, contexts)
	}
	return document{name: c.name, content: c.text(g, label, v), of: k.id, value: v, about: label}
}

// nearMiss makes a text that must not be reported for the identifier.
func (k *kind) nearMiss(g *gen) (document, bool) {
	if k.whole {
		return document{}, false
	}
	v := k.make(g)
	label := "entry"
	if k.unlike != nil {
		c, v := pick(g, contexts), k.unlike(g)
		return document{name: c.name, content: c.text(g, "entry", v), of: k.id, about: "no value: " + v}, true
	}
	if len(k.labels) > 0 && k.id != "CREDIT_CARD_NUMBER_(NO_KEYWORD)" {
		label = pick(g, k.labels)
	}
	about := ""
	switch g.IntN(4) {
	case 0:
		if !k.checked {
			return document{}, false
		}
		v, about = k.changeDigit(g, v), "a digit changed"
	case 1:
		if k.bare || v[0] == '+' { // a country code stands for a label
			return document{}, false
		}
		label, about = "entry", "no label"
	case 2:
		if k.bare || v[0] == '+' { // a country code stands for a label
			return document{}, false
		}
		text := label + " was left open in the previous version of this sheet, then " + v + closing
		return document{name: "far.txt", content: pick(g, opening) + text, of: k.id, about: "label too far: " + v}, true
	case 3:
		if last := v[len(v)-1]; last == '?' || k.id == "JSON_WEB_TOKEN" || k.id == "STRIPE_CREDENTIALS" || k.id == "MEDICAL_DEVICE_UDI" || strings.Contains(v, " ") {
			return document{}, false // it ends by itself, or has any length
		}
		v, about = v+g.of("xyz", 1)+g.digits(2)+"q", "inside a longer token"
	}
	c := pick(g, contexts)
	return document{name: c.name, content: c.text(g, label, v), of: k.id, about: about + ": " + v}, true
}

// changeDigit changes one digit.
func (k *kind) changeDigit(g *gen, v string) string {
	b := []byte(v)
	for {
		i := g.IntN(len(b))
		if k.to > 0 {
			i = g.between(k.from, k.to-1)
		}
		if b[i] >= '0' && b[i] <= '9' {
			b[i] = '0' + (b[i]-'0'+byte(g.between(1, 9)))%10
			return string(b)
		}
	}
}
