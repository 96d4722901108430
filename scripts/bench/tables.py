"""What was measured, as tables for people: ratios question by question, totals with landing, growth with size."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    scale: float
    kind: str
    question: str
    side: str
    seconds: float
    peak: int  # MiB


def pick(measured: Sequence[Measured], scale: float, kind: str) -> dict[str, dict[str, Measured]]:
    """Questions, and the figure of each side; landing is no question."""
    found: dict[str, dict[str, Measured]] = {}
    for figure in measured:
        if (figure.scale, figure.kind) == (scale, kind) and figure.question != "landing":
            found.setdefault(figure.question, {})[figure.side] = figure
    return found


def landing(measured: Sequence[Measured], scale: float) -> Measured:
    return next(figure for figure in measured if (figure.scale, figure.question) == (scale, "landing"))


def totals(measured: Sequence[Measured], scale: float, kind: str) -> dict[str, float]:
    """Seconds for all questions; ours with its landing, once."""
    sums = {"ours": landing(measured, scale).seconds}
    for sides in pick(measured, scale, kind).values():
        for side, figure in sides.items():
            sums[side] = sums.get(side, 0.0) + figure.seconds
    return sums


def format_scale(scale: float, measured: Sequence[Measured]) -> str:
    return "\n".join(format_kind(scale, kind, measured) for kind in ("cold", "warm") if pick(measured, scale, kind))


def format_kind(scale: float, kind: str, measured: Sequence[Measured]) -> str:
    sides = ("ours", "usual", "duckdb")
    head = [f"scale {scale:g}, {kind}", *sides, "usual/ours", "duckdb/ours", *(f"{side} MiB" for side in sides)]
    lines = ["", " ".join([f"{head[0]:16}", *(f"{name:>11}" for name in head[1:])])]
    for question, row in pick(measured, scale, kind).items():
        seconds, peaks = {side: row[side].seconds for side in sides}, [f"{row[side].peak:11}" for side in sides]
        lines.append(" ".join([format_row(question, seconds), *peaks]))
    landed = landing(measured, scale)
    lines.append(f"{'landing, once':16} {landed.seconds:11.2f} {'':47} {landed.peak:11}")
    lines.append(format_row("all, landing too", totals(measured, scale, kind)))
    slower = [question for question, row in pick(measured, scale, kind).items() if row["ours"].seconds > row["usual"].seconds]
    lines.append(f"ours is slower than usual on: {', '.join(slower) or 'none'}")
    return "\n".join(lines)


def format_row(name: str, seconds: dict[str, float]) -> str:
    ratios = (f"{seconds[side] / seconds['ours']:10.2f}x" for side in ("usual", "duckdb"))
    return " ".join([f"{name:16}", *(f"{seconds[side]:11.2f}" for side in ("ours", "usual", "duckdb")), *ratios])


def format_growth(measured: Sequence[Measured]) -> str:
    """Time against data, from the first scale to the last: 1 is in proportion, less is better."""
    scales = sorted({figure.scale for figure in measured})
    first, last = scales[0], scales[-1]
    lines = [f"\ngrowth of time / growth of data, scale {first:g} to {last:g}"]
    for kind in ("cold", "warm"):
        small, large = pick(measured, first, kind), pick(measured, last, kind)
        for question in small:
            grown = {side: large[question][side].seconds / small[question][side].seconds for side in small[question]}
            lines.append(f"{kind:5} {question:8} " + " ".join(f"{side} {ratio * first / last:6.2f}" for side, ratio in grown.items()))
    landed = landing(measured, last).seconds / landing(measured, first).seconds * first / last
    peaks = [max(figure.peak for figure in measured if (figure.scale, figure.side) == (scale, "ours")) for scale in scales]
    sizes = ", ".join(f"{scale:g}: {peak}" for scale, peak in zip(scales, peaks, strict=True))
    return "\n".join([*lines, f"landing        ours {landed:6.2f}", f"highest memory of ours, MiB by scale: {sizes}"])
