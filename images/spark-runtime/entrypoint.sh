#!/bin/bash
# The contract Spark on Kubernetes has with its image: "driver ARGS…", "executor", or any command, under an init that passes signals on.
set -euo pipefail
role="${1:-}"

case "$role" in
driver)
  shift
  set -- "$SPARK_HOME/bin/spark-submit" \
    --conf "spark.driver.bindAddress=$SPARK_DRIVER_BIND_ADDRESS" \
    --conf "spark.executorEnv.SPARK_DRIVER_POD_IP=$SPARK_DRIVER_BIND_ADDRESS" \
    --deploy-mode client "$@"
  ;;
executor)
  set -- python3 -SIE "$SPARK_HOME/launch/launch.py" executor
  ;;
esac

exec tini -s -- "$@"
