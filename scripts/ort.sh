#!/usr/bin/env bash
# Puts ONNX Runtime where realedit looks for it: $XDG_DATA_HOME/realedit/ort, else ~/.local/share/realedit/ort.
#
#   scripts/ort.sh [cpu|gpu]     gpu: with the CUDA and TensorRT providers (x86_64, 255 MB to fetch); it runs without a GPU too
#
# The library comes out of the Python package, fetched by pip (no Python package is installed), or where there is no pip out of npm's.
# scripts/ort.tsv pins version and hash. A second call does nothing. ORT_CLIENT=pip or npm chooses the client.
set -euo pipefail
variant=${1:-cpu}
here=$(cd "$(dirname "$0")" && pwd)
data=${XDG_DATA_HOME:-$HOME/.local/share}
dir=$data/realedit/ort
machine=$(uname -m)
[ "$machine" != arm64 ] || machine=aarch64
fail() { echo "ort: $*" >&2; exit 1; }

case "$variant" in cpu | gpu) ;; *) fail "$variant is neither cpu nor gpu" ;; esac
[ "$(uname -s)" = Linux ] || fail "the packages are for Linux; elsewhere REALEDIT_ORT_LIB names a libonnxruntime of version 1.24 or newer"

# What is there and good enough stays: the GPU variant is the processor's as well.
if [ -f "$dir/installed" ]; then
  read -r have version library <"$dir/installed"
  pinned=$(awk -F'\t' -v v="$have" -v m="$machine" -v w="$version" '$1 == v && $2 == m && $5 == w' "$here/ort.tsv")
  if [ -n "$pinned" ] && [ -f "$dir/$library" ] && { [ "$have" = "$variant" ] || [ "$have" = gpu ]; }; then
    echo "$dir/$library"
    exit 0
  fi
fi

client=${ORT_CLIENT:-}
if [ -z "$client" ]; then
  if python3 -m pip --version >/dev/null 2>&1; then
    client=pip
  elif command -v npm >/dev/null && [ "$variant" = cpu ]; then
    client=npm
  else
    fail "neither python3 with pip nor npm is here (Debian, Ubuntu: apt-get install python3-pip); or REALEDIT_ORT_LIB names a libonnxruntime of version 1.24 or newer"
  fi
fi
row=$(awk -F'\t' -v v="$variant" -v m="$machine" -v c="$client" '$1 == v && $2 == m && $3 == c' "$here/ort.tsv")
[ -n "$row" ] || fail "there is no package of $client's for $variant on $machine"
IFS=$'\t' read -r _ _ _ package version file sha256 <<<"$row"

mkdir -p "$dir"
tmp=$(mktemp -d "$dir/.fetch.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
echo "ort: fetching $package $version with $client" >&2
if [ "$client" = pip ]; then
  IFS=- read -r _ _ python abi platform <<<"${file%.whl}"
  python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: --implementation cp --python-version "${python#cp}" --abi "$abi" \
    --platform "$platform" -d "$tmp" "$package==$version" >&2
else
  (cd "$tmp" && npm pack --silent "$package@$version" >&2)
fi
[ -f "$tmp/$file" ] || fail "$client brought $(ls "$tmp"), not $file"
echo "$sha256  $tmp/$file" | sha256sum --check --quiet >&2 || fail "$file is not the file that scripts/ort.tsv pins"

mkdir "$tmp/lib"
if [ "$client" = pip ]; then
  python3 - "$tmp/$file" "$tmp/lib" <<'PYTHON'
import os, shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z:
    for name in z.namelist():
        base = os.path.basename(name)
        if name.startswith("onnxruntime/capi/libonnxruntime") and ".so" in base or name == "onnxruntime/ThirdPartyNotices.txt" or name == "onnxruntime/LICENSE":
            with z.open(name) as src, open(os.path.join(sys.argv[2], base), "wb") as dst:
                shutil.copyfileobj(src, dst)
PYTHON
else
  arch=x64
  [ "$machine" = x86_64 ] || arch=arm64
  tar -xzf "$tmp/$file" -C "$tmp" --wildcards "package/bin/napi-v*/linux/$arch/libonnxruntime*"
  for f in "$tmp"/package/bin/napi-v*/linux/"$arch"/libonnxruntime*; do
    mv "$f" "$tmp/lib/$(basename "$f" .so.1).so$([ "${f%.so.1}" = "$f" ] || echo ".$version")"
  done
fi
library=libonnxruntime.so.$version
[ -f "$tmp/lib/$library" ] || fail "$library is not in $file: $(ls "$tmp/lib")"
rm -f "$dir/installed" "$dir"/libonnxruntime*
mv "$tmp"/lib/* "$dir/"
echo "$variant $version $library" >"$dir/installed"
echo "$dir/$library"
