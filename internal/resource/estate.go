package resource

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/cfn"
	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/inventory"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/folder"
)

// An Estate is the resources of a source, as far as they are of the types of this package.
type Estate struct {
	Resources []Resource // by type, then by ARN
	// AccountBlock is the public access block of the account.
	AccountBlock source.Fact[source.PublicAccessBlock]
	// Problems say what of the source's description could not be used. What is unknown for it says so too.
	Problems []inventory.Problem
	// NotRead are the things in the documents that were not looked at, as "TYPE NAME": those of types that the package does not know, and
	// policies of something that is not in the documents.
	NotRead []string
	// Missing is not empty if there may be resources that are not among these, because a document could not be used; it says why.
	Missing string
}

// Load reads the resources of a source: of an estate folder everything that its documents describe, of a store its buckets. It fails when
// the buckets cannot be listed or the context ends.
func Load(ctx context.Context, d source.Driver, opts inventory.Options) (*Estate, error) {
	inv, err := inventory.Load(ctx, d, opts)
	if err != nil {
		return nil, err
	}
	if _, configured := source.As[source.Configured](d); !configured {
		if documented, ok := source.As[source.Documented](d); ok {
			docs, err := inventory.ReadDocuments(ctx, documented)
			if err != nil {
				return nil, err
			}
			e := Read(docs, opts)
			known := map[string]bool{}
			for _, r := range e.Resources {
				known[r.ARN] = true
			}
			for i := range inv.Buckets {
				if b := OfBucket(inv, &inv.Buckets[i]); !known[b.ARN] {
					e.Resources = append(e.Resources, b)
				}
			}
			sortResources(e.Resources)
			return e, nil
		}
	}
	e := &Estate{Problems: inv.Problems, AccountBlock: inv.AccountPublicAccessBlock}
	for i := range inv.Buckets {
		e.Resources = append(e.Resources, OfBucket(inv, &inv.Buckets[i]))
	}
	sortResources(e.Resources)
	return e, nil
}

// OfBucket makes a resource of what an inventory knows of a bucket. It does not know access points.
func OfBucket(inv *inventory.Inventory, b *inventory.Bucket) Resource {
	r := Resource{ARN: arn.Bucket(arn.PartitionOf(inv.Region), b.Name).String(), Type: Bucket, Account: b.Account, Region: inv.Region}
	if region, ok := b.Region.Get(); ok {
		r.Region = region
	}
	r.configure(&b.Configuration)
	r.AccountBlock = inv.PublicAccessBlockOf(b.Account)
	r.AccessPoints = source.Unknown[[]AccessPoint]("the store does not tell which access points the bucket has")
	if b.Err != nil && b.Err.Kind == source.AccessDenied {
		for _, f := range []*bool{&r.Policy.Denied, &r.ACL.Denied, &r.Ownership.Denied, &r.PublicAccessBlock.Denied, &r.Owner.Denied} {
			*f = true
		}
	}
	return r
}

// configure takes over what guards a bucket.
func (r *Resource) configure(c *source.Configuration) {
	r.Policy = source.Fact[Document]{State: c.Policy.State, Value: Document{Text: c.Policy.Value}, Reason: c.Policy.Reason, Denied: c.Policy.Denied}
	r.Owner, r.ACL, r.Ownership, r.PublicAccessBlock = c.Owner, c.ACL, c.Ownership, c.PublicAccessBlock
}

func sortResources(list []Resource) {
	slices.SortFunc(list, func(a, b Resource) int {
		if a.Type != b.Type {
			return strings.Compare(a.Type, b.Type)
		}
		return strings.Compare(a.ARN, b.ARN)
	})
}

// An estate reads documents.
type estate struct {
	*Estate
	buckets *inventory.Estate
	file    string // of the template
	stack   *cfn.Stack
	opts    inventory.Options
	used    map[string]bool // logical ids of resources that were attached to another
	items   string          // why there may be items that are not known
	aims    map[target]*aims
	found   map[named]int   // places in Resources
	stated  map[string]bool // buckets whose policy an AWS Config item states
}

// named is the type and the ARN of a resource, or another name of it.
type named struct{ kind, name string }

