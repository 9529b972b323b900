#!/usr/bin/env bash
# Ends what start.sh started below FOLDER. Usage: stop.sh FOLDER [swift|nginx], without a name both. What they wrote stays.
set -euo pipefail
[ $# -ge 1 ] && [ $# -le 2 ] || { echo "usage: stop.sh FOLDER [swift|nginx]" >&2; exit 2; }
folder=$(cd "$1" && pwd -P)
case ${2:-all} in
  swift) names=(proxy object container account memcached) ;;
  nginx) names=(nginx) ;;
  all) names=(proxy object container account memcached nginx) ;;
  *) echo "usage: stop.sh FOLDER [swift|nginx]" >&2; exit 2 ;;
esac

# A process id may have gone to somebody else by now: only a process whose command line has the folder in it is ours.
ours() { [ -r "/proc/$1/cmdline" ] && tr '\0' ' ' 2> /dev/null < "/proc/$1/cmdline" | grep -qF "$folder/"; }

pids=()
for name in "${names[@]}"; do
  pid=$(cat "$folder/run/$name.pid" 2> /dev/null || true)
  if [ -n "$pid" ] && ours "$pid"; then
    # nginx's worker ends with its master, but only in its own time.
    pids+=("$pid" $(cat "/proc/$pid/task/$pid/children" 2> /dev/null || true))
    kill -TERM "$pid" 2> /dev/null || true
  fi
done
for _ in $(seq 20); do
  left=()
  for pid in "${pids[@]}"; do kill -0 "$pid" 2> /dev/null && left+=("$pid"); done
  pids=("${left[@]}")
  [ ${#pids[@]} -gt 0 ] || break
  sleep 0.1
done
for pid in "${pids[@]}"; do kill -KILL "$pid" 2> /dev/null || true; done
[ "${2:-all}" != all ] || rm -rf "$folder/run"
