// Package wire is the runtime of the two service contracts, Amazon Macie 2 and IAM Access Analyzer:
// JSON reading and writing, timestamps, validation, request members, and the one error type that
// services return. The types, codecs and operation tables themselves are generated from the service
// models into wire/macie2 and wire/accessanalyzer by tools/apigen.
//
// The protocol is AWS's restJson1: member names match exactly (encoding/json would fold case), null
// means absent, unknown members are ignored, absent members are not written.
package wire
