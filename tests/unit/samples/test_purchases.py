"""A larger scale adds lines behind the others; as many lines are broken as asked; one day changes nothing, the next one does."""

from datetime import timedelta

from sparkyard.samples import FAMILIES
from sparkyard.samples.purchases import DAYS, FIRST, HEADERS, QUIET


def make(scale: float, broken: float = 0.0) -> dict[str, list[str]]:
    return {name: content.decode().splitlines() for name, content in FAMILIES["purchases"](scale, 0, broken)}


def test_a_larger_scale_adds_lines_and_keeps_the_others() -> None:
    small, large = make(0.01), make(0.02)
    assert list(large) == list(small)
    assert len(small) == DAYS * len(HEADERS)
    for name, lines in small.items():
        assert large[name][: len(lines)] == lines
        assert len(large[name]) > len(lines)


def test_one_day_is_as_the_one_before() -> None:
    days = [f"{FIRST + timedelta(QUIET + more)}" for more in (-1, 0, 1)]
    before, quiet, after = ([make(0.02)[f"{day}/{name}.csv"] for name in HEADERS] for day in days)
    assert before == quiet
    assert all(one != other for one, other in zip(quiet, after, strict=True))


def test_as_many_lines_are_broken_as_asked() -> None:
    for whole, broken in zip(make(0.01).values(), make(0.01, broken=0.1).values(), strict=True):
        assert [good == bad for good, bad in zip(whole, broken, strict=True)].count(False) == round(0.1 * (len(whole) - 1))
