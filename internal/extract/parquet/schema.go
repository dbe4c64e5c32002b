package parquet

import (
	"errors"
	"io"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/records"
	"github.com/magpie-sec/magpie/internal/text"
)

const (
	// maxName is how many bytes of an element's name are kept.
	maxName = 1 << 10
	// maxColumns and maxPaths bound the schema: the number of its elements, and the memory of their paths.
	maxColumns = 16 << 10
	maxPaths   = 4 << 20
)

// Physical types.
const (
	boolean = iota
	int32Type
	int64Type
	int96
	float
	double
	byteArray
	fixed
)

// A meaning is what a column's physical values stand for.
type meaning uint8

const (
	plain meaning = iota
	unsigned
	characters
	decimal
	date
	timeOfDay
	timestamp
	uuid
	half
	opaque // no text: intervals, BSON, geometries
)

// A logical type with its parameters.
type logical struct {
	meaning meaning
	scale   int
	unit    int64 // of times, in nanoseconds
	utc     bool
}

// element is a SchemaElement of the footer.
type element struct {
	name       string
	physical   int64 // -1 for a group
	length     int64
	repetition int64
	children   int64
	converted  int64 // -1 for none
	list, dict bool  // a LIST, a MAP
	scale      int64
	logical    logical
	typed      bool // the logical type was given
}

// A leaf is a column that has values of its own.
type leaf struct {
	field          *text.Field
	physical       int64
	length         int // of fixed byte arrays
	logical        logical
	maxRep, maxDef int
	// repeats are the definition levels at which a repeated element of the path exists, from outside in.
	repeats []int
}

// read says whether the column can hold text.
func (l *leaf) read() bool { return l.physical != boolean && l.logical.meaning != opaque }

func (t *thrift) element() (e element, err error) {
	e.physical, e.converted = -1, -1
	err = t.structure(func(id int, typ byte) (err error) {
		switch id {
		case 1:
			e.physical, err = t.integer(typ)
		case 2:
			e.length, err = t.integer(typ)
		case 3:
			e.repetition, err = t.integer(typ)
		case 4:
			e.name, err = t.text(typ, maxName)
		case 5:
			e.children, err = t.integer(typ)
		case 6:
			e.converted, err = t.integer(typ)
		case 7:
			e.scale, err = t.integer(typ)
		case 10:
			if typ != tStruct {
				return errThrift
			}
			err = t.logicalType(&e)
		default:
			err = t.skip(typ)
		}
		return err
	})
	if !e.typed {
		e.convertedType()
	}
	return e, err
}

func (e *element) convertedType() {
	l := &e.logical
	switch e.converted {
	case 0, 4, 19: // UTF8, ENUM, JSON
		l.meaning = characters
	case 1, 2: // MAP, MAP_KEY_VALUE
		e.dict = true
	case 3:
		e.list = true
	case 5:
		l.meaning, l.scale = decimal, int(e.scale)
	case 6:
		l.meaning = date
	case 7:
		l.meaning, l.unit = timeOfDay, records.Milli
	case 8:
		l.meaning, l.unit = timeOfDay, records.Micro
	case 9:
		l.meaning, l.unit, l.utc = timestamp, records.Milli, true
	case 10:
		l.meaning, l.unit, l.utc = timestamp, records.Micro, true
	case 11, 12, 13, 14:
		l.meaning = unsigned
	case 20, 21: // BSON, INTERVAL
		l.meaning = opaque
	}
}

// logicalType reads the union LogicalType.
func (t *thrift) logicalType(e *element) error {
	return t.structure(func(id int, typ byte) error {
		if typ != tStruct {
			return t.skip(typ)
		}
		e.typed = true
		l := &e.logical
		switch id {
		case 1, 4, 12: // STRING, ENUM, JSON
			l.meaning = characters
		case 2:
			e.dict = true
		case 3:
			e.list = true
		case 5:
			l.meaning = decimal
			l.scale = int(e.scale)
		case 6:
			l.meaning = date
		case 7:
			l.meaning = timeOfDay
		case 8:
			l.meaning = timestamp
		case 13, 16, 17, 18: // BSON, VARIANT, GEOMETRY, GEOGRAPHY
			l.meaning = opaque
		case 14:
			l.meaning = uuid
		case 15:
			l.meaning = half
		case 10, 11: // INTEGER, UNKNOWN
		default:
			e.typed = false
		}
		return t.structure(func(field int, typ byte) error {
			switch {
			case id == 5 && field == 1:
				v, err := t.integer(typ)
				l.scale = int(v)
				return err
			case (id == 7 || id == 8) && field == 1:
				l.utc = typ == tTrue
			case (id == 7 || id == 8) && field == 2 && typ == tStruct:
				return t.structure(func(unit int, typ byte) error {
					switch unit {
					case 1:
						l.unit = records.Milli
					case 2:
						l.unit = records.Micro
					case 3:
						l.unit = records.Nano
					}
					return t.skip(typ)
				})
			case id == 10 && field == 2:
				if typ == tFalse {
					l.meaning = unsigned
				}
			}
			return t.skip(typ)
		})
	})
}

