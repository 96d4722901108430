"""A publishing run killed at any moment, and two at once: the database holds old rows or new ones, and to run it again settles all."""

import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest
from charts.apiserver import free_port
from kills.lab import Lab, Writer, run_lab
from rotation import rotating

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "dev"))
import postgres

pytestmark = [pytest.mark.java, pytest.mark.postgres, pytest.mark.timeout(3600)]
TABLE, TARGET, ROWS = "yard.refined.kills_publish", "public.kills", 300_000
BEFORE, STAGING, INSIDE, DONE = PHASES = ("nothing staged", "staging", "in the transaction", "published")
MOMENTS = [(INSIDE, 0.4), (STAGING, 0.5)]
MOMENTS += [(INSIDE, i / 8) for i in range(8)] + [(STAGING, i / 5) for i in range(5)] + [(BEFORE, i / 3) for i in range(3)]
MOMENTS += [(DONE, share) for share in (0.0, 0.5)]
FEWEST_INSIDE = 5
OFFSETS = [0, 0.1, 0.3, 0.6, 1, 2, 4]  # seconds
# Whose lock says that the transaction has begun, as PostgreSQL shows a lock of 64 bits.
LOOK = f"""SELECT EXISTS (SELECT FROM pg_tables WHERE tablename LIKE 'sparkyard_stage%'), EXISTS (
  SELECT FROM pg_locks WHERE locktype = 'advisory' AND ((classid::bigint << 32) | objid::bigint) = hashtextextended('{TARGET}', 0))"""


class Publisher(Writer):
    script = "publisher.py"


class Bench:
    def __init__(self, lab: Lab, link: "psycopg.Connection[Any]") -> None:
        self.lab, self.link, self.version = lab, link, 0
        self.calm, self.other = self.start(), self.start()
        assert not self.calm.do("make", TABLE, str(ROWS))
        assert not self.calm.do("whole", TABLE, TARGET)

    def start(self) -> Publisher:
        self.lab.writers.append(Publisher(self.lab, self.lab.home / f"publisher-{len(self.lab.writers)}"))
        return self.lab.writers[-1]  # type: ignore[return-value]

    def change(self) -> int:
        self.version += 1
        assert not self.calm.do("change", TABLE, str(self.version))
        return self.version

    def seen(self) -> tuple[int, ...]:
        """What a reader sees at one moment: rows, ids, the least and greatest id and version, lines of the ledger."""
        lines = "(SELECT count(DISTINCT snapshot_id) FROM sparkyard_published), (SELECT max(number) FROM sparkyard_published)"
        asked = f"SELECT count(*), count(DISTINCT id), min(id), max(id), min(version), max(version), {lines} FROM {TARGET}"
        return tuple(self.link.execute(asked).fetchone() or ())

    def state(self, version: int) -> tuple[int, ...]:
        """When each version has been published once, from 0 on."""
        return (ROWS, ROWS, version, version + ROWS - 1, version, version, version + 1, version + 1)

    def stages(self) -> list[Any]:
        return self.link.execute("SELECT tablename FROM pg_tables WHERE tablename LIKE 'sparkyard_stage%'").fetchall()

    def phase(self) -> str:
        if self.link.execute("SELECT max(number) FROM sparkyard_published").fetchone() == (self.version + 1,):
            return DONE
        staged, inside = self.link.execute(LOOK).fetchone() or (False, False)
        return INSIDE if inside else STAGING if staged else BEFORE

    def kill_in(self, phase: str, share: float, how: str, lasts: dict[str, float]) -> str:
        """The phase it was in fact killed in, as told by the database a moment before."""
        self.other.wait_until_ready()
        seen = {BEFORE: time.monotonic()}
        self.other.send(how, TABLE, TARGET)
        deadline = time.monotonic() + 120
        while PHASES.index(now := self.phase()) < PHASES.index(phase):
            assert time.monotonic() < deadline, f"it does not come so far: {now}"
            seen.setdefault(now, time.monotonic())
            time.sleep(0.002)
        seen.setdefault(now, time.monotonic())
        times = list(seen.items())
        lasts |= {step: end - begin for (step, begin), (_, end) in pairwise(times) if step not in lasts}
        time.sleep(share * lasts.get(phase, 0.3))
        died = self.phase()
        self.other.kill()
        self.other = self.start()
        return died


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("publish")
    with pytest.MonkeyPatch.context() as patch, postgres.serve(free_port(), None, "fsync=off") as server:
        (folder / "db.toml").write_text(server.connection())
        patch.setenv("SPARKYARD_CONNECTIONS", str(folder))
        with psycopg.connect(server.dsn(), autocommit=True) as link, run_lab("plain", folder) as lab:
            yield Bench(lab, link)


@pytest.mark.parametrize("how", rotating(["whole", "merge"]))
def test_a_killed_run(how: str, bench: Bench, ledger: list[str], request: pytest.FixtureRequest) -> None:
    kills, fewest = (len(MOMENTS), FEWEST_INSIDE) if request.config.getoption("--long") else (1, 1)
    died, kept, lasts = [], 0, dict[str, float]()
    for number, moment in enumerate([*MOMENTS[:kills], *[(INSIDE, 0.2)] * 10]):
        if number >= kills and died.count(INSIDE) >= fewest:
            break
        version = bench.change()
        died.append(bench.kill_in(*moment, how, lasts))
        old, new, seen = bench.state(version - 1), bench.state(version), bench.seen()
        assert seen in (old, new)
        kept += seen == old
        assert bench.calm.do(how, TABLE, TARGET) == ""
        assert (bench.seen(), bench.stages()) == (new, [])
    ledger.append(f"publish {how:6} {len(died):>2} kills: " + ", ".join(f"{died.count(phase):>2} {phase}" for phase in PHASES))
    ledger[-1] += f" | readers: {kept:>2} old, {len(died) - kept:>2} new, 0 neither | run again: exact, ledger right, no stage"
    assert died.count(INSIDE) >= fewest


@pytest.mark.parametrize("how", rotating(["merge", "whole"]))
def test_two_runs_at_once(how: str, bench: Bench, ledger: list[str], request: pytest.FixtureRequest) -> None:
    offsets = OFFSETS if request.config.getoption("--long") else OFFSETS[:1]
    bench.other.wait_until_ready()
    for offset in offsets:
        version = bench.change()
        bench.calm.send(how, TABLE, TARGET)
        time.sleep(offset)
        bench.other.send(how, TABLE, TARGET)
        assert (bench.calm.answer(), bench.other.answer()) == ("", "")
        assert (bench.seen(), bench.stages()) == (bench.state(version), [])
    ledger.append(f"publish {how:6} {len(offsets):>2} pairs: all exact, one line of the ledger each, no stage")
