#!/usr/bin/env bash
# Runs the fuzzers of build/fuzz, two at a time, for so many seconds each: tools/fuzz.sh [seconds] [name ...]
# They begin with fuzz/corpus. tools/fuzz.sh keep [name ...] puts there what adds coverage of what they have found.
set -uo pipefail
cd "$(dirname "$0")/.."
export seconds=${1:-600}
shift || true
export build=$PWD/build/fuzz
[ $# -gt 0 ] || set -- $(cd "$build/bin" && ls fuzz_* | sed s/fuzz_//)

one() {
  local work=$build/work/$1
  tools/corpus.py unpack "$1" "$work/corpus"
  cd "$work" || return 1
  if "$build/bin/fuzz_$1" -max_total_time="$seconds" -max_len=4096 -timeout=20 -rss_limit_mb=4096 corpus > log 2>&1; then
    echo "fuzz_$1: $(grep -oE 'Done [0-9]+ runs' log), $(find corpus -type f | wc -l) inputs kept, no finding"
  else
    echo "fuzz_$1: FOUND something, see $work: $(grep -m1 -aE 'ERROR: |runtime error|SUMMARY' log)"
    return 1
  fi
}
keep() {
  local work=$build/work/$1
  rm -rf "$work/merged" && mkdir "$work/merged"
  "$build/bin/fuzz_$1" -merge=1 -max_len=4096 -timeout=20 -rss_limit_mb=4096 "$work/merged" "$work/corpus" > "$work/merge.log" 2>&1 &&
    tools/corpus.py pack "$1" "$work/merged"
}
export -f one keep
if [ "$seconds" = keep ]; then
  printf '%s\n' "$@" | xargs -P 2 -I{} bash -c 'keep {}'
  exit
fi
printf '%s\n' "$@" | xargs -P 2 -I{} bash -c 'one {}'
