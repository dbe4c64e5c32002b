// Package wiretest fills generated structures for tests and reads facts about the models that the Go
// types do not show.
package wiretest

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/magpie-sec/magpie/internal/wire"
)

// Filler sets the members of generated structures.
type Filler struct {
	Pick   func(n int) int // a choice among 0..n-1
	Unions map[string]bool // names of union types, see Model.Unions
	Valid  bool            // every member present, and as the models' constraints want it
	n      int
}

// valid holds strings that satisfy the patterns, by field name; %d is a running number.
var valid = map[string]string{
	"AccessPreviewId":        "01234567-89ab-cdef-0123-%012d",
	"AnalyzerArn":            "arn:aws:access-analyzer:us-east-1:111122223333:analyzer/a%d",
	"AnalyzerName":           "analyzer-%d",
	"RuleName":               "rule-%d",
	"PrincipalArn":           "arn:aws:iam::111122223333:role/r%d",
	"ResourceArn":            "arn:aws:s3:::bucket-%d",
	"AccessRole":             "arn:aws:iam::111122223333:role/r%d",
	"CloudTrailArn":          "arn:aws:cloudtrail:us-east-1:111122223333:trail/t%d",
	"AccessPointPolicy":      "{\"Version\":\"2012-10-17\",\"Statement\":[],\"Id\":\"%d\"}",
	"VpcId":                  "vpc-%08d",
	"RoleName":               "role-%d",
	"BucketName":             "bucket-%d",
	"ExcludedDataIdentifier": "id-%d",
}

// bytype holds the same for fields whose name is too general, by "Struct.Field".
var byType = map[string]string{
	"Trail.CloudTrailArn":             valid["CloudTrailArn"],
	"GetAllowListInput.Id":            "%022d",
	"DeleteAllowListInput.Id":         "%022d",
	"UpdateAllowListInput.Id":         "%022d",
	"CreateAllowListOutput.Arn":       "arn:aws:macie2:us-east-1:111122223333:allow-list/%022d",
	"CreateAllowListOutput.Id":        "%022d",
	"AccessPreviewSummary.Id":         valid["AccessPreviewId"],
	"AccessPreview.Id":                valid["AccessPreviewId"],
	"CreateAccessPreviewOutput.Id":    valid["AccessPreviewId"],
	"AllowListSummary.Arn":            "arn:aws:macie2:us-east-1:111122223333:allow-list/%022d",
	"AllowListSummary.Id":             "%022d",
	"ClassificationScopeSummary.Id":   "%032d",
	"GetAllowListOutput.Arn":          "arn:aws:macie2:us-east-1:111122223333:allow-list/%022d",
	"GetAllowListOutput.Id":           "%022d",
	"UpdateAllowListOutput.Arn":       "arn:aws:macie2:us-east-1:111122223333:allow-list/%022d",
	"UpdateAllowListOutput.Id":        "%022d",
	"AnalyzerSummary.Arn":             valid["AnalyzerArn"],
	"ClassificationScopeSummary.Name": "name-%d",
}

// keys holds map keys that satisfy a pattern, by field name.
var keys = map[string]string{"AccessPoints": "arn:aws:s3:us-east-1:111122223333:accesspoint/p%d"}

// short holds lists whose greatest length is under two.
var short = map[string]bool{"CheckAccessNotGrantedInput.Access": true}

// Fill sets the structure that v points to.
func (f *Filler) Fill(v any) { f.structure(reflect.ValueOf(v).Elem()) }

func (f *Filler) present() bool { return f.Valid || f.Pick(3) > 0 }

func (f *Filler) structure(v reflect.Value) {
	t := v.Type()
	if f.Unions[t.Name()] {
		i := f.Pick(t.NumField())
		f.member(v.Field(i), t.Name(), t.Field(i).Name, true)
		return
	}
	for i := range t.NumField() {
		f.member(v.Field(i), t.Name(), t.Field(i).Name, f.present())
	}
}

func (f *Filler) member(v reflect.Value, owner, field string, present bool) {
	if !present {
		return
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	f.value(v, owner, field)
}

func (f *Filler) value(v reflect.Value, owner, field string) {
	f.n++
	switch v.Kind() {
	case reflect.Struct:
		f.structure(v)
	case reflect.String:
		v.SetString(f.text(v.Type(), owner, field))
	case reflect.Bool:
		v.SetBool(f.Pick(2) == 1)
	case reflect.Float64:
		v.SetFloat(float64(f.Pick(2000))/8 - 100)
	case reflect.Int64:
		f.integer(v)
	case reflect.Slice:
		n := f.length(owner + "." + field)
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			f.value(v.Index(i), owner, field)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range f.length(owner + "." + field) {
			key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			f.n++
			if form, ok := keys[field]; ok && f.Valid {
				key.SetString(fmt.Sprintf(form, f.n))
			} else {
				key.SetString(f.text(key.Type(), "", ""))
			}
			f.value(elem, owner, field)
			v.SetMapIndex(key, elem)
		}
	default:
		panic("wiretest: " + owner + "." + field + " has kind " + v.Kind().String())
	}
}

func (f *Filler) length(place string) int {
	switch {
	case short[place]:
		return 1
	case f.Valid:
		return 2
	}
	return f.Pick(3)
}

func (f *Filler) integer(v reflect.Value) {
	switch {
	case v.Type() == reflect.TypeFor[wire.Time]():
		v.SetInt(int64(f.Pick(1<<31-1))*1000 + int64(f.Pick(1000)))
	case f.Valid:
		v.SetInt(int64(1 + f.Pick(20)))
	default:
		v.SetInt(int64(f.Pick(1<<31-1)) - 1<<30)
	}
}

func (f *Filler) text(t reflect.Type, owner, field string) string {
	if values := reflect.Zero(t).MethodByName("Values"); values.IsValid() {
		all := values.Call(nil)[0]
		return all.Index(f.Pick(all.Len())).String()
	}
	if f.Valid {
		for _, form := range []string{byType[owner+"."+field], valid[field]} {
			if form != "" {
				return fmt.Sprintf(form, f.n)
			}
		}
		return fmt.Sprintf("%s%d", strings.ToLower(field), f.n)
	}
	const alphabet = "aZ09 /\"\\\n\x00\x1f<>&é\u2028\uffff😀"
	runes := []rune(alphabet)
	var b strings.Builder
	for range f.Pick(8) {
		b.WriteRune(runes[f.Pick(len(runes))])
	}
	return b.String()
}

// Model is what tests ask of a service model.
type Model struct {
	Operations map[string]struct {
		Name string
		HTTP struct {
			Method, RequestURI string
			ResponseCode       int
		}
		Errors []struct{ Shape string }
	}
	Shapes map[string]struct {
		Type      string
		Members   map[string]struct{ Shape, Location string }
		Required  []string
		Enum      []string
		Union     bool
		Exception bool
		Error     struct{ HTTPStatusCode int }
	}
}

// ReadModel reads a model file.
func ReadModel(file string) (*Model, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	m := &Model{}
	return m, json.Unmarshal(text, m)
}

// Unions returns the names of the union shapes.
func (m *Model) Unions() map[string]bool {
	unions := map[string]bool{}
	for name, s := range m.Shapes {
		if s.Union {
			unions[name] = true
		}
	}
	return unions
}