// Read makes the resources that the documents of an estate describe. A plain template is an estate too.
func Read(docs inventory.Documents, opts inventory.Options) *Estate {
	e := &estate{Estate: &Estate{}, buckets: inventory.NewEstate(docs, opts), file: docs.TemplateName, opts: opts,
		used: map[string]bool{}, aims: map[target]*aims{}, found: map[named]int{}, stated: map[string]bool{}}
	e.Problems = e.buckets.Problems
	e.AccountBlock = e.buckets.AccountPublicAccessBlock(context.Background())
	for _, p := range e.Problems {
		if p.Document == folder.ConfigItems {
			e.items = p.String()
		}
	}
	for _, i := range e.buckets.Items {
		if _, given := i.Supplementary["BucketPolicy"]; given && i.Type == Bucket {
			e.stated[label(i)] = true
		}
	}
	if e.buckets.Stack != nil {
		e.readStack(docs.Template)
	}
	for _, p := range e.Problems {
		if p.Document != folder.ConfigItems && e.stack == nil || e.items == p.String() {
			e.Missing = p.String()
		}
	}
	e.readItems()
	e.nameBuckets()
	e.listUnread()
	known := keys(e.Resources)
	for i := range e.Resources {
		if r := &e.Resources[i]; r.Type == Secret {
			r.SecretKey = known[r.KMSKey.Value]
		}
	}
	sortResources(e.Resources)
	slices.Sort(e.NotRead)
	return e.Estate
}

// readStack evaluates the template once more, with placeholders for names that CloudFormation would invent, so that references to them can be
// followed.
func (e *estate) readStack(text []byte) {
	template, err := cfn.Parse(text)
	if err != nil {
		return // the inventory has told
	}
	env := cfn.Env{Account: e.opts.Account, Region: e.opts.Region, Parameters: e.opts.Parameters, Placeholders: true}
	if e.stack, err = template.Evaluate(env); err != nil {
		return
	}
	for _, r := range e.stack.Resources {
		k := kindOf(r.Type)
		if k == nil || k.describe == nil {
			continue
		}
		into := e.resource(r)
		k.describe(e, r, &into)
		e.add(into)
		if r.Type == Table {
			e.addStream(r, into)
		}
	}
}

// listUnread lists what of the template is no resource of the package's types and belongs to none.
func (e *estate) listUnread() {
	if e.stack == nil {
		return
	}
	for _, r := range e.stack.Resources {
		if k := kindOf(r.Type); (k == nil || k.describe == nil) && !e.used[r.LogicalID] {
			e.NotRead = append(e.NotRead, r.Type+" "+r.LogicalID)
		}
	}
}

// resource begins a resource of the template.
func (e *estate) resource(r cfn.Resource) Resource {
	into := Resource{Type: r.Type, Account: e.opts.Account, Region: e.opts.Region, Place: e.place(r.Position)}
	if r.Unknown != nil {
		into.Doubt = e.at(r.Unknown)
	}
	text, known := r.ARN.Text()
	if !known {
		into.ARN = r.LogicalID
		into.Doubt = e.at(r.ARN.Unknown())
		return into
	}
	into.ARN = text
	if mark := cfn.Placeholder(r.LogicalID); strings.Contains(text, mark) {
		into.Marker, into.ARN = text, strings.ReplaceAll(text, mark, r.LogicalID)
	}
	return into
}

func (e *estate) place(p cfn.Position) Place {
	return Place{File: e.file, Line: p.Line, Column: p.Column}
}

func (e *estate) at(u *cfn.Unknown) string { return e.file + ":" + u.Error() }

// addStream adds the stream of a table that has a policy for it. What CloudFormation names it is not known.
func (e *estate) addStream(r cfn.Resource, table Resource) {
	if _, ok := r.Properties.Get("StreamSpecification"); !ok {
		return
	}
	s := table
	s.Type, s.ARN = Stream, table.ARN+"/stream/"+r.LogicalID
	s.Marker = table.self() + "/stream/" + cfn.Placeholder(r.LogicalID)
	s.Policy = e.document(r, iam.Resource, "StreamSpecification", "ResourcePolicy", "PolicyDocument")
	e.add(s)
}

// add adds a resource. It returns its place.
func (e *estate) add(r Resource) int {
	e.found[named{r.Type, r.ARN}] = len(e.Resources)
	e.Resources = append(e.Resources, r)
	return len(e.Resources) - 1
}

// text is a fact of a property that is a text.
func (e *estate) text(r cfn.Resource, path ...string) source.Fact[string] {
	v, ok := r.Properties.Get(path...)
	if !ok || v.Kind() == cfn.Null {
		return source.Absent[string]("")
	}
	if u := v.Unknown(); u != nil {
		return source.Unknown[string](e.at(u))
	}
	if text, ok := v.Text(); ok {
		return source.Known(text)
	}
	return source.Unknown[string](fmt.Sprintf("%v: this is no text", e.place(v.Position())))
}

