#!/usr/bin/env bash
# Runs the fuzzers of build/fuzz, two at a time, for so many seconds each: tools/fuzz.sh [seconds] [name ...]
set -uo pipefail
cd "$(dirname "$0")/.."
export seconds=${1:-600}
shift || true
export build=$PWD/build/fuzz
[ $# -gt 0 ] || set -- $(cd "$build/bin" && ls fuzz_* | sed s/fuzz_//)

one() {
  local work=$build/work/$1
  mkdir -p "$work/corpus"
  cd "$work" || return 1
  if "$build/bin/fuzz_$1" -max_total_time="$seconds" -max_len=4096 -timeout=20 -rss_limit_mb=4096 corpus > log 2>&1; then
    echo "fuzz_$1: $(grep -oE 'Done [0-9]+ runs' log), $(find corpus -type f | wc -l) inputs kept, no finding"
  else
    echo "fuzz_$1: FOUND something, see $work: $(grep -m1 -aE 'ERROR: |runtime error|SUMMARY' log)"
    return 1
  fi
}
export -f one
printf '%s\n' "$@" | xargs -P 2 -I{} bash -c 'one {}'
