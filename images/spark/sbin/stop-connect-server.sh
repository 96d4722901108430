#!/bin/bash
# Ends the server of start-connect-server.sh and waits until it is gone, with its executors: the operator calls it before a pod stops.
set -euo pipefail

file="${SPARK_PID_DIR:-/tmp}/spark-connect-server.pid"
if [ -f "$file" ]; then
  pid="$(cat "$file")"
  kill "$pid" 2> /dev/null || true
  while kill -0 "$pid" 2> /dev/null; do sleep 0.2; done
  rm -f "$file"
fi