// document is the policy in a property.
func (e *estate) document(r cfn.Resource, kind iam.Kind, path ...string) source.Fact[Document] {
	v, ok := r.Properties.Get(path...)
	if !ok || v.Kind() == cfn.Null {
		if kind == iam.Trust {
			return source.Unknown[Document](fmt.Sprintf("%v: %s has no %s", e.place(r.Position), r.LogicalID, path[0]))
		}
		return source.Absent[Document]("")
	}
	if text, isText := v.Text(); isText {
		return source.Known(Document{Text: text, Places: []Place{e.place(v.Position())}})
	}
	return source.Known(e.compile(tree(v), kind, statementPlaces(e, v)))
}

func statementPlaces(e *estate, v cfn.Value) (places []Place) {
	list, _ := v.Get("Statement")
	if list.Kind() != cfn.List {
		return []Place{e.place(list.Position())}
	}
	for _, s := range list.Items() {
		places = append(places, e.place(s.Position()))
	}
	return places
}

// A target is the property in which a type of resource names what it is attached to: one or a list.
type target struct{ kind, property string }

// aims are the resources of one type by what they name as their target.
type aims struct {
	by map[string][]int // places in the stack
	// perhaps are those whose target is not known.
	perhaps []int
}

// at finds the resources of a type that are attached to another, which goes by some names, and why there may be more.
func (e *estate) aimedAt(t target, r cfn.Resource, into *Resource) (found []cfn.Resource, perhaps string) {
	index := e.aims[t]
	if index == nil {
		index = e.index(t)
		e.aims[t] = index
	}
	var places []int
	for _, name := range names(r, into) {
		places = append(places, index.by[name]...)
	}
	slices.Sort(places)
	for _, i := range slices.Compact(places) {
		e.used[e.stack.Resources[i].LogicalID] = true
		found = append(found, e.stack.Resources[i])
	}
	for _, i := range index.perhaps[:min(1, len(index.perhaps))] {
		p := e.stack.Resources[i]
		perhaps = fmt.Sprintf("%v: %s may be attached to it: %s", e.place(p.Position), p.LogicalID, aimOf(p, t).Unknowns()[0].Reason)
	}
	return found, perhaps
}

func aimOf(p cfn.Resource, t target) cfn.Value {
	v, _ := p.Properties.Get(t.property)
	return v
}

func (e *estate) index(t target) *aims {
	index := &aims{by: map[string][]int{}}
	for i, p := range e.stack.Resources {
		if p.Type != t.kind {
			continue
		}
		v := aimOf(p, t)
		items := []cfn.Value{v}
		if v.Kind() == cfn.List {
			items = v.Items()
		}
		for _, item := range items {
			text, known := item.Text()
			switch {
			case known && text != "":
				index.by[text] = append(index.by[text], i)
			case item.Unknown() != nil:
				e.used[p.LogicalID] = true
				index.perhaps = append(index.perhaps, i)
			}
		}
	}
	return index
}

// names are the texts that mean a resource: its ARN, what Ref gives, its name.
func names(r cfn.Resource, into *Resource) []string {
	self := into.self()
	list := []string{self}
	if ref, ok := r.Ref.Text(); ok && ref != "" {
		list = append(list, ref)
	}
	if into.Type != LayerVersion {
		list = append(list, self[strings.LastIndexAny(self, ":/")+1:])
	}
	return list
}

// attached is the policy that resources of other types lay on one. Two of them take each other's place, and it cannot be told which stays.
func (e *estate) attached(r cfn.Resource, into *Resource, property string, targets ...target) source.Fact[Document] {
	var found []cfn.Resource
	perhaps := ""
	for _, t := range targets {
		hit, maybe := e.aimedAt(t, r, into)
		found = append(found, hit...)
		if maybe != "" {
			perhaps = maybe
		}
	}
	switch {
	case len(found) > 1:
		return source.Unknown[Document](fmt.Sprintf("%v: %s and %s are both its policy", e.place(found[1].Position), found[0].LogicalID, found[1].LogicalID))
	case perhaps != "":
		return source.Unknown[Document](perhaps)
	case len(found) == 0:
		return e.noneOf()
	case found[0].Unknown != nil:
		return source.Unknown[Document](e.at(found[0].Unknown))
	}
	d := e.document(found[0], iam.Resource, property)
	if d.State == source.StateAbsent {
		return source.Unknown[Document](fmt.Sprintf("%v: %s has no %s", e.place(found[0].Position), found[0].LogicalID, property))
	}
	return d
}

