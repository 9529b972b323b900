#!/usr/bin/env bash
# The whole of benchmarks/gpu.md on a machine with a GPU and PyTorch: checks the results on the GPU, then times recipes from a cold page cache.
# Usage: benchmarks/gpu.sh ARCHIVE FOLDER [PART...], in a checkout; the archive is build/portable.sh's, the folder wants 50 GB.
# Parts: check rates 7b 70b 13b gptq learned (default: check rates 7b 70b); EFFORT is that of gptq and learned (default: balanced). Dropping the page cache needs root.
set -uo pipefail
cd "$(dirname "$0")/.."
archive=$1 work=$2
shift 2
parts=${*:-check rates 7b 70b}
repository=$PWD
mkdir -p "$work"
tar -C "$work" -xf "$archive"
export PATH="$work/layercake:$PATH" NO_COLOR=1 LAYERCAKE_REPOSITORY=$repository
LAYERCAKE_LIBTORCH=$(python3 -c 'import os, importlib.util; print(os.path.dirname(importlib.util.find_spec("torch").origin))')
export LAYERCAKE_LIBTORCH LD_LIBRARY_PATH=$LAYERCAKE_LIBTORCH/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}

now() { date +%s.%N; }
since() { python3 -c "print(f'{$(now) - $1:.2f} s')"; }
cold() { sync; echo 3 > /proc/sys/vm/drop_caches && echo "page cache dropped"; }

machine() {
  echo "== machine"
  uname -srm
  grep -m1 'model name' /proc/cpuinfo; nproc; grep -E 'MemTotal|MemAvailable' /proc/meminfo
  grep -m1 -o -w avx512f /proc/cpuinfo || echo "no AVX-512"
  nvidia-smi --query-gpu=name,driver_version,memory.total,memory.used,clocks.sm,clocks.max.sm --format=csv,noheader
  python3 -c 'import importlib.metadata as m; print("torch", m.version("torch"))'
  df -h "$work" | tail -1; findmnt -no FSTYPE,OPTIONS -T "$work"
  ls "$LAYERCAKE_LIBTORCH"/lib | grep -i nvrtc
}

disk() { # rates of 4 GB
  echo "== disk"
  local start; start=$(now)
  dd if=/dev/zero of="$work/blank" bs=16M count=250 conv=fsync 2>&1 | tail -1
  cold
  dd if="$work/blank" of=/dev/null bs=16M 2>&1 | tail -1
  dd if="$work/blank" of=/dev/null bs=16M 2>&1 | tail -1
  rm "$work/blank"
  since "$start"
}

# Runs a command; says how long it took and the most memory the process and the GPU had.
watched() { # LABEL COMMAND...
  local label=$1 start peak=0 gpu=0 pid code hwm used
  shift
  start=$(now)
  "$@" > "$work/out" 2>&1 &
  pid=$!
  while kill -0 $pid 2>/dev/null; do
    hwm=$(awk '/VmHWM/ {print $2}' /proc/$pid/status 2>/dev/null)
    used=$(nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits 2>/dev/null)
    [ "${hwm:-0}" -gt "$peak" ] && peak=$hwm
    [ "${used:-0}" -gt "$gpu" ] && gpu=$used
    sleep 0.5
  done
  wait $pid
  code=$?
  echo "$label: $(since "$start"), exit code $code, host memory at most $((peak / 1024)) MiB, GPU in use at most $gpu MiB"
  return $code
}

recipe() { # NAME MODEL-NAME
  cat > "$work/$1.yaml" <<EOF
name: $1
engine: lmdeploy 0.1.0
model: { name: $2, source: $work/$1 }
calibrate: { dataset: $repository/recipes/data/prose-calibration.txt, samples: 128, sequence_length: 2048, seed: 0 }
kv_qparams: { cache: int8, symmetric: false }
auto_awq: { bits: 4, group_size: 128, ${METHOD:-method: lmdeploy} }
convert: { tensor_parallel: 1 }
package: {}
execution: { device: cuda, placement: link }
EOF
}

build() { # NAME LABEL
  rm -rf "$work/artifacts"
  watched "$2" layercake build --recipe "$work/$1.yaml" --artifacts "$work/artifacts"
  local code=$?
  grep -E 'tokens/s|quantized with|: ran|: cached|warning|layercake:' "$work/out"
  [ $code -ne 0 ] && tail -20 "$work/out"
  cp "$work/artifacts/logs/$1.jsonl" "${OUT:-$work}/$1-$(date +%s).jsonl" 2>/dev/null
  return 0
}

shape() { # NAME SHAPE MODEL-NAME RUNS [SYNTH OPTIONS...]
  local name=$1 kind=$2 model=$3 runs=$4 run
  shift 4
  echo "== $name"
  layercake synth --shape "$kind" --dst "$work/$name" "$@" || return
  recipe "$name" "$model"
  for ((run = 1; run <= runs; run++)); do
    cold
    build "$name" "$name, cold, run $run"
  done
  layercake verify "$work/artifacts/$name" | tail -1
  du -sh "$work/artifacts/$name" | cut -f1
}

machine
for part in $parts; do
  case $part in
    check)
      echo "== tests on the GPU"
      start=$(now)
      timeout 120 LayerCake.Calibration.Tests --filter 'TestCategory=Gpu&Name!=Rates' > "$work/tests" 2>&1
      echo "exit code $?"; grep -E 'equal bit for bit|failed|Failed|error|passed|total|succeeded' "$work/tests" | head -60
      cp "$work/tests" "${OUT:-$work}/tests.txt" 2>/dev/null
      for project in Reconstruction Runtime; do
        timeout 300 "LayerCake.$project.Tests" --filter 'TestCategory=Gpu&Name!=Rates' > "$work/tests" 2>&1
        echo "exit code $?"; grep -E 'codes differ|gptq|the same bytes|other bytes|failed|Failed|error|passed|total|succeeded' "$work/tests" | grep -v quantized | head -30
      done
      since "$start"
      ;;
    rates)
      echo "== rates"
      timeout 100 LayerCake.Calibration.Tests --filter 'Name=Rates' > "$work/rates" 2>&1
      grep -E ' ms, ' "$work/rates" || tail -30 "$work/rates"
      timeout 100 LayerCake.Reconstruction.Tests --filter 'Name=Rates' > "$work/rates" 2>&1
      grep -E ' ms$|^ *(float32|TF32)$' "$work/rates" || tail -30 "$work/rates"
      disk
      ;;
    7b)
      shape internlm-7b-w4kv8 internlm-7b internlm-chat-7b "${RUNS:-2}"
      build internlm-7b-w4kv8 "internlm-7b-w4kv8, page cache warm"
      rm -rf "$work/internlm-7b-w4kv8" "$work/artifacts"
      ;;
    gptq | learned)
      METHOD="method: $part, effort: ${EFFORT:-balanced}"
      shape "internlm-7b-$part" internlm-7b internlm-chat-7b 1
      METHOD="method: lmdeploy"
      rm -rf "$work/internlm-7b-$part" "$work/artifacts"
      ;;
    13b)
      shape llama2-13b-w4kv8 llama2-13b llama2 1
      rm -rf "$work/llama2-13b-w4kv8" "$work/artifacts"
      ;;
    70b)
      # Four of eighty layers.
      shape llama2-70b-w4kv8 llama2-70b llama2 1 --layers 4
      rm -rf "$work/llama2-70b-w4kv8" "$work/artifacts"
      ;;
    *) echo "unknown part $part" >&2; exit 2 ;;
  esac
done
