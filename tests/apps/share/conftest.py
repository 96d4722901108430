"""A share as a folder of this machine, and a lake of one test to land it in."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


class Share:
    """The share `risk`, and what landing it says."""

    def __init__(self, yard: Any, root: Path) -> None:
        self.yard, self.root, self.to = yard, root / "risk" / "files", f"s3a://raw/{yard.raw.name}"
        self.root.mkdir(parents=True)
        self.raw = yard.raw / "risk"

    def put(self, path: str, content: bytes | str = "x", age: float = 3600) -> Path:
        """A file whose last change lies a while back."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.touch(path, age)
        return file

    def touch(self, path: str, age: float) -> None:
        file = self.root / path
        moment = file.stat().st_ctime - age
        os.utime(file, (moment, moment))

    def land(self, *more: str) -> dict[str, Any]:
        from share import land

        return land.main(["--share", "risk", "--to", self.to, "--settle", "0", *more], self.yard.spark)

    def landed(self) -> dict[str, bytes]:
        """Every file of raw by its path, drafts too."""
        return {str(file.relative_to(self.raw)): file.read_bytes() for file in self.raw.rglob("*") if file.is_file()}

    def book(self, *columns: str) -> list[tuple[Any, ...]]:
        import sharebook

        return self.yard.rows(sharebook.FILES, *columns)


@pytest.fixture
def make_share(make_yard: Callable[[], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Share]:
    monkeypatch.setenv("SPARKYARD_SHARES", str(tmp_path / "shares"))
    return lambda: Share(make_yard(), tmp_path / "shares")


@pytest.fixture
def share(make_share: Callable[[], Share]) -> Share:
    return make_share()
