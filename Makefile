# The verbs of this repository. `make help` lists them; each does all it needs, also on a fresh machine.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup build run demo test torture bench lint format docs clean

help: ## this list
	@echo "make VERB, where VERB is one of"
	@sed -nE 's/^([a-z]+):.*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

setup: ## install what is missing from Deploy/packages.txt (Debian), and check the Swift toolchain
	@Deploy/setup.sh

build: setup ## build apus: .build/release/apus
	@swift build -c release --product apus

run: build ## serve an example with sample rows on 127.0.0.1:7399; its store is $APUS_DATA or .build/run
	@Deploy/run.sh

demo: build ## tell a story on the example: a model, its features, and why it was wrong; its Python needs go into .build/demo
	@Clients/python/demo/run.sh

test: setup ## lint and all tests; FILTER=regex for some of them, VERBOSE=1 for every word
	@Tests/run.sh

torture: setup ## crash log and store many times, on simulated and real disks; SEEDS=1,2, COUNT=n, QUICK=1, ONLY=word
	@Tests/Torture/run.sh

bench: setup ## measure, and compare with what else could have been used; ONLY=word for one, TOY=1 to try
	@Benchmarks/run.sh

lint: ## fail when a Swift file is not formatted as .swift-format says
	@Tests/format.sh --check

format: ## format every Swift file
	@Tests/format.sh

docs: build ## render the documentation comments and a reference of all commands: .build/docs
	@Deploy/docs.sh

clean: ## remove everything that was built
	@rm -rf .build
