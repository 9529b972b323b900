#!/usr/bin/env bash
# Installs the browser in which the tests open the build report. Debian, as root. (Ubuntu's package of that name is a snap; there, set CHROMIUM to a browser.)
set -euo pipefail

packages=(chromium fonts-dejavu-core)
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
