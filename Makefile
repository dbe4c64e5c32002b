# make test is the one test command: it installs what the tests need and runs everything.

GO ?= go
STATICCHECK = $(GO) tool -modfile=tools/lint/go.mod staticcheck

# Programs for amd64 are built for x86-64-v3, which processors have had since 2013 (Intel Haswell) and 2015 (AMD Excavator) and some small ones
# only since 2021: detection is a quarter faster. make build GOAMD64=v1 builds for all others.
build build-simd bench bench-detect bench-fleet: export GOAMD64 ?= v3

.PHONY: test install check generate fuzz bench bench-detect bench-fleet test-stores corpus-pdf accuracy catalog build build-simd help

help: ## say what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/:/' | column -t -s:

test: install check ## install what the tests need, check the sources, run every test, fuzz a part of the formats
	MAGPIE_TERRAFORM=$$(sh tools/install/install.sh terraform) $(GO) test -timeout 14m ./...
	GOAMD64=v3 $(GO) test ./internal/detect
	GOEXPERIMENT=simd $(GO) vet ./internal/detect/...
	GOAMD64=v3 GOEXPERIMENT=simd $(GO) test -run 'FirstLook|Classify|Masks' ./internal/detect
	$(GO) run ./tools/fuzz -within 90s
	@sh tools/install/install.sh terraform >/dev/null

install: ## PostgreSQL, Node.js, the AWS CLI and Z3, where they are absent; says what cannot be installed and is not tested
	@sh tools/install/install.sh
	@sh tools/install/install.sh terraform >/dev/null

check: ## formatting, vet, staticcheck, freshness of generated files (the floors are a test)
	@unformatted=$$(gofmt -l cmd internal tools *.go); if [ -n "$$unformatted" ]; then echo "run gofmt -w on:" $$unformatted; exit 1; fi
	$(GO) vet ./...
	$(STATICCHECK) ./...
	$(GO) run ./tools/apigen -check
	$(GO) run ./tools/estategen -check
	$(GO) run ./tools/formatdoc -check

generate: ## write generated code, the example estate and docs/formats.md anew
	$(GO) run ./tools/apigen
	$(GO) run ./tools/estategen
	$(GO) run ./tools/formatdoc

catalog: ## fetch the pinned data on AWS's actions with npm, check them, and write internal/iam/catalog's data anew
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && \
	npm pack --silent --pack-destination "$$dir" $$($(GO) run ./tools/cataloggen -spec) && $(GO) run ./tools/cataloggen "$$dir"/*.tgz

STORES ?= /var/tmp/magpie-stores

test-stores: ## the tests against MinIO, built from its source, and Ceph, from Debian's packages; the first time some ten minutes for getting them
	@sh tools/stores/get.sh $(STORES)
	$(GO) vet -tags stores ./internal/source/s3/...
	MAGPIE_STORES=$(STORES) $(GO) test -tags stores -timeout 20m -run TestStores ./internal/source/s3 -rapid.checks 20

build: ## one static binary, ./magpie; on amd64 for x86-64-v3, with GOAMD64=v1 for any processor
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags="-s -w" -o magpie ./cmd/magpie

build-simd: ## the same with the detection's vector instructions, for amd64 only
	GOEXPERIMENT=simd GOARCH=amd64 CGO_ENABLED=0 $(GO) build -trimpath -ldflags="-s -w" -o magpie ./cmd/magpie

fuzz: ## every fuzz target for a while; FUZZ='-time 5m -run csv' for some of them and longer
	$(GO) run ./tools/fuzz $(FUZZ)

bench: ## the short form of every benchmark; docs/benchmarks.md has the long ones
	$(GO) test -run '^$$' -bench . -benchtime 1x ./...

bench-detect: ## detection beside Hyperscan on the same data, with recall and precision on what was planted in it
	@sh tools/install/install.sh hyperscan
	$(GO) run ./tools/benchdetect

bench-fleet: ## a job over 1, 2 and 4 worker processes on PostgreSQL, bound by latency and by processors; prints the table of docs/benchmarks.md
	$(GO) test -run '^$$' -bench Fleet -benchtime 1x -timeout 10m ./cmd/magpie

corpus-pdf: ## gather PDF documents of many writers, and print our share of pdftotext's words and both speeds
	@sh tools/install/install.sh pdf
	sh tools/corpuspdf/gather.sh /var/tmp/magpie-corpus-pdf
	$(GO) run ./tools/benchpdf /var/tmp/magpie-corpus-pdf

accuracy: ## score every identifier on values made from the authorities' rules, and write docs/accuracy.md
	$(GO) run ./tools/accuracy -write docs/accuracy.md
