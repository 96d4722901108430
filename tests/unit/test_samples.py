from collections import Counter

from sparkyard.samples import FAMILIES
from sparkyard.samples.events import START


def make(scale: float, seed: int = 0, broken: float = 0.0) -> dict[str, list[bytes]]:
    return {name: content.splitlines() for name, content in FAMILIES["events"](scale, seed, broken)}


def test_a_larger_scale_adds_files_and_keeps_the_others() -> None:
    small, large = make(0.02), make(1.01)
    assert list(large) == ["events-0001.csv", "events-0002.csv"]
    assert [len(lines) for lines in large.values()] == [100_001, 1_001]
    assert len(small["events-0001.csv"]) == 2_001
    assert make(0.02) == small
    assert make(0.02, seed=1) != small


def test_events_look_like_the_real_ones() -> None:
    (lines,) = make(0.1).values()
    assert lines[0] == b"time,action"
    times = [line.split(b",")[0].decode() for line in lines[1:]]
    assert Counter(line.split(b",")[1] for line in lines[1:]) == {b"Open": 5_000, b"Close": 5_000}
    assert times != sorted(times)
    assert min(times) >= f"{START:%Y-%m-%dT%H:%M:%S}.000Z"


def test_as_many_lines_are_broken_as_asked() -> None:
    (whole,), (broken,) = make(0.1).values(), make(0.1, broken=0.01).values()
    assert sum(a != b for a, b in zip(whole, broken, strict=True)) == 100
