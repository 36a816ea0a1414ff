# Every target builds with warnings as errors, so that lint and test share one build.
export KDOPS_STRICT := 1

BUILD := swift build --explicit-target-dependency-import-check error
SOURCES := Sources Tests Package.swift
SCRIPTS := .ci/install .ci/run .ci/bench .ci/bench-kube .ci/hostile .ci/node-image hooks/pre-commit hooks/ci/comment $(shell find sample-repo/images -name startscript)

.PHONY: build demo test bench lint format

build:
	swift build --configuration release --static-swift-stdlib --product kdops

# A debug build is there in half the time, and the tests go on from it.
demo:
	$(BUILD) --product kdops
	.build/debug/kdops demo

# The random lives take all the processors there are, and the scenarios measure real time: each has the machine to itself.
test:
	$(BUILD) --build-tests
	swift test --skip-build --skip 'ScenarioTests|RandomOrderTests'
	swift test --skip-build --filter RandomOrderTests
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
