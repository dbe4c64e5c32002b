// Package accessanalyzer is the IAM Access Analyzer service.
package accessanalyzer

import "github.com/magpie-sec/magpie/internal/wire/accessanalyzer"

// Service performs the operations of IAM Access Analyzer. An operation that has no method here is
// answered as not built; internal/api/unbuilt.txt lists those.
type Service struct {
	accessanalyzer.Unimplemented
}

// New returns the service.
func New() *Service { return &Service{} }
