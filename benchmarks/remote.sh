#!/usr/bin/env bash
# Transfers of one large object from and to the servers of build/servers, this program against curl, in turn. Usage: benchmarks/remote.sh [MEGABYTES [ROUNDS]]
# Curl speaks Swift's own API to the same server, which spares it the signatures. Needs the packages that build/servers/install.sh installs. Memory and page cache should hold the object three times.
set -euo pipefail
cd "$(dirname "$0")/.."
megabytes=${1:-1024} rounds=${2:-3}
work=$(mktemp -d)
export DOTNET_NOLOGO=1 no_proxy='*'
dotnet build benchmarks/LayerCake.Benchmarks -c Release -v q
program="dotnet artifacts/bin/LayerCake.Benchmarks/release/LayerCake.Benchmarks.dll"
trap 'build/servers/stop.sh "$work/servers"; rm -rf "$work"' EXIT
build/servers/start.sh "$work/servers" $$ > "$work/settings"
set -a; . "$work/settings"; set +a
head -c "${megabytes}M" /dev/urandom > "$work/content"
digest=$(sha256sum "$work/content" | cut -d' ' -f1)
token=$(curl -fsS -i -H "X-Auth-User: $AWS_ACCESS_KEY_ID" -H "X-Auth-Key: $AWS_SECRET_ACCESS_KEY" "$AWS_ENDPOINT_URL_S3/auth/v1.0" |
  tr -d '\r' | sed -n 's/^X-Auth-Token: //Ip')

row() { # LABEL "CURL_SECONDS CPU" "OUR_SECONDS CPU"
  awk -v label="$1" -v curl="$2" -v ours="$3" -v mb="$megabytes" 'BEGIN {
    split(curl, c); split(ours, o)
    printf "%-28s curl %7.3f s %5.0f MiB/s (CPU %.2f s)   this %7.3f s %5.0f MiB/s (CPU %.2f s)   %4.0f %% of curl\n",
      label, c[1], mb / c[1], c[2], o[1], mb / o[1], o[2], 100 * c[1] / o[1] }'
}

with_curl() { # CURL'S ARGUMENTS: prints elapsed and processor seconds
  local TIMEFORMAT='%3R %3U %3S'
  { time curl -fsS "$@" -o /dev/null 2> "$work/curl-errors"; } 2>&1 | awk '{ print $1, $2 + $3 }'
  [ ! -s "$work/curl-errors" ] || { cat "$work/curl-errors" >&2; exit 1; }
}

for _ in $(seq "$rounds"); do
  for kind in nginx swift; do
    if [ $kind = nginx ]; then
      cache=$HTTP_CACHE other=$HTTP_CACHE/cas/${digest//?/0} sign=()
    else
      cache=$S3_CACHE other=$AWS_ENDPOINT_URL_S3/v1/AUTH_test/layercake/other sign=(-H "X-Auth-Token: $token")
    fi
    row "$kind, upload" "$(with_curl "${sign[@]}" -T "$work/content" "$other")" "$($program put "$cache" "$work/content")"
    curl=$(with_curl "${sign[@]}" "$other")
    row "$kind, download" "$curl" "$($program get "$cache" "$work/content")"
    row "$kind, download and SHA-256" "$curl" "$($program check "$cache" "$work/content")"
  done
done
