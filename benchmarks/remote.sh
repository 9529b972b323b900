#!/usr/bin/env bash
# Transfers of one large object from and to the servers of build/servers, this program against curl, in turn. Usage: benchmarks/remote.sh [MEGABYTES [ROUNDS]]
# Needs curl 7.75 or newer and the packages that build/servers/install.sh installs. Memory and page cache should hold the object three times.
set -euo pipefail
cd "$(dirname "$0")/.."
megabytes=${1:-1024} rounds=${2:-3}
work=$(mktemp -d)
export DOTNET_NOLOGO=1 no_proxy='*'
dotnet build benchmarks/LayerCake.Benchmarks -c Release -v q
program="dotnet artifacts/bin/LayerCake.Benchmarks/release/LayerCake.Benchmarks.dll"
trap 'build/servers/stop.sh "$work/servers"; rm -rf "$work"' EXIT
build/servers/start.sh "$work/servers" > "$work/settings"
set -a; . "$work/settings"; set +a
head -c "${megabytes}M" /dev/urandom > "$work/content"
digest=$(sha256sum "$work/content" | cut -d' ' -f1)
sigv4=(--aws-sigv4 "aws:amz:$AWS_REGION:s3" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" -H "x-amz-content-sha256: UNSIGNED-PAYLOAD")

row() { # LABEL CURL_SECONDS OUR_SECONDS
  awk -v label="$1" -v curl="$2" -v ours="$3" -v mb="$megabytes" \
    'BEGIN { printf "%-28s curl %7.3f s (%5.0f MiB/s)   this %7.3f s (%5.0f MiB/s)   %4.0f %% of curl\n", label, curl, mb / curl, ours, mb / ours, 100 * curl / ours }'
}

for _ in $(seq "$rounds"); do
  for kind in nginx swift; do
    if [ $kind = nginx ]; then
      cache=$HTTP_CACHE other=$HTTP_CACHE/cas/${digest//?/0} sign=()
    else
      cache=$S3_CACHE other=$AWS_ENDPOINT_URL_S3/layercake/other sign=("${sigv4[@]}")
    fi
    curl=$(curl -fsS "${sign[@]}" -T "$work/content" -o /dev/null -w '%{time_total}' "$other")
    ours=$($program put "$cache" "$work/content" | cut -d' ' -f1)
    row "$kind, upload" "$curl" "$ours"
    curl=$(curl -fsS "${sign[@]}" -o /dev/null -w '%{time_total}' "$other")
    ours=$($program get "$cache" "$work/content" | cut -d' ' -f1)
    row "$kind, download" "$curl" "$ours"
    ours=$($program check "$cache" "$work/content" | cut -d' ' -f1)
    row "$kind, download and SHA-256" "$curl" "$ours"
  done
done
