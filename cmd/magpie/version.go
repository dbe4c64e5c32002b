package main

import (
	"fmt"
	"runtime/debug"

	"github.com/magpie-sec/magpie/internal/iam/catalog"
)

type versionCommand struct{}

func (versionCommand) Run(std stdio) error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return fmt.Errorf("this binary holds no build information: build it with the go command")
	}
	version, revision, platform := info.Main.Version, "", ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = " " + s.Value
		case "vcs.modified":
			if s.Value == "true" {
				revision += " (modified)"
			}
		case "GOARCH":
			platform += " " + s.Value
		case "GOAMD64", "GOEXPERIMENT":
			platform += " " + s.Key + "=" + s.Value
		}
	}
	fmt.Fprintf(std.out, "magpie %s%s %s%s\n", version, revision, info.GoVersion, platform)
	fmt.Fprintf(std.out, "AWS services, actions and condition keys as of %s (iam-data %s)\n", catalog.DataDate, catalog.DataVersion)
	return nil
}
