"""A YAML text as documents that remember on which line each key stands."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from sparkyard.check.findings import Path
from sparkyard.errors import ManifestError


@dataclass
class Document:
    value: Any
    lines: dict[Path, int] = field(default_factory=dict)
    repeated: list[Path] = field(default_factory=list)

    def line_of(self, path: Path) -> int:
        """The line of a key or, where it is missing, of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def parse_documents(text: str, where: str) -> list[Document]:
    try:
        nodes = [node for node in yaml.compose_all(text, yaml.SafeLoader) if node is not None]
        values = [value for value in yaml.safe_load_all(text) if value is not None]
    except yaml.YAMLError as error:
        raise ManifestError(f"is not YAML: {' '.join(str(error).split())}", where=where) from None
    documents = [Document(value) for value in values]
    for document, node in zip(documents, (node for node in nodes if node.tag != "tag:yaml.org,2002:null"), strict=True):
        document.lines[()] = node.start_mark.line + 1
        for path, line in _lines(node, ()):
            if path in document.lines:
                document.repeated.append(path)
            document.lines[path] = line
    return documents


def _lines(node: yaml.Node, path: Path) -> Iterator[tuple[Path, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*path, key.value), key.start_mark.line + 1
            yield from _lines(value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for place, item in enumerate(node.value):
            yield (*path, place), item.start_mark.line + 1
            yield from _lines(item, (*path, place))
