#!/usr/bin/env bash
# The cache's own timings, as the table "Cache" in README.md has them. Usage: benchmarks/cache.sh [FOLDER [ROUNDS]]
# A remote hit against curl from the same nginx: the same files, into a folder on the same file system. Needs curl and build/servers/install.sh's packages.
# Then a checkpoint of 14 GB in sparse files: first hashing, and a plan that has nothing to hash. Needs the command built in release.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d -p "${1:-${TMPDIR:-/tmp}}") rounds=${2:-3}
layercake=$PWD/artifacts/bin/LayerCake.Cli/release/layercake
export DOTNET_NOLOGO=1 NO_COLOR=1 no_proxy='*'
dotnet build benchmarks/LayerCake.Benchmarks -c Release -v q
program="dotnet artifacts/bin/LayerCake.Benchmarks/release/LayerCake.Benchmarks.dll"
trap 'build/servers/stop.sh "$work/servers"; rm -rf "$work"' EXIT
build/servers/start.sh "$work/servers" > "$work/settings"
set -a; . "$work/settings"; set +a
now() { date +%s.%N; }

for shape in "1 1024" "16 64"; do
  $program fill "$HTTP_CACHE" "$work/store" $shape | tail -n +2 > "$work/contents"
  for _ in $(seq "$rounds"); do
    mkdir "$work/files"
    sed "s|.*|url = \"$HTTP_CACHE/cas/&\"\noutput = \"$work/files/&\"|" "$work/contents" > "$work/curl"
    from=$(now)
    curl -fsS --no-progress-meter --parallel --parallel-max 8 --config "$work/curl"
    curl=$(now) # what curl wrote is flushed too: a cache that forgets its content in a power cut is none
    sync "$work"/files/*
    flushed=$(now)
    rm -r "$work/files"
    ours=$($program hit "$HTTP_CACHE" "$work/store" $shape | head -1)
    awk -v shape="$shape" -v a="$from" -v b="$curl" -v c="$flushed" -v ours="$ours" 'BEGIN {
      split(shape, s, " "); mb = s[1] * s[2]
      printf "%2d x %4d MiB: curl %.2f s (%.0f MiB/s), curl and sync %.2f s, remote hit %.2f s (%.0f MiB/s): %.0f %%, with sync %.0f %%\n",
        s[1], s[2], b - a, mb / (b - a), c - a, ours, mb / ours, 100 * (b - a) / ours, 100 * (c - a) / ours }'
  done
done

# A Llama of 14 GB in eight shards, all zeros: one int of header length, a JSON header, and a hole.
model=$work/model
mkdir "$model"
cp recipes/models/internlm-tiny/tokenizer.model "$model/"
python3 - "$model" <<'PYTHON'
import json, struct, sys
folder, hidden, inner, layers, vocabulary, shards = sys.argv[1], 4096, 11008, 32, 32000, 8
json.dump({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": hidden, "intermediate_size": inner, "num_attention_heads": 32,
           "num_key_value_heads": 32, "num_hidden_layers": layers, "vocab_size": vocabulary, "rms_norm_eps": 1e-6, "max_position_embeddings": 2048,
           "hidden_act": "silu", "bos_token_id": 1, "eos_token_id": 2, "tie_word_embeddings": False, "torch_dtype": "float16"}, open(f"{folder}/config.json", "w"))
shapes = {"model.embed_tokens.weight": [vocabulary, hidden], "model.norm.weight": [hidden], "lm_head.weight": [vocabulary, hidden]}
for i in range(layers):
    at = f"model.layers.{i}."
    shapes.update({at + f"self_attn.{name}_proj.weight": [hidden, hidden] for name in "qkvo"})
    shapes.update({at + "mlp.gate_proj.weight": [inner, hidden], at + "mlp.up_proj.weight": [inner, hidden], at + "mlp.down_proj.weight": [hidden, inner],
                   at + "input_layernorm.weight": [hidden], at + "post_attention_layernorm.weight": [hidden]})
names, weights, total = list(shapes), {}, 0
for shard in range(shards):
    file, offset, header = f"model-{shard + 1:05}-of-{shards:05}.safetensors", 0, {}
    for name in names[shard * len(names) // shards:(shard + 1) * len(names) // shards]:
        size = 2
        for dimension in shapes[name]:
            size *= dimension
        header[name] = {"dtype": "F16", "shape": shapes[name], "data_offsets": [offset, offset + size]}
        offset, weights[name] = offset + size, file
    text = json.dumps(header).encode()
    with open(f"{folder}/{file}", "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        out.truncate(8 + len(text) + offset)
    total += offset
json.dump({"metadata": {"total_size": total}, "weight_map": weights}, open(f"{folder}/model.safetensors.index.json", "w"))
PYTHON
cat > "$work/sparse.yaml" <<YAML
name: sparse
engine: lmdeploy 0.1.0
model: { name: llama2, source: $model }
convert: { tensor_parallel: 1, weight_type: float16 }
package: {}
YAML
du -sh --apparent-size "$model"; du -sh "$model"
timed() { local from; from=$(now); "${@:2}" > "$work/out" 2>&1 || { cat "$work/out" >&2; exit 1; }; echo "$1: $(echo "$(now) - $from" | bc) s"; }
for _ in $(seq "$rounds"); do
  timed "sha256sum of all shards, two at once" sh -c "ls $model/*.safetensors | xargs -P $(nproc) -n 1 sha256sum"
  timed "first plan, which hashes everything" "$layercake" plan --recipe "$work/sparse.yaml" --artifacts "$work/artifacts"
done
timed "build" "$layercake" build --recipe "$work/sparse.yaml" --artifacts "$work/artifacts"
for _ in $(seq "$rounds"); do
  timed "build with nothing to do" "$layercake" build --recipe "$work/sparse.yaml" --artifacts "$work/artifacts"
  timed "plan with nothing to do" "$layercake" plan --recipe "$work/sparse.yaml" --artifacts "$work/artifacts"
done
