package managed

import "github.com/magpie-sec/magpie/internal/detect"

func bankAccounts() []*detect.Identifier { return nil }
