"""What a notebook's Spark has done is in the History Server beside the jobs, each session for itself."""

import pytest
from e2e.hub import Kernel
from e2e.test_history import address, ask, wait_for_log

__all__ = ["address"]
pytestmark = [pytest.mark.cluster, pytest.mark.long]
USE = "spark.range(1000).repartition(2).count()"


def test_ended_sessions_are_shown_with_their_executors(address: str, kernels: dict[str, Kernel]) -> None:
    bob = kernels["bob"]
    bob.must("spark.stop()")
    applications = []
    for _ in range(2):
        bob.must(USE)
        applications.append(bob.must("print(spark.sparkContext.applicationId)\nspark.stop()").text.strip())
    assert len({*applications}) == 2
    for application in applications:
        assert application.startswith("notebook-")
        wait_for_log(address, application)
        executors = ask(f"{address}/api/v1/applications/{application}/allexecutors")
        assert sum(item["completedTasks"] for item in executors if item["id"] != "driver") > 0
        assert ask(f"{address}/api/v1/applications/{application}")["name"] == "notebook-bob"


def test_a_notebook_cannot_touch_the_log_of_a_job(kernels: dict[str, Kernel]) -> None:
    refused = kernels["bob"].run("spark.range(1).write.mode('overwrite').parquet('s3a://eventlogs/eventlog_v2_spark-0123')")
    assert "may read the lake and not write it" in "\n".join(refused.trace), refused.trace
