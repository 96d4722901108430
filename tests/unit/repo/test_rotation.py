"""Each rotating case has its day."""

import pytest
import rotation


@pytest.mark.parametrize("changed", [True, False])
@pytest.mark.parametrize("number", range(1, 20))
def test_no_case_is_left_out_for_ever(monkeypatch: pytest.MonkeyPatch, number: int, changed: bool) -> None:
    monkeypatch.setattr(rotation, "changed_files", lambda: ["spark_apps/sqlstage.py"] if changed else [])
    seen: set[int] = set()
    for day in range(number):
        monkeypatch.setattr(rotation, "TODAY", day)
        chosen = rotation.todays(number, ["spark_apps/sql"])
        assert len(chosen) == min(number, rotation.OF_CHANGED if changed else 1)
        seen |= chosen
    assert seen == set(range(number))


def test_a_rooms_faults_are_guarded_by_its_helpers_too() -> None:
    guards = rotation.guarded_by(rotation.ROOT / "tests/apps/sql/test_publish.py")
    assert "spark_apps/sqlstage.py".startswith(tuple(guards))
    assert not "spark_apps/sharecopy.py".startswith(tuple(guards))


def test_faults_of_the_node_are_guarded_by_the_node_alone() -> None:
    assert rotation.guarded_by(rotation.ROOT / "tests/cluster/test_goes.py") == rotation.NODE
    assert rotation.guarded_by(rotation.ROOT / "tests/local/test_run.py") == rotation.PLATFORM
