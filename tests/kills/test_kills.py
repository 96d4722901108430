"""Whatever a writer is killed at, readers see the old table or the new one, and to run it again is as if nothing had happened."""

import re
import time
from collections.abc import Callable, Iterator

import pytest
from kills.lab import ROWS, Lab, Seen, run_lab
from rotation import rotating

pytestmark = [pytest.mark.java, pytest.mark.timeout(3600)]
GUARDED = ["spark_apps/jobfiles.py", "spark_apps/jobstage.py", "tests/kills"]
CASES = [(path, store) for store in ("plain", "S3") for path in ("create", "append", "merge", "replace")]
ROWS_OUT = {"create": ROWS, "append": 3 * ROWS, "merge": 5 * ROWS // 2, "replace": 2 * ROWS}
ROWS_OF_TWO = {"create": 2 * ROWS, "append": 4 * ROWS, "merge": 11 * ROWS // 4, "replace": 2 * ROWS}
NO_DATA, BETWEEN, COMMITTED = PHASES = ("no data file", "data but no commit", "committed")
# Kill in which phase, at which share of it; how long a phase takes is seen at the first one.
MOMENTS = [(COMMITTED, 0.0), (BETWEEN, 0.3)]
MOMENTS += [(BETWEEN, i / 10) for i in range(10)] + [(NO_DATA, i / 5) for i in range(5)] + [(COMMITTED, share) for share in (0.1, 0.3, 1)]
FEWEST_BETWEEN = 5
OFFSETS = [0.25, 0, 0.5, 1, 2, 3, 5, 7.5, 10]  # seconds
each_case = pytest.mark.parametrize(("path", "bench"), rotating(CASES, guarding=GUARDED), indirect=["bench"], scope="module")
CONFLICT = r"conflicting (\w+ )*files|CommitFailedException|AlreadyExistsException"


class Bench:
    """A lake with a writer that is left alone, and one to be killed."""

    def __init__(self, store: str, lab: Lab) -> None:
        self.store, self.lab, self.tables = store, lab, 0
        self.calm, self.other = lab.start_writer(), lab.start_writer()

    def make_table(self, path: str) -> str:
        """Its name; a table that is to be created is not there yet."""
        self.tables += 1
        table = f"yard.trusted.{path}_{self.tables}"
        assert path == "create" or not self.calm.do(path, table, "base")
        return table

    def undisturbed(self, path: str, batches: str) -> Seen:
        table = self.make_table(path)
        assert not any(self.calm.do(path, table, batch) for batch in batches)
        return self.lab.read(table)

    def kill_in(self, phase: str, share: float, path: str, table: str, lasts: dict[str, float]) -> str:
        """The phase it was in fact killed in, as told by the disk."""
        self.other.wait_until_ready()
        files, commits, times = self.lab.files(table), self.lab.commits(table), []
        came = {NO_DATA: lambda: True, BETWEEN: lambda: self.lab.files(table) > files, COMMITTED: lambda: self.lab.commits(table) > commits}
        self.other.send(path, table, "a")
        for step in PHASES[: PHASES.index(phase) + 1]:
            wait_until(came[step])
            times.append(time.monotonic())
        time.sleep(share * lasts.get(phase, 1))
        self.other.kill()
        lasts |= {step: end - begin for step, begin, end in zip(PHASES, times, times[1:], strict=False) if not lasts.get(step)}
        died = next(step for step in reversed(PHASES) if came[step]())
        self.other = self.lab.start_writer()
        return died

    def run_both(self, path: str, table: str, offset: float) -> int:
        """How many of two writers landed at once; the other one said why not, and lands when it is run again."""
        self.other.wait_until_ready()
        self.calm.send(path, table, "a")
        time.sleep(offset)
        self.other.send(path, table, "b")
        errors = {"a": self.calm.answer(), "b": self.other.answer()}
        told = [batch for batch, error in errors.items() if error]
        assert all(re.search(CONFLICT, errors[batch]) for batch in told), errors
        assert not any(self.calm.do(path, table, batch) for batch in told)
        return 2 - len(told)


def wait_until(came: Callable[[], bool], timeout: float = 120) -> None:
    deadline = time.monotonic() + timeout
    while not came():
        assert time.monotonic() < deadline, "the writer does not come so far"
        time.sleep(0.003)


@pytest.fixture(scope="module")
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with run_lab(request.param, tmp_path_factory.mktemp("kills")) as lab:
        yield Bench(request.param, lab)


@each_case
def test_a_killed_writer(path: str, bench: Bench, ledger: list[str], request: pytest.FixtureRequest) -> None:
    old, new = bench.undisturbed(path, ""), bench.undisturbed(path, "a")
    assert new.rows == new.ids == ROWS_OUT[path]
    kills, fewest = (len(MOMENTS), FEWEST_BETWEEN) if request.config.getoption("--long") else (2, 1)
    died, seen, after, lasts = [], [], [], dict[str, float]()
    for number, moment in enumerate([*MOMENTS[:kills], *[(BETWEEN, 0.2)] * 10]):
        if number >= kills and died.count(BETWEEN) >= fewest:
            break
        table = bench.make_table(path)
        died.append(bench.kill_in(*moment, path, table, lasts))
        seen.append(bench.lab.read(table))
        after.append((bench.calm.do(path, table, "a"), bench.lab.read(table)))
    ledger.append(f"{path:8} {bench.store:5} {len(died):>2} kills: " + ", ".join(f"{died.count(phase):>2} {phase}" for phase in PHASES))
    ledger[-1] += f" | readers: {seen.count(old):>2} old, {seen.count(new):>2} new, {len(set(seen) - {old, new})} neither"
    ledger[-1] += f" | run again: rows in {ROWS_OUT[path] * len(died):>7,}, out {sum(told.rows for _, told in after):>7,}"
    assert seen == [new if phase == COMMITTED else old for phase in died]
    assert set(after) == {("", new)}
    assert died.count(BETWEEN) >= fewest


@each_case
def test_upkeep_changes_files_and_no_row(path: str, bench: Bench) -> None:
    table = bench.make_table(path)
    assert not any(bench.calm.do(path, table, batch) for batch in "ab")
    before, files, lost = bench.lab.read(table), bench.lab.live_files(table), bench.lab.lose(table)
    assert not bench.calm.do("upkeep", table, "")
    assert bench.lab.read(table) == before
    assert bench.lab.live_files(table) < files
    assert not lost.exists()


@each_case
def test_two_writers_at_once(path: str, bench: Bench, ledger: list[str], request: pytest.FixtureRequest) -> None:
    in_turn = {bench.undisturbed(path, "ab"), bench.undisturbed(path, "ba")}
    landed, seen = [], []
    for offset in OFFSETS if request.config.getoption("--long") else OFFSETS[:1]:
        table = bench.make_table(path)
        landed.append(bench.run_both(path, table, offset))
        seen.append(bench.lab.read(table))
    ledger.append(f"{path:8} {bench.store:5} {len(seen):>2} pairs: {landed.count(2)} both landed, {landed.count(1)} one was told why")
    ledger[-1] += f" | rows in {ROWS_OF_TWO[path] * len(seen):>7,}, out {sum(told.rows for told in seen):>7,}"
    assert {told.ids for told in seen} == {told.rows for told in seen} == {ROWS_OF_TWO[path]}
    assert set(seen) <= in_turn