var errSchema = errors.New("the schema is no tree")

// A schema is built from the elements in the order of the footer: depth first, each group with its number of children.
type schema struct {
	elements []element
	at       int
	depth    int
	paths    int
	leaves   []*leaf
}

// place is where an element stands: its path, and the levels there.
type place struct {
	steps          []text.Step
	maxRep, maxDef int
	repeats        []int
}

func (p place) under(name string) place {
	p.steps = append(p.steps[:len(p.steps):len(p.steps)], text.Step{Name: name})
	return p
}

func (p place) repeated() place {
	p.steps = append(p.steps[:len(p.steps):len(p.steps)], text.Step{Array: true})
	p.maxRep++
	p.maxDef++
	p.repeats = append(p.repeats[:len(p.repeats):len(p.repeats)], p.maxDef)
	return p
}

func newSchema(elements []element, depth int) ([]*leaf, error) {
	s := &schema{elements: elements, depth: depth}
	root, err := s.next()
	if err != nil {
		return nil, err
	}
	for range root.children {
		if err := s.child(place{}, false, 1); err != nil {
			return nil, err
		}
	}
	if s.at != len(elements) {
		return nil, errSchema
	}
	return s.leaves, nil
}

func (s *schema) next() (*element, error) {
	if s.at == len(s.elements) {
		return nil, errSchema
	}
	s.at++
	return &s.elements[s.at-1], nil
}

