package catalog

import (
	"runtime"
	"testing"
)

// mostBytes is what reading the catalogue may cost a process that needs it.
const mostBytes = 20 << 20

func read(t testing.TB) *Catalog {
	t.Helper()
	text, err := unpack(packed)
	if err != nil {
		t.Fatal(err)
	}
	c, err := decode(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestCost shows what memory the catalogue takes; BenchmarkRead shows the time.
func TestCost(t *testing.T) {
	var before, between, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	c := read(t)
	runtime.ReadMemStats(&between)
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(c)
	if all, kept := between.TotalAlloc-before.TotalAlloc, after.HeapAlloc-before.HeapAlloc; all > mostBytes || kept > mostBytes {
		t.Errorf("reading the catalogue takes %d bytes, %d of them for good; more than %d", all, kept, mostBytes)
	} else {
		t.Logf("%.1f MB, %.1f MB of them for good", float64(all)/1e6, float64(kept)/1e6)
	}
}

func TestLookupsDoNotAllocate(t *testing.T) {
	c := Load()
	s3, get := c.Service("s3"), c.Action("s3:GetObject")
	tags, _ := c.Key("aws:TagKeys")
	for name, f := range map[string]func(){
		"Service":  func() { c.Service("DynamoDB") },
		"Action":   func() { c.Action("S3:getobject") },
		"unknown":  func() { c.Action("s3:GetObjekt") },
		"Key":      func() { c.Key("aws:SourceIp") },
		"template": func() { c.Key("aws:RequestTag/Team") },
		"Supports": func() { get.Supports(tags) },
		"AllMatch": func() { s3.AllMatch("s3:*") },
		"ARN":      func() { c.ResourceTypeOf("arn:aws:s3:::example-bucket/a/b") },
		"Match": func() {
			n := 0
			for range c.Match("s3:Get*") {
				n++
			}
		},
	} {
		if n := testing.AllocsPerRun(20, f); n > 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		read(b)
	}
}

func BenchmarkLookup(b *testing.B) {
	c := Load()
	get := c.Action("ec2:RunInstances")
	tags, _ := c.Key("aws:RequestTag/Team")
	for _, v := range []struct {
		name string
		f    func()
	}{
		{"action", func() { c.Action("ec2:DescribeInstances") }},
		{"key", func() { c.Key("aws:SourceVpce") }},
		{"key template", func() { c.Key("aws:RequestTag/Team") }},
		{"supports", func() { get.Supports(tags) }},
		{"match s3:Get*", func() { drain(c.Match("s3:Get*")) }},
		{"match ec2:*", func() { drain(c.Match("ec2:*")) }},
		{"match *:Get*", func() { drain(c.Match("*:Get*")) }},
		{"match *", func() { drain(c.Match("*")) }},
		{"actions with key", func() { drain(c.ActionsWith(tags)) }},
		{"ARN", func() { c.ResourceTypeOf("arn:aws:ec2:eu-west-1:111122223333:instance/i-0123456789abcdef0") }},
	} {
		b.Run(v.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				v.f()
			}
		})
	}
}

func drain(seq func(func(*Action) bool)) (n int) {
	for range seq {
		n++
	}
	return n
}
