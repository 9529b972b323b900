#!/usr/bin/env bash
# The table of methods in docs/quantization.md: the demo model with every method and effort, calibrated on prose alone, measured on texts
# (default: the demo's evaluation text, scripture, a constitution). Usage: benchmarks/quantization.sh [TEXT...]
set -euo pipefail
cd "$(dirname "$0")/.."
methods=(rtn {awq,gptq,learned}:{fast,balanced,best})
texts=("$@")
[ ${#texts[@]} -gt 0 ] || texts=(recipes/data/prose-eval.txt benchmarks/texts/scripture.txt benchmarks/texts/constitution.txt)
dotnet run --project benchmarks/LayerCake.Benchmarks -c Release -- \
  methods recipes/models/internlm-tiny recipes/data/prose-calibration.txt 128 "$(IFS=,; echo "${methods[*]}")" "${texts[@]}"
