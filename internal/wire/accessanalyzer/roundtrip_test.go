package accessanalyzer

import (
	"testing"

	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/wiretest"
)

const modelFile = "../../../tools/apigen/models/accessanalyzer-2019-11-01.json"

func TestDocumentsSurviveJSON(t *testing.T) {
	wiretest.RoundTrip(t, modelFile, Endpoints(Unimplemented{}))
}

func TestTableMatchesModel(t *testing.T) { wiretest.Table(t, modelFile, &Service) }

func FuzzDecodeRequest(f *testing.F) { wiretest.FuzzRequests(f, modelFile, Endpoints(Unimplemented{})) }

func BenchmarkFinding(b *testing.B) {
	wiretest.BenchmarkDocument(b, func() wire.Document { return &GetFindingV2Output{} })
}
