from pathlib import Path
from typing import Any

import pytest

from sparkyard.errors import ManifestError
from sparkyard.local.plan import find_app, make_plan
from sparkyard.manifest import Manifest

APP = Path("/apps/a.py")


def manifest(**spec: Any) -> Manifest:
    base = {"type": "Python", "mainApplicationFile": "local:///opt/sparkyard/apps/d/a.py"}
    return Manifest({"metadata": {"name": "a"}, "spec": base | spec}, "a.yaml")


def test_the_simplest_plan_whole() -> None:
    plan = make_plan(manifest(), APP, cpus=8)
    assert (plan.job, plan.master, plan.heap, plan.app) == ("a", "local[1]", 2048, "/apps/a.py")
    assert (plan.arguments, plan.conf, plan.env, plan.java_options, plan.submit_options, plan.ignored) == ([], {}, {}, [], [], [])


def test_heap_is_driver_plus_executors_and_cores_are_those_there_are() -> None:
    sized = manifest(driver={"memory": "1g", "cores": 1}, executor={"instances": 3, "cores": 4, "memory": "512m"})
    plan = make_plan(sized, APP, cpus=8)
    assert (plan.master, plan.heap) == ("local[8]", 1024 + 3 * 512)
    assert plan.sizes == "8 core(s), 2560 MiB of heap (driver 1024 + 3 × 512)"
    assert make_plan(sized, APP, cpus=8, cores=2).master == "local[2]"
    apart = make_plan(sized, APP, cpus=8, executors=2)
    assert (apart.master, apart.heap) == ("local-cluster[2,4,512]", 1024)


def test_conf_and_environment_are_carried_over() -> None:
    plan = make_plan(
        manifest(
            sparkConf={"spark.a": True, "spark.driver.extraJavaOptions": "-Da=1 -Db='2 3'"},
            hadoopConf={"fs.x": 1},
            driver={"javaOptions": "-Dc=3", "envVars": {"A": "1", "B": "1"}, "env": [{"name": "B", "value": "2"}]},
            executor={"env": [{"name": "A", "value": "9"}, {"name": "C", "value": "3"}]},
            deps={"packages": ["g:a:1", "g:b:1"]},
            mainClass="x.Y",
        ),
        APP,
        cpus=1,
    )
    assert plan.conf == {"spark.a": "True", "spark.hadoop.fs.x": "1"}
    assert plan.java_options == ["-Dc=3", "-Da=1", "-Db=2 3"]
    assert plan.env == {"A": "1", "B": "2", "C": "3"}
    assert plan.submit_options == ["--class", "x.Y", "--packages", "g:a:1,g:b:1"]


def test_what_has_no_meaning_here_is_listed() -> None:
    plan = make_plan(
        manifest(
            image="x",
            nodeSelector={"disk": "ssd"},
            volumes=[{"name": "v"}],
            restartPolicy={"type": "OnFailure", "onFailureRetries": 2},
            dynamicAllocation={"enabled": True},
            driver={"memory": "1g", "serviceAccount": "s", "env": [{"name": "A", "valueFrom": {}}]},
            sparkConf={"spark.kubernetes.x": "1", "spark.sql.x": "2", "spark.master": "k8s://"},
        ),
        APP,
        cpus=1,
    )
    assert set(plan.ignored) == {
        *("image", "nodeSelector.disk", "volumes", "restartPolicy.type", "restartPolicy.onFailureRetries", "dynamicAllocation.enabled"),
        *("driver.serviceAccount", "driver.env[A].valueFrom", "sparkConf.spark.kubernetes.x", "sparkConf.spark.master"),
    }
    assert plan.conf == {"spark.sql.x": "2"}


def test_another_spark_version_is_told() -> None:
    assert make_plan(manifest(sparkVersion="4.1.3"), APP, cpus=1, spark="4.1.3").ignored == []
    assert make_plan(manifest(sparkVersion="3.5.0"), APP, cpus=1, spark="4.1.3").ignored == ["sparkVersion 3.5.0 (here it is 4.1.3)"]


def test_r_has_no_local_mode() -> None:
    with pytest.raises(ManifestError, match=r"a\.yaml:spec\.type"):
        make_plan(manifest(type="R"), APP, cpus=1)


def test_the_application_is_looked_for_nearest_first(tmp_path: Path) -> None:
    near, far = tmp_path / "near", tmp_path / "far"
    for root in (near, far):
        (root / "d").mkdir(parents=True)
        (root / "d" / "a.py").touch()
    assert find_app(manifest(), [near, far]) == near / "d" / "a.py"
    own = manifest(mainApplicationFile=f"local://{far}/d/a.py")
    assert find_app(own, []) == far / "d" / "a.py"
    with pytest.raises(ManifestError, match=r"a\.yaml:spec\.mainApplicationFile: s3a://b/a\.py is not on this machine"):
        find_app(manifest(mainApplicationFile="s3a://b/a.py"), [near])
