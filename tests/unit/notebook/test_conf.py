"""What a kernel's Spark is told, in the cluster and alone."""

import json
from fnmatch import fnmatch
from pathlib import Path
from unittest.mock import Mock

import yaml

from sparkyard.hub.pod import make_user_settings
from sparkyard.hub.values import HubValues, Profile
from sparkyard.names import NOTEBOOK_SETTINGS_ENV, NOTEBOOK_SIZES_ENV
from sparkyard.notebook.conf import Pod, Sizes, make_alone_conf, make_cluster_conf, make_executor_template, make_log_conf, name_next
from sparkyard.notebook.place import prepare_kernel
from sparkyard.project import ROOT
from sparkyard.settings import Images, PlatformSettings, Share, format_settings

PLATFORM = PlatformSettings(
    images=Images(spark="registry.example.com/sparkyard/spark:1"),
    shares=(Share(name="sales", mount_path="/shares/sales"), Share(name="closed", mount_path="/shares/closed")),
)
VALUES = HubValues(image="registry.example.com/sparkyard/notebook:1", profiles={"small": Profile()}, shares=("sales",))
SETTINGS = make_user_settings(PLATFORM, VALUES, "ann")
SIZES = Sizes(user="ann", max=3, cores=2, memory="2g", driver_memory="1500m")
POD = Pod(name="jupyter-ann", namespace="spark-notebooks", ip="10.1.2.3")


def conf() -> dict[str, str]:
    return make_cluster_conf(SETTINGS, SIZES, POD, "/x/executor.yaml")


def test_executors_find_the_driver_and_go_with_its_pod() -> None:
    assert conf()["spark.driver.host"] == conf()["spark.driver.bindAddress"] == "10.1.2.3"
    assert conf()["spark.kubernetes.driver.pod.name"] == "jupyter-ann"
    assert conf()["spark.kubernetes.namespace"] == "spark-notebooks"
    assert "spark.kubernetes.executor.podNamePrefix" not in conf(), "kernels of one pod would make executors of the same name"


def test_ports_are_left_to_spark() -> None:
    assert not [key for key in conf() if key.endswith(".port")]


def test_the_first_executor_starts_beside_the_session_and_all_go() -> None:
    allocation = {key.rpartition(".")[2]: value for key, value in conf().items() if key.startswith("spark.dynamicAllocation.")}
    assert (allocation["enabled"], allocation["minExecutors"], allocation["initialExecutors"]) == ("true", "0", "1")
    assert allocation["maxExecutors"] == "3"
    assert allocation["executorIdleTimeout"] == "60s"
    assert conf()["spark.scheduler.minRegisteredResourcesRatio"] == "0"


def test_sizes_are_the_person_s_choice() -> None:
    assert (conf()["spark.executor.cores"], conf()["spark.executor.memory"], conf()["spark.driver.memory"]) == ("2", "2g", "1500m")
    assert conf()["spark.kubernetes.executor.request.cores"] == "2000m"


def test_each_session_is_an_application_of_its_own_which_the_reading_key_may_log() -> None:
    conf = make_log_conf(SETTINGS, "0a1b")
    log = f"eventlog_v2_{conf['spark.app.id']}"
    policy = json.loads((ROOT / "charts/lake/files/policies/eventlogs.json").read_text())
    [may] = [item["Resource"] for item in policy["Statement"] if item["Principal"]["AWS"] == ["yard-read"]]
    assert fnmatch(f"arn:aws:s3:::eventlogs/{log}/events_1", may)
    assert not fnmatch("arn:aws:s3:::eventlogs/eventlog_v2_spark-0a1b/events_1", may), "a job's"
    set_property = Mock()
    session = Mock(sparkContext=Mock(applicationId="notebook-0a1b-9"))
    session.sparkContext._jvm.java.lang.System.setProperty = set_property
    name_next(session)
    set_property.assert_called_once_with("spark.app.id", "notebook-0a1b-10")
    silent = SETTINGS.model_copy(update={"lake": SETTINGS.lake.model_copy(update={"event_log_dir": ""})})
    assert make_log_conf(silent, "0a1b") == {}


def test_alone_no_session_is_renamed() -> None:
    session = Mock(sparkContext=Mock(applicationId="local-1763779200000"))
    name_next(session)
    session.sparkContext._jvm.java.lang.System.setProperty.assert_not_called()


def test_a_site_s_property_wins() -> None:
    settings = SETTINGS.model_copy(update={"spark_conf": {"spark.dynamicAllocation.executorIdleTimeout": "5s"}})
    assert make_cluster_conf(settings, SIZES, POD, "x")["spark.dynamicAllocation.executorIdleTimeout"] == "5s"


def test_executors_are_the_person_s_and_have_the_shares_of_notebooks() -> None:
    template = make_executor_template(SETTINGS, SIZES, "spark-notebooks")
    assert template["metadata"]["labels"]["sparkyard.dev/notebook-user"] == "ann"
    claims = [volume["persistentVolumeClaim"]["claimName"] for volume in template["spec"]["volumes"] if "persistentVolumeClaim" in volume]
    assert claims == ["sales"]
    assert template["spec"]["automountServiceAccountToken"] is False
    assert "lake-catalog" not in json.dumps(template), "the catalog is for drivers"


def test_the_kernel_lays_it_all_into_its_conf_folder(tmp_path: Path, monkeypatch: object) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))  # type: ignore[attr-defined]
    monkeypatch.setattr("sparkyard.notebook.ledger.LEDGER", tmp_path / "kernels")  # type: ignore[attr-defined]
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("SPARK_CONF_DIR", "")  # type: ignore[attr-defined]
    environ = {
        NOTEBOOK_SETTINGS_ENV: format_settings(SETTINGS),
        NOTEBOOK_SIZES_ENV: SIZES.model_dump_json(by_alias=True),
        "POD_NAME": "jupyter-ann",
        "POD_NAMESPACE": "spark-notebooks",
        "POD_IP": "10.1.2.3",
    }
    place = prepare_kernel(environ)
    [folder] = (tmp_path / "tmp").iterdir()
    [entry] = (tmp_path / "kernels").glob("*.json")
    lines = dict(line.split(" ", 1) for line in (folder / "spark-defaults.conf").read_text().splitlines())
    assert lines["spark.master"] == "k8s://https://kubernetes.default.svc:443"
    assert lines["spark.kubernetes.executor.podTemplateFile"] == str(folder / "executor.yaml")
    executor = yaml.safe_load((folder / "executor.yaml").read_text())
    assert executor["metadata"]["labels"]["sparkyard.dev/notebook-kernel"] == entry.stem
    assert place.shares == {"sales": "/shares/sales/files"}
    assert "up to 3 executors" in place.words


def test_alone_it_is_local_mode(tmp_path: Path) -> None:
    alone = make_alone_conf(tmp_path, tmp_path / "scratch", [Path("/jars/a.jar")])
    assert alone["spark.master"] == "local[*]"
    assert alone["spark.sql.catalog.yard.uri"].startswith("jdbc:sqlite:")
    assert alone["spark.driver.extraClassPath"] == "/jars/a.jar"
