"""Helm, through pyhelm3: the only place that imports it."""

import asyncio
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sparkyard.errors import ClusterError, ToolMissing
from sparkyard.names import PLATFORM_NAMESPACE
from sparkyard.project import ROOT

Values = dict[str, Any]
BUILD = ROOT / "scripts" / "gotools" / "build.py"


def find_helm() -> str:
    """The pinned helm if it can be had (built from source once, then cached), else the one on PATH."""
    if BUILD.exists():
        command = [sys.executable, str(BUILD), "--path", "helm"]
        built = subprocess.run(command, stdout=subprocess.PIPE, text=True)  # it says itself that it takes minutes, or why it cannot
        if built.returncode == 0 and Path(built.stdout.strip()).exists():
            return built.stdout.strip()
    if found := shutil.which("helm"):
        return found
    raise ToolMissing("helm is neither built nor on PATH", next_command="make tools")


class Helm:
    """Releases of one cluster."""

    def __init__(self, kubeconfig: str | None) -> None:
        from pyhelm3 import Client, Command

        # a list of files, as KUBECONFIG may hold, is left to helm's own reading of the variable
        single = Path(kubeconfig) if kubeconfig and os.pathsep not in kubeconfig else None
        logging.getLogger("pyhelm3").setLevel(logging.ERROR)  # it warns of each release that is not there; we ask on purpose
        helm = find_helm()
        self.command = Command(executable=helm, kubeconfig=single)
        self.client = Client(self.command, executable=helm)  # which only looks whether it is there

    def update_dependencies(self, chart: Path) -> None:
        """Pack the file:// subcharts anew: helm would deploy yesterday's packages of them."""
        _run(self.command.run(["dependency", "update", str(chart), "--skip-refresh"]), f"chart {chart.name}")

    def upgrade(self, release: str, chart: Path, values: Values, namespace: str, timeout: int, *, create_namespace: bool = True) -> int:
        """Install or upgrade with these values and no earlier ones, edited templates too; the new revision. Does not wait for readiness."""
        self._clear_pending(release, namespace, timeout)
        return int(_run(self._upgrade(release, chart, values, namespace, timeout, create_namespace), f"release {namespace}/{release}"))

    async def _upgrade(self, release: str, chart: Path, values: Values, namespace: str, timeout: int, create_namespace: bool) -> int:
        revision = await self.client.install_or_upgrade_release(
            release,
            await self.client.get_chart(chart),
            values,
            namespace=namespace,
            create_namespace=create_namespace,
            reset_values=True,
            timeout=f"{timeout}s",
            skip_crds=True,
        )
        return revision.revision  # type: ignore[no-any-return]

    def _clear_pending(self, release: str, namespace: str, timeout: int) -> None:
        """A helm that was killed leaves its release locked; one that still works is not disturbed."""
        revision = self.find(release, namespace)
        if revision is None or not str(revision.status.value).startswith(("pending", "uninstalling")):
            return
        if datetime.now(UTC) - revision.updated < timedelta(seconds=timeout):
            raise ClusterError(
                f"another helm has been at work on it since {revision.updated:%H:%M:%S} UTC ({revision.status.value})",
                where=f"release {namespace}/{release}",
                next_command=f"wait for it; if it died: the same command again after {timeout} s",
            )
        _run(self.client.get_proceedable_revision(release, namespace=namespace), f"release {namespace}/{release}")

    def find(self, release: str, namespace: str) -> Any:
        """The release's current revision, or None."""
        from pyhelm3.errors import ReleaseNotFoundError

        async def look() -> Any:
            try:
                return await self.client.get_current_revision(release, namespace=namespace)
            except ReleaseNotFoundError:
                return None

        return _run(look(), f"release {namespace}/{release}")

    def values(self, release: str, namespace: str) -> Values:
        """What the release was installed with, defaults included."""
        revision = self.find(release, namespace)
        return dict(_run(revision.values(computed=True), release)) if revision else {}

    def given(self, release: str, namespace: str) -> Values:
        """What the release was given when it was last deployed, without defaults; a failed attempt is none."""
        current, where = self.find(release, namespace), f"release {namespace}/{release}"
        history = _run(current.release.history(), where) if current else ()
        went_well = [revision for revision in history if revision.status.value in ("deployed", "superseded")]
        return dict(_run(max(went_well, key=lambda revision: revision.revision).values(), where)) if went_well else {}

    def notes(self, release: str, namespace: str) -> str:
        """What the chart says to whoever has installed it."""
        revision = self.find(release, namespace)
        return str(revision.notes) if revision and revision.notes else ""

    def rollback(self, release: str, namespace: str, revision: int, timeout: int = 300) -> None:
        """Back to an earlier revision, whose objects are ready when this returns."""
        current = self.find(release, namespace)
        _run(current.release.rollback(revision, timeout=f"{timeout}s", wait=True), f"release {namespace}/{release}")

    def uninstall(self, release: str, namespace: str, timeout: int) -> None:
        _run(
            self.client.uninstall_release(release, namespace=namespace, timeout=f"{timeout}s", wait=True), f"release {namespace}/{release}"
        )


def _run(work: Awaitable[Any], where: str) -> Any:
    from pyhelm3.errors import Error

    async def waited() -> Any:
        return await work

    try:
        return asyncio.run(waited())
    except Error as error:
        words = error.stderr.decode(errors="replace").strip()
        raise ClusterError(words.removeprefix("Error: "), where=where, next_command=_advice(words)) from None


def _advice(words: str) -> str:
    if 'Namespace "' in words and "cannot be imported" in words:
        return "the same command with --set global.createNamespaces=false, where the namespaces are the site's own"
    if "don't meet the specifications of the schema" in words:
        return "correct the values that are named above; charts/<part>/README.md lists all there are"
    return f"helm history -n {PLATFORM_NAMESPACE} sparkyard, kubectl get events -n {PLATFORM_NAMESPACE}"
