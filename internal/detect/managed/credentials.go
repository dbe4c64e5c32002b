package managed

import "github.com/magpie-sec/magpie/internal/detect"

func credentials() []*detect.Identifier { return nil }
