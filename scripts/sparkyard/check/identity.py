"""Rules about what an application is: its name, its namespace, its code, its Spark."""

import re
from collections.abc import Iterator

from sparkyard.check.findings import Application, Finding, table
from sparkyard.names import APPS_DIR

DNS_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
LONGEST_NAME = 63 - len("-driver")
TIMESTAMP = len("-1750000000000000000")  # what a schedule appends to the name of each run
TEMPLATING = re.compile(r"\{\{|\{%|\$\{\{")
LOCAL_MASTER = re.compile(r"local\[(\*|[1-9]\d*)\]")


def find_bad_name(app: Application) -> Iterator[Finding]:
    name, key = str(app.metadata.get("name") or ""), "name"
    if not name and app.metadata.get("generateName"):
        name, key = str(app.metadata["generateName"]) + "xxxxx", "generateName"
    longest = LONGEST_NAME - (TIMESTAMP if app.scheduled else 0)
    path = ("metadata", key)
    if not DNS_1035.fullmatch(name):
        fix = "name it <domain>-<app>, like events-windows"
        yield Finding(
            "name", path, "the name must work as a Service's name", fix, "lower-case letters, digits, dashes; a letter first", name
        )
    if len(name) > longest:
        yield Finding(
            "name", path, "the name is too long for its driver pod", "shorten it", f"at most {longest} characters", str(len(name))
        )
    if "-driver" in name:
        yield Finding("name", path, "-driver marks the pods and Services of an application", "choose another name", seen=name)


def find_bad_namespace(app: Application) -> Iterator[Finding]:
    namespace, allowed = app.metadata.get("namespace"), app.settings.namespaces
    if namespace not in allowed:
        words = "jobs run in job namespaces only" if namespace else "without a namespace the job lands wherever kubectl points"
        fix = f"set metadata.namespace: {allowed[0]}"
        yield Finding("namespace", ("metadata", "namespace"), words, fix, " or ".join(allowed), str(namespace or "nothing"))


def find_templating(app: Application) -> Iterator[Finding]:
    for path, value in app.said():
        if isinstance(value, str) and TEMPLATING.search(value):
            fix = "write a plain value; what changes from run to run goes on the command line: sparkyard submit … -- --day 2026-01-31"
            yield Finding("templating", path, "a manifest holds no templating: kubectl apply takes it as it stands", fix, seen=value)


def find_bad_mode(app: Application) -> Iterator[Finding]:
    mode, master = app.spec.get("mode", "cluster"), table(app.spec, "driver").get("kubernetesMaster")
    if mode != "cluster":
        fix = "set mode: cluster, or leave it out"
        yield Finding("mode", (*app.base, "mode"), "in client mode the driver would run inside the operator", fix, "cluster", str(mode))
    if master is not None and not LOCAL_MASTER.fullmatch(str(master)):
        words = "a driver may use another master only to run in one pod"
        fix = "leave it out, or write local[*] for a small job in a single pod"
        yield Finding("master", (*app.base, "driver", "kubernetesMaster"), words, fix, "local[*] or local[2]", str(master))


def find_bad_file(app: Application) -> Iterator[Finding]:
    file = str(app.spec.get("mainApplicationFile") or "")
    if not file:
        return
    path = (*app.base, "mainApplicationFile")
    scheme, _, rest = file.partition("://")
    if scheme not in ("local", "s3a") or not rest:
        words = "the driver finds code in its image (local://) or in the store (s3a://)"
        yield Finding("main-file", path, words, f"write local://{APPS_DIR}/<domain>/<app>.py", f"local://{APPS_DIR}/…", file)
    elif scheme == "local" and not rest.startswith("/"):
        yield Finding("main-file", path, "local: takes three slashes, the path being absolute", f"write local:///{rest}", seen=file)
    elif app.apps and rest.startswith(f"{APPS_DIR}/") and rest.removeprefix(f"{APPS_DIR}/") not in app.apps:
        words = "there is no such job in spark_apps, so none in the image"
        yield Finding("main-file", path, words, "correct the path, or add the job and run make images", seen=file)
    if app.spec.get("type") == "Python" and not file.endswith((".py", ".zip", ".egg")):
        yield Finding("main-file", path, "a Python job is a .py file", "name the .py file, or set the right type", "….py", file)


def find_bad_version(app: Application) -> Iterator[Finding]:
    said, platform = str(app.spec.get("sparkVersion") or ""), app.settings.spark_version
    if said and platform and said != platform and not app.spec.get("image"):
        fix = f"write sparkVersion: {platform}"
        yield Finding("spark-version", (*app.base, "sparkVersion"), "the platform's image holds another Spark", fix, platform, said)
    if str(app.spec.get("pythonVersion") or "3") != "3":
        yield Finding("python-version", (*app.base, "pythonVersion"), "Spark 4 knows Python 3 only", 'write pythonVersion: "3"', '"3"')


def find_bad_restart(app: Application) -> Iterator[Finding]:
    policy = table(app.spec, "restartPolicy")
    path = (*app.base, "restartPolicy")
    if policy.get("type") == "Always":
        words = "Always runs a finished job again and again"
        yield Finding(
            "restart-policy", (*path, "type"), words, "use Never, or OnFailure with onFailureRetries", "Never or OnFailure", "Always"
        )
    if policy.get("type") == "OnFailure" and policy.get("onFailureRetries") is None:
        words = "OnFailure without a number of retries never runs again"
        yield Finding("restart-policy", path, words, "add onFailureRetries: 2", severity="warning")
