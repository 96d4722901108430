"""Random edit histories, landed out of order and corrected: every past day gives back exactly its snapshot; changes are counted right."""

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from apps.purchases.conftest import DAYS, follow, land
from apps.purchases.histories import Snapshot, make_snapshots, put

import jobkit
import purchasekit
from purchases import history

pytestmark = pytest.mark.java


def texts(row: Any, kind: Any) -> tuple[str, ...]:
    """As a snapshot would write it."""
    values = [row[name] for name in list(kind.columns)[1:]]
    return tuple(f"{value:%Y-%m-%dT%H:%M:%SZ}" if hasattr(value, "hour") else str(value) for value in values)


def written(row: tuple[str, ...], kind: Any) -> tuple[str, ...]:
    """A price has two digits, whatever was written."""
    kinds = list(kind.columns.values())[1:]
    return tuple(f"{float(text):.2f}" if of.startswith("DECIMAL") else text for text, of in zip(row, kinds, strict=True))


def known_on(day: date, snapshots: dict[date, Snapshot], name: str) -> dict[int, tuple[str, ...]]:
    past = [landed for landed in snapshots if landed <= day]
    return snapshots[max(past)][name] if past else {}


def test_every_past_day_gives_back_exactly_its_snapshot(shop: Any) -> None:
    for snapshots, told in shop.goes:
        for kind in purchasekit.LISTS:
            for number in range(-2, 10):
                day = DAYS[0] + timedelta(number)
                valid = [row for row in told[kind.name] if row.valid_from <= day and (row.valid_to is None or row.valid_to > day)]
                expected = {key: written(row, kind) for key, row in known_on(day, snapshots, kind.name).items()}
                assert {row[kind.key]: texts(row, kind) for row in valid} == expected, (shop.seed, kind.name, day)
                assert len(valid) == len(expected), "no key twice"


def test_spans_do_not_overlap_and_who_lives_has_one_current_row(shop: Any) -> None:
    snapshots, told = shop.goes[-1]
    for kind in purchasekit.LISTS:
        rows = sorted(told[kind.name], key=lambda row: (row[kind.key], row.valid_from))
        assert all(row.valid_to is None or row.valid_from < row.valid_to for row in rows)
        for row, after in pairwise(rows):
            assert row[kind.key] != after[kind.key] or (row.valid_to and row.valid_to <= after.valid_from), shop.seed
            touching = row[kind.key] == after[kind.key] and row.valid_to == after.valid_from
            assert not touching or texts(row, kind) != texts(after, kind), "what did not change has one row"
        current = Counter(row[kind.key] for row in rows if row.current)
        assert current == dict.fromkeys(snapshots[DAYS[-1]][kind.name], 1)
        assert all(row.current == (row.valid_to is None) for row in rows)


def test_changes_are_those_between_two_snapshots(shop: Any) -> None:
    snapshots, _ = shop.goes[-1]
    noted = {(row.date, row.list): row for row in history.find_noted(shop.spark)}
    assert len(noted) == 3 * len(DAYS) == 3 * shop.followed["facts"]["snapshots"]
    for kind in purchasekit.LISTS:
        name = kind.name
        listed = {
            (row.date, row.change): row["count"] for row in shop.spark.table(kind.changes).groupBy("date", "change").count().collect()
        }
        for before, day in pairwise([None, *DAYS]):
            expected = Counter[str]()
            old, new = known_on(before, snapshots, name) if before else {}, snapshots[day][name]
            for key in old.keys() | new.keys():
                was, now = (written(of[key], kind) if key in of else None for of in (old, new))
                expected["unchanged" if was == now else "new" if not was else "updated" if now else "removed"] += 1
            row = noted[day, name]
            assert Counter({change: row[change] for change in history.KINDS}) == expected, (shop.seed, day, name)
            assert all(listed.get((day, change), 0) == row[change] for change in ("new", "updated", "removed"))


def test_a_list_that_shrinks_too_much_is_refused(spark: Any) -> None:
    step = history.Step(DAYS[1], "new", DAYS[0], "old")
    changes = spark.sql(f"SELECT DATE '{DAYS[1]}' AS date, explode(array('removed', 'removed', 'updated', 'unchanged', 'new')) AS change")
    assert history.count({"users": changes}, [step], 0.5) == [("users", *step, 1, 1, 1, 2)]
    with pytest.raises(jobkit.InputError, match=rf"{DAYS[1]}: 2 of 4 users of {DAYS[0]} are gone, more than the 49% of --max-removed"):
        history.count({"users": changes}, [step], 0.49)


def test_without_a_snapshot_there_is_no_history(yard: Any) -> None:
    with pytest.raises(jobkit.InputError, match="run purchases-land first"):
        follow(yard)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(5))
def test_more_histories(yard: Any, seed: int) -> None:
    """One day after another, the last one first; after each the whole past."""
    from apps.purchases.conftest import read_history

    days = DAYS[:5]
    snapshots, known = make_snapshots(1000 + seed, days), dict[date, Snapshot]()
    yard.goes, yard.seed = [], 1000 + seed
    for day in reversed(days):
        known[day] = snapshots[day]
        put(yard.raw, day, snapshots[day])
        land(yard, "--date", f"{day}")
        follow(yard)
        yard.goes.append((dict(known), read_history(yard)))
    test_every_past_day_gives_back_exactly_its_snapshot(yard)
