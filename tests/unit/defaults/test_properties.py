"""What must hold for every manifest: said once is said, twice is once, and an unchanged manifest changes nothing that runs."""

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sparkyard.check import check_application
from sparkyard.defaults import apply_defaults, is_same_run, reapply_defaults
from sparkyard.defaults.merge import merge, subtract
from sparkyard.defaults.overlay import overlay
from sparkyard.settings import Images, PlatformSettings, Proxy, TrustedCa

# Manifests as people write them: any mixture of what the fields allow.
NAMES = st.sampled_from(["data", "tmp", "spark-local-dir-1", "sparkyard-tmp", "share"])
PATHS = st.sampled_from(["/data", "/tmp", "/var/data/spark-local", "/mnt/share"])
VALUES = st.sampled_from(["true", "false", "1", "2g"])
PROPERTIES = st.sampled_from(
    [
        "spark.eventLog.enabled",
        "spark.sql.session.timeZone",
        "spark.sql.shuffle.partitions",
        "spark.kubernetes.memoryOverheadFactor",
        "spark.kubernetes.driver.request.cores",
        "spark.kubernetes.executor.volumes.emptyDir.spark-local-dir-1.mount.path",
        "spark.kubernetes.driver.volumes.persistentVolumeClaim.spark-local-dir-2.mount.path",
    ]
)


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


MOUNT = st.builds(lambda name, path: {"name": name, "mountPath": path}, NAMES, PATHS)
MOUNTS = st.lists(MOUNT, max_size=3, unique_by=lambda mount: mount["mountPath"])
ENV = st.lists(
    st.builds(lambda name, value: {"name": name, "value": value}, st.sampled_from(["A", "SPARKYARD_RUN_ID"]), VALUES),
    max_size=2,
    unique_by=lambda entry: entry["name"],
)
SECURITY = some(runAsUser=st.just(1000), readOnlyRootFilesystem=st.booleans(), capabilities=st.just({"drop": ["NET_RAW"]}))
CONTAINERS = st.lists(
    st.builds(
        lambda name, fields: {"name": name, **fields},
        st.sampled_from(["spark-kubernetes-driver", "spark-kubernetes-executor", "sidecar"]),
        some(env=ENV, volumeMounts=MOUNTS, securityContext=SECURITY),
    ),
    max_size=2,
    unique_by=lambda container: container["name"],
)
VOLUME = st.one_of(
    st.builds(lambda name: {"name": name, "emptyDir": {}}, NAMES),
    st.builds(lambda name: {"name": name, "persistentVolumeClaim": {"claimName": "share-events"}}, NAMES),
)
VOLUMES = st.lists(VOLUME, max_size=3, unique_by=lambda volume: volume["name"])
TEMPLATE = some(spec=some(containers=CONTAINERS, volumes=VOLUMES, tolerations=st.just([{"key": "gpu", "operator": "Exists"}])))
ROLE = some(
    cores=st.integers(1, 4),
    memory=st.just("1g"),
    coreRequest=st.just("100m"),
    env=ENV,
    volumeMounts=MOUNTS,
    securityContext=SECURITY,
    podSecurityContext=some(fsGroup=st.just(1000)),
    sidecars=st.just([{"name": "proxy", "image": "x"}]),
    template=TEMPLATE,
    labels=st.just({"team": "a"}),
)
SPEC = some(
    type=st.sampled_from(["Python", "Scala"]),
    mode=st.just("cluster"),
    arguments=st.lists(VALUES, max_size=2),
    sparkConf=st.dictionaries(PROPERTIES, VALUES, max_size=3),
    volumes=VOLUMES,
    restartPolicy=st.just({"type": "OnFailure", "onFailureRetries": 2}),
    timeToLiveSeconds=st.just(600),
    driver=ROLE,
    executor=ROLE,
)
APPS = st.builds(lambda spec: {"metadata": {"name": "a-job", "namespace": "spark-jobs"}, "spec": spec}, SPEC)

