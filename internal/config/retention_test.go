package config

import (
	"strings"
	"testing"
	"time"
)

const retentionExample = `retention:
  findings: 90d
  results: 36h
  runs: 365d
`

func TestRetention(t *testing.T) {
	c, err := Parse("f", []byte(example(t)+retentionExample))
	if err != nil {
		t.Fatal(err)
	}
	if want := (Retention{90 * 24 * time.Hour, 36 * time.Hour, 365 * 24 * time.Hour}); c.Retention != want {
		t.Errorf("%+v, want %+v", c.Retention, want)
	}
	if c, err = Parse("f", []byte(example(t))); err != nil || c.Retention != (Retention{}) {
		t.Errorf("without a retention: %+v, %v", c.Retention, err)
	}
	for _, bad := range []string{"0d", "-1d", "90", "1.5d", "90 days", "1000000d", "[90d]", "~"} {
		_, err := Parse("f", []byte(strings.Replace(example(t)+retentionExample, "90d", bad, 1)))
		if err == nil || !strings.Contains(err.Error(), "findings: "+retainedForm+" is expected, not ") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