// child reads the element at hand and what is below it. Nameless elements are the inner ones of lists and maps, which give no name to the path.
func (s *schema) child(p place, nameless bool, depth int) error {
	e, err := s.next()
	if err != nil {
		return err
	}
	if depth > s.depth {
		return &extract.Problem{Reason: extract.JSONNestingLevelOverLimit, Detail: "the schema is nested too deeply"}
	}
	if !nameless {
		p = p.under(e.name)
	}
	switch e.repetition {
	case 1:
		p.maxDef++
	case 2:
		p = p.repeated()
	}
	if e.physical >= 0 && e.children == 0 {
		return s.leaf(e, p)
	}
	if e.children < 0 || e.children > int64(len(s.elements)-s.at) {
		return errSchema
	}
	inner := (e.list || e.dict) && e.children == 1 && s.at < len(s.elements) && s.elements[s.at].repetition == 2
	if inner {
		return s.inner(e, p, depth+1)
	}
	for range e.children {
		if err := s.child(p, false, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// inner reads the repeated element in a list or map, by the rules for lists of today and of former times (LogicalTypes.md of Parquet's format).
func (s *schema) inner(of *element, p place, depth int) error {
	r := s.elements[s.at]
	if of.dict || r.physical >= 0 && r.children == 0 || r.children != 1 || r.name == "array" || r.name == of.name+"_tuple" ||
		s.at+1 < len(s.elements) && s.elements[s.at+1].repetition == 2 {
		return s.child(p, true, depth)
	}
	s.at++
	return s.child(p.repeated(), true, depth+1)
}

func (s *schema) leaf(e *element, p place) error {
	l := &leaf{physical: e.physical, length: int(e.length), logical: e.logical, maxRep: p.maxRep, maxDef: p.maxDef, repeats: p.repeats}
	if e.physical > fixed || e.physical == fixed && (e.length < 0 || e.length > 1<<30) || p.maxDef > 255 {
		return extract.Malformed("an impossible type")
	}
	l.field = &text.Field{Steps: p.steps, Arrays: p.maxRep}
	for _, step := range p.steps {
		if !step.Array {
			l.field.Names = append(l.field.Names, step.Name)
		}
	}
	s.paths += 64 * len(p.steps)
	if s.paths > maxPaths {
		return &extract.Problem{Reason: extract.FileExceedsSizeLimit, Detail: "too many columns"}
	}
	if l.logical.unit == 0 {
		l.logical.unit = records.Milli
	}
	s.leaves = append(s.leaves, l)
	return nil
}

// schema reads the list of the footer's schema elements.
func (t *thrift) schema() ([]element, error) {
	n, typ, err := t.list()
	if err != nil {
		return nil, err
	}
	if typ != tStruct || n == 0 {
		return nil, errThrift
	}
	if n > maxColumns {
		return nil, &extract.Problem{Reason: extract.FileExceedsSizeLimit, Detail: "too many columns"}
	}
	var all []element
	names := 0
	for range n {
		e, err := t.element()
		if err != nil {
			return nil, err
		}
		if names += len(e.name); names > maxPaths {
			return nil, &extract.Problem{Reason: extract.FileExceedsSizeLimit, Detail: "too many columns"}
		}
		all = append(all, e)
	}
	return all, nil
}

// A chunk is what the footer says of a column in a row group.
type chunk struct {
	codec          int64
	values         int64
	start, stop    int64 // in the file
	dictionary     int64 // where its dictionary page begins, 0 for unknown
	encrypted, far bool  // far: in another file
}

// group is a row group.
type group struct {
	rows   int64
	chunks []chunk
}

// group reads a RowGroup; its columns must be those of the schema.
func (t *thrift) group(g *group, columns int) error {
	g.rows, g.chunks = 0, g.chunks[:0]
	return t.structure(func(id int, typ byte) (err error) {
		switch {
		case id == 1 && typ == tList:
			n, typ, err := t.list()
			if err != nil {
				return err
			}
			if n != uint64(columns) || typ != tStruct {
				return errSchema
			}
			for range n {
				var c chunk
				if err := t.chunk(&c); err != nil {
					return err
				}
				g.chunks = append(g.chunks, c)
			}
			return nil
		case id == 3:
			g.rows, err = t.integer(typ)
			return err
		}
		return t.skip(typ)
	})
}

func (t *thrift) chunk(c *chunk) error {
	return t.structure(func(id int, typ byte) error {
		switch {
		case id == 1 && typ == tBinary:
			path, err := t.text(typ, 1)
			c.far = path != ""
			return err
		case id == 3 && typ == tStruct:
			return t.columnMetadata(c)
		case id == 8 || id == 9: // how the column or its metadata are encrypted
			c.encrypted = true
		}
		return t.skip(typ)
	})
}

func (t *thrift) columnMetadata(c *chunk) error {
	var data, length int64
	err := t.structure(func(id int, typ byte) (err error) {
		switch id {
		case 4:
			c.codec, err = t.integer(typ)
		case 5:
			c.values, err = t.integer(typ)
		case 7:
			length, err = t.integer(typ)
		case 9:
			data, err = t.integer(typ)
		case 11:
			c.dictionary, err = t.integer(typ)
		default:
			err = t.skip(typ)
		}
		return err
	})
	c.start = data
	if c.dictionary > 0 && c.dictionary < data {
		c.start = c.dictionary
	}
	c.stop = c.start + length
	return err
}

// A footer is what stands behind the row groups, with the place of the list of row groups, which is read one by one.
type footer struct {
	leaves []*leaf
	groups uint64
	reader *thrift
}

// errGroups ends the reading of the footer where its row groups begin.
var errGroups = errors.New("row groups")

func readFooter(r io.ReaderAt, from, to int64, depth int) (*footer, error) {
	f := &footer{reader: newThrift(r, from, to, make([]byte, 32<<10))}
	t := f.reader
	err := t.structure(func(id int, typ byte) error {
		switch {
		case id == 2 && typ == tList:
			all, err := t.schema()
			if err != nil {
				return err
			}
			f.leaves, err = newSchema(all, depth)
			return err
		case id == 4 && typ == tList:
			n, typ, err := t.list()
			if err != nil {
				return err
			}
			if typ != tStruct && n > 0 || f.leaves == nil && n > 0 {
				return errSchema
			}
			f.groups = n
			return errGroups
		}
		return t.skip(typ)
	})
	if err == errGroups {
		err = nil
	}
	return f, err
}