SETTINGS = st.sampled_from(
    [
        PlatformSettings(images=Images(spark="yard/spark:1"), share_claims=("share-*",)),
        PlatformSettings(
            images=Images(spark="yard/spark:1", pull_secrets=("pull",)),
            trusted_ca=TrustedCa(config_map="ca"),
            proxy=Proxy(http="http://proxy:3128", no_proxy=".svc,10.0.0.1"),
            node_selector={"pool": "spark"},
            tolerations=({"key": "spark", "operator": "Exists"},),
            spark_conf={"spark.kubernetes.memoryOverheadFactor": "0.3"},
        ),
    ]
)


@given(APPS, SETTINGS)
@settings(max_examples=100, deadline=None)
def test_twice_is_once(app: dict[str, Any], platform: PlatformSettings) -> None:
    once = apply_defaults(app, platform, "run-1")
    assert apply_defaults(once, platform, "run-2") == once
    assert overlay(once["spec"], platform) == overlay(app["spec"], platform)


@given(APPS, SETTINGS)
@settings(max_examples=100, deadline=None)
def test_what_a_manifest_says_wins(app: dict[str, Any], platform: PlatformSettings) -> None:
    full = apply_defaults(app, platform)["spec"]
    assert merge(full, app["spec"]) == full
    assert_keeps(app["spec"], full)


def assert_keeps(said: Any, full: Any) -> None:
    if isinstance(said, dict):
        for key, value in said.items():
            assert_keeps(value, full[key])
    elif isinstance(said, list):
        for place, value in enumerate(said):
            assert_keeps(value, full[place])
    else:
        assert said == full


@given(APPS, SETTINGS)
@settings(max_examples=100, deadline=None)
def test_applying_the_unchanged_manifest_again_changes_nothing(app: dict[str, Any], platform: PlatformSettings) -> None:
    born = apply_defaults(app, platform, "run-1")
    sent = kubectl_apply(born, app)
    again = reapply_defaults(sent, born, platform, "run-2")
    assert again["spec"] == born["spec"]
    assert again["metadata"]["labels"] == born["metadata"]["labels"]


def kubectl_apply(live: Any, manifest: Any) -> Any:
    """The live object after kubectl applied the manifest it was made of: maps merge, lists become the manifest's."""
    if isinstance(live, dict) and isinstance(manifest, dict):
        return {**live, **{key: kubectl_apply(live.get(key), value) for key, value in manifest.items()}}
    return copy.deepcopy(manifest)


@given(APPS, SETTINGS)
@settings(max_examples=100, deadline=None)
def test_a_changed_argument_is_a_new_run_with_the_same_defaults(app: dict[str, Any], platform: PlatformSettings) -> None:
    born = apply_defaults(app, platform, "run-1")
    changed = {**app, "spec": {**app["spec"], "arguments": ["--new"]}}
    full = reapply_defaults(kubectl_apply(born, changed), born, platform, "run-2")
    assert not is_same_run(full, born)
    assert is_same_run(full, apply_defaults(changed, platform))
    assert full["metadata"]["labels"]["sparkyard.dev/run-id"] == "run-2"


@given(APPS, SETTINGS)
@settings(max_examples=100, deadline=None)
def test_what_is_lifted_off_comes_back(app: dict[str, Any], platform: PlatformSettings) -> None:
    added = overlay(app["spec"], platform)
    full = merge(app["spec"], added)
    bare = subtract(full, added) or {}
    assert is_same_run({"spec": merge(bare, added)}, {"spec": full})


@given(APPS, SETTINGS)
@settings(max_examples=100, deadline=None)
def test_defaults_break_no_rule(app: dict[str, Any], platform: PlatformSettings) -> None:
    assert errors(apply_defaults(app, platform), platform) <= errors(app, platform)


def errors(app: dict[str, Any], platform: PlatformSettings) -> set[str]:
    return {finding.rule for finding in check_application(app, platform) if finding.severity == "error"}
