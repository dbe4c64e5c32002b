package accessanalyzer

import (
	"fmt"

	"github.com/magpie-sec/magpie/internal/wire"
)

// The words that errors call resources by.
const (
	analyzerType    = "Analyzer"
	archiveRuleType = "ArchiveRule"
	findingType     = "Finding"
	resourceType    = "Resource"
)

// invalid refuses a member of the input.
func invalid(member, format string, args ...any) *wire.Error {
	message := fmt.Sprintf(format, args...)
	err := wire.Errorf(wire.Validation, "%s %s", member, message)
	err.Reason = wire.ReasonFieldValidation
	err.Fields = []wire.Field{{Name: member, Message: message}}
	return err
}

// notSupported refuses what the service does not do at all.
func notSupported(format string, args ...any) *wire.Error {
	err := wire.Errorf(wire.Validation, format, args...)
	err.Reason = wire.ReasonNotSupported
	return err
}

func notFound(kind, id string) *wire.Error {
	return wire.Errorf(wire.NotFound, "The %s %s does not exist.", kind, id).About(kind, id)
}
