#!/usr/bin/env python3
"""Derives from each chart's values.yaml what must agree with it: values.schema.json and the table in README.md.

  sync.py            write them; copies charts/sparkyard's `global:` block and _shared.tpl into every chart too
  sync.py --check    exit 1 and name the files that differ

In values.yaml a comment `# -- …` above a key is its description, `# @schema {…}` adds JSON schema to the type of its default.
What is not declared is refused: a typo is named, not ignored.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CHARTS = Path(__file__).resolve().parents[2] / "charts"
UMBRELLA = CHARTS / "sparkyard"
GLOBAL = re.compile(r"# >>> global.*# <<< global\n", re.DOTALL)
TABLE = re.compile(r"<!-- values -->.*<!-- /values -->", re.DOTALL)
QUANTITIES = {key: {"type": "object", "additionalProperties": {"type": ["string", "number"]}} for key in ("requests", "limits")}
TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "seq": "array"}


def parse_comment(lines: list[str], row: int) -> tuple[str, dict[str, Any]]:
    """The description and the extra schema in the comment right above a line."""
    block: list[str] = []
    while row > 0 and lines[row - 1].lstrip().startswith("#"):
        row -= 1
        block.insert(0, lines[row].lstrip().removeprefix("#").strip())
    start = next((i for i, line in enumerate(block) if line.startswith("-- ")), len(block))
    words = [line.removeprefix("-- ") for line in block[start:] if not line.startswith("@schema")]
    extra = [yaml.safe_load(line.removeprefix("@schema")) for line in block if line.startswith("@schema")]
    return " ".join(words), extra[0] if extra else {}


def make_schema(node: yaml.Node, lines: list[str]) -> dict[str, Any]:
    if not isinstance(node, yaml.MappingNode):
        kind = node.tag.rsplit(":", 1)[-1]
        return {"type": TYPES[kind]} if kind in TYPES else {}
    if not node.value:
        return {"type": "object"}
    return {"type": "object", "additionalProperties": False, "properties": dict(make_properties(node, lines))}


def make_properties(node: yaml.MappingNode, lines: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for key, value in node.value:
        description, extra = ("", {}) if node.flow_style else parse_comment(lines, key.start_mark.line)
        schema = {**make_schema(value, lines), **QUANTITIES.get(key.value, {}), **extra}
        if schema.get("additionalProperties"):
            schema.pop("properties", None)
        yield key.value, {"description": description, **schema} if description else schema


def render_schema(chart: Path, values: str) -> str:
    schema = make_schema(yaml.compose(values), values.splitlines())
    if chart == UMBRELLA:  # helm checks each part's values against the part's own schema
        for part in schema["properties"].keys() - {"global"}:
            schema["properties"][part] = {"type": "object", "properties": schema["properties"][part]["properties"]}
    elif "enabled" in yaml.safe_load((UMBRELLA / "values.yaml").read_text())[chart.name]:
        schema["properties"].setdefault("enabled", {"type": "boolean", "description": "Read by charts/sparkyard"})
    return json.dumps({"$schema": "http://json-schema.org/draft-07/schema#", "title": chart.name, **schema}, indent=2) + "\n"


def make_rows(node: yaml.MappingNode, lines: list[str], prefix: str = "") -> Iterator[str]:
    for key, value in node.value:
        name = f"{prefix}{key.value}"
        if isinstance(value, yaml.MappingNode) and value.value and not value.flow_style:
            yield from make_rows(value, lines, f"{name}.")
        else:
            default = json.dumps(yaml.safe_load(yaml.serialize(value)), ensure_ascii=False)
            yield f"| `{name}` | `{default}` | {parse_comment(lines, key.start_mark.line)[0]} |"


def render_readme(chart: Path, values: str, readme: str) -> str:
    own = values if chart == UMBRELLA else GLOBAL.sub("", values)
    rows = make_rows(yaml.compose(own), own.splitlines()) if yaml.safe_load(own) else iter(())
    note = "" if chart == UMBRELLA else "\n\n`global.*`: the same for all charts, see [sparkyard](../sparkyard/README.md)."
    table = "\n".join(["| value | default | what it is |", "|---|---|---|", *rows])
    return TABLE.sub(lambda _: f"<!-- values -->\n{table}{note}\n<!-- /values -->", readme)


def render_chart(chart: Path) -> Iterator[tuple[Path, str]]:
    """Every derived file of a chart with what it must hold."""
    block = GLOBAL.search((UMBRELLA / "values.yaml").read_text())
    assert block, "charts/sparkyard/values.yaml has no `# >>> global` block"
    values = GLOBAL.sub(lambda _: block[0], (chart / "values.yaml").read_text())
    yield chart / "values.yaml", values
    yield chart / "values.schema.json", render_schema(chart, values)
    yield chart / "README.md", render_readme(chart, values, (chart / "README.md").read_text())
    if (chart / "templates" / "_shared.tpl").exists():
        yield chart / "templates" / "_shared.tpl", (UMBRELLA / "templates" / "_shared.tpl").read_text()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; name the files that differ")
    check = parser.parse_args().check
    charts = [path.parent for path in sorted(CHARTS.glob("*/Chart.yaml"))]
    stale = [(path, text) for chart in charts for path, text in render_chart(chart) if not path.exists() or path.read_text() != text]
    for path, text in stale:
        print(f"{'stale' if check else 'wrote'} {path.relative_to(CHARTS.parent)}")
        if not check:
            path.write_text(text)
    if check and stale:
        print("Next: python scripts/charts/sync.py", file=sys.stderr)
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