// noneOf says that the template has nothing of a sort, unless macros may add it.
func (e *estate) noneOf() source.Fact[Document] {
	for _, u := range e.stack.Unknowns {
		return source.Unknown[Document](e.at(u))
	}
	return source.Absent[Document]("")
}

// absentOr is the absence of what only AWS Config items could tell, if all of them could be read.
func absentOr[T any](e *estate) source.Fact[T] {
	if e.items != "" {
		return source.Unknown[T](e.items)
	}
	return source.Absent[T]("")
}

// permissions is the policy that permissions of a function or layer version make, a statement each. Those of a function's versions and
// aliases, which are named behind a colon, are not looked at.
func (e *estate) permissions(r cfn.Resource, into *Resource) source.Fact[Document] {
	t := target{"AWS::Lambda::Permission", "FunctionName"}
	if into.Type == LayerVersion {
		t = target{"AWS::Lambda::LayerVersionPermission", "LayerVersionArn"}
	}
	found, perhaps := e.aimedAt(t, r, into)
	if perhaps != "" {
		return source.Unknown[Document](perhaps)
	}
	if len(found) == 0 {
		return e.noneOf()
	}
	var statements []any
	var places []Place
	for _, p := range found {
		var s any = permissionStatement(p)
		if p.Unknown != nil {
			s = p.Unknown
		}
		statements, places = append(statements, s), append(places, e.place(p.Position))
	}
	return source.Known(e.compile(map[string]any{"Version": string(iam.Version2012), "Statement": statements}, iam.Resource, places))
}

// accessPoints are those of a bucket.
func (e *estate) accessPoints(into *Resource, kind string) source.Fact[[]AccessPoint] {
	found, perhaps := e.aimedAt(target{kind, "Bucket"}, cfn.Resource{}, into)
	if perhaps != "" {
		return source.Unknown[[]AccessPoint](perhaps)
	}
	var points []AccessPoint
	for _, p := range found {
		points = append(points, e.accessPoint(p, into))
	}
	if into.Type == Bucket {
		everywhere, unknown := e.multiRegion(into)
		if unknown != "" {
			return source.Unknown[[]AccessPoint](unknown)
		}
		points = append(points, everywhere...)
	}
	for _, u := range e.stack.Unknowns {
		return source.Unknown[[]AccessPoint](e.at(u))
	}
	return source.Known(points)
}

func (e *estate) accessPoint(p cfn.Resource, bucket *Resource) AccessPoint {
	point := AccessPoint{Name: p.LogicalID, Policy: e.document(p, iam.Resource, "Policy"), VPC: e.text(p, "VpcConfiguration", "VpcId")}
	if name, ok := e.text(p, "Name").Get(); ok {
		point.Name = name
	}
	service := "s3"
	if bucket.Type == DirectoryBucket {
		service = "s3express"
	}
	point.ARN = fmt.Sprintf("arn:%s:%s:%s:%s:accesspoint/%s", arn.PartitionOf(e.opts.Region), service, e.opts.Region, e.opts.Account, point.Name)
	if text, ok := p.ARN.Text(); ok {
		point.ARN = text
	}
	// S3 blocks all public access through a new access point that does not say otherwise.
	point.PublicAccessBlock = source.Known(source.PublicAccessBlock{BlockPublicACLs: true, IgnorePublicACLs: true, BlockPublicPolicy: true, RestrictPublicBuckets: true})
	if v, ok := p.Properties.Get("PublicAccessBlockConfiguration"); ok && v.Kind() != cfn.Null {
		point.PublicAccessBlock = e.block(v)
	}
	if p.Unknown != nil {
		point.Policy = source.Unknown[Document](e.at(p.Unknown))
	}
	return point
}

// block reads the two switches of a public access block that count; one that is missing is off.
func (e *estate) block(v cfn.Value) source.Fact[source.PublicAccessBlock] {
	var b source.PublicAccessBlock
	for name, into := range map[string]*bool{"IgnorePublicAcls": &b.IgnorePublicACLs, "RestrictPublicBuckets": &b.RestrictPublicBuckets} {
		field, given := v.Get(name)
		if u := field.Unknown(); u != nil {
			return source.Unknown[source.PublicAccessBlock](e.at(u))
		}
		if !given || field.Kind() == cfn.Null {
			continue
		}
		var ok bool
		if *into, ok = field.Bool(); !ok {
			return source.Unknown[source.PublicAccessBlock](fmt.Sprintf("%v: %s is neither true nor false", e.place(field.Position()), name))
		}
	}
	return source.Known(b)
}

