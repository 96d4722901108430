"""Each rule finds what it is for, at its place, and nothing in a manifest that keeps it."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparkyard.check import KINDS, check_application
from sparkyard.check.findings import format_path
from sparkyard.settings import Images, PlatformSettings, Quota

SETTINGS = PlatformSettings(
    spark_version="4.1.3",
    images=Images(spark="yard/spark:1", allowed=("yard/",)),
    allowed_secrets=("sql-server",),
    quota=Quota(cpu="4", memory="8192Mi"),
)
GOOD: dict[str, Any] = {
    "apiVersion": "sparkoperator.k8s.io/v1beta2",
    "kind": "SparkApplication",
    "metadata": {"name": "hello-hello", "namespace": "spark-jobs"},
    "spec": {
        "type": "Python",
        "mode": "cluster",
        "sparkVersion": "4.1.3",
        "pythonVersion": "3",
        "mainApplicationFile": "local:///opt/sparkyard/apps/hello/hello.py",
        "restartPolicy": {"type": "Never"},
        "driver": {"cores": 1, "memory": "512m"},
        "executor": {"instances": 2, "cores": 1, "memory": "1g"},
    },
}


def with_value(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """The good manifest with one thing said differently."""
    app = copy.deepcopy(GOOD)
    place: Any = app
    for key in path[:-1]:
        place = place.setdefault(key, {})
    place[path[-1]] = value
    return app


def errors(app: dict[str, Any], platform: PlatformSettings = SETTINGS) -> set[tuple[str, str]]:
    return {(finding.rule, format_path(finding.path)) for finding in check_application(app, platform)}


def conf(key: str, value: str) -> tuple[tuple[Any, ...], Any]:
    return ("spec", "sparkConf", key), value


BAD: list[tuple[tuple[Any, ...], Any, str, str]] = [
    (("metadata", "name"), "Hello", "name", "metadata.name"),
    (("metadata", "name"), "a" * 57, "name", "metadata.name"),
    (("metadata", "name"), "my-driver-job", "name", "metadata.name"),
    (("metadata", "namespace"), "default", "namespace", "metadata.namespace"),
    (("metadata", "namespace"), None, "namespace", "metadata.namespace"),
    (("spec", "mode"), "client", "mode", "spec.mode"),
    (("spec", "driver", "kubernetesMaster"), "k8s://x", "master", "spec.driver.kubernetesMaster"),
    (("spec", "mainApplicationFile"), "/opt/x.py", "main-file", "spec.mainApplicationFile"),
    (("spec", "mainApplicationFile"), "https://x.example/x.py", "main-file", "spec.mainApplicationFile"),
    (("spec", "mainApplicationFile"), "local:///opt/x.jar", "main-file", "spec.mainApplicationFile"),
    (("spec", "sparkVersion"), "3.5.1", "spark-version", "spec.sparkVersion"),
    (("spec", "pythonVersion"), "2", "python-version", "spec.pythonVersion"),
    (("spec", "restartPolicy"), {"type": "Always"}, "restart-policy", "spec.restartPolicy.type"),
    (("spec", "restartPolicy"), {"type": "OnFailure"}, "restart-policy", "spec.restartPolicy"),
    (("spec", "arguments"), ["{{ ds }}"], "templating", "spec.arguments[0]"),
    (("spec", "excutor"), {}, "unknown-field", "spec.excutor"),
    (("spec", "driver", "core"), 1, "unknown-field", "spec.driver.core"),
    (("spec", "type"), None, "missing-field", "spec.type"),
    (*conf("spark.master", "local"), "denied-property", "spec.sparkConf[spark.master]"),
    (*conf("spark.kubernetes.driver.master", "x"), "denied-property", "spec.sparkConf[spark.kubernetes.driver.master]"),
    (*conf("spark.kubernetes.container.image", "x"), "denied-property", "spec.sparkConf[spark.kubernetes.container.image]"),
    (
        *conf("spark.kubernetes.authenticate.driver.serviceAccountName", "x"),
        "denied-property",
        "spec.sparkConf[spark.kubernetes.authenticate.driver.serviceAccountName]",
    ),
    (
        *conf("spark.kubernetes.authenticate.oauthToken", "${env:T}"),
        "denied-property",
        "spec.sparkConf[spark.kubernetes.authenticate.oauthToken]",
    ),
    (*conf("spark.kubernetes.namespace", "other"), "denied-property", "spec.sparkConf[spark.kubernetes.namespace]"),
    (*conf("spark.kubernetes.driver.podTemplateFile", "x"), "denied-property", "spec.sparkConf[spark.kubernetes.driver.podTemplateFile]"),
    (
        *conf("spark.kubernetes.executor.memoryOverhead", "1g"),
        "wrong-property",
        "spec.sparkConf[spark.kubernetes.executor.memoryOverhead]",
    ),
    (*conf("fs.s3a.endpoint", "x"), "wrong-property", "spec.sparkConf[fs.s3a.endpoint]"),
    (*conf("spark.jars.packages", "a:b:1"), "download", "spec.sparkConf[spark.jars.packages]"),
    (("spec", "deps", "packages"), ["a:b:1"], "download", "spec.deps.packages"),
    (("spec", "sparkConf", "spark.sql.shuffle.partitions"), 8, "not-a-string", "spec.sparkConf[spark.sql.shuffle.partitions]"),
    (*conf("spark.kubernetes.local.dirs.tmpfs", "true"), "tmpfs-local-dir", "spec.sparkConf[spark.kubernetes.local.dirs.tmpfs]"),
    (
        ("spec", "volumes"),
        [{"name": "spark-local-dir-1", "emptyDir": {"medium": "Memory"}}],
        "tmpfs-local-dir",
        "spec.volumes[0].emptyDir.medium",
    ),
    (
        ("spec", "dynamicAllocation"),
        {"enabled": True, "shuffleTrackingEnabled": False},
        "shuffle-tracking",
        "spec.dynamicAllocation.shuffleTrackingEnabled",
    ),
    (("spec", "driver", "javaOptions"), "-Xmx2g", "java-options", "spec.driver.javaOptions"),
    (
        *conf("spark.executor.extraJavaOptions", "-Dspark.x=1"),
        "java-options",
        "spec.sparkConf[spark.executor.extraJavaOptions]",
    ),
    (("spec", "driver", "hostNetwork"), True, "host-access", "spec.driver.hostNetwork"),
    (("spec", "driver", "template"), {"spec": {"hostPID": True}}, "host-access", "spec.driver.template.spec.hostPID"),
    (
        ("spec", "driver", "securityContext"),
        {"privileged": True},
        "security-context",
        "spec.driver.securityContext.privileged",
    ),
    (
        ("spec", "executor", "podSecurityContext"),
        {"runAsUser": 0},
        "security-context",
        "spec.executor.podSecurityContext.runAsUser",
    ),
    (
        ("spec", "executor", "securityContext"),
        {"capabilities": {"add": ["SYS_ADMIN"]}},
        "security-context",
        "spec.executor.securityContext.capabilities.add",
    ),
    (
        ("spec", "driver", "podSecurityContext"),
        {"seccompProfile": {"type": "Unconfined"}},
        "security-context",
        "spec.driver.podSecurityContext.seccompProfile.type",
    ),
    (("spec", "volumes"), [{"name": "a", "hostPath": {"path": "/"}}], "volume", "spec.volumes[0].hostPath"),
    (("spec", "volumes"), [{"name": "a", "nfs": {"server": "x"}}], "volume", "spec.volumes[0].nfs"),
    (
        *conf("spark.kubernetes.executor.volumes.hostPath.a.mount.path", "/a"),
        "volume",
        "spec.sparkConf[spark.kubernetes.executor.volumes.hostPath.a.mount.path]",
    ),
    (("spec", "driver", "volumeMounts"), [{"name": "a", "mountPath": "/a"}], "lost-mount", "spec.driver.volumeMounts[0].name"),
    (("spec", "image"), "other/spark:1", "image", "spec.image"),
    (("spec", "driver", "initContainers"), [{"name": "a", "image": "other/x"}], "image", "spec.driver.initContainers[0].image"),
    (("spec", "driver", "serviceAccount"), "admin", "service-account", "spec.driver.serviceAccount"),
    (("spec", "executor", "serviceAccount"), "spark-driver", "service-account", "spec.executor.serviceAccount"),
    (
        ("spec", "driver", "template"),
        {"spec": {"serviceAccountName": "admin"}},
        "service-account",
        "spec.driver.template.spec.serviceAccountName",
    ),
    (("spec", "driver", "template"), {"spec": {"nodeName": "n"}}, "node-name", "spec.driver.template.spec.nodeName"),
    (("spec", "driver", "priorityClassName"), "system-node-critical", "priority-class", "spec.driver.priorityClassName"),
    (("spec", "driver", "podName"), "mine", "pod-name", "spec.driver.podName"),
    (("spec", "sparkConfigMap"), "mine", "config-map", "spec.sparkConfigMap"),
    (("spec", "driver", "labels"), {"spark-role": "x"}, "reserved-label", "spec.driver.labels.spark-role"),
    (("spec", "driver", "secrets"), [{"name": "other", "path": "/s"}], "secret", "spec.driver.secrets[0].name"),
    (("spec", "driver", "envSecretKeyRefs"), {"P": {"name": "other", "key": "p"}}, "secret", "spec.driver.envSecretKeyRefs.P.name"),
    (
        ("spec", "executor", "env"),
        [{"name": "P", "valueFrom": {"secretKeyRef": {"name": "other", "key": "p"}}}],
        "secret",
        "spec.executor.env[0].valueFrom.secretKeyRef.name",
    ),
    (
        ("spec", "executor", "envFrom"),
        [{"secretRef": {"name": "lake-catalog-jobs"}}],
        "secret",
        "spec.executor.envFrom[0].secretRef.name",
    ),
    (
        ("spec", "volumes"),
        [{"name": "a", "projected": {"sources": [{"secret": {"name": "other"}}]}}],
        "secret",
        "spec.volumes[0].projected.sources[0].secret.name",
    ),
    (*conf("spark.kubernetes.driver.secrets.other", "/s"), "secret", "spec.sparkConf[spark.kubernetes.driver.secrets.other]"),
    (
        *conf("spark.kubernetes.executor.secretKeyRef.P", "other:p"),
        "secret",
        "spec.sparkConf[spark.kubernetes.executor.secretKeyRef.P]",
    ),
    (("spec", "executor", "secrets"), [{"name": "sql-connections", "path": "/s"}], "secret", "spec.executor.secrets[0].name"),
    (
        *conf("spark.kubernetes.executor.secrets.sql-connections", "/s"),
        "secret",
        "spec.sparkConf[spark.kubernetes.executor.secrets.sql-connections]",
    ),
    (("spec", "imagePullSecrets"), ["other"], "secret", "spec.imagePullSecrets[0]"),
    (*conf("spark.hadoop.fs.s3a.secret.key", "abc"), "credential", "spec.sparkConf[spark.hadoop.fs.s3a.secret.key]"),
    (*conf("spark.x.url", "jdbc:x://u:p@h/d"), "credential", "spec.sparkConf[spark.x.url]"),
    (("spec", "hadoopConf"), {"fs.s3a.access.key": "abc"}, "credential", "spec.hadoopConf[fs.s3a.access.key]"),
    (("spec", "arguments"), ["--password=tiger"], "credential", "spec.arguments[0]"),
    (("spec", "driver", "env"), [{"name": "DB_PASSWORD", "value": "tiger"}], "credential", "spec.driver.env[0].value"),
    (("spec", "driver", "envVars"), {"TOKEN": "abc"}, "credential", "spec.driver.envVars.TOKEN"),
    (("spec", "executor", "memory"), "1Gi", "quantity", "spec.executor.memory"),
    (("spec", "executor", "memory"), "1.5g", "quantity", "spec.executor.memory"),
    (("spec", "driver", "memoryOverhead"), "512", "quantity", "spec.driver.memoryOverhead"),
    (("spec", "driver", "coreRequest"), "half", "quantity", "spec.driver.coreRequest"),
    (("spec", "driver", "cores"), 0.5, "quantity", "spec.driver.cores"),
    (("spec", "executor", "instances"), 0, "quantity", "spec.executor.instances"),
    (("spec", "executor", "instances"), 40, "quota", "spec.executor.instances"),
    (("spec", "executor", "memory"), "20g", "quota", "spec.executor.instances"),
    (("spec", "driver", "memory"), None, "no-memory", "spec.driver"),
    (("spec", "deps", "jars"), ["https://x.example/a.jar"], "download", "spec.deps.jars"),
]
FINE: list[tuple[tuple[Any, ...], Any]] = [
    (("spec", "driver", "kubernetesMaster"), "local[*]"),
    (("spec", "mainApplicationFile"), "s3a://raw/apps/mine.py"),
    (("spec", "image"), "yard/spark:2"),
    (("spec", "restartPolicy"), {"type": "OnFailure", "onFailureRetries": 2}),
    (("spec", "driver", "serviceAccount"), "spark-driver"),
    (("spec", "driver", "secrets"), [{"name": "sql-server", "path": "/s", "secretType": "Generic"}]),
    (("spec", "driver", "secrets"), [{"name": "sql-connections", "path": "/s", "secretType": "Generic"}]),
    (("spec", "driver", "env"), [{"name": "P", "valueFrom": {"secretKeyRef": {"name": "sql-server", "key": "p"}}}]),
    (("spec", "driver", "securityContext"), {"runAsUser": 1000, "readOnlyRootFilesystem": False}),
    (("spec", "volumes"), [{"name": "a", "persistentVolumeClaim": {"claimName": "a"}}, {"name": "b", "configMap": {"name": "b"}}]),
    (("spec", "executor", "instances"), 2),
    conf("spark.hadoop.fs.s3a.aws.credentials.provider", "org.example.Provider"),
    conf("spark.kubernetes.driver.secrets.sql-server", "/s"),
    conf("spark.authenticate.secret.file", "/s"),
    conf("spark.sql.shuffle.partitions", "8"),
    (("spec", "arguments"), ["--token-file", "/s/token", "--input", "s3a://raw/"]),
]


def ids(case: tuple[Any, ...]) -> str:
    return f"{case[2] if len(case) > 2 else 'fine'} {format_path(case[0])}={case[1]}"[:70]


def test_a_good_manifest_has_no_findings() -> None:
    assert errors(GOOD) == set()


@pytest.mark.parametrize("case", BAD, ids=ids)
def test_each_rule_finds_its_own(case: tuple[Any, ...]) -> None:
    path, value, rule, place = case
    assert errors(with_value(path, value)) == {(rule, place)}


@pytest.mark.parametrize("case", FINE, ids=ids)
def test_what_is_allowed_is_not_found(case: tuple[Any, ...]) -> None:
    assert errors(with_value(*case)) == set()


def test_a_schedule_is_checked_through_its_template() -> None:
    schedule = {**GOOD, "kind": "ScheduledSparkApplication", "spec": {"schedule": "@daily", "template": {**GOOD["spec"], "mode": "client"}}}
    assert errors(schedule) == {("mode", "spec.template.mode")}
    schedule["metadata"] = {"name": "a" * 40, "namespace": "spark-jobs"}
    assert ("name", "metadata.name") in errors(schedule)


def test_every_finding_says_a_way_out() -> None:
    for path, value, _, _ in BAD:
        for finding in check_application(with_value(path, value), SETTINGS):
            assert finding.fix, finding
            assert str(finding).count("\n") == 0


def test_one_pod_asks_for_no_executors() -> None:
    app = with_value(("spec", "driver", "kubernetesMaster"), "local[*]")
    app["spec"]["executor"]["instances"] = 1000
    assert errors(app) == set()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "x", "{{ x }}", "1Gi"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["name", "env", "spec", "value", "secret"]), inner, max_size=2)
    ),
    max_leaves=4,
)
KEYS = st.sampled_from([case[0] for case in BAD])


@given(st.lists(st.tuples(KEYS, JSON), max_size=4), st.sampled_from(KINDS))
@settings(max_examples=300, deadline=None)
def test_nonsense_is_no_traceback(changes: list[tuple[tuple[Any, ...], Any]], kind: str) -> None:
    app = copy.deepcopy(GOOD)
    app["kind"] = kind
    for path, value in changes:
        place: Any = app
        for key in path[:-1]:
            place = place.setdefault(key, {}) if isinstance(place, dict) else {}
        if isinstance(place, dict):
            place[path[-1]] = value
    check_application(app, SETTINGS)
