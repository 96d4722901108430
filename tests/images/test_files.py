"""Rules for what builds the images: Dockerfiles, scripts, locks. Needs no image."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from sparkyard.project import ROOT, load_versions

sys.path.insert(0, str(ROOT / "scripts" / "images"))
import jars
import parts
import recipes

IMAGES = ROOT / "images"
DOCKERFILES = sorted(IMAGES.glob("*/Dockerfile"))
SCRIPTS = [
    path
    for path in sorted([*IMAGES.glob("*/*"), *IMAGES.glob("*/sbin/*")])
    if path.is_file() and path.read_bytes()[:9] in (b"#!/bin/sh", b"#!/bin/ba")
]
dockerfile = pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)


def read_instructions(path: Path) -> list[tuple[str, str]]:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in "\n".join(lines).replace("\\\n", " ").splitlines() if line)]


def test_every_image_has_a_recipe_and_a_line_in_the_readme() -> None:
    assert {path.parent.name for path in DOCKERFILES} == set(recipes.make_recipes())
    readme = (IMAGES / "README.md").read_text()
    assert not [name for name in recipes.make_recipes() if f"`{name}`" not in readme]


@dockerfile
def test_ends_as_a_numeric_user(path: Path) -> None:
    users = [rest for word, rest in read_instructions(path) if word == "USER"]
    assert not users or re.fullmatch(r"[1-9]\d*:\d+", users[-1]), "the last USER counts, and a kubelet can only check numbers"
    assert users or "FROM ${PARENT}" in path.read_text(), "without USER the parent's holds"


@dockerfile
def test_downloads_nothing_unchecked(path: Path) -> None:
    for word, rest in read_instructions(path):
        assert word != "ADD", "COPY says what it does; ADD unpacks and downloads"
        assert not re.search(r"\b(curl|wget|pip|npm|go get)\b|https?://", rest), rest


@dockerfile
def test_takes_its_parent_as_an_argument(path: Path) -> None:
    froms = [rest for word, rest in read_instructions(path) if word == "FROM"]
    assert froms in (["${PARENT}"], ["${BASE_IMAGE}"])


@dockerfile
def test_leaves_no_package_lists(path: Path) -> None:
    for word, rest in read_instructions(path):
        if word == "RUN" and "apt-get" in rest:
            assert "--no-install-recommends" in rest
            assert "sparkyard-slim" in rest


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_scripts_are_short_strict_and_sound(script: Path) -> None:
    text = script.read_text()
    assert len(text.splitlines()) <= 60
    assert re.search(r"^set -eu", text, re.MULTILINE)
    shellcheck = Path(sys.executable).parent / "shellcheck"
    done = subprocess.run([shellcheck, "--exclude=SC1091", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_jars_follow_the_versions() -> None:
    versions = load_versions()
    for jar in jars.load_lock():
        if key := jars.VERSION_OF_GROUP.get(jar.group):
            assert jar.version == versions[key], f"{jar.name}: python scripts/images/jars.py --relock"
    iceberg = next(jar.name for jar in jars.load_lock() if jar.group == "org.apache.iceberg")
    assert iceberg == f"iceberg-spark-runtime-{versions['SPARK_VERSION'].rpartition('.')[0]}_{versions['SCALA_VERSION']}"


def test_no_netty_of_the_aws_sdk() -> None:
    assert not [jar for jar in jars.load_lock() if jar.group == "io.netty"], "it breaks Spark's own"


def test_a_tag_follows_what_is_in_the_image(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("1")
    before = parts.digest_tree(tmp_path)
    (tmp_path / "README.md").write_text("words")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_text("x")
    assert parts.digest_tree(tmp_path) == before
    (tmp_path / "a.py").chmod(0o755)
    assert parts.digest_tree(tmp_path) != before


@pytest.mark.parametrize(
    ("jar", "foreign"),
    [
        ("netty-x-linux-riscv64.jar", True),
        ("netty-x-osx-x86_64.jar", True),
        ("rocksdbjni-9.8.4.jar", False),
        ("spark-core_2.13-4.1.3.jar", False),
    ],
)
def test_foreign_natives(jar: str, foreign: bool) -> None:
    assert parts.is_foreign(jar) is foreign


def test_a_changed_jar_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARKYARD_CACHE", str(tmp_path))
    monkeypatch.setattr(jars, "fetch", lambda wanted: {jar: write_fake(tmp_path, jar) for jar in wanted})
    with pytest.raises(jars.JarsError, match=r"expected sha256 .* got"):
        jars.ensure(jars.load_lock()[:1])
    assert not list((tmp_path / "jars").glob("*.jar"))


def write_fake(folder: Path, jar: jars.Jar) -> Path:
    path = folder / "fetch" / jar.group / jar.path.name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not that jar")
    return path


def test_without_a_registry_the_next_command_is_named(tmp_path: Path) -> None:
    code = "import registry; registry.CLUSTER_ENV = registry.ROOT / 'build' / 'no-such.env'; registry.require_registry()"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT / "scripts" / "images", capture_output=True, text=True, env={"PATH": ""})
    assert "no registry to push to" in done.stderr
    assert "Next: make cluster" in done.stderr


def test_packages_are_the_same_whichever_checkout_staged_them(tmp_path: Path) -> None:
    """uv writes scripts that name its Python, and their hashes into RECORD: a layer with them would serve one checkout alone."""
    found = tmp_path / "pytest-1.dist-info"
    found.mkdir()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/pytest").write_text("#!/home/me/.venv/bin/python\n")
    (found / "RECORD").write_text("bin/pytest,sha256=abc,26\npytest/__init__.py,sha256=def,5\n")
    parts.forget_scripts(tmp_path)
    assert not (tmp_path / "bin").exists()
    assert (found / "RECORD").read_text() == "pytest/__init__.py,sha256=def,5\n"
