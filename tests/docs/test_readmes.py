"""Docs run: every block of commands says what runs it, and the local and cluster ones run here, as they stand."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from sparkyard.project import ROOT

FENCE = re.compile(r"(?:<!-- runs: (?P<runs>.+?) -->\n)?```(?:sh|bash|console|shell)\n(?P<commands>.*?)```", re.DOTALL)

COMMAND = re.compile(r"\s*(\$ |make |kubectl |helm |git |python3? |sparkyard |\.venv/)")


@dataclass(frozen=True)
class Block:
    path: Path
    line: int
    runs: str
    commands: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"


def load_paths() -> list[Path]:
    """Every Markdown file of the project itself."""
    rooms = [folder for folder in ROOT.iterdir() if folder.is_dir() and not folder.name.startswith(".") and folder.name != "build"]
    return sorted([*ROOT.glob("*.md"), *(path for room in rooms for path in room.rglob("*.md"))])


def load_blocks() -> list[Block]:
    return [block for path in load_paths() for block in parse_blocks(path)]


def parse_blocks(path: Path) -> list[Block]:
    text = path.read_text()
    return [Block(path, text.count("\n", 0, match.start()) + 1, match["runs"] or "", match["commands"]) for match in FENCE.finditer(text)]


BLOCKS = load_blocks()
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def of(kind: str) -> list[Block]:
    return [block for block in BLOCKS if block.runs == kind]


def run(block: Block) -> None:
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", block.commands], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{block}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_says_what_runs_it(block: Block) -> None:
    known = {"local", "cluster", "make"}
    assert block.runs in known or re.fullmatch(r"elsewhere \(.{10,}\)", block.runs), f"{block}: put <!-- runs: … --> above it"


@pytest.mark.parametrize("path", load_paths(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_command_hides_in_a_block_without_a_language(path: Path) -> None:
    bare = re.findall(
        r"^```\n(.*?)^```", re.sub(r"^```\w+\n.*?^```$", "", path.read_text(), flags=re.DOTALL | re.MULTILINE), re.DOTALL | re.MULTILINE
    )
    assert not [line for block in bare for line in block.splitlines() if COMMAND.match(line)]


@pytest.mark.parametrize("block", of("make"), ids=str)
def test_make_blocks_name_targets_that_exist(block: Block) -> None:
    """`make test` runs these steps itself, so here only their names are checked."""
    for words in re.findall(r"\bmake ((?:[a-z-]+ ?)+)", re.sub(r"#.*", "", block.commands)):
        assert set(words.split()) <= TARGETS, f"{block}: make {words}"


@pytest.mark.java
@pytest.mark.parametrize("block", of("local"), ids=str)
def test_local_blocks_run(block: Block) -> None:
    run(block)


@pytest.mark.cluster
@pytest.mark.parametrize("block", of("cluster"), ids=str)
def test_cluster_blocks_run(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(ROOT / "build/kubeconfig"))
    run(block)
