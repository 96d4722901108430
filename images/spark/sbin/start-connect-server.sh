#!/bin/bash
# What the operator's SparkConnect calls by this name, and the pip package of Spark lacks: a Connect server in the foreground.
# With SPARKYARD_EXECUTOR_PREFIX its executors have a name of their own at each start: a server that starts anew in its pod would else
# ask for pods that are still there.
set -euo pipefail

if [ -n "${SPARKYARD_EXECUTOR_PREFIX:-}" ]; then
  set -- "$@" --conf "spark.kubernetes.executor.podNamePrefix=$SPARKYARD_EXECUTOR_PREFIX-$(date +%s)"
fi

echo $$ > "${SPARK_PID_DIR:-/tmp}/spark-connect-server.pid"
exec "$SPARK_HOME/bin/spark-submit" --class org.apache.spark.sql.connect.service.SparkConnectServer --name "Spark Connect server" "$@"
