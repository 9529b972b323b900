#!/usr/bin/env bash
# Installs what the tests of the shared cache talk to: OpenStack Swift with its S3 API, nginx with WebDAV. Debian or Ubuntu, as root.
# The packages start no service that was not there: where the machine runs services, Swift's and nginx's are started by the packages as usual.
set -euo pipefail

packages=(swift-proxy swift-account swift-container swift-object memcached nginx-light curl)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || { echo "all there: ${packages[*]}"; exit 0; }

if [ "$(id -u)" -ne 0 ]; then
  echo "these packages are missing; install them as root: ${missing[*]}" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}"
