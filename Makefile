# make run and make test do all the set-up on a fresh Debian 12 machine.
PRESET ?= ci
JOBS ?= 2
BUILD := build/$(PRESET)
TEST_PRESETS := asan tsan

.PHONY: build run test check format tidy bench compat compat-stores sim sim-long chaos abuse fuzz microbench deps test-deps unit asan tsan clean

deps:
	@tools/install-deps.sh build

test-deps: deps
	@tools/install-deps.sh test

build: deps
	@cmake --preset $(PRESET) > $(PRESET)-cmake.log 2>&1 || { cat $(PRESET)-cmake.log; rm -f $(PRESET)-cmake.log; exit 1; }
	@rm -f $(PRESET)-cmake.log
	@cmake --build $(BUILD) -j $(JOBS)
	@mkdir -p bin && ln -sfn ../$(BUILD)/bin/spillway bin/spillway && ln -sfn ../tools/alluxio bin/alluxio

# Starts a cluster, writes a file with three replicas and follows it into the understore.
run: build
	@tools/demo.sh

# Everything: unit tests, the same under both sanitizers, simulation, clusters, stock clients, Spark.
test: build test-deps asan tsan
	@.venv/bin/python tools/sigv4_vectors.py $(BUILD)/sigv4_vectors.json
	@ctest --test-dir $(BUILD) --output-on-failure --no-tests=error -j $(JOBS)

asan tsan:
	@$(MAKE) --no-print-directory sanitized PRESET=$@

.PHONY: sanitized
sanitized: deps test-deps
	@cmake --preset $(PRESET) > /dev/null
	@cmake --build $(BUILD) -j $(JOBS)
	@.venv/bin/python tools/sigv4_vectors.py $(BUILD)/sigv4_vectors.json
	@ctest --test-dir $(BUILD) --output-on-failure --no-tests=error -j $(JOBS) -L 'unit|sim'

unit: build test-deps
	@.venv/bin/python tools/sigv4_vectors.py $(BUILD)/sigv4_vectors.json
	@ctest --test-dir $(BUILD) --output-on-failure -j $(JOBS) -L unit

# Before a commit.
check: tidy unit

format:
	@git ls-files '*.cc' '*.h' | xargs clang-format-14 -i

tidy:
	@python3 tools/tidy.py

# Spillway and Alluxio 2.9.4 under the same load, in turns; BENCH="small large native latency reads stress memory" chooses.
bench: build
	@tools/install-deps.sh bench
	@.venv/bin/python bench/bench.py $(BENCH)

# Hadoop, Spark, table formats, all clients and shells, real Alluxio beside; writes docs/COMPATIBILITY.md.
compat: build
	@tools/install-deps.sh compat
	@.venv/bin/python tests/compat/compat.py

# Four real S3 servers, each with a cluster over it; writes docs/STORES.md. STORES="--stores rclone --trace" chooses.
compat-stores: build
	@tools/install-deps.sh stores
	@.venv/bin/python tests/stores/stores.py $(STORES)

microbench: build
	@$(BUILD)/bin/spillway_bench

sim: build
	@$(BUILD)/bin/sim --seeds 200

# Half an hour of kills, outages and full disks against a ledger.
chaos: build test-deps
	@.venv/bin/python tests/chaos/chaos.py --minutes 30

# Crowds and hostile peers against every port, with honest clients beside.
abuse: build test-deps
	@.venv/bin/python tests/abuse/abuse.py

sim-long: build
	@$(BUILD)/bin/sim --seeds 100000

# Ten minutes for each fuzzer, two at a time; what they find is left in build/fuzz.
FUZZ_SECONDS ?= 600
fuzz: deps
	@tools/install-deps.sh fuzz
	@cmake --preset fuzz > /dev/null
	@cmake --build build/fuzz -j $(JOBS) --target fuzzers
	@tools/fuzz.sh $(FUZZ_SECONDS)

clean:
	@rm -rf build bin/spillway bin/alluxio
