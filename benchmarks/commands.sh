#!/usr/bin/env bash
# Whole-command timings and peak memory, as the tables in README.md have them. Usage: benchmarks/commands.sh [FOLDER FOR 15 GB]
# Needs the command built (dotnet cake --recipe internlm-tiny-w4kv8.yaml) and /usr/bin/time (Debian: time).
set -euo pipefail
cd "$(dirname "$0")/.."
work=${1:-$(mktemp -d)}
layercake=artifacts/bin/LayerCake.Cli/release/layercake
export NO_COLOR=1 DOTNET_NOLOGO=1

timed() { # LABEL COMMAND...
  local label=$1; shift
  /usr/bin/time -f "%e s elapsed, %U s user, %S s system, %M kB peak" -o "$work/time" "$@" > "$work/out" 2>&1 || { cat "$work/out" >&2; exit 1; }
  printf '%-72s %s\n' "$label" "$(tail -1 "$work/time")"
}

echo "== dotnet cake, the demo recipe"
dotnet cake --recipe internlm-tiny-w4kv8.yaml > /dev/null
for run in 1 2 3; do
  rm -rf artifacts/.cache artifacts/internlm-tiny-w4kv8
  timed "all built, empty store" dotnet cake --recipe internlm-tiny-w4kv8.yaml
  timed "nothing to do" dotnet cake --recipe internlm-tiny-w4kv8.yaml
  timed "only package changed" dotnet cake --recipe internlm-tiny-w4kv8.yaml --set package.launch_files=false
done

echo "== a synthetic checkpoint of 3 GB (7B-like layers)"
dotnet run --project benchmarks/LayerCake.Benchmarks -c Release -- make-checkpoint "$work/model" 3
mkdir -p "$work/awq"
cp "$work/model/statistics/inputs_stats.pth" "$work/awq/"
timed "cat model.safetensors > /dev/null" sh -c "cat '$work/model/model.safetensors' > /dev/null"
timed "lite auto_awq" "$layercake" lite auto_awq --model "$work/model" --work_dir "$work/awq"
tokenizer=recipes/models/internlm-tiny/tokenizer.model
timed "convert, float16" "$layercake" convert llama2 "$work/model" --tokenizer_path $tokenizer --dst_path "$work/fp16"
timed "convert, int4" "$layercake" convert llama2 "$work/awq" --model-format awq --group-size 128 --tokenizer_path $tokenizer --dst_path "$work/int4"
timed "convert, int4, tensor parallel 2" "$layercake" convert llama2 "$work/awq" --model-format awq --group-size 128 --tp 2 --tokenizer_path $tokenizer --dst_path "$work/int4"
du -sh "$work"/model/model.safetensors "$work"/awq "$work"/fp16 "$work"/int4
