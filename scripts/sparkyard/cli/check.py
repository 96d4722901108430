"""`sparkyard check`: everything that is wrong with a manifest, at once, before any cluster sees it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sparkyard.cli import app
from sparkyard.cli.options import Json
from sparkyard.errors import ClusterError, ManifestError, UsageError

if TYPE_CHECKING:
    from sparkyard.check import Finding
    from sparkyard.settings import PlatformSettings

HELP = """Check manifests by the rules that admission applies: every finding with its line and its way out. Exits 4 on errors.

\b
  sparkyard check manifests/jobs
  sparkyard check job.yaml --cluster --json
  sparkyard check manifests/jobs --sarif findings.sarif
"""
Settings = Annotated[Path | None, typer.Option("--settings", help="The platform's settings; without them, the charts' defaults.")]
FromCluster = Annotated[bool, typer.Option("--cluster", help="The settings of the platform on the cluster that kubectl talks to.")]


@app.command(help=HELP)
def check(
    manifests: Annotated[list[Path], typer.Argument(help="Files, or folders of them.")],
    settings: Settings = None,
    cluster: FromCluster = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail too.")] = False,
    sarif: Annotated[Path | None, typer.Option("--sarif", help="Write the findings as SARIF, for code hosts.")] = None,
    json_: Json = False,
) -> None:
    from sparkyard.check import check_text

    platform, apps = load_platform(settings, cluster), _job_files()
    findings = {str(file): check_text(_read(file), str(file), platform, apps) for file in _files(manifests)}
    if sarif:
        _write_sarif(sarif, findings)
    if json_:
        print(json.dumps([{"file": file, **finding.as_dict()} for file, found in findings.items() for finding in found], indent=2))
    else:
        _print_for_people(findings)
    bad = [finding for found in findings.values() for finding in found if strict or finding.severity == "error"]
    if bad:
        files = sum(any(finding in bad for finding in found) for found in findings.values())
        raise ManifestError(f"{len(bad)} finding{'s' * (len(bad) > 1)} in {files} of {len(findings)} file{'s' * (len(findings) > 1)}")


def load_platform(path: Path | None, cluster: bool) -> "PlatformSettings":
    """The settings of a file or of the cluster, else those that the charts have by default, for the Spark of this project."""
    from sparkyard.project import ROOT, load_versions
    from sparkyard.settings import PlatformSettings, load_settings

    if path:
        return load_settings(path)
    if cluster:
        return _load_from_cluster()
    pinned = (ROOT / "images" / "versions.env").exists()
    return PlatformSettings(spark_version=load_versions()["SPARK_VERSION"] if pinned else "")


def _load_from_cluster() -> "PlatformSettings":
    from sparkyard.kube import Kube
    from sparkyard.names import PLATFORM_NAMESPACE
    from sparkyard.settings import parse_settings

    kube, path = Kube(), f"/api/v1/namespaces/{PLATFORM_NAMESPACE}/configmaps/sparkyard-defaults"
    found = kube.find(path)
    if found is None:
        raise ClusterError("the platform's defaults are not there", where=kube.host, next_command="make deploy")
    return parse_settings(found["data"]["settings.yaml"], path)


def _job_files() -> frozenset[str]:
    from sparkyard.project import ROOT

    jobs = ROOT / "spark_apps"
    return frozenset(str(file.relative_to(jobs)) for file in jobs.rglob("*.py"))


def _files(paths: list[Path]) -> list[Path]:
    files = [file for path in paths for file in (sorted(path.rglob("*.y*ml")) if path.is_dir() else [path])]
    if not files:
        raise UsageError("no YAML file there", where=", ".join(map(str, paths)), next_command="sparkyard check manifests/jobs")
    return files


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"cannot be read: {error}", where=str(file)) from None


def _write_sarif(path: Path, findings: dict[str, list["Finding"]]) -> None:
    from sparkyard import __version__
    from sparkyard.check.sarif import format_sarif

    path.write_text(json.dumps(format_sarif(findings, __version__), indent=2) + "\n")


def _print_for_people(findings: dict[str, list["Finding"]]) -> None:
    for file, found in findings.items():
        for finding in found:
            print(f"{file}:{finding.line}: {finding.severity}: {finding}")
    if not any(findings.values()):
        print(f"{len(findings)} manifest{'s' * (len(findings) > 1)}: nothing to say against")
