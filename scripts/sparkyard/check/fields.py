"""The field names of a SparkApplication, so that a typo is found without a cluster. A test compares them with the CRD."""

import difflib
from collections.abc import Iterator

from sparkyard.check.findings import Application, Finding, Json, Path, table


def _words(words: str) -> frozenset[str]:
    return frozenset(words.split())


SPEC = _words(
    """arguments batchScheduler batchSchedulerOptions deps driver driverIngressOptions dynamicAllocation executor failureRetries
    hadoopConf hadoopConfigMap image imagePullPolicy imagePullSecrets mainApplicationFile mainClass memoryOverheadFactor mode monitoring
    nodeSelector proxyUser pythonVersion restartPolicy retryInterval sparkConf sparkConfigMap sparkUIOptions sparkVersion suspend
    timeToLiveSeconds type volumes"""
)
SCHEDULED = _words("concurrencyPolicy failedRunHistoryLimit schedule successfulRunHistoryLimit suspend template timeZone")
POD = _words(
    """affinity annotations configMaps coreLimit coreRequest cores dnsConfig env envFrom envSecretKeyRefs envVars gpu hostAliases
    hostNetwork image initContainers javaOptions labels lifecycle memory memoryLimit memoryOverhead nodeSelector podSecurityContext
    ports priorityClassName schedulerName secrets securityContext serviceAccount shareProcessNamespace sidecars template
    terminationGracePeriodSeconds tolerations volumeMounts"""
)
DRIVER = POD | {"kubernetesMaster", "podName", "serviceAnnotations", "serviceLabels"}
EXECUTOR = POD | {"deleteOnTermination", "instances"}
MAPS = _words(
    """deps driver dynamicAllocation executor hadoopConf labels metadata podSecurityContext restartPolicy securityContext sparkConf
    spec template"""
)
LISTS = _words("arguments containers env envFrom imagePullSecrets initContainers sidecars tolerations volumeMounts volumes")
LISTS_OF_MAPS = LISTS - {"arguments", "imagePullSecrets"}
REQUIRED = ("driver", "executor", "mainApplicationFile", "sparkVersion", "type")


def find_unknown_fields(app: Application) -> Iterator[Finding]:
    if app.scheduled:
        yield from _unknown(table(app.document, "spec"), SCHEDULED, ("spec",))
    yield from _unknown(app.spec, SPEC, app.base)
    yield from _unknown(table(app.spec, "driver"), DRIVER, (*app.base, "driver"))
    yield from _unknown(table(app.spec, "executor"), EXECUTOR, (*app.base, "executor"))


def _unknown(said: Json, known: frozenset[str], path: Path) -> Iterator[Finding]:
    for key in said:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1)
            fix = f"write {near[0]}" if near else "remove it; the operator would ignore it"
            yield Finding("unknown-field", (*path, str(key)), f"there is no field {key} here", fix)


def find_missing_fields(app: Application) -> Iterator[Finding]:
    for key in REQUIRED:
        if app.spec.get(key) in (None, ""):
            example = {"mainApplicationFile": "local:///opt/sparkyard/apps/<domain>/<app>.py", "type": "Python"}.get(key, "a value")
            yield Finding("missing-field", (*app.base, key), "is missing", f"add {key} to the spec", expected=example)


def find_wrong_types(app: Application) -> Iterator[Finding]:
    """Other rules read past what is of the wrong kind, so this one names it."""
    for path, value in app.said():
        if path[-1] in MAPS and not isinstance(value, dict | None):
            yield Finding("type", path, "fields are expected here", "write them below, indented", "a map", str(value))
        if path[-1] in LISTS and not isinstance(value, list | None):
            yield Finding("type", path, "a list is expected here", "write its items below, with dashes", "a list", str(value))
        if len(path) > 1 and isinstance(path[-1], int) and path[-2] in LISTS_OF_MAPS and not isinstance(value, dict):
            yield Finding("type", path, "fields are expected here", "write them as - name: …", "a map", str(value))
