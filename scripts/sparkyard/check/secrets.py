"""Rules about secrets: only those that are listed, and never in plain sight."""

import re
from collections.abc import Iterator

from sparkyard.check.findings import Application, Finding, Path, items, table, walk

SECRET_PROPERTY = re.compile(r"spark\.kubernetes\.(?:driver|executor)\.secrets\.(.+)")
SECRET_KEY_PROPERTY = re.compile(r"spark\.kubernetes\.(?:driver|executor)\.secretKeyRef\.")
PULL_SECRETS = "spark.kubernetes.container.image.pullSecrets"
# Names that announce a secret; not those of providers, files, time-outs and switches around secrets.
SECRET_NAME = re.compile(r"password|passwd|secret|token|access[._-]?key|account[._-]?key|private[._-]?key|credential", re.IGNORECASE)
HARMLESS_NAME = re.compile(r"(provider|file|path|location|enabled|timeout|interval|ttl|alias|class|renewal\S*|duration)$", re.IGNORECASE)
SECRET_VALUE = re.compile(r"://[^/\s:@]+:[^/\s@]+@|\b(password|pwd|accountkey)=[^;&\s]+|\bAKIA[0-9A-Z]{16}\b|-----BEGIN", re.IGNORECASE)
IN_SIGHT = "it lands in a ConfigMap, the UI and the event log"
BY_REFERENCE = "put it into a Secret that the platform lists and refer to it by env.valueFrom.secretKeyRef"


def find_unlisted_secrets(app: Application) -> Iterator[Finding]:
    listed = app.settings.secrets
    for path, name in _secret_names(app):
        if name not in listed:
            words = "this Secret is not listed for jobs"
            fix = "use a listed one, or have the platform list it: global.jobs.allowed.secrets"
            yield Finding("secret", path, words, fix, " or ".join(listed) or "none", name)
        elif name in (app.settings.lake.catalog.secret, *app.settings.connections) and _is_of_executor(path, app):
            yield Finding("secret", path, "catalog and SQL connections are for drivers only", "take it away from the executor", seen=name)


def _is_of_executor(path: Path, app: Application) -> bool:
    place = path[len(app.base) :]
    return place[0] == "executor" or (place[0] == "sparkConf" and str(place[1]).startswith("spark.kubernetes.executor."))


def _secret_names(app: Application) -> Iterator[tuple[Path, str]]:
    for path, value in walk(app.spec, app.base):
        key, parent = path[-1], path[-2] if len(path) > 1 else ""
        if key == "secretName" or (key == "name" and parent in ("secretRef", "secretKeyRef", "nodePublishSecretRef", "secret")):
            yield path, str(value)
        if key == "name" and len(path) > 2 and (path[-3] in ("secrets", "imagePullSecrets") or path[-3] == "envSecretKeyRefs"):
            yield path, str(value)
    for place, name in enumerate(items(app.spec, "imagePullSecrets")):
        yield (*app.base, "imagePullSecrets", place), str(name)
    yield from _named_by_properties(app)


def _named_by_properties(app: Application) -> Iterator[tuple[Path, str]]:
    for key, value in app.conf.items():
        path = (*app.base, "sparkConf", key)
        if found := SECRET_PROPERTY.fullmatch(key):
            yield path, found[1]
        elif SECRET_KEY_PROPERTY.match(key):
            yield path, value.partition(":")[0]
        elif key == PULL_SECRETS:
            yield from ((path, name.strip()) for name in value.split(","))


def find_credentials(app: Application) -> Iterator[Finding]:
    for place in ("sparkConf", "hadoopConf"):
        for key, value in table(app.spec, place).items():
            if _is_secret(str(key), str(value)):
                yield Finding("credential", (*app.base, place, str(key)), f"a credential in plain text: {IN_SIGHT}", BY_REFERENCE)
    for place_, argument in enumerate(items(app.spec, "arguments")):
        name, _, value = str(argument).partition("=")
        if _is_secret(name if value and name.startswith("-") else "", value or name):
            words = "a credential in plain text: whoever sees the pod sees it"
            yield Finding("credential", (*app.base, "arguments", place_), words, BY_REFERENCE)
    yield from _credentials_in_env(app)


def _credentials_in_env(app: Application) -> Iterator[Finding]:
    words = "a credential in plain text: whoever sees the pod sees it"
    for path, value in walk(app.spec, app.base):
        if path[-1] == "value" and len(path) > 2 and path[-3] == "env":
            named = next((item for item_path, item in walk(app.spec, app.base) if item_path == (*path[:-1], "name")), "")
            if _is_secret(str(named), str(value)):
                yield Finding("credential", path, words, BY_REFERENCE)
        if path[-1] == "envVars" and isinstance(value, dict):
            yield from (Finding("credential", (*path, key), words, BY_REFERENCE) for key in value if _is_secret(key, str(value[key])))


def _is_secret(name: str, value: str) -> bool:
    if not value or value.startswith("${") or SECRET_KEY_PROPERTY.match(name) or SECRET_PROPERTY.match(name) or name == PULL_SECRETS:
        return False
    announced = SECRET_NAME.search(name) and not HARMLESS_NAME.search(name) and value.lower() not in ("true", "false")
    return bool(announced or SECRET_VALUE.search(value))
