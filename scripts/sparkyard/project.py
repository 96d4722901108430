"""Where the project lies and which versions it pins (images/versions.env)."""

from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def load_versions() -> dict[str, str]:
    lines = (ROOT / "images" / "versions.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
