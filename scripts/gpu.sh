#!/usr/bin/env bash
# The lanes for machines with a GPU. "build" wants Go and a C compiler and no GPU; the others run what it built
# and want neither, so that a runner needs the driver only.
#
#   scripts/gpu.sh build      test binaries and the listing command into build/gpu
#   scripts/gpu.sh test       every test that touches the GPU; without one they fail. With REALEDIT_ORT_LIB (docs/ort.md) those of models as well
#   scripts/gpu.sh sanitize   memcheck, racecheck and initcheck over all kernels at small sizes (compute-sanitizer)
#   scripts/gpu.sh bench      the rows of docs/benchmarks.md
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$PWD/build/gpu
packages="kernels/cuda kernels/ort hdr qc pipeline diffuse diffuse/graph examples/listing"

case "${1:-}" in
build)
  mkdir -p "$bin"
  eval "$(go run ./kernels/cuda/cudaenv -dir build/cuda)"
  for p in $packages; do
    go test -c -tags cuda -ldflags "-s -w" -o "$bin/$(basename "$p").test" "./$p"
  done
  go build -tags cuda -ldflags "-s -w" -o "$bin/listing" ./examples/listing
  ;;
test)
  export REALEDIT_REQUIRE=cuda
  if [ -n "${REALEDIT_ORT_LIB:-}" ]; then # models run on the GPU too
    export REALEDIT_REQUIRE=cuda,ort REALEDIT_ORT_PROVIDER=${REALEDIT_ORT_PROVIDER:-cuda:0}
  fi
  for p in $packages; do
    echo "== $p"
    (cd "$p" && "$bin/$(basename "$p").test" -test.timeout 20m "${@:2}")
  done
  ;;
sanitize)
  export REALEDIT_REQUIRE=cuda REALEDIT_CLEAR_PADDING=1
  cd kernels/cuda
  for tool in memcheck racecheck initcheck; do
    echo "== $tool"
    compute-sanitizer --tool "$tool" --error-exitcode 9 "$bin/cuda.test" -test.short -test.run "${2:-TestCases}"
  done
  ;;
bench)
  export REALEDIT_REQUIRE=cuda
  cd kernels/cuda
  "$bin/cuda.test" -test.run '^$' -test.bench "${2:-.}" -test.benchtime 1x
  ;;
*)
  sed -n '2,9p' "$0"
  exit 2
  ;;
esac
