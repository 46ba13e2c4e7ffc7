# The commands to remember. `make` alone says what they do.

PULSE     := target/release/pulse
DATA_DIR  ?= ./pulse-data
CARGO     ?= cargo

.DEFAULT_GOAL := help
.PHONY: help build run test check compose compose-down engines engines-down coverage mutants fuzz kill-test crash-matrix parity bench bench-growth bench-engines contract-test

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Build the one binary, optimised
	$(CARGO) build --release --locked -p pulse

run: build ## Start pulse, import the sample usage, print its costs and stay up
	@PULSE=$(PULSE) PULSE_DATA_DIR=$(DATA_DIR) examples/run.sh

test: ## Run all tests
	$(CARGO) test --locked --workspace

check: ## Format, lints, documentation, licences, containers and house rules
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --workspace --no-deps --document-private-items
	@command -v cargo-deny >/dev/null || $(CARGO) install --locked cargo-deny
	$(CARGO) deny --locked check bans licenses sources
	deploy/check
	$(CARGO) test --locked -p pulse --test it tidy::

compose: ## Start Kafka, ScyllaDB and a process per role in containers, and say where they are
	docker compose up --build --wait
	@cat deploy/addresses.txt

compose-down: ## Stop them; their data stays in volumes
	docker compose down

engines: ## Start Kafka and a CQL server from their Java archives, without containers
	@deploy/engines/run up

engines-down: ## Stop them; their data stays in ./engines-data
	@deploy/engines/run down

kill-test: ## Kill the server fifty times and compare with what was acknowledged
	KILL_ROUNDS=50 $(CARGO) test --locked -p pulse kill:: -- --nocapture

crash-matrix: ## Kill roles, broker and store two hundred times and lose a thousand answers, on engines of its own
	CRASH_KILLS=200 CRASH_UNKNOWN_OUTCOMES=1000 PULSE_REQUIRE_ENGINES=1 $(CARGO) test --locked -p pulse crash_matrix::engines -- crash_matrix::unknown_outcomes --nocapture --test-threads=1

parity: ## Compare the answers of one process with those of four on engines of their own
	PULSE_REQUIRE_ENGINES=1 deploy/engines/with $(CARGO) test --locked -p pulse --test it parity:: -- --nocapture

contract-test: build ## Hold the served interface to its own description, by thousands of generated requests
	PULSE=$(PULSE) pulse/tests/contract/run

coverage: ## Count the lines that tests reach in the crates that count, price and answer
	@command -v cargo-llvm-cov >/dev/null || $(CARGO) install --locked cargo-llvm-cov
	@for crate in domain ingestor-consumer catalog query-api; do \
		$(CARGO) llvm-cov --locked -q -p $$crate --summary-only --fail-under-lines 85 || exit 1; done

mutants: ## Break the accounting core on purpose, and count what notices
	mutants/run

fuzz: ## Throw random input at everything that reads, a minute each; needs nightly Rust
	fuzz/run 60

bench: ## Measure this machine beside the raw limits, and write docs/benchmarks.md
	$(CARGO) bench --locked -p pulse --bench counting
	$(CARGO) bench --locked -p pulse --bench table

bench-growth: ## Measure whether a pulse costs the same after a hundred million, half an hour at most
	$(CARGO) bench --locked -p pulse --bench table -- growth

bench-engines: ## Measure the roles on Kafka and a CQL server of their own, beside the raw clients
	deploy/engines/with $(CARGO) bench --locked -p pulse --bench table -- engines
