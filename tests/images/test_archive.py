"""The class archive is really in use: the JVM says of each class where it came from."""

import re
import sys
from collections.abc import Callable, Iterable

import pytest
from rotation import rotating

from sparkyard.project import ROOT

sys.path.insert(0, str(ROOT / "scripts" / "images"))
import cds

MOST_OUTSIDE = 0.05
LOG = "-Xlog:class+load:stdout"


def share_outside(log: Iterable[str]) -> tuple[float, list[str]]:
    """Of the classes that stand in a jar or in Java, those that were not taken from the archive.

    What is made up at run time (lambdas, proxies, generated code) stands in no file, so no archive could hold it.
    """
    sources = [found[1] for line in log if (found := re.search(r"\]\s*\S+ source: (\S+)", line))]
    outside = [source for source in sources if source.startswith(("file:", "jrt:"))]
    archived = sum(source == "shared" for source in sources)
    assert archived, "the archive is not in use at all: see the image's build log and -Xlog:class+path=info"
    return len(outside) / (len(outside) + archived), outside


@pytest.mark.images
@pytest.mark.parametrize("name", ["spark", "spark-operator"])
def test_a_submission_starts_from_the_archive(image: Callable, name: str) -> None:
    done = image(name).run("/opt/spark/bin/spark-submit", "--version", env={"SPARK_SUBMIT_OPTS": LOG})
    share, outside = share_outside(done.stdout.splitlines())
    assert share <= MOST_OUTSIDE, outside


@pytest.mark.images
def test_jars_behind_ours_and_a_conf_folder_leave_it_in_use(image: Callable) -> None:
    env = {"SPARK_SUBMIT_OPTS": LOG, "SPARK_DIST_CLASSPATH": "/usr/share/java", "SPARK_CONF_DIR": "/etc"}
    done = image("spark").run("/opt/spark/bin/spark-submit", "--version", env=env)
    assert share_outside(done.stdout.splitlines())[0] <= MOST_OUTSIDE


@pytest.mark.images
def test_without_a_fitting_archive_everything_still_works(image: Callable) -> None:
    args = ["--conf", "spark.driver.extraClassPath=/usr/share/java", "--version"]
    env = {"SPARK_SUBMIT_OPTS": LOG, "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_HOSTNAME": "localhost"}
    done = image("spark").run("/opt/spark/bin/spark-submit", *args, env=env)
    assert done.returncode == 0, done.stderr
    assert "source: file:/opt/spark/jars/" in done.stdout


@pytest.mark.cluster
@pytest.mark.parametrize("job", rotating(sorted(set(cds.JOBS)), guarding=["images/spark-runtime", "scripts/images/cds.py"]))
def test_driver_and_executor_start_from_the_archive(job: str) -> None:
    cds.connect()
    logs = cds.run_job(cds.make_recording(job, {"JAVA_TOOL_OPTIONS": LOG}))
    for role, log in logs.items():
        share, outside = share_outside(log)
        print(f"{job} {role}: {share:.1%} of the classes from outside the archive")
        assert share <= MOST_OUTSIDE, f"{role}: make cds-lists; outside: {sorted(set(outside))}"
