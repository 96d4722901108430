"""What is wrong with a manifest: the rule, the place, and the way out, in the same words on the command line and at admission."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sparkyard.settings import PlatformSettings

Path = tuple[str | int, ...]
Json = dict[str, Any]

# Maps whose keys are the user's own words.
FREE_FORM = {"annotations", "envVars", "hadoopConf", "labels", "matchLabels", "nodeSelector", "sparkConf"}


@dataclass(frozen=True)
class Finding:
    rule: str
    path: Path
    what: str
    fix: str
    expected: str = ""
    seen: str = ""
    severity: Literal["error", "warning"] = "error"
    line: int = 0

    def __str__(self) -> str:
        compared = "; ".join(f"{label} {value}" for label, value in (("expected", self.expected), ("seen", self.seen)) if value)
        return f"{format_path(self.path)}: {self.what}{f' ({compared})' if compared else ''}. Fix: {self.fix} [{self.rule}]"

    def as_dict(self) -> Json:
        fields = {name: getattr(self, name) for name in ("rule", "severity", "line", "what", "expected", "seen", "fix")}
        return {**fields, "path": format_path(self.path)}

    def on_line(self, line: int) -> "Finding":
        return replace(self, line=line)


@dataclass(frozen=True)
class Application:
    """One application under check. `apps`: the job files of the image, where they are known."""

    document: Json
    settings: PlatformSettings
    apps: frozenset[str] = field(default_factory=frozenset)

    @property
    def scheduled(self) -> bool:
        return self.document.get("kind") == "ScheduledSparkApplication"

    @property
    def base(self) -> Path:
        return ("spec", "template") if self.scheduled else ("spec",)

    @property
    def spec(self) -> Json:
        spec = self.document.get("spec")
        if self.scheduled:
            spec = (spec or {}).get("template")
        return spec if isinstance(spec, dict) else {}

    @property
    def metadata(self) -> Json:
        return table(self.document, "metadata")

    @property
    def conf(self) -> dict[str, str]:
        return {str(key): text(value) for key, value in table(self.spec, "sparkConf").items()}

    def said(self) -> Iterator[tuple[Path, Any]]:
        """Every field that its author wrote; not what the cluster says about it."""
        for part in ("metadata", "spec"):
            yield from walk({part: self.document.get(part)})

    def roles(self) -> Iterator[tuple[str, Json]]:
        for role in ("driver", "executor"):
            yield role, table(self.spec, role)


def table(value: Any, key: str) -> Json:
    """The map under a key; what is no map counts as empty, its type being another rule's business."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def items(value: Any, key: str) -> list[Any]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every field of an object, save in maps of the user's own words."""
    children: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        children = value.items()
    elif isinstance(value, list):
        children = enumerate(value)
    for key, child in children:
        yield (*path, key), child
        if key not in FREE_FORM:
            yield from walk(child, (*path, key))


def format_path(path: Path) -> str:
    """("spec", "volumes", 0, "name") is spec.volumes[0].name; keys with dots stand in brackets."""
    words = [f"[{key}]" if isinstance(key, int) or "." in key else f".{key}" for key in path]
    return "".join(words).removeprefix(".")
