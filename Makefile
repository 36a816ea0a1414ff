# Every target builds with warnings as errors, so that lint and test share one build.
export KDOPS_STRICT := 1

BUILD := swift build --explicit-target-dependency-import-check error
SOURCES := Sources Tests Package.swift
SCRIPTS := $(filter-out .ci/kdops.service,$(wildcard .ci/*)) hooks/pre-commit hooks/ci/comment Sources/Controller/Resources/configcli \
  $(shell find sample-repo/images -name startscript)

# What `make build` makes and the packages hold.
BINARY ?= .build/release/kdops
DIST ?= .build/dist
PREFIX ?= /usr/local

# For `kdops version`: the commit, marked if files differ from it; empty outside of a clone.
COMMIT = $(shell git describe --always --abbrev=40 --exclude='*' --dirty 2>/dev/null)

.PHONY: build install uninstall deb image release packages debian demo test bench lint format

# Without the map, C code would hold the path of this folder, and a build elsewhere would have other bytes.
build: export KDOPS_COMMIT ?= $(COMMIT)
build:
	swift build --configuration release --static-swift-stdlib --product kdops -Xcc -ffile-prefix-map=$(CURDIR)=.

# Installs what `make build` made, so that this needs no toolchain: make build && sudo make install
install:
	@DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" .ci/stage "$(BINARY)"

uninstall:
	@DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" .ci/stage --remove

deb: build
	.ci/deb "$(BINARY)" "$(DIST)"

image: deb
	.ci/image "$$(ls -t "$(DIST)"/kdops_*.deb | head -n 1)" "localhost/kdops:$$("$(BINARY)" --version)" "$(DIST)/image.tar"

release: build
	.ci/release "$(BINARY)" "$(DIST)"

# Tries every package in a clean Debian; compiles GitStore against each libgit2 that is supported. Both need root.
packages:
	.ci/packages "$(BINARY)"

debian:
	.ci/debian

# A debug build is there in half the time, and the tests go on from it.
demo:
	$(BUILD) --product kdops
	.build/debug/kdops demo

# These tests compute for seconds without a pause, which makes requests of other tests time out; the scenarios measure
# real time. Each group has the machine to itself.
HEAVY := RandomOrderTests|DeltaChainTests|IncomingPackTests|MergeBaseTests|HistoryLimitTests|HostileRepositoryTests

# The number of tests that run at a time: if all of them share the machine, those with time limits fail on a busy one.
WIDTH := SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=12

test:
	$(BUILD) --build-tests
	$(WIDTH) swift test --skip-build --skip 'ScenarioTests|$(HEAVY)'
	$(WIDTH) swift test --skip-build --filter '$(HEAVY)'
	swift test --skip-build --filter ScenarioTests

bench: build
	.ci/install time
	.ci/bench

lint:
	swift format lint --strict --recursive $(SOURCES)
	@if command -v shellcheck >/dev/null; then \
	  echo shellcheck $(words $(SCRIPTS)) scripts; shellcheck $(SCRIPTS); \
	else echo "shellcheck is not installed: scripts not checked (.ci/install shellcheck)"; fi
	$(BUILD) --build-tests

format:
	swift format --in-place --recursive $(SOURCES)
