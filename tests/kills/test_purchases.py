"""A history killed at ten moments: readers see each table old or new, and to run it again is as if nothing had happened."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import pytest
from kills.lab import Lab, Writer, run_lab
from kills.test_kills import wait_until

from sparkyard import lake
from sparkyard.samples.purchases import make_files

pytestmark = [pytest.mark.java, pytest.mark.long, pytest.mark.timeout(3600)]
RAW = "s3a://raw/purchases/"
STAR = [f"yard.refined.purchases_{name}" for name in ("product", "user", "fact")]
CHANGES = [f"yard.trusted.purchases_changes_{name}" for name in ("products", "users", "purchases")]
# A kill comes when the command has been given, or when this table has been written, and a while later.
STEPS = ["", CHANGES[0], "yard.trusted.purchases_changes_days", STAR[0], STAR[1]]
MOMENTS = [(step, later) for step in STEPS for later in (0.0, 0.3)]
DAYS = [[*files] for _, files in groupby(make_files(0.1), key=lambda file: file[0].partition("/")[0])][: len(MOMENTS) + 1]


class Historian(Writer):
    script = "historian.py"


class Shop:
    """A lake, somebody who is left alone, and somebody to be killed."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.calm = self.start()

    def start(self) -> Historian:
        self.lab.writers.append(Historian(self.lab, self.lab.home / f"historian-{len(self.lab.writers)}"))
        return self.lab.writers[-1]  # type: ignore[return-value]

    def land(self, day: int) -> None:
        for name, content in DAYS[day]:
            path = self.lab.home / "raw/purchases" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        assert not self.calm.do("land", RAW, "")

    def kill_at(self, step: str, later: float) -> None:
        other = self.start()
        other.wait_until_ready()
        before = self.lab.commits(step) if step else 0
        other.send("history", RAW, "")
        wait_until(lambda: not step or self.lab.commits(step) > before, timeout=900)
        time.sleep(later)
        other.kill()

    def read(self) -> dict[str, str]:
        return {table: lake.checksum(lake.load_table(self.lab.catalog(), table)) for table in [*CHANGES, *STAR]}


@contextmanager
def run_shop(folder: Path) -> Iterator[Shop]:
    folder.mkdir()
    with run_lab("plain", folder) as lab:
        yield Shop(lab)


def follow_undisturbed(folder: Path) -> list[dict[str, str]]:
    """What the tables are after each day."""
    told = []
    with run_shop(folder) as shop:
        for day in range(len(DAYS)):
            shop.land(day)
            assert not shop.calm.do("history", RAW, "")
            told.append(shop.read())
    return told


def test_a_killed_history(tmp_path: Path, ledger: list[str]) -> None:
    expected = follow_undisturbed(tmp_path / "calm")
    new = []
    with run_shop(tmp_path / "killed") as shop:
        shop.land(0)
        assert not shop.calm.do("history", RAW, "")
        for day, moment in enumerate(MOMENTS, 1):
            shop.land(day)
            shop.kill_at(*moment)
            seen = shop.read()
            assert all(seen[table] in (expected[day - 1][table], expected[day][table]) for table in seen)
            new.append(sum(seen[table] == expected[day][table] != expected[day - 1][table] for table in seen))
            assert not shop.calm.do("history", RAW, "")
            assert shop.read() == expected[day]
    ledger.append(f"history {len(new)} kills, with {', '.join(map(str, new))} of {len(CHANGES + STAR)} tables renewed | run again: equal")
    assert len(set(new)) > 2, "they fell at different moments"
