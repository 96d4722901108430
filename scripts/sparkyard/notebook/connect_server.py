"""Writes the configuration of a team's Spark Connect server into a folder, before it starts: a notebook's, with executors of the team.
`python3 -m sparkyard.notebook.connect_server <folder>`, in a pod of charts/jupyterhub."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from sparkyard import names
from sparkyard.notebook.conf import Pod, Sizes, make_cluster_conf, make_executor_template
from sparkyard.pod_template import format_properties
from sparkyard.settings import PlatformSettings, parse_settings

IDLE_ENV = "SPARKYARD_SESSION_IDLE"  # seconds


def make_server_conf(settings: PlatformSettings, sizes: Sizes, pod: Pod, template: str, idle: int) -> dict[str, str]:
    return {
        **make_cluster_conf(settings, sizes, pod, template),
        "spark.app.name": sizes.user.replace("--", "-"),
        "spark.scheduler.mode": "FAIR",  # a small question does not wait for a large one
        "spark.dynamicAllocation.initialExecutors": "0",  # nobody has asked yet
        "spark.dynamicAllocation.shuffleTracking.timeout": "60s",  # each question is planned anew: none reads what another has shuffled
        "spark.eventLog.enabled": "false",  # it never ends, and so would the log not
        "spark.connect.session.manager.defaultSessionTimeout": f"{idle}s",
    }


def write_conf(folder: Path, environ: Mapping[str, str]) -> None:
    settings = parse_settings(environ[names.NOTEBOOK_SETTINGS_ENV], names.NOTEBOOK_SETTINGS_ENV)
    sizes = Sizes.model_validate_json(environ[names.NOTEBOOK_SIZES_ENV])
    pod = Pod(name=environ["POD_NAME"], namespace=environ["POD_NAMESPACE"], ip=environ["POD_IP"])
    template = folder / "executor.yaml"
    template.write_text(json.dumps(make_executor_template(settings, sizes, pod.namespace)))  # JSON is YAML
    conf = make_server_conf(settings, sizes, pod, str(template), int(environ[IDLE_ENV]))
    (folder / "spark-defaults.conf").write_text(format_properties(conf))


if __name__ == "__main__":
    write_conf(Path(sys.argv[1]), os.environ)
