"""The jars that Spark needs besides its own, exactly as locked: fetched once, checked, cached by checksum.

    python scripts/images/jars.py --set local      prints the paths for a laptop
    python scripts/images/jars.py --set cluster    … for the image
    python scripts/images/jars.py --relock         after an edit of versions.env: same modules, new versions and checksums

They come through the Ivy that Spark itself carries, with its default repository or the site's own (SPARKYARD_IVY_SETTINGS).
"""

import argparse
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "images" / "spark-runtime" / "jars.lock"
VERSION_OF_GROUP = {
    "org.apache.hadoop": "HADOOP_VERSION",
    "software.amazon.awssdk": "AWS_SDK_VERSION",
    "org.apache.iceberg": "ICEBERG_VERSION",
    "org.postgresql": "POSTGRESQL_JDBC_VERSION",
    "com.microsoft.sqlserver": "MSSQL_JDBC_VERSION",
    "org.xerial": "SQLITE_JDBC_VERSION",
}


class JarsError(Exception):
    """One line for people: what failed, on which jar, and the next command."""


@dataclass(frozen=True)
class Jar:
    group: str
    name: str
    version: str
    sha256: str
    sets: tuple[str, ...]

    @property
    def path(self) -> Path:
        return cache_dir() / f"{self.name}-{self.version}.jar"

    def is_cached(self) -> bool:
        return self.path.exists() and sha256(self.path) == self.sha256


def cache_dir() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("SPARKYARD_CACHE") or Path(home) / "sparkyard") / "jars"


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_lock(path: Path = LOCK) -> list[Jar]:
    rows = [line.split() for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return [Jar(*coordinate.split(":"), digest, tuple(sets.split(","))) for digest, sets, coordinate in rows]


def format_lock(jars: list[Jar]) -> str:
    comments = [line for line in LOCK.read_text().splitlines() if line.startswith("#")]
    rows = [f"{jar.sha256} {','.join(jar.sets)} {jar.group}:{jar.name}:{jar.version}" for jar in jars]
    return "\n".join([*comments, *rows, ""])


def render_ivy_module(jars: list[Jar]) -> str:
    """Every jar is named, so nothing is resolved that the lock does not hold."""
    rows = [f'<dependency org="{jar.group}" name="{jar.name}" rev="{jar.version}" conf="*->default" transitive="false"/>' for jar in jars]
    info = '<info organisation="sparkyard" module="jars"/><configurations><conf name="default"/></configurations>'
    return f'<ivy-module version="2.0">{info}<dependencies>{"".join(rows)}</dependencies></ivy-module>'


def ivy_command(folder: Path) -> list[str]:
    java, spark = shutil.which("java"), importlib.util.find_spec("pyspark")
    if not java:
        raise JarsError("Java is not installed, and Ivy needs it. Next: make java")
    if not spark or not spark.submodule_search_locations:
        raise JarsError("pyspark, which carries Ivy, is not installed for this Python. Next: make setup")
    ivy = next(Path(spark.submodule_search_locations[0]).glob("jars/ivy-*.jar"))
    settings = os.environ.get("SPARKYARD_IVY_SETTINGS")
    return [
        *(java, "-jar", str(ivy), *(["-settings", settings] if settings else [])),
        *("-ivy", str(folder / "ivy.xml"), "-cache", str(folder / "cache")),
        *("-retrieve", str(folder / "[organisation]" / "[artifact]-[revision].[ext]"), "-types", "jar", "bundle"),
    ]


def fetch(jars: list[Jar]) -> dict[Jar, Path]:
    """Downloads into a folder of its own and hands over what is there; the caller checks and moves it."""
    folder = Path(tempfile.mkdtemp(prefix="fetch-", dir=cache_dir()))
    (folder / "ivy.xml").write_text(render_ivy_module(jars))
    done = subprocess.run(ivy_command(folder), capture_output=True, text=True)
    paths = {jar: folder / jar.group / f"{jar.name}-{jar.version}.jar" for jar in jars}
    for jar, path in paths.items():
        if not path.exists():
            tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
            raise JarsError(f"{jar.group}:{jar.name}:{jar.version} could not be fetched:\n{tail}")
    return paths


def ensure(jars: list[Jar]) -> list[Path]:
    """The locked jars as files; what the cache lacks is fetched, and enters it only with the right checksum."""
    cache_dir().mkdir(parents=True, exist_ok=True)
    lacking = [jar for jar in jars if not jar.is_cached()]
    if lacking:
        print(f"fetching {len(lacking)} jars …", file=sys.stderr, flush=True)
        paths = fetch(lacking)
        for jar, path in paths.items():
            if (seen := sha256(path)) != jar.sha256:
                raise JarsError(
                    f"{jar.path.name}: expected sha256 {jar.sha256}, got {seen}. If meant: python scripts/images/jars.py --relock"
                )
            path.chmod(0o644)
            path.rename(jar.path)
        shutil.rmtree(next(iter(paths.values())).parents[1])
    return [jar.path for jar in jars]


def relock() -> None:
    lines = (ROOT / "images" / "versions.env").read_text().splitlines()
    versions = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    wanted = [replace(jar, version=versions.get(VERSION_OF_GROUP.get(jar.group, ""), jar.version)) for jar in load_lock()]
    cache_dir().mkdir(parents=True, exist_ok=True)
    LOCK.write_text(format_lock([replace(jar, sha256=sha256(path)) for jar, path in fetch(wanted).items()]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--set", choices=["local", "cluster"], help="print the paths of this set, fetched if need be")
    what.add_argument("--relock", action="store_true", help="write jars.lock anew from versions.env")
    args = parser.parse_args()
    try:
        if args.relock:
            relock()
        else:
            print(*ensure([jar for jar in load_lock() if args.set in jar.sets]), sep="\n")
    except JarsError as error:
        print(f"jars: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
