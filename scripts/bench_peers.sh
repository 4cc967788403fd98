#!/bin/sh
# Times this library and its peers side by side on one machine and prints Markdown tables.
#
#   PYTHON=python3 SIZE=45 scripts/bench_peers.sh [speed|quality]...
#
# The pictures are made here (45 MP: about 3 GB under build/peers) and are the same every time. Python packages
# are those of scripts/peers/requirements.txt: used as they are when $PYTHON has them, else installed
# into an environment under build/. Quality needs photographs: REALEDIT_PHOTOS=folder; enfuse is compared when it is there.
set -eu
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3}
SIZE=${SIZE:-45}
WORK=${WORK:-build/peers}
WHAT=${*:-speed quality}
PEER_THREADS=${PEER_THREADS:-$(nproc)}
export PEER_THREADS OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS="$PEER_THREADS"
mkdir -p "$WORK"
if ! "$PYTHON" -c 'import cv2, skimage, scipy' 2>/dev/null; then
	"$PYTHON" -m venv "$WORK/venv"
	"$WORK/venv/bin/pip" install -q -r scripts/peers/requirements.txt
	PYTHON=$WORK/venv/bin/python
fi
go build -o "$WORK/peerbench" ./scripts/peerbench
go build -o "$WORK/listing" ./examples/listing

speed() {
	data=$WORK/data-$SIZE
	results=$WORK/results-$SIZE.jsonl
	"$WORK/peerbench" data -size "$SIZE" -out "$data"
	: >"$results"
	# The peers' best setting: heap memory is kept and lies in huge pages, so that the repetitions touch no fresh page.
	tuned() {
		GLIBC_TUNABLES=glibc.malloc.hugetlb=1:glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=68719476736:glibc.malloc.top_pad=268435456:glibc.malloc.arena_max=1 \
			"$PYTHON" scripts/peers/peers.py "$data" "$@" >>"$results"
	}
	ours() { "$WORK/peerbench" row -data "$data" "$1" >>"$results"; }
	for row in mertens-5 ssim-opencv ssim-skimage ssim deltae match-u8 match-u16 feather align-shift align-shake; do
		echo "$row" >&2
		case $row in ssim) ;; *) tuned "$row" ;; esac
		case $row in ssim-*) ;; *) ours "$row" ;; esac
	done
	for row in robust-5 robust-2 robust-9 mertens-2 mertens-9; do
		echo "$row" >&2
		ours "$row"
	done
	echo "as shipped, listing" >&2
	"$PYTHON" scripts/peers/peers.py "$data" mertens-5 --shipped >>"$results"
	for n in 2 9; do "$PYTHON" scripts/peers/peers.py "$data" mertens-$n --shipped --reps 1 >>"$results"; done
	"$WORK/peerbench" listing -data "$data" -bin "$WORK/listing" >>"$results"
	"$PYTHON" scripts/peers/table.py "$results"
}

quality() {
	: "${REALEDIT_PHOTOS:?quality needs the photographs: set REALEDIT_PHOTOS}"
	"$PYTHON" scripts/peers/quality.py "$REALEDIT_PHOTOS/brackets" "$WORK"
}

for w in $WHAT; do $w; done