// multiRegionIndex has the multi-Region access points of the template by their buckets.
func (e *estate) multiRegionIndex() *aims {
	t := target{"AWS::S3::MultiRegionAccessPoint", "Regions"}
	if index := e.aims[t]; index != nil {
		return index
	}
	index := &aims{by: map[string][]int{}}
	for i, p := range e.stack.Resources {
		if p.Type != t.kind {
			continue
		}
		e.used[p.LogicalID] = true
		regions := aimOf(p, t)
		if regions.Unknown() != nil {
			index.perhaps = append(index.perhaps, i)
		}
		for _, region := range regions.Items() {
			v, _ := region.Get("Bucket")
			if text, ok := v.Text(); ok {
				index.by[text] = append(index.by[text], i)
			} else if v.Unknown() != nil {
				index.perhaps = append(index.perhaps, i)
			}
		}
	}
	e.aims[t] = index
	return index
}

// multiRegion are the multi-Region access points of a bucket; unknown says why there may be others.
func (e *estate) multiRegion(bucket *Resource) (points []AccessPoint, unknown string) {
	index := e.multiRegionIndex()
	if len(index.perhaps) > 0 {
		p := e.stack.Resources[index.perhaps[0]]
		return nil, fmt.Sprintf("%v: the buckets of %s are not known", e.place(p.Position), p.LogicalID)
	}
	for _, i := range slices.Compact(index.by[bucketName(bucket.ARN)]) {
		p := e.stack.Resources[i]
		point := AccessPoint{Name: p.LogicalID, MultiRegion: true, VPC: source.Absent[string](""),
			ARN: fmt.Sprintf("arn:%s:s3::%s:accesspoint/%s", arn.PartitionOf(e.opts.Region), e.opts.Account, cfn.Placeholder(p.LogicalID))}
		point.PublicAccessBlock = source.Known(source.PublicAccessBlock{IgnorePublicACLs: true, RestrictPublicBuckets: true})
		if v, ok := p.Properties.Get("PublicAccessBlockConfiguration"); ok {
			point.PublicAccessBlock = e.block(v)
		}
		// The policy names the access point by the name that one has or CloudFormation makes up, which Ref gives.
		name, ok := e.text(p, "Name").Get()
		if !ok {
			name = cfn.Placeholder(p.LogicalID)
		}
		point.Policy = e.attached(cfn.Resource{}, &Resource{ARN: name}, "Policy", target{"AWS::S3::MultiRegionAccessPointPolicy", "MrapName"})
		points = append(points, point)
	}
	return points, ""
}

// describeBucket takes the facts of a bucket from the inventory, which knows templates and items, and its policy with its places.
func describeBucket(e *estate, r cfn.Resource, into *Resource) {
	name := bucketName(into.ARN)
	c, _ := e.buckets.Configuration(context.Background(), name)
	into.configure(&c)
	into.Account = e.buckets.Owner(name)
	into.AccountBlock = e.buckets.PublicAccessBlockOf(into.Account)
	into.AccessPoints = e.accessPoints(into, "AWS::S3::AccessPoint")
	policy := e.attached(r, into, "PolicyDocument", target{"AWS::S3::BucketPolicy", "Bucket"})
	if !e.stated[name] {
		into.Policy = policy
	}
}

func bucketName(bucketARN string) string { return bucketARN[strings.LastIndexByte(bucketARN, ':')+1:] }

// nameBuckets adds the buckets that only AWS Config items describe.
func (e *estate) nameBuckets() {
	for _, name := range e.buckets.BucketNames() {
		id := arn.Bucket(arn.PartitionOf(e.opts.Region), name).String()
		if _, known := e.found[named{Bucket, id}]; known {
			continue
		}
		r := Resource{ARN: id, Type: Bucket, Account: e.buckets.Owner(name), Region: e.opts.Region, Place: Place{File: folder.ConfigItems}}
		c, _ := e.buckets.Configuration(context.Background(), name)
		r.configure(&c)
		r.AccountBlock = e.buckets.PublicAccessBlockOf(r.Account)
		r.AccessPoints = source.Unknown[[]AccessPoint]("the items do not tell which access points the bucket has")
		if e.stack != nil {
			r.AccessPoints = e.accessPoints(&r, "AWS::S3::AccessPoint")
			policy := e.attached(cfn.Resource{}, &r, "PolicyDocument", target{"AWS::S3::BucketPolicy", "Bucket"})
			if policy.State != source.StateAbsent && !e.stated[name] {
				r.Policy = policy
			}
		}
		e.add(r)
	}
}
