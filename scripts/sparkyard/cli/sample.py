"""`sparkyard sample`: data to try things with."""

from pathlib import Path
from typing import Annotated

import typer

from sparkyard.cli import app
from sparkyard.errors import UsageError

HELP = """Make sample data of a family, the same from the same seed. Files that are there already and equal are left alone.

\b
  sparkyard sample events --scale 1 --out .sparkyard/raw/events
  sparkyard sample events --scale 0.1 --broken 0.01 --out .sparkyard/raw/broken
  sparkyard sample trace --scale 0.05 --out .sparkyard/raw/trace
  sparkyard sample losses --scale 1 --out .sparkyard/shares/risk/files
  sparkyard sample marts --scale 0.1 --out .sparkyard/raw/marts
  sparkyard sample wdi --scale 0.01 --out .sparkyard/raw/wdi
  sparkyard sample purchases --scale 0.1 --out .sparkyard/raw/purchases
  sparkyard sample sensors --scale 0.1 --out .sparkyard/raw/sensors

events: 100,000 open and close events over two days for each unit of scale.
trace: a shard of the Google cluster trace of 2011 (© Google, CC-BY 4.0), made again from its statistics, for each unit of scale.
losses: 100,000 rows of a catastrophe model for each unit of scale, in two snapshots; 10,000 iterations.
marts: a messenger's events of 1,000 people over 60 days (2022-03-07 to 2022-05-05) for each unit of scale, and Australian cities.
wdi: World Development Indicators with invented values; 1,500 indicators for each unit of scale, besides the six that are asked for.
purchases: snapshots of a shop on 14 days (2024-03-01 to 2024-03-14), 20,000 purchases for each unit of scale.
sensors: 50,000 readings of weather stations over 30 days (2024-05-01 to 2024-05-30) for each unit of scale.
"""


@app.command(help=HELP)
def sample(
    family: Annotated[str, typer.Argument(help="events, trace, losses, marts, wdi, purchases or sensors.")],
    out: Annotated[Path, typer.Option(help="Folder for the files; s3a://raw/… is <home>/raw/… here.")],
    scale: Annotated[float, typer.Option(min=0.0, help="How much: 1 is what a look needs.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Another seed, other data.")] = 0,
    broken: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of lines that shall be broken.")] = 0.0,
) -> None:
    from sparkyard.samples import FAMILIES

    if family not in FAMILIES:
        raise UsageError(f"no such family; there are: {', '.join(FAMILIES)}", where=family, next_command="sparkyard sample --help")
    made = kept = size = 0
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in FAMILIES[family](scale, seed, broken):
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            is_new = write_if_other(out / name, content)
            made, kept, size = made + is_new, kept + (not is_new), size + len(content)
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=f"--out {out}") from None
    print(f"{out}: {made} file(s) made, {kept} there already, {size / 1e6:,.1f} MB")


def write_if_other(path: Path, content: bytes) -> bool:
    """An equal file keeps its time of change, by which jobs know what they have read."""
    if path.exists() and path.read_bytes() == content:
        return False
    draft = path.with_name(f".{path.name}.part")
    draft.write_bytes(content)
    draft.replace(path)
    return True
