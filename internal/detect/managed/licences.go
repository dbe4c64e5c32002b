package managed

import "github.com/magpie-sec/magpie/internal/detect"

// licences are the numbers of driver's licences: macie.md 1.6.3.
func licences() []*detect.Identifier {
	return []*detect.Identifier{}
}
