"""What the hub makes for a person, and of a person's pod."""

import json
from typing import Any

import pytest

from sparkyard.errors import UsageError
from sparkyard.hub import HubValues, make_additions, make_objects, make_person_quota, make_profile_list, parse_values
from sparkyard.hub.pod import make_user_settings
from sparkyard.hub.values import Executors, Notebook, PersonQuota, Profile
from sparkyard.settings import Encryption, PlatformSettings, parse_settings

VALUES = HubValues(
    image="registry.example.com/sparkyard/notebook:1",
    profiles={"large": Profile(title="Large", notebook=Notebook(cpu="2", memory="8Gi"), executors=Executors(max=9)), "small": Profile()},
)


def additions(profile: str = "small", **platform: Any) -> dict[str, Any]:
    return make_additions(PlatformSettings(**platform), VALUES, "ann", profile)


def env(added: dict[str, Any]) -> dict[str, Any]:
    return {entry["name"]: entry for entry in added["env"]}


def test_what_belongs_to_a_person_names_no_other() -> None:
    for item in make_objects("spark-notebooks", "ann", "token", "word"):
        assert item["metadata"]["name"].endswith("-ann")
        assert item["metadata"]["labels"]["sparkyard.dev/notebook-user"] == "ann"
        assert item["metadata"]["namespace"] == "spark-notebooks"


def test_a_person_is_bound_to_the_one_role() -> None:
    [binding] = [item for item in make_objects("n", "ann", "t", "w") if item["kind"] == "RoleBinding"]
    assert binding["roleRef"]["name"] == "notebook"
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "notebook-ann", "namespace": "n"}]


def test_a_person_s_pods_talk_to_their_own_only() -> None:
    [policy] = [item for item in make_objects("n", "ann", "t", "w") if item["kind"] == "NetworkPolicy"]
    own = {"podSelector": {"matchLabels": {"sparkyard.dev/notebook-user": "ann"}}}
    assert policy["spec"]["ingress"] == [{"from": [own]}]
    assert policy["spec"]["egress"] == [{"to": [own]}]


def test_no_secret_stands_in_the_pod() -> None:
    """Everybody may list everybody's pods."""
    entries = env(additions())
    for name in ("JUPYTERHUB_API_TOKEN", "JPY_API_TOKEN"):
        assert entries[name] == {"name": name, "valueFrom": {"secretKeyRef": {"name": "notebook-token-ann", "key": "token"}}}


def test_the_role_in_the_lake_is_the_notebooks_own() -> None:
    added = additions()
    assert added["envFrom"] == [{"secretRef": {"name": "lake-s3-read"}}]
    secrets = {volume["secret"]["secretName"] for volume in added["volumes"] if "secret" in volume}
    assert secrets == {"lake-catalog-read", "spark-rpc-ann"}
    settings = parse_settings(env(added)["SPARKYARD_NOTEBOOK_SETTINGS"]["value"])
    assert settings.lake.event_log_dir == "s3a://eventlogs/"
    silent = VALUES.model_copy(update={"lake": VALUES.lake.model_copy(update={"event_logs": False})})
    assert make_user_settings(PlatformSettings(), silent, "ann").lake.event_log_dir == ""
    assert settings.executor.service_account == "spark-executor"


def test_sql_connections_are_mounted_where_jobs_look_and_only_if_the_site_says_so() -> None:
    given = make_additions(PlatformSettings(), VALUES.model_copy(update={"connections": "sql"}), "ann", "small")
    assert {"name": "sql-connections", "secret": {"secretName": "sql", "optional": True}} in given["volumes"]
    assert {"name": "sql-connections", "mountPath": "/etc/sparkyard/connections", "readOnly": True} in given["mounts"]
    assert "sql-connections" not in {volume["name"] for volume in additions()["volumes"]}


def test_without_encryption_there_is_no_word_between_driver_and_executors() -> None:
    assert make_user_settings(PlatformSettings(encryption=Encryption(secret="")), VALUES, "ann").encryption.secret == ""


@pytest.mark.parametrize(("chosen", "most"), [("small", 2), ("large", 9), ("no such", 2)])
def test_the_profile_decides_on_executors(chosen: str, most: int) -> None:
    sizes = json.loads(env(additions(chosen))["SPARKYARD_NOTEBOOK_SIZES"]["value"])
    assert (sizes["user"], sizes["max"]) == ("ann", most)


def test_a_person_s_pods_are_counted_by_a_class_of_their_own() -> None:
    counted = VALUES.model_copy(update={"person_quota": PersonQuota(enabled=True, cpu="2000m", memory="4096Mi", pods="9")})
    group, quota = make_person_quota(counted, "ann")
    assert (group["metadata"]["name"], group["value"], group["preemptionPolicy"]) == ("notebook-ann", 0, "Never")
    assert "namespace" not in group["metadata"], "classes are the cluster's"
    assert quota["spec"]["hard"] == {"requests.cpu": "2000m", "requests.memory": "4096Mi", "pods": "9"}
    [scope] = quota["spec"]["scopeSelector"]["matchExpressions"]
    assert scope == {"scopeName": "PriorityClass", "operator": "In", "values": ["notebook-ann"]}
    added = make_additions(PlatformSettings(), counted, "ann", "small")
    executors = parse_settings(env(added)["SPARKYARD_NOTEBOOK_SETTINGS"]["value"]).executor
    assert added["priorityClass"] == executors.priority_class == "notebook-ann"


def test_people_are_not_counted_unless_the_site_says_so() -> None:
    assert make_person_quota(VALUES, "ann") == []
    assert additions()["priorityClass"] is None


def test_the_pod_is_restricted() -> None:
    added = additions()
    assert added["containerSecurity"]["readOnlyRootFilesystem"] is True
    assert added["containerSecurity"]["capabilities"] == {"drop": ["ALL"]}
    assert added["podSecurity"]["runAsNonRoot"] is True


def test_profiles_are_a_choice_in_the_hub_s_units() -> None:
    small, large = make_profile_list(VALUES)
    assert (small["default"], large["default"]) == (True, False)
    assert small["kubespawner_override"] == {"cpu_guarantee": 0.25, "mem_guarantee": "2G", "mem_limit": "2G"}
    assert large["kubespawner_override"]["cpu_guarantee"] == 2.0


def test_a_wrong_value_is_named() -> None:
    with pytest.raises(UsageError, match="profils"):
        parse_values(json.dumps({"image": "x", "profiles": {"small": {}}, "profils": 1}))
