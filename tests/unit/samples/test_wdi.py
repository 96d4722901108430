"""A larger scale adds lines behind the others; as many lines are broken as asked. That the traps are there: tests/apps/wdi."""

from sparkyard.samples import FAMILIES


def make(scale: float, broken: float = 0.0) -> list[str]:
    ((_, content),) = FAMILIES["wdi"](scale, 0, broken)
    return content.decode().splitlines()


def test_a_larger_scale_adds_lines() -> None:
    small, large = make(0.002), make(0.004)
    assert large[: len(small)] == small
    assert len(large) - len(small) == 3 * 32


def test_as_many_lines_are_broken_as_asked() -> None:
    whole, broken = make(0.004), make(0.004, broken=0.1)
    assert [good == bad for good, bad in zip(whole, broken, strict=True)].count(False) == round(0.1 * (len(whole) - 1))
