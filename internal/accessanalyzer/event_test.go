package accessanalyzer

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/publish"
)

// A told is a sink that keeps what it gets.
type told struct{ events []json.RawMessage }

func (*told) Most() int { return 100 }

func (s *told) Send(_ context.Context, events []json.RawMessage) []error {
	for _, e := range events {
		s.events = append(s.events, slices.Clone(e))
	}
	return nil
}

// TestEvents follows a finding through its events (access-analyzer.md 2.9).
func TestEvents(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.Outbox = publish.NewOutbox(publish.Route{Sink: "bus", Kinds: []publish.Kind{publish.EventBridge}})
	})
	var sink told
	publisher, err := publish.New(publish.Config{DB: w.db, Targets: []publish.Target{{Name: "bus", Sink: &sink}}, Now: w.clock.now})
	must(t, err)
	events := func() string {
		t.Helper()
		must(t, publisher.Deliver(t.Context()))
		var all []string
		for _, text := range sink.events {
			var e struct {
				Source, Account, Region string
				DetailType              string `json:"detail-type"`
				Resources               []string
				Detail                  struct {
					Version, ID, AccountID, Region, Resource, ResourceType, Status, Error string
					IsDeleted                                                             bool
					IsPublic                                                              *bool
					Principal                                                             map[string]string
					Action                                                                []string
					Condition                                                             map[string]string
					CreatedAt, AnalyzedAt, UpdatedAt                                      *time.Time
				}
			}
			must(t, json.Unmarshal(text, &e))
			d := e.Detail
			if e.Source != "aws.access-analyzer" || e.DetailType != "Access Analyzer Finding" || len(e.Resources) != 1 || e.Resources[0] != homeARN ||
				d.Version != "1.0" || d.ID == "" || d.AccountID != home.Account || d.Region != home.Region || d.Resource != "arn:aws:s3:::b" ||
				d.ResourceType != "AWS::S3::Bucket" || d.CreatedAt == nil || d.AnalyzedAt == nil || d.UpdatedAt == nil {
				t.Errorf("event %s", text)
			}
			what := fmt.Sprint(d.Status, " ", d.Principal["AWS"], d.Error, " ", strings.Join(d.Action, ","))
			if d.IsDeleted {
				what += " deleted"
			}
			all = append(all, strings.TrimSpace(what))
		}
		sink.events = nil
		slices.Sort(all)
		return strings.Join(all, "; ")
	}
	expect := func(when, want string) {
		t.Helper()
		if got := events(); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
	w.analyzer()
	w.describe(template{}.bucket("b", allow(aws(stranger), "s3:GetObject", objects("b"))))
	w.scan()
	expect("new", "ACTIVE "+stranger+" s3:GetObject")
	w.clock.advance(time.Minute)
	w.scan()
	expect("unchanged", "")
	w.setStatus("ARCHIVED", *w.one("b").Id)
	w.setStatus("ARCHIVED", *w.one("b").Id)
	expect("archived", "ARCHIVED "+stranger+" s3:GetObject")
	w.describe(template{}.bucket("b"))
	w.scan()
	expect("resolved", "RESOLVED "+stranger+" s3:GetObject")
	w.estates[home].set("template.json", "{")
	w.scan()
	expect("failed", "ACTIVE INTERNAL_ERROR")
	w.describe(template{}.bucket("b"))
	w.scan()
	expect("cured", "ACTIVE INTERNAL_ERROR  deleted")
}
