#!/usr/bin/env bash
# Starts OpenStack Swift (S3 API) and nginx (WebDAV) on free ports of the loopback interface, everything they write below one folder, and prints how to
# reach them as KEY=VALUE lines. Usage: start.sh FOLDER [PID [nginx]]; with a process id, the servers stop when that process has ended; with "nginx", Swift is
# not started, which takes seconds.
# Swift needs /etc/swift/swift.conf: Debian's own will do; it is written only where there is none.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 1 ] && [ $# -le 3 ] && [ "${3:-nginx}" = nginx ] || { echo "usage: start.sh FOLDER [PID [nginx]]" >&2; exit 2; }
mkdir -p "$1"
folder=$(cd "$1" && pwd -P)
watched=${2:-}
swift=$([ $# -eq 3 ] || echo yes)
user=$(id -un) group=$(id -gn)
PATH=$PATH:/usr/sbin:/sbin

for program in swift-proxy-server swift-account-server swift-container-server swift-object-server memcached nginx curl; do
  command -v "$program" > /dev/null || { echo "$program is not installed; build/servers/install.sh installs it" >&2; exit 3; }
done
[ ! -e "$folder/run" ] || { echo "$folder is in use; build/servers/stop.sh $folder ends what runs there" >&2; exit 1; }
mkdir -p "$folder"/{run,log,nginx/data,nginx/tmp,nginx/unused,swift/devices/d1}

if [ -n "$watched" ]; then
  # Before anything runs, and in a session of its own: what ends the process may end its whole group.
  setsid bash -c 'while kill -0 "$1" 2> /dev/null && [ -e "$2/run" ]; do sleep 1; done; "$3/stop.sh" "$2"' watch "$watched" "$folder" "$here" \
    < /dev/null > /dev/null 2>&1 &
fi

fail() {
  echo "$1; the logs:" >&2
  tail -n 5 "$folder"/log/* >&2 || true
  "$here/stop.sh" "$folder" || true
  exit 1
}

if [ ! -e /etc/swift/swift.conf ]; then
  mkdir -p /etc/swift
  printf '[swift-hash]\nswift_hash_path_prefix = layercake\nswift_hash_path_suffix = layercake\n\n[storage-policy:0]\nname = Policy-0\ndefault = yes\n' \
    > /etc/swift/swift.conf
fi

# All ports are held at once while they are chosen, so that no two are the same.
ports=$(/usr/bin/python3 -c '
import socket
held = [socket.socket() for _ in range(6)]
for s in held: s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in held))')
read -r account container object proxy memcached nginx <<< "$ports"

fill() { # TEMPLATE TARGET [NAME=VALUE...]
  local text pair
  text=$(cat "$here/$1")
  for pair in "FOLDER=$folder" "USER=$user" "GROUP=$group" "PROXY_PORT=$proxy" "MEMCACHED_PORT=$memcached" "NGINX_PORT=$nginx" "${@:3}"; do
    text=${text//"@${pair%%=*}@"/"${pair#*=}"}
  done
  printf '%s\n' "$text" > "$2"
}

run() { # NAME COMMAND...: in the background, with its process id kept for stop.sh
  local name=$1; shift
  setsid "$@" < /dev/null > "$folder/log/$name.log" 2>&1 &
  echo $! > "$folder/run/$name.pid"
}

until_answers() { # PORT
  for _ in $(seq 1800); do
    (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null && return 0
    sleep 0.1
  done
  fail "nothing listens on port $1 after 180 s"
}

fill nginx.conf "$folder/nginx/nginx.conf"
# User "cache", password "p@ss:word", with what a URL has to escape (SHA-1, base64: nginx ends a plain password at a colon).
printf 'cache:{SHA}XVo4QKYxOH2OeKuETjdaW6SkHls=\n' > "$folder/nginx/users"
nginx -e "$folder/log/nginx.log" -p "$folder/nginx" -c "$folder/nginx/nginx.conf" 2> "$folder/log/nginx-start.log" < /dev/null || fail "nginx does not start"
until_answers "$nginx"
http() {
  printf '%s\n' "HTTP_CACHE=http://127.0.0.1:$nginx" "HTTP_PRIVATE_CACHE=http://cache:p%40ss%3Aword@127.0.0.1:$nginx/private"
}
[ -n "$swift" ] || { http; exit 0; }

# One replica on one device is enough for a test. The same as swift-ring-builder's create, add and rebalance, in one start of Python instead of nine.
/usr/bin/python3 - "$folder/swift" "account=$account" "container=$container" "object=$object" > "$folder/log/rings.log" 2>&1 << 'END' || fail "the rings could not be made"
import sys
from swift.common.ring import RingBuilder
for pair in sys.argv[2:]:
    kind, port = pair.split("=")
    ring = RingBuilder(6, 1, 1)
    ring.add_dev(dict(id=0, region=1, zone=1, weight=1.0, ip="127.0.0.1", port=int(port), device="d1", meta="",
                      replication_ip="127.0.0.1", replication_port=int(port)))
    ring.rebalance()
    ring.get_ring().save(f"{sys.argv[1]}/{kind}.ring.gz")
END
fill storage-server.conf "$folder/swift/account-server.conf" KIND=account "PORT=$account"
fill storage-server.conf "$folder/swift/container-server.conf" KIND=container "PORT=$container"
fill storage-server.conf "$folder/swift/object-server.conf" KIND=object "PORT=$object"
fill proxy-server.conf "$folder/swift/proxy-server.conf"

run memcached memcached -l 127.0.0.1 -p "$memcached" -U 0 -m 16 -u "$user" -P "$folder/run/memcached.self"
for kind in account container object proxy; do
  run "$kind" "swift-$kind-server" "$folder/swift/$kind-server.conf" -v
done
for port in "$account" "$container" "$object" "$proxy"; do until_answers "$port"; done

# The bucket.
token=$(curl --noproxy '*' -fsS -i -H 'X-Auth-User: test:tester' -H 'X-Auth-Key: testing' "http://127.0.0.1:$proxy/auth/v1.0" 2> "$folder/log/bucket.log" |
  tr -d '\r' | sed -n 's/^X-Auth-Token: //Ip') || true
[ -n "$token" ] || fail "Swift lets nobody in"
curl --noproxy '*' -fsS -X PUT -H "X-Auth-Token: $token" "http://127.0.0.1:$proxy/v1/AUTH_test/layercake" > /dev/null 2>> "$folder/log/bucket.log" ||
  fail "the bucket could not be made"

cat << END
AWS_ENDPOINT_URL_S3=http://127.0.0.1:$proxy
AWS_REGION=us-east-1
AWS_ACCESS_KEY_ID=test:tester
AWS_SECRET_ACCESS_KEY=testing
S3_CACHE=s3://layercake
END
http
