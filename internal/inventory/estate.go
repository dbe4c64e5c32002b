package inventory

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/magpie-sec/magpie/internal/cfn"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/folder"
)

// MaxConfigItems is the largest config-items.json in bytes.
const MaxConfigItems = 64 << 20

// Documents are the texts that describe an estate; nil where there is none.
type Documents struct {
	TemplateName string // what problems call the template
	Template     []byte // a CloudFormation template, JSON or YAML
	ConfigItems  []byte // AWS Config items (ParseConfigItems)
	// Problems say which documents are there but could not be read.
	Problems []Problem
}

// An Estate is what the documents of an estate folder say about it. It is a source.Configured.
//
// A bucket is described by the AWS::S3::Bucket resource whose evaluated BucketName (else logical id) is its name, by the AWS::S3::BucketPolicy
// resources that name it, and by AWS Config items of type AWS::S3::Bucket, which win where they state a fact. What a template leaves out is
// what S3 does without it: no policy, a private ACL, encryption with AES256 (S3's default for all new objects since 5 January 2023). Public
// access block and object ownership that are left out are Absent: the defaults of new buckets since April 2023 are not assumed.
type Estate struct {
	// Stack is the evaluated template, nil without one or when it is broken.
	Stack *cfn.Stack
	// Items are the usable AWS Config items, the newest of each resource.
	Items    []ConfigItem
	Problems []Problem

	template     string // name of the template
	opts         Options
	buckets      map[string]*described
	unknown      string // why a bucket that nothing describes has unknown facts
	itemsUnknown string // why there may be AWS Config items that are not in Items; "" when there cannot
}

// described is a bucket as the documents describe it.
type described struct {
	account       string // "" when no document says
	configuration source.Configuration
}

// ReadEstate reads an estate's documents. Only the end of the context is an error; a document that cannot be used is a Problem.
func ReadEstate(ctx context.Context, d source.Documented, opts Options) (*Estate, error) {
	docs, err := ReadDocuments(ctx, d)
	if err != nil {
		return nil, err
	}
	return NewEstate(docs, opts), nil
}

// ReadDocuments reads the texts that describe an estate. Only the end of the context is an error; a document that cannot be read is a
// Problem.
func ReadDocuments(ctx context.Context, d source.Documented) (Documents, error) {
	var docs Documents
	read := func(name string, limit int64) []byte {
		body, err := d.Document(ctx, name, limit)
		switch {
		case err == nil && body == nil:
			return []byte{}
		case err != nil && source.KindOf(err) != source.NotFound:
			docs.Problems = append(docs.Problems, Problem{name, err.Error()})
			return nil
		}
		return body
	}
	docs.TemplateName = folder.TemplateYAML
	docs.Template = read(folder.TemplateYAML, cfn.MaxSize)
	if other := read(folder.TemplateJSON, cfn.MaxSize); other != nil {
		if docs.Template == nil && len(docs.Problems) == 0 {
			docs.TemplateName, docs.Template = folder.TemplateJSON, other
		} else {
			docs.Problems = append(docs.Problems, Problem{folder.TemplateJSON, "not used: there is a " + folder.TemplateYAML + " as well; keep one"})
		}
	}
	docs.ConfigItems = read(folder.ConfigItems, MaxConfigItems)
	return docs, ctx.Err()
}

// NewEstate evaluates an estate's documents. A plain template is an estate too.
func NewEstate(docs Documents, opts Options) *Estate {
	e := &Estate{Problems: slices.Clone(docs.Problems), template: docs.TemplateName, opts: opts, buckets: map[string]*described{}}
	for _, p := range docs.Problems {
		if p.Document == folder.ConfigItems {
			e.itemsUnknown = p.String()
		} else {
			e.unknown = p.String()
		}
	}
	e.readTemplate(docs)
	if docs.ConfigItems != nil {
		e.readItems(docs.ConfigItems)
	}
	if e.unknown == "" {
		e.unknown = e.undescribed(docs)
	}
	return e
}

func (e *Estate) undescribed(docs Documents) string {
	switch {
	case docs.Template == nil && docs.ConfigItems == nil:
		return fmt.Sprintf("there is no %s, %s or %s that describes the bucket", folder.TemplateYAML, folder.TemplateJSON, folder.ConfigItems)
	case docs.Template == nil:
		return "nothing in " + folder.ConfigItems + " describes the bucket"
	default:
		return "no AWS::S3::Bucket in " + e.template + " has its name"
	}
}

func (e *Estate) problem(document, format string, args ...any) {
	e.Problems = append(e.Problems, Problem{document, fmt.Sprintf(format, args...)})
}

// BucketNames returns the names of the buckets that the documents describe, in order.
func (e *Estate) BucketNames() []string { return slices.Sorted(maps.Keys(e.buckets)) }

// Configuration returns what the documents say about a bucket; one that they do not describe has unknown facts.
func (e *Estate) Configuration(_ context.Context, name string) (source.Configuration, error) {
	if b := e.buckets[name]; b != nil {
		return b.configuration, nil
	}
	c := unknownConfiguration(e.unknown)
	if e.opts.Region != "" {
		c.Region = source.Known(e.opts.Region)
	}
	return c, nil
}

// AccountPublicAccessBlock returns the AWS::S3::AccountPublicAccessBlock of the AWS Config items; CloudFormation has no type for it. Without
// one there is none.
func (e *Estate) AccountPublicAccessBlock(context.Context) source.Fact[source.PublicAccessBlock] {
	return e.PublicAccessBlockOf(e.opts.Account)
}

// Owner returns the account that owns a bucket: that of its AWS Config item, or the one the estate is read for.
func (e *Estate) Owner(bucket string) string {
	if b := e.buckets[bucket]; b != nil && b.account != "" {
		return b.account
	}
	return e.opts.Account
}

// PublicAccessBlockOf is AccountPublicAccessBlock of any account that the items are about.
func (e *Estate) PublicAccessBlockOf(account string) source.Fact[source.PublicAccessBlock] {
	for _, item := range e.Items {
		if item.Type == "AWS::S3::AccountPublicAccessBlock" && (item.Account == account || item.Account == "" || account == "") {
			return publicAccessBlockOf(item, item.Configuration, "configuration")
		}
	}
	if e.itemsUnknown != "" {
		return source.Unknown[source.PublicAccessBlock](e.itemsUnknown)
	}
	return source.Absent[source.PublicAccessBlock]("no AWS::S3::AccountPublicAccessBlock in " + folder.ConfigItems)
}
