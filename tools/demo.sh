#!/usr/bin/env bash
# The main job, visibly: a cluster, a file with three replicas, the same bytes in the understore.
set -euo pipefail
cd "$(dirname "$0")/.."
DIR=${SPILLWAY_RUN_DIR:-run/local}
FILE=LICENSE

if bin/spillway local status --dir "$DIR" > /dev/null 2>&1; then
  echo "The cluster in $DIR runs already."
else
  bin/spillway local stop --dir "$DIR" > /dev/null 2>&1 || true
  bin/spillway local start --workers 3 --dir "$DIR"
fi
NAME=/demo/$(date +%s)-$FILE
bin/alluxio fs mkdir /demo > /dev/null 2>&1 || true
echo "--- write $FILE with three replicas"
bin/alluxio fs -Dalluxio.user.file.writetype.default=ASYNC_THROUGH \
  -Dalluxio.user.file.replication.durable=3 copyFromLocal "$FILE" "$NAME"
bin/alluxio fs location "$NAME"
echo "--- wait until it is in the understore"
bin/alluxio fs persist "$NAME" > /dev/null
bin/alluxio fs ls "$NAME"
OBJECT=$(realpath "$DIR")/underFSStorage$NAME
echo "object: $OBJECT, $(stat -c %s "$OBJECT") bytes"
cmp "$FILE" "$OBJECT"
cat <<TEXT
--- go on
  bin/alluxio fs help                      all commands
  bin/alluxio fsadmin report               how the cluster is
  bin/spillway local stop --dir $DIR    stop the cluster
  alluxio://127.0.0.1:19998/               the same files for Spark, Hive and MapReduce
TEXT
