"""What was measured, as tables for people: ratios question by question, totals with landing, growth with size."""

from collections.abc import Sequence
from dataclasses import dataclass

SIDES = ("ours", "usual", "duckdb")
CLOCKS = {"seconds": "seconds of the clock", "cpu": "seconds of CPU"}


@dataclass(frozen=True)
class Measured:
    scale: float
    kind: str
    question: str
    side: str
    seconds: float
    cpu: float
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


def totals(measured: Sequence[Measured], scale: float, kind: str, clock: str) -> dict[str, float]:
    """Seconds for all questions; ours with its landing, once."""
    sums = {"ours": getattr(landing(measured, scale), clock)}
    for sides in pick(measured, scale, kind).values():
        for side, figure in sides.items():
            sums[side] = sums.get(side, 0.0) + getattr(figure, clock)
    return sums


def format_scale(scale: float, measured: Sequence[Measured]) -> str:
    kinds = [kind for kind in ("cold", "warm") if pick(measured, scale, kind)]
    return "\n".join(format_kind(scale, kind, clock, measured) for kind in kinds for clock in CLOCKS)


def format_kind(scale: float, kind: str, clock: str, measured: Sequence[Measured]) -> str:
    head = [*SIDES, "usual/ours", "duckdb/ours", *(f"{side} MiB" for side in SIDES)]
    lines = [f"\nscale {scale:g}, {kind}, {CLOCKS[clock]}", " ".join([f"{'':16}", *(f"{name:>11}" for name in head)])]
    rows = pick(measured, scale, kind)
    for question, row in rows.items():
        seconds, peaks = {side: getattr(row[side], clock) for side in SIDES}, [f"{row[side].peak:11}" for side in SIDES]
        lines.append(" ".join([format_row(question, seconds), *peaks]))
    landed = landing(measured, scale)
    lines.append(f"{'landing, once':16} {getattr(landed, clock):11.2f} {'':47} {landed.peak:11}")
    lines.append(format_row("all, landing too", totals(measured, scale, kind, clock)))
    slower = [question for question, row in rows.items() if getattr(row["ours"], clock) > getattr(row["usual"], clock)]
    lines.append(f"ours is slower than usual on: {', '.join(slower) or 'none'}")
    return "\n".join(lines)


def format_row(name: str, seconds: dict[str, float]) -> str:
    ratios = (f"{seconds[side] / seconds['ours']:10.2f}x" for side in SIDES[1:])
    return " ".join([f"{name:16}", *(f"{seconds[side]:11.2f}" for side in SIDES), *ratios])


def format_growth(measured: Sequence[Measured]) -> str:
    """CPU time against data, from the first scale to the last: 1 is in proportion, less is better."""
    scales = sorted({figure.scale for figure in measured})
    first, last = scales[0], scales[-1]
    lines = [f"\ngrowth of CPU time / growth of data, scale {first:g} to {last:g}"]
    for kind in ("cold", "warm"):
        small, large = pick(measured, first, kind), pick(measured, last, kind)
        for question in small:
            grown = {side: large[question][side].cpu / small[question][side].cpu for side in small[question] if small[question][side].cpu}
            lines.append(f"{kind:5} {question:11} " + " ".join(f"{side} {ratio * first / last:6.2f}" for side, ratio in grown.items()))
    landed = landing(measured, last).cpu / landing(measured, first).cpu * first / last
    peaks = [max(figure.peak for figure in measured if (figure.scale, figure.side) == (scale, "ours")) for scale in scales]
    sizes = ", ".join(f"{scale:g}: {peak}" for scale, peak in zip(scales, peaks, strict=True))
    return "\n".join([*lines, f"landing           ours {landed:6.2f}", f"highest memory of ours, MiB by scale: {sizes}"])
