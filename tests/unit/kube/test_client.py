"""The client finds its cluster, and says no in our words."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sparkyard.errors import ClusterError
from sparkyard.kube import ApiError, Gone, Kube, find_kubeconfig, watch_object

APPS = "/apis/x/v1/namespaces/jobs/things"


def test_the_users_choice_of_cluster_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", "/somewhere/else")
    assert find_kubeconfig() == "/somewhere/else"
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setattr("sparkyard.kube.client.ROOT", tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_kubeconfig() is None
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube/config").write_text("")
    assert find_kubeconfig() == str(tmp_path / ".kube/config")
    (tmp_path / "build").mkdir()
    (tmp_path / "build/kubeconfig").write_text("")
    assert find_kubeconfig() == str(tmp_path / "build/kubeconfig")


def test_no_cluster_is_one_clear_message(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="make cluster"):
        Kube(str(tmp_path / "missing"))


def test_a_refusal_carries_the_servers_words(fake_api: ModuleType, tmp_path: Path) -> None:
    refusal = {"kind": "Status", "message": "pods is forbidden: user may not", "reason": "Forbidden"}
    with fake_api.serve(lambda *_: (403, refusal), tmp_path) as path, pytest.raises(ApiError, match="user may not") as error:
        Kube(path).get("/api/v1/pods")
    assert (error.value.status, error.value.reason) == (403, "Forbidden")


def test_what_is_not_there_is_none(fake_api: ModuleType, tmp_path: Path) -> None:
    with fake_api.serve(lambda *_: (404, {"message": "no"}), tmp_path) as path:
        assert Kube(path).find("/x") is None
        assert Kube(path).delete("/x") is False


def test_an_empty_list_may_come_as_null(fake_api: ModuleType, tmp_path: Path) -> None:
    with fake_api.serve(lambda *_: (200, {"kind": "PodList", "items": None}), tmp_path) as path:
        assert Kube(path).list("/api/v1/pods") == []


def test_a_dead_cluster_is_no_traceback(fake_api: ModuleType, tmp_path: Path) -> None:
    with fake_api.serve(lambda *_: (200, {}), tmp_path) as path:
        kube = Kube(path)
    with pytest.raises(ClusterError, match="does not answer"):
        kube.get("/api")


def thing(version: int, state: str, uid: str = "u") -> dict[str, Any]:
    return {"metadata": {"name": "x", "uid": uid, "resourceVersion": str(version)}, "state": state}


def test_a_watch_survives_expiry_refusals_and_an_end_without_a_word(fake_api: ModuleType, tmp_path: Path) -> None:
    looks = iter(
        [(200, thing(1, "new")), (500, {"message": "etcdserver: leader changed"}), (200, thing(5, "running")), (200, thing(9, "done"))]
    )
    watches = iter(
        [
            (200, [{"type": "ERROR", "object": {"code": 410}}]),
            (200, [{"type": "BOOKMARK", "object": {}}, {"type": "MODIFIED", "object": thing(6, "running")}, '{"type": "MODI']),
            (200, []),
        ]
    )
    with fake_api.serve(lambda method, path, body: next(watches if "watch=true" in path else looks), tmp_path) as path:
        states = []
        for item in watch_object(Kube(path), APPS, "x"):
            states.append(item["state"])
            if item["state"] == "done":
                break
    assert states == ["new", "running", "running", "done"]


def test_an_object_of_the_same_name_is_another_object(fake_api: ModuleType, tmp_path: Path) -> None:
    looks = iter([(200, thing(1, "new")), (200, thing(2, "new", uid="another"))])
    with (
        fake_api.serve(lambda method, path, body: (200, []) if "watch=true" in path else next(looks), tmp_path) as path,
        pytest.raises(Gone),
    ):
        list(watch_object(Kube(path), APPS, "x"))


def test_patience_has_an_end(fake_api: ModuleType, tmp_path: Path) -> None:
    with fake_api.serve(lambda *_: (503, {"message": "starting"}), tmp_path) as path, pytest.raises(ClusterError, match="starting"):
        list(watch_object(Kube(path), APPS, "x", patience=0.1))


def test_who_may_not_look_is_told_at_once(fake_api: ModuleType, tmp_path: Path) -> None:
    with fake_api.serve(lambda *_: (403, {"message": "may not"}), tmp_path) as path, pytest.raises(ApiError, match="may not"):
        list(watch_object(Kube(path), APPS, "x"))
