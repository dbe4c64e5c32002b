package api

import (
	"context"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/magpie-sec/magpie/internal/accessanalyzer"
	"github.com/magpie-sec/magpie/internal/macie"
	"github.com/magpie-sec/magpie/internal/wire"
	aawire "github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

var updateUnbuilt = flag.Bool("update-unbuilt", false, "rewrite unbuilt.txt")

const unbuiltFile = "unbuilt.txt"

// TestUnbuiltOperationsAreListed compares unbuilt.txt with the operations that the services answer with
// wire.NotBuilt. The list may only shrink: an operation that is built leaves it.
func TestUnbuiltOperationsAreListed(t *testing.T) {
	var have strings.Builder
	have.WriteString("# The operations that this version answers as not built, one a line. The list may only shrink.\n")
	for _, endpoints := range [][]wire.Endpoint{
		macie2.Endpoints(&macie.Service{}),
		aawire.Endpoints(&accessanalyzer.Service{}),
	} {
		for _, name := range unbuilt(endpoints) {
			have.WriteString(name + "\n")
		}
	}
	if *updateUnbuilt {
		if err := os.WriteFile(unbuiltFile, []byte(have.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(unbuiltFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), have.String()); diff != "" {
		t.Errorf("%s is not what the services answer (-update-unbuilt rewrites it):\n%s", unbuiltFile, diff)
	}
}

// unbuilt calls every operation with an empty input and returns those that answer wire.NotBuilt. Whatever
// else a service does with such a call, even a panic, says that the operation is there.
func unbuilt(endpoints []wire.Endpoint) []string {
	var names []string
	for _, e := range endpoints {
		if !built(e) {
			names = append(names, e.Operation.Service+":"+e.Operation.Name)
		}
	}
	return names
}

func built(e wire.Endpoint) (yes bool) {
	defer func() {
		if recover() != nil {
			yes = true
		}
	}()
	_, err := e.Call(context.Background(), e.New())
	var known *wire.Error
	return !errors.As(err, &known) || known.Kind != wire.NotBuiltYet
}

// half has one operation, one that panics, and lacks the rest.
type half struct{ macie2.Unimplemented }

func (half) GetMacieSession(context.Context, *macie2.GetMacieSessionInput) (*macie2.GetMacieSessionOutput, error) {
	return &macie2.GetMacieSessionOutput{}, nil
}

func (half) EnableMacie(context.Context, *macie2.EnableMacieInput) (*macie2.EnableMacieOutput, error) {
	panic("no store")
}

func TestUnbuiltSeesWhatIsBuilt(t *testing.T) {
	have := unbuilt(macie2.Endpoints(half{}))
	if len(have) != len(macie2.Service.Operations)-2 {
		t.Errorf("%d operations are unbuilt, want %d", len(have), len(macie2.Service.Operations)-2)
	}
	for _, name := range have {
		if name == "macie2:GetMacieSession" || name == "macie2:EnableMacie" {
			t.Errorf("%s is built", name)
		}
	}
}
