#!/usr/bin/env bash
# The table of methods in docs/quantization.md: the demo model with every method and effort, measured on the texts given
# (default: the demo's evaluation text). Usage: benchmarks/quantization.sh [TEXT...]
set -euo pipefail
cd "$(dirname "$0")/.."
texts=("$@")
[ ${#texts[@]} -gt 0 ] || texts=(recipes/data/prose-eval.txt)
dotnet run --project benchmarks/LayerCake.Benchmarks -c Release -- \
  methods recipes/models/internlm-tiny recipes/data/prose-calibration.txt 128 "${texts[@]}"
