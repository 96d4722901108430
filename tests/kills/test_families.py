"""The jobs of marts, wdi and sensors, killed at ten moments each: every table is old or new, and run again they make all new.

Their files change between two versions and back. A kill waits for the commit of a table, so that it comes in the midst of the jobs.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from apps.wdi.server import running
from kills.lab import Lab, Writer, run_lab
from kills.test_kills import wait_until

from sparkyard import lake
from sparkyard.samples import marts, sensors, wdi

pytestmark = [pytest.mark.java, pytest.mark.long, pytest.mark.timeout(3600)]
DAYS = 6  # the fewest in which the sample has pairs
TABLES = {
    "marts": ["yard.trusted.marts_mover", *(f"yard.refined.marts_{mart}" for mart in ("users", "zones", "friends"))],
    "wdi": ["yard.trusted.wdi_land", *(f"yard.refined.wdi_{answer}" for answer in ("means", "short_lives", "gaps"))],
    "sensors": ["yard.trusted.sensors_land", "yard.refined.sensors_catalogue", "yard.refined.sensors_parameters"],
}
# A kill comes when the command has been given, or when this table has been written, and a while later.
STEPS = {
    "marts": ["", "yard.trusted.marts_mover", "yard.trusted.marts_mover_days", "yard.refined.marts_users", "yard.refined.marts_zones"],
    "wdi": ["", "yard.raw.wdi_ingest_downloads", "yard.trusted.wdi_land", "yard.refined.wdi_means", "yard.refined.wdi_short_lives"],
    "sensors": ["", "yard.trusted.sensors_land", "yard.trusted.sensors_land_files", *TABLES["sensors"][1:]],
}
LATER = (0.0, 0.5)  # seconds


class Runner(Writer):
    script = "families.py"


class Bench:
    """A lake, one who runs a family's jobs, and one to be killed."""

    def __init__(self, family: str, lab: Lab, stack: ExitStack) -> None:
        self.family, self.lab = family, lab
        self.server, self.url = stack.enter_context(running())
        self.calm, self.other = self.start(), self.start()

    def start(self) -> Runner:
        self.lab.writers.append(Runner(self.lab, self.lab.home / f"runner-{len(self.lab.writers)}"))
        return self.lab.writers[-1]  # type: ignore[return-value]

    def change(self, version: int) -> None:
        if self.family == "wdi":
            ((_, content),) = wdi.make_files(0, seed=version)
            self.server.serve(content, etag=f'"{time.monotonic_ns()}"')
            return
        made = marts.make_files(0.02, seed=version) if self.family == "marts" else sensors.make_files(0.012 * (1 + version))
        for name, content in made:
            file = self.lab.home / "raw" / self.family / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)

    def command(self) -> tuple[str, str, str]:
        date = str(marts.FIRST + timedelta(DAYS - 1))
        return {"marts": ("marts", date, str(DAYS - 1)), "wdi": ("wdi", self.url, ""), "sensors": ("sensors", "", "")}[self.family]

    def state(self) -> dict[str, str]:
        known = lake.list_tables(catalog := self.lab.catalog())
        return {name: lake.checksum(lake.load_table(catalog, name)) if name in known else "" for name in TABLES[self.family]}

    def kill_at(self, step: str, later: float) -> None:
        self.other.wait_until_ready()
        before = self.lab.commits(step) if step else 0
        self.other.send(*self.command())
        wait_until(lambda: not step or self.lab.commits(step) > before, timeout=900)  # all the jobs before it, in a session that is new
        time.sleep(later)
        self.other.kill()
        self.other = self.start()


@pytest.fixture
def bench(request: pytest.FixtureRequest, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(marts, "DAYS", DAYS)
    with ExitStack() as stack:
        yield Bench(request.param, stack.enter_context(run_lab("plain", tmp_path)), stack)


@pytest.mark.parametrize("bench", list(TABLES), indirect=True)
def test_a_killed_family(bench: Bench, ledger: list[str]) -> None:
    states = []
    for version in (0, 1):
        bench.change(version)
        assert bench.calm.do(*bench.command()) == ""
        states.append(bench.state())
    assert not [table for table in TABLES[bench.family] if states[0][table] == states[1][table]]
    renewed = []
    moments = [(step, later) for step in STEPS[bench.family] for later in LATER]
    for number, moment in enumerate(moments):
        old, new = states[(number + 1) % 2], states[number % 2]
        bench.change(number % 2)
        bench.kill_at(*moment)
        seen = bench.state()
        assert all(seen[table] in (old[table], new[table]) for table in seen), moment
        renewed.append(sum(seen[table] == new[table] for table in seen))
        assert bench.calm.do(*bench.command()) == ""
        assert bench.state() == new, moment
    ledger.append(
        f"{bench.family:6} {len(moments)} kills: tables that were new then, of {len(old)}: {renewed} | run again: all as undisturbed"
    )
    assert 0 in renewed
    assert any(0 < count < len(old) for count in renewed)


@pytest.mark.parametrize("bench", ["wdi"], indirect=True)
def test_a_killed_download_leaves_whole_versions_or_none(bench: Bench) -> None:
    """Killed while the server sends: the next try, which has the same name, does not wait for the dead one."""
    bench.change(0)
    bench.server.fault = "slow"
    bench.kill_at("yard.raw.wdi_ingest_downloads", 0.5)
    assert not list((bench.lab.home / "raw").rglob("WDICSV.csv"))
    bench.server.fault = ""
    assert bench.calm.do(*bench.command()) == ""
    (landed,) = (bench.lab.home / "raw").rglob("WDICSV.csv")
    assert [(landed.name, landed.read_bytes())] == list(wdi.make_files(0, seed=0))
