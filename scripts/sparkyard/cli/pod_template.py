"""`sparkyard pod-template`: the platform's pods for those who start Spark themselves."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sparkyard.cli import app
from sparkyard.cli.check import FromCluster, Settings, load_platform
from sparkyard.names import JOBS_NAMESPACE

if TYPE_CHECKING:
    from sparkyard.defaults.pods import RoleName

HELP = """Write the pod template that the platform gives a driver or an executor, for a raw spark-submit or a notebook.

With --out a folder gets both templates and spark-defaults.conf, ready for `spark-submit --properties-file`.

\b
  sparkyard pod-template driver --cluster > driver.yaml
  sparkyard pod-template --cluster --out build/submit
  spark-submit --master k8s://https://… --deploy-mode cluster --properties-file build/submit/spark-defaults.conf …
"""


class Role(StrEnum):
    driver = "driver"
    executor = "executor"


@app.command("pod-template", help=HELP)
def pod_template(
    role: Annotated[Role | None, typer.Argument(help="Whose; with --out it may be left out.")] = None,
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Where the pods will run.")] = JOBS_NAMESPACE,
    out: Annotated[Path | None, typer.Option("--out", help="A folder for both templates and their properties.")] = None,
    settings: Settings = None,
    cluster: FromCluster = False,
) -> None:
    import yaml

    from sparkyard.errors import UsageError
    from sparkyard.pod_template import format_properties, make_pod_template, make_properties

    platform = load_platform(settings, cluster)
    if out is None:
        if role is None:
            raise UsageError("say whose template: driver or executor", next_command="sparkyard pod-template driver")
        print(yaml.safe_dump(make_pod_template(role.value, platform, namespace), sort_keys=False), end="")
        return
    out.mkdir(parents=True, exist_ok=True)
    files: dict[RoleName, str] = {one.value: str((out / f"{one.value}.yaml").absolute()) for one in ([role] if role else Role)}
    for one, file in files.items():
        Path(file).write_text(yaml.safe_dump(make_pod_template(one, platform, namespace), sort_keys=False))
    properties = out / "spark-defaults.conf"
    properties.write_text(format_properties(make_properties(platform, namespace, files)))
    print(*files.values(), properties.absolute(), sep="\n")
