package office

import (
	"path"
	"strings"

	"github.com/magpie-sec/magpie/internal/extract"
)

// maxRelations is how many relationships of a part are followed, and maxRelationBytes how much is kept of them all.
const maxRelations, maxRelationBytes = 32 << 10, 2 << 20

// A Relation says which part plays a role for another.
type Relation struct {
	ID string
	// Type is the last element of the type's address ("worksheet"), in which the transitional and the strict form agree.
	Type string
	// Target is the part's name.
	Target string
}

// Relations reads the relationships of a part, "" for those of the package, in order. External ones are left out.
func (p *Package) Relations(part string) []Relation {
	folder, file := path.Split(part)
	var all []Relation
	kept := 0
	p.Read(folder+"_rels/"+file+".rels", func(x *XML) error {
		for {
			t, err := x.Next()
			if t == EOF {
				return err
			}
			if t != Start || string(x.Name) != "Relationship" || string(x.Attr("TargetMode")) == "External" || len(all) >= maxRelations {
				continue
			}
			r := Relation{ID: string(x.Attr("Id")), Type: string(x.Attr("Type")), Target: string(x.Attr("Target"))}
			r.Type = strings.Clone(r.Type[strings.LastIndexByte(r.Type, '/')+1:])
			if kept += len(r.ID) + len(r.Type) + len(r.Target); kept > maxRelationBytes {
				return extract.Malformed("too many relationships")
			}
			if !strings.HasPrefix(r.Target, "/") {
				r.Target = path.Join("/", folder, r.Target)
			}
			r.Target = strings.TrimPrefix(path.Clean(r.Target), "/")
			all = append(all, r)
		}
	})
	return all
}

// Of returns the parts that play a role.
func Of(all []Relation, kind string) []string {
	var parts []string
	for _, r := range all {
		if r.Type == kind {
			parts = append(parts, r.Target)
		}
	}
	return parts
}

// Main returns the part that the document begins with, and the relationships of the package.
func (p *Package) Main(usual string) (string, []Relation) {
	all := p.Relations("")
	for _, main := range Of(all, "officeDocument") {
		if p.Has(main) {
			return main, all
		}
	}
	return usual, all
}

// properties are the names that document properties are shown by: those that hold text of people's, under the names of their elements.
var properties = map[string]string{
	"title": "title", "subject": "subject", "creator": "author", "keywords": "keywords", "keyword": "keyword", "description": "description",
	"lastModifiedBy": "last modified by", "category": "category", "contentStatus": "status", "Manager": "manager", "Company": "company",
	"initial-creator": "author", "printed-by": "printed by",
}

// maxProperty bounds the name of a property; its value may have any length.
const maxProperty = 1 << 10

// A Writer takes running text in pieces.
type Writer interface {
	Write(b []byte) (int, error)
	// Break ends a line, if there is text on it.
	Break()
}

// Properties reads the parts with the document's properties, a line each with the property's name before it.
func (p *Package) Properties(all []Relation, w Writer) {
	for _, kind := range []string{"core-properties", "extended-properties", "extendedProperties", "custom-properties", "customProperties"} {
		for _, part := range Of(all, kind) {
			p.Read(part, func(x *XML) error { return ReadProperties(x, w) })
		}
	}
}

// ReadProperties writes the properties in a part: Office's core, extended and custom ones, or OpenDocument's.
func ReadProperties(x *XML, w Writer) error {
	name, custom := "", false
	for {
		t, err := x.Next()
		switch {
		case t == EOF:
			return err
		case t == Text && name != "" && len(strings.TrimSpace(string(x.Text[:min(len(x.Text), 64)]))) == 0:
		case t == Text && name != "":
			if name != "-" {
				if _, err := w.Write([]byte(name + ": ")); err != nil {
					return err
				}
				name = "-"
			}
			if _, err := w.Write(x.Text); err != nil {
				return err
			}
		case t == Start && (string(x.Name) == "property" || string(x.Name) == "user-defined"):
			n := x.Attr("name")
			custom, name = true, string(n[:min(len(n), maxProperty)])
			if name == "" || strings.ContainsRune(name, '\uFFFD') || len(n) > maxProperty {
				name = "property"
			}
		case t == Start && !custom:
			name = properties[string(x.Name)]
		case t == End && (!custom || string(x.Name) == "property" || string(x.Name) == "user-defined"):
			if name == "-" {
				w.Break()
			}
			name, custom = "", false
		}
	}
}
