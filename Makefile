# What a developer runs. CI runs .ci/run.
FUZZTIME ?= 20s
PYTHON ?= python3
ORT ?= cpu

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

test: ## all tests
	go test ./...

bench: ## kernel benchmarks on this machine
	go test -run '^$$' -bench . -benchtime 3x ./kernels/...

bench-peers: ## the same work in OpenCV, scikit-image and numpy, and here, in one run (needs python3 with venv)
	PYTHON=$(PYTHON) scripts/bench_peers.sh

lint: ## gofmt, vet, staticcheck
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	go vet ./...
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.0 ./...

golden: ## write generated files anew: the sample listing, the README's table
	go run ./testdata/gen
	go test ./kernels/kerneltest -run TestReadmeTable -update
	go test . -run TestReadmeCodes -update

fuzz: ## every fuzz target for FUZZTIME (20s, or 300x)
	@for package in $$(go list ./...); do \
	  dir=$$(go list -f '{{.Dir}}' $$package); \
	  for f in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]+' $$dir/*_test.go 2>/dev/null | sed 's/func //'); do \
	    go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
	  done; \
	done

soak: ## what takes long: a batch killed ten times, every fuzz target for a minute
	REALEDIT_KILLS=10 go test -count=1 -run Killed -v ./examples/listing
	$(MAKE) fuzz FUZZTIME=1m

readme-commands: ## the two commands the README promises
	@sed -n '/<!-- commands -->/,/<!-- end -->/p' README.md | grep -E '^go '

cuda-env: ## what a build with -tags cuda needs, once; prints the environment: eval "$$(make -s cuda-env)"
	@go run ./kernels/cuda/cudaenv -dir build/cuda

cuda-emu: build/cuda/emu/libcuda.so.1 ## a driver that runs the kernels on this processor: REALEDIT_CUDA_LIB=build/cuda/emu/libcuda.so.1

build/cuda/emu/libcuda.so.1: $(wildcard kernels/cuda/*.cu kernels/cuda/*.cuh kernels/cuda/*.h kernels/cuda/emu/*)
	@mkdir -p $(@D)
	cd kernels/cuda && g++ -std=c++17 -O2 -g -fPIC -shared -fvisibility=hidden -ffp-contract=off -fno-strict-aliasing -DRE_EMU -I. -w \
	  -x c++ kernels.cu emu/sched.cu emu/driver.cu -o $(abspath $@)

ort: ## ONNX Runtime into the user's data folder, for models; ORT=gpu for the one with CUDA (docs/ort.md)
	@scripts/ort.sh $(ORT)

gpu-test: ## on a machine with a GPU: every test that touches it (scripts/gpu.sh says how without Go)
	scripts/gpu.sh build && scripts/gpu.sh test

gpu-bench: ## on a machine with a GPU: the rows of docs/benchmarks.md
	scripts/gpu.sh build && scripts/gpu.sh bench

.PHONY: help ort cuda-env cuda-emu gpu-test gpu-bench test bench bench-peers lint golden fuzz soak readme-commands
