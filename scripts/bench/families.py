"""`make bench-families`: city marts and World Development Indicators, three ways, in one run on the same machine and files.

ours    the real jobs on landed tables; landing is timed apart, once, from the start of its process
usual   Spark as such programs are usually published: files read for each question, their schema inferred, Spark's own defaults; each event
        joined with every city and ranked; people paired by channel before any distance; a Spark job for each country. The same heap
duckdb  DuckDB on the same files

Cold, warm, clocks, memory and the comparison of the answers are those of `make bench-jobs`. Then `sparkyard sql` is compared with
`spark-sql` on the landed events: seconds from the start of the command to its answer.

  python scripts/bench/families.py --marts 1,16 --wdi 1,8
  python scripts/bench/families.py --marts 0.1 --wdi "" --kinds warm
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from first_answer import compare_first_answers
from jobs import Bench, listed, scales
from ours_families import QUESTIONS
from sides import Family, Lake
from tables import CLOCKS, SIDES, Measured, format_growth, format_scale, totals

from sparkyard.project import ROOT

FAMILIES = {
    "marts": Family("marts", "mover", "ours_families.py", "usual_marts.py", "duck_families.py"),
    "wdi": Family("wdi", "land", "ours_families.py", "usual_wdi.py", "duck_families.py"),
}


def format_total(measured: Mapping[str, Sequence[Measured]], kind: str, clock: str) -> str:
    """All families together, each at its largest scale, with its landing."""
    sums = dict.fromkeys(SIDES, 0.0)
    for figures in measured.values():
        for side, seconds in totals(figures, max(figure.scale for figure in figures), kind, clock).items():
            sums[side] += seconds
    told = ", ".join(f"{side} {seconds:.1f}" for side, seconds in sums.items())
    ratios = ", ".join(f"{side}/ours {sums[side] / sums['ours']:.2f}x" for side in SIDES[1:])
    return f"all at the largest scale, {kind}, {CLOCKS[clock]}: {told}; {ratios}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--marts", type=scales, default=[1.0], help="1,000 people each; empty: left out (1)")
    parser.add_argument("--wdi", type=scales, default=[1.0], help="25 MB each, 8 is as large as in life; empty: left out (1)")
    parser.add_argument("--kinds", type=lambda text: listed(["cold", "warm"], text), default=["cold", "warm"], help="cold,warm (both)")
    parser.add_argument("--pairs", type=int, default=3, help="of sparkyard sql and spark-sql for each query (3)")
    parser.add_argument("--home", type=Path, default=ROOT / "build/bench", help="where samples and lakes lie (build/bench)")
    parser.add_argument("--json", type=Path, help="a file for all figures")
    args = parser.parse_args()
    measured: dict[str, list[Measured]] = {}
    for name, family in FAMILIES.items():
        for scale in getattr(args, name):
            lake = Lake(args.home.resolve() / f"{name}-{scale:g}", scale, family)
            measured.setdefault(name, []).extend(Bench(lake, list(QUESTIONS[name])).run(args.kinds))
            if args.json:
                args.json.write_text(json.dumps({key: [asdict(figure) for figure in value] for key, value in measured.items()}, indent=1))
    for name, figures in measured.items():
        print("\n\n".join([f"\n{name}", *(format_scale(scale, figures).strip() for scale in getattr(args, name))]))
        print(format_growth(figures) if len(getattr(args, name)) > 1 else "")
    for kind in args.kinds:
        print("\n".join(format_total(measured, kind, clock) for clock in CLOCKS))
    if args.marts:
        compare_first_answers(args.home.resolve() / f"marts-{args.marts[-1]:g}", args.pairs)


if __name__ == "__main__":
    main()
