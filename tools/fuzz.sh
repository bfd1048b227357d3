#!/usr/bin/env bash
# Runs every fuzzer of build/fuzz for so many seconds, two at a time: tools/fuzz.sh [seconds] [name ...]
set -uo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-600}
shift || true
names=("$@")
[ ${#names[@]} -gt 0 ] || names=(path properties blocks state s3 rpc)
work=$(pwd)/build/fuzz/work
mkdir -p "$work"

one() {
  local name=$1
  mkdir -p "$work/$name"
  cd "$work/$name" && mkdir -p corpus
  if "$work/../bin/fuzz_$name" -max_total_time="$seconds" -max_len=4096 -timeout=20 -rss_limit_mb=4096 corpus > log 2>&1; then
    echo "fuzz_$name: $(grep -oE 'Done [0-9]+ runs' log), $(find corpus -type f | wc -l) inputs kept, no finding"
  else
    echo "fuzz_$name: FOUND something, see $work/$name: $(grep -m1 -E 'ERROR|SUMMARY' log)"
    return 1
  fi
}

failed=0
running=0
for name in "${names[@]}"; do
  one "$name" &
  running=$((running + 1))
  if [ $running -ge 2 ]; then
    wait -n || failed=1
    running=$((running - 1))
  fi
done
while [ $running -gt 0 ]; do
  wait -n || failed=1
  running=$((running - 1))
done
exit $failed
