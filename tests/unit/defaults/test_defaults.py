"""The defaults one by one: what the issue promises for every job, whoever sends it."""

import copy
import hashlib
import json
from typing import Any

import pytest

from sparkyard.defaults import apply_defaults, reapply_defaults, spark_conf
from sparkyard.settings import GENERATION, Encryption, Images, PlatformSettings, Proxy, TrustedCa

SETTINGS = PlatformSettings(images=Images(spark="yard/spark:1"), spark_version="4.1.3")
APP: dict[str, Any] = {
    "metadata": {"name": "hello-hello", "namespace": "spark-jobs"},
    "spec": {
        "type": "Python",
        "sparkVersion": "4.1.3",
        "mainApplicationFile": "local:///opt/sparkyard/apps/hello/hello.py",
        "driver": {"cores": 1, "memory": "512m"},
        "executor": {"instances": 2, "cores": 2, "memory": "512m"},
    },
}


def defaulted(**spec: Any) -> dict[str, Any]:
    app = copy.deepcopy(APP)
    app["spec"].update(spec)
    full: dict[str, Any] = apply_defaults(app, SETTINGS, "run-1")["spec"]
    return full


def pod(role: str, full: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    spec = full[role]["template"]["spec"]
    return spec, spec["containers"][0]


@pytest.mark.parametrize("role", ["driver", "executor"])
def test_pods_are_restricted_and_read_only(role: str) -> None:
    spec, container = pod(role, defaulted())
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert spec["enableServiceLinks"] is False
    assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"
    assert container["name"] == f"spark-kubernetes-{role}"
    assert {"/tmp", "/opt/spark/work-dir"} <= {mount["mountPath"] for mount in container["volumeMounts"]}


def test_the_application_itself() -> None:
    full = defaulted()
    assert (full["mode"], full["image"], full["restartPolicy"], full["timeToLiveSeconds"]) == (
        "cluster",
        "yard/spark:1",
        {"type": "Never"},
        86400,
    )
    assert (full["driver"]["serviceAccount"], full["executor"]["serviceAccount"]) == ("spark-driver", "spark-executor")
    assert (full["driver"]["coreRequest"], full["executor"]["coreRequest"]) == ("500m", "2000m")
    assert pod("driver", full)[0]["priorityClassName"] == "sparkyard-driver"
    assert pod("executor", full)[0]["automountServiceAccountToken"] is False


@pytest.mark.parametrize(("kind", "factor"), [("Python", "0.4"), ("Scala", "0.1")])
def test_memory_overhead_is_explicit(kind: str, factor: str) -> None:
    assert defaulted(type=kind)["memoryOverheadFactor"] == factor


def test_a_property_of_the_manifest_is_not_overridden_by_its_field() -> None:
    conf = {"spark.kubernetes.memoryOverheadFactor": "0.6", "spark.kubernetes.driver.request.cores": "2"}
    full = defaulted(sparkConf=conf)
    assert "memoryOverheadFactor" not in full
    assert "coreRequest" not in full["driver"]
    assert conf.items() <= full["sparkConf"].items()


def test_credentials_come_by_reference_and_the_catalog_to_drivers_only() -> None:
    full = defaulted()
    (driver, driver_container), (executor, executor_container) = pod("driver", full), pod("executor", full)
    assert driver_container["envFrom"] == executor_container["envFrom"] == [{"secretRef": {"name": "lake-s3-jobs"}}]
    assert "lake-catalog-jobs" in json.dumps(driver)
    assert "lake-catalog-jobs" not in json.dumps(executor)
    assert {"name": "PGSERVICEFILE", "value": "/etc/sparkyard/catalog/pg_service.conf"} in driver_container["env"]


def test_run_id_comes_from_the_label_so_that_a_new_run_is_no_new_spec() -> None:
    app = apply_defaults(APP, SETTINGS, "run-1")
    assert app["metadata"]["labels"]["sparkyard.dev/run-id"] == "run-1"
    assert "run-1" not in json.dumps(app["spec"])
    _, container = pod("executor", app["spec"])
    assert container["env"][0]["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.labels['sparkyard.dev/run-id']"


@pytest.mark.parametrize("role", ["driver", "executor"])
def test_a_path_that_the_manifest_mounts_is_not_mounted_twice(role: str) -> None:
    full = defaulted(**{role: {"volumeMounts": [{"name": "mine", "mountPath": "/tmp"}]}}, volumes=[{"name": "mine", "emptyDir": {}}])
    spec, container = pod(role, full)
    assert "/tmp" not in {mount["mountPath"] for mount in container["volumeMounts"]}
    assert "sparkyard-tmp" not in {volume["name"] for volume in spec["volumes"]}


def test_own_scratch_space_replaces_ours() -> None:
    mounts = {"volumeMounts": [{"name": "spark-local-dir-fast", "mountPath": "/fast"}]}
    conf = defaulted(executor=mounts, volumes=[{"name": "spark-local-dir-fast", "emptyDir": {}}])["sparkConf"]
    assert not [key for key in conf if key.startswith("spark.kubernetes.executor.volumes.")]
    assert [key for key in conf if key.startswith("spark.kubernetes.driver.volumes.emptyDir.spark-local-dir-1")]


def test_a_partial_security_context_is_completed() -> None:
    full = defaulted(driver={"securityContext": {"readOnlyRootFilesystem": False}, "sidecars": [{"name": "proxy", "image": "x"}]})
    assert full["driver"]["securityContext"]["readOnlyRootFilesystem"] is False
    assert full["driver"]["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert full["driver"]["sidecars"][0]["securityContext"]["allowPrivilegeEscalation"] is False


def test_pods_that_need_the_operators_pod_webhook_do_not_say_they_are_complete() -> None:
    complete = "sparkyard.dev/pod-complete"
    assert defaulted()["driver"]["labels"] == {complete: "true"}
    full = defaulted(driver={"env": [{"name": "A", "value": "1"}]})
    assert complete not in full["driver"].get("labels", {})
    assert full["executor"]["labels"] == {complete: "true"}
    assert complete not in defaulted(hadoopConfigMap="x")["executor"].get("labels", {})


def test_shares_propagate_into_running_pods() -> None:
    settings = SETTINGS.model_copy(update={"share_claims": ("share-*",)})
    app = copy.deepcopy(APP)
    app["spec"]["volumes"] = [{"name": "s", "persistentVolumeClaim": {"claimName": "share-events"}}, {"name": "e", "emptyDir": {}}]
    app["spec"]["driver"]["volumeMounts"] = [{"name": "s", "mountPath": "/s"}, {"name": "e", "mountPath": "/e"}]
    mounts = apply_defaults(app, settings)["spec"]["driver"]["volumeMounts"]
    assert mounts == [{"name": "s", "mountPath": "/s", "mountPropagation": "HostToContainer"}, {"name": "e", "mountPath": "/e"}]


def test_conf_of_every_job() -> None:
    conf = spark_conf(SETTINGS)
    assert conf["spark.eventLog.enabled"] == "true"
    assert conf["spark.eventLog.dir"] == "s3a://eventlogs/"
    assert conf["spark.sql.session.timeZone"] == "UTC"
    assert conf["spark.sql.adaptive.enabled"] == "true"
    assert conf["spark.executor.maxNumFailures"] == "6"
    assert conf["spark.sql.catalog.yard.uri"] == "jdbc:postgresql://?service=yard"
    assert conf["spark.sql.catalog.yard.jdbc.init-catalog-tables"] == "false"
    assert not [key for key in conf if "password" in key or "access.key" in key or key.endswith("authenticate.secret")]


def test_what_driver_and_executors_say_and_keep_is_encrypted_by_a_secret_in_a_file() -> None:
    """In a file on both sides: else Spark writes it into the executors' pods."""
    conf, full = spark_conf(SETTINGS), defaulted()
    asked = ("spark.authenticate", "spark.network.crypto.enabled", "spark.io.encryption.enabled")
    assert {conf[key] for key in asked} == {"true"}
    assert conf["spark.network.crypto.cipher"] == "AES/GCM/NoPadding"
    assert conf["spark.executorEnv.SPARK_JAVA_OPT_9999"] == "-Dspark.master=k8s://"
    for role in ("driver", "executor"):
        spec, container = pod(role, full)
        mount = next(mount for mount in container["volumeMounts"] if mount["name"] == "sparkyard-rpc")
        assert conf["spark.authenticate.secret.file"] == f"{mount['mountPath']}/secret"
        assert {"name": "sparkyard-rpc", "secret": {"secretName": "spark-rpc"}} in spec["volumes"]
    off = PlatformSettings(encryption=Encryption(secret=""))
    assert not [key for key in spark_conf(off) if "authenticate." in key or "crypto" in key]
    assert "sparkyard-rpc" not in json.dumps(apply_defaults(APP, off))


def test_a_store_that_starts_anew_is_waited_for_and_one_that_is_gone_is_told() -> None:
    """Hadoop waits twice as long before each try as before the last one; its own client shall not try within each of them for long."""
    prefix, conf = "spark.hadoop.fs.s3a", spark_conf(SETTINGS)
    tries, first = int(conf[f"{prefix}.retry.limit"]), int(conf[f"{prefix}.retry.interval"].removesuffix("ms"))
    assert 40_000 <= first * (2**tries - 1) <= 50_000
    assert int(conf[f"{prefix}.attempts.maximum"]) <= 1


def test_a_site_with_its_own_authority_and_proxy() -> None:
    settings = PlatformSettings(
        trusted_ca=TrustedCa(config_map="site-ca"), proxy=Proxy(https="http://proxy.site:3128", no_proxy=".svc,10.0.0.1")
    )
    options = spark_conf(settings)["spark.executor.defaultJavaOptions"]
    assert "-Djavax.net.ssl.trustStore=/etc/sparkyard/ca/truststore.p12" in options
    assert "-Dhttps.proxyHost=proxy.site -Dhttps.proxyPort=3128" in options
    assert "-Dhttp.nonProxyHosts=*.svc|10.0.0.1" in options
    _, container = pod("executor", apply_defaults(APP, settings)["spec"])
    env = {entry["name"]: entry.get("value") for entry in container["env"]}
    assert env["REQUESTS_CA_BUNDLE"] == "/etc/sparkyard/ca/ca.crt"
    assert env["HTTPS_PROXY"] == env["https_proxy"] == "http://proxy.site:3128"


def test_what_a_manifest_takes_back_is_gone_after_an_update() -> None:
    said = copy.deepcopy(APP)
    said["spec"]["sparkConf"] = {"spark.sql.shuffle.partitions": "8"}
    born = apply_defaults(said, SETTINGS, "run-1")
    sent = copy.deepcopy(born)
    del sent["spec"]["sparkConf"]["spark.sql.shuffle.partitions"]
    full = reapply_defaults(sent, born, SETTINGS, "run-2")
    assert full["spec"] == apply_defaults(APP, SETTINGS)["spec"]


def test_suspending_is_no_new_run() -> None:
    born = apply_defaults(APP, SETTINGS, "run-1")
    sent = copy.deepcopy(born)
    sent["spec"]["suspend"] = True
    assert reapply_defaults(sent, born, SETTINGS, "run-2")["spec"] == {**born["spec"], "suspend": True}


def test_the_same_settings_lead_to_the_same_defaults_in_one_generation() -> None:
    """If this fails on purpose, raise GENERATION: running applications then keep what they have."""
    text = json.dumps(apply_defaults(APP, SETTINGS)["spec"], sort_keys=True)
    assert (GENERATION, hashlib.sha256(text.encode()).hexdigest()[:12]) == (5, "2b729db75300")
