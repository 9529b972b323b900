#!/usr/bin/env bash
# Tokens per second of this runtime and of llama.cpp, side by side: the same shape (a 7B model's width), random weights, int4 here and Q4_0 there.
#   benchmarks/llama/compare.sh [LAYERS [ROUNDS [THREADS [TOKENS]]]]
# Node.js and npm install the peer into artifacts/llama; nothing else is changed.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
layers=${1:-4} rounds=${2:-5} threads=${3:-$(nproc)} tokens=${4:-64}
work=$root/artifacts/llama
mkdir -p "$work"
if [ ! -d "$work/node_modules/@fugood/llama.node" ]; then
  npm install --prefix "$work" --no-audit --no-fund --silent @fugood/llama.node@1.7.15 @fugood/node-llama-linux-x64@1.7.15
fi
dotnet build "$root/benchmarks/LayerCake.Benchmarks" -c Release -v q -nologo
ours=$root/artifacts/bin/LayerCake.Benchmarks/release/LayerCake.Benchmarks
models=$work/models-$layers
if [ ! -f "$models/model.gguf" ]; then
  rm -rf "$models.tmp" "$models"
  "$ours" make-decoding-models "$models.tmp" "$layers"
  mv "$models.tmp" "$models"
fi

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
: > "$work/ours.txt"
: > "$work/theirs.txt"
echo "| round | LayerCake, int4 | llama.cpp, Q4_0 |"
echo "| --- | --- | --- |"
for round in $(seq "$rounds"); do
  mine=$("$ours" decode "$models/workspace" "$tokens" "$threads")
  peer=$(cd "$work" && node "$root/benchmarks/llama/decode.mjs" "$models/model.gguf" "$tokens" "$threads" 2> "$work/llama.log" | tail -1)
  echo "$mine" >> "$work/ours.txt"
  echo "$peer" >> "$work/theirs.txt"
  echo "| $round | $mine | $peer |"
done
echo "| median, tokens/s | $(median < "$work/ours.txt") | $(median < "$work/theirs.txt") |"
echo
echo "$layers layers of 4096 × 11008, $threads threads, $tokens tokens a round."
