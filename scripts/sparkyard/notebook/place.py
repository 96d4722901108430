"""Where this kernel runs, found out from its environment, and the folder of configuration that any session in it then starts with."""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sparkyard import names
from sparkyard.notebook import ledger
from sparkyard.notebook.conf import Pod, Sizes, make_alone_conf, make_cluster_conf, make_executor_template, make_log_conf, name_next
from sparkyard.notebook.waiting import explain_waiting
from sparkyard.pod_template import format_properties
from sparkyard.project import ROOT
from sparkyard.settings import PlatformSettings, parse_settings

HOME_ENV = "SPARKYARD_HOME"  # of a notebook without a cluster: the folder of its lake
JARS_ENV = "SPARKYARD_JARS"  # of the image: jars that only this needs


@dataclass(frozen=True)
class Place:
    words: str  # what starting `spark` here means, for people
    explain: Callable[[], str]  # why no executor comes
    shares: dict[str, str]  # name: path
    begun: Callable[[Any], str] = lambda _: ""  # told of each session that starts; the path of its Spark UI


def prepare_kernel(environ: Mapping[str, str] = os.environ) -> Place:
    """Any session of this kernel starts as the platform wants it, however it is started: the configuration lies in SPARK_CONF_DIR."""
    folder = Path(tempfile.mkdtemp(prefix="sparkyard-kernel-"))
    find_apps()
    os.environ["SPARK_CONF_DIR"] = str(folder)
    if names.NOTEBOOK_SETTINGS_ENV in environ:
        return _prepare_cluster(folder, environ)
    return _prepare_alone(folder, environ)


def find_apps() -> None:
    """Our jobs' functions can be imported: from the image's PYTHONPATH, or from a checkout."""
    checkout = ROOT / "spark_apps"
    if checkout.is_dir() and str(checkout) not in sys.path:
        sys.path.append(str(checkout))
        os.environ["PYTHONPATH"] = ":".join(filter(None, [os.environ.get("PYTHONPATH"), str(checkout)]))


def _prepare_cluster(folder: Path, environ: Mapping[str, str]) -> Place:
    settings = parse_settings(environ[names.NOTEBOOK_SETTINGS_ENV], names.NOTEBOOK_SETTINGS_ENV)
    sizes = Sizes.model_validate_json(environ[names.NOTEBOOK_SIZES_ENV])
    pod = Pod(name=environ["POD_NAME"], namespace=environ["POD_NAMESPACE"], ip=environ["POD_IP"])
    template, entry = folder / "executor.yaml", ledger.enter()
    template.write_text(json.dumps(make_executor_template(settings, sizes, pod.namespace, entry.kernel)))  # JSON is YAML
    _write(folder, {**make_cluster_conf(settings, sizes, pod, str(template)), **make_log_conf(settings, entry.kernel)})
    words = f"up to {sizes.max} executors of {sizes.cores} core(s) and {sizes.memory} come when a cell needs them"
    prefix = environ.get("JUPYTERHUB_SERVICE_PREFIX", "/")
    explain, begun = partial(explain_waiting, pod.namespace, sizes.user), partial(note_interface, entry, prefix)
    return Place(words, explain, find_shares(settings), begun)


def note_interface(entry: ledger.Entry, prefix: str, session: Any) -> str:
    """The server leads to the Spark UI from then on."""
    name_next(session)
    address = str(session.sparkContext.uiWebUrl or "")
    ledger.enter(address, entry)
    return f"{prefix}spark/{entry.door}/" if address else ""


def _prepare_alone(folder: Path, environ: Mapping[str, str]) -> Place:
    from sparkyard.local.catalog import ensure_catalog
    from sparkyard.local.home import CONNECTIONS_ENV, DEFAULT_HOME, SHARES_ENV, ensure_home
    from sparkyard.local.launch import find_added_jars, make_spark_home

    home = ensure_home(Path(environ.get(HOME_ENV) or DEFAULT_HOME))
    ensure_catalog(home)
    jars = sorted(Path(environ[JARS_ENV]).glob("*.jar")) if JARS_ENV in environ else find_added_jars()
    _write(folder, make_alone_conf(home, folder, jars))
    if "SPARK_HOME" not in environ:
        os.environ["SPARK_HOME"] = str(make_spark_home(folder))
    os.environ.setdefault(SHARES_ENV, str(home / "shares"))
    os.environ.setdefault(CONNECTIONS_ENV, str(home / "connections"))
    shares = {path.parent.name: str(path) for path in sorted((home / "shares").glob("*/files"))}
    begun = partial(note_interface, ledger.enter(), environ.get("JUPYTERHUB_SERVICE_PREFIX", "/"))
    return Place(f"in this process, with the lake in {home}", lambda: "", shares, begun)


def find_shares(settings: PlatformSettings) -> dict[str, str]:
    return {share.name: f"/shares/{share.name}/files" for share in settings.shares}


# What Spark has to say in a cell: errors. Why executors do not come, progress tells.
QUIET = """\
rootLogger.level = error
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n%ex{short}
"""


def _write(folder: Path, conf: dict[str, str]) -> None:
    (folder / "log4j2.properties").write_text(QUIET)
    (folder / "spark-defaults.conf").write_text(format_properties(conf))
