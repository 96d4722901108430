"""One rule engine with three doors: the command line, admission and CI. Every finding at once, each with its way out."""

from collections.abc import Callable, Iterator

from sparkyard.check import conf, fields, identity, pods, resources, secrets, shares
from sparkyard.check.findings import Application, Finding, Json
from sparkyard.check.source import parse_documents
from sparkyard.settings import PlatformSettings

__all__ = ["KINDS", "Finding", "check_application", "check_text"]

Rule = Callable[[Application], Iterator[Finding]]
KINDS = ("SparkApplication", "ScheduledSparkApplication")
RULES: tuple[Rule, ...] = (
    *(fields.find_unknown_fields, fields.find_missing_fields, fields.find_wrong_types),
    *(identity.find_bad_name, identity.find_bad_namespace, identity.find_templating, identity.find_bad_mode),
    *(identity.find_bad_file, identity.find_bad_version, identity.find_bad_restart),
    *(conf.find_bad_properties, conf.find_downloads, conf.find_untyped_properties, conf.find_tmpfs),
    *(conf.find_untracked_shuffle, conf.find_heap_options),
    *(pods.find_escapes, pods.find_bad_volumes, pods.find_lost_mounts, pods.find_foreign_images),
    *(pods.find_foreign_accounts, pods.find_bad_places, pods.find_side_doors),
    *(secrets.find_unlisted_secrets, secrets.find_credentials),
    shares.find_unclaimed_shares,
    *(resources.find_bad_sizes, resources.find_lost_executors, resources.find_too_big),
)


def check_application(document: Json, settings: PlatformSettings, apps: frozenset[str] = frozenset()) -> list[Finding]:
    app = Application(document, settings, apps)
    found = [finding for rule in RULES for finding in rule(app)]
    return sorted(dict.fromkeys(found), key=lambda finding: finding.severity)


def check_text(text: str, where: str, settings: PlatformSettings, apps: frozenset[str] = frozenset()) -> list[Finding]:
    """Findings of a YAML file in the order of its lines."""
    found: list[Finding] = []
    documents = parse_documents(text, where)
    for document in documents:
        if isinstance(document.value, dict) and document.value.get("kind") in KINDS:
            findings = check_application(document.value, settings, apps)
            found += [finding.on_line(document.line_of(finding.path)) for finding in findings]
            found += [_repeated(document.lines[path], path) for path in document.repeated]
    if not any(isinstance(document.value, dict) and document.value.get("kind") in KINDS for document in documents):
        found.append(Finding("kind", ("kind",), "there is no SparkApplication in this file", "write kind: SparkApplication", line=1))
    return sorted(found, key=lambda finding: finding.line)


def _repeated(line: int, path: tuple[str | int, ...]) -> Finding:
    return Finding("repeated-key", path, "the same key stands here twice and only the last counts", "remove one", line=line)
