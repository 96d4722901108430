"""The files of a promoted notebook: app, manifest and DAG, as a person would have written them. Pure: text out."""

import ast
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from sparkyard.names import APPS_DIR, job_name, table_name
from sparkyard.promote.cells import PARAMETERS, Cell, list_parameters
from sparkyard.promote.refuse import RESULT

SHOWS = {"show", "display", "printSchema", "explain"}  # worth nothing to nobody who looks
KINDS = {str: "string", int: "integer", float: "number"}


@dataclass(frozen=True)
class Promotion:
    title: str
    source: str  # the notebook, for people
    domain: str
    app: str
    cells: Sequence[Cell]
    spark_version: str

    @property
    def job(self) -> str:
        return job_name(self.domain, self.app)

    @property
    def table(self) -> str:
        return table_name("refined", self.domain, self.app)

    @property
    def about(self) -> str:
        return f"{self.title.rstrip('.')}. Promoted from {self.source}."


def make_files(promotion: Promotion) -> dict[str, str]:
    """Path in the project: text."""
    return {
        f"spark_apps/{promotion.domain}/{promotion.app}.py": make_app(promotion),
        f"manifests/jobs/{promotion.job}.yaml": make_manifest(promotion),
        f"airflow/dags/{promotion.domain}_{promotion.app}.py": make_dag(promotion),
    }


APP = '''"""{title}.

Promoted from {source}.
To: {table}
"""

import argparse
from collections.abc import Sequence
from typing import Any

from pyspark.sql import DataFrame, SparkSession

import jobanswers
import jobkit
{imports}
TABLE = "{table}"


def answer(spark: SparkSession{signature}) -> DataFrame:
{body}
    return {result}


def compute(spark: SparkSession, args: argparse.Namespace, job: jobkit.Job) -> None:
    with job.phase("compute"):
        spark.sql(f"CREATE NAMESPACE IF NOT EXISTS {{TABLE.rpartition('.')[0]}}")
        jobanswers.replace(answer(spark, {passed}), TABLE, {{}}, job)
        job.rows["written"] = spark.table(TABLE).count()


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    parser = jobkit.Arguments("{job}", description=__doc__)
{options}    return jobkit.run("{job}", parser, compute, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
'''


def make_app(promotion: Promotion) -> str:
    parameters = list_parameters(promotion.cells)
    parts = [split_cell(cell) for cell in promotion.cells if PARAMETERS not in cell.tags]
    imports = dict.fromkeys(line for lines, _ in parts for line in lines)
    body = "\n\n".join(code for _, code in parts if code)
    return APP.format(
        title=promotion.title.rstrip("."),
        source=promotion.source,
        table=promotion.table,
        job=promotion.job,
        result=RESULT,
        imports="".join(f"{line}\n" for line in imports),
        signature="".join(f", {name}: {type(value).__name__}" for name, value in parameters.items()),
        body=body,
        passed=", ".join(f"args.{name}" for name in parameters),
        options="".join(f"    parser.add_argument({option}, {kind}default={value!r})\n" for option, kind, value in _options(parameters)),
    ).replace("answer(spark, ), TABLE", "answer(spark), TABLE")


def _options(parameters: dict[str, str | int | float]) -> Iterator[tuple[str, str, object]]:
    for name, value in parameters.items():
        yield f'"{option_name(name)}"', "" if isinstance(value, str) else f"type={type(value).__name__}, ", value


def option_name(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def split_cell(cell: Cell) -> tuple[list[str], str]:
    """Its imports, which go to the top of the file, and the rest as lines of a function, without what only shows."""
    lines, imports, dropped = cell.source.splitlines(), [], set[int]()
    tree = ast.parse(cell.source)
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports.append(ast.unparse(node))
        if isinstance(node, ast.Import | ast.ImportFrom) or only_shows(node):
            dropped |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    inside = lines_inside_texts(tree)
    kept = [line if number in inside else f"    {line}".rstrip() for number, line in enumerate(lines, 1) if number not in dropped]
    return imports, "\n".join(kept).strip("\n")


def only_shows(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name))):
            return name in SHOWS
        case ast.Expr(value=ast.Name() | ast.Tuple() | ast.Attribute()):
            return True
    return False


def lines_inside_texts(tree: ast.AST) -> set[int]:
    """Lines that begin within a text of several lines: to indent them would change it."""
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr | ast.Constant)]
    texts = [node for node in nodes if isinstance(node, ast.JoinedStr) or isinstance(node.value, str | bytes)]
    return {line for node in texts for line in range(node.lineno + 1, (node.end_lineno or node.lineno) + 1)}


def make_manifest(promotion: Promotion) -> str:
    file = PurePosixPath(APPS_DIR, promotion.domain, f"{promotion.app}.py")
    return textwrap.dedent(f"""\
        # {promotion.about.split(". ")[0]}: spark_apps/{promotion.domain}/{promotion.app}.py
        apiVersion: sparkoperator.k8s.io/v1beta2
        kind: SparkApplication
        metadata:
          name: {promotion.job}
          namespace: spark-jobs
        spec:
          type: Python
          mode: cluster
          sparkVersion: {promotion.spark_version}
          pythonVersion: "3"
          mainApplicationFile: local://{file}
          restartPolicy:
            type: Never
          driver:
            cores: 1
            memory: 512m
          executor:
            instances: 2
            cores: 1
            memory: 512m
        """)


def make_dag(promotion: Promotion) -> str:
    parameters = list_parameters(promotion.cells)
    params = "".join(f'    "{name}": Param({value!r}, type="{KINDS[type(value)]}"),\n' for name, value in parameters.items())
    words = "".join(f', "{option_name(name)}", param("{name}")' for name in parameters)
    head, tail = ("Param, param", f"\nPARAMS = {{\n{params}}}\n") if parameters else ("", "")
    return (
        f'"""{promotion.about} Give it a schedule."""\n\n'
        f"from airflow.sdk import DAG{', Param' if head else ''}\n\n"
        f"from sparkyard.airflow import YARD{', param' if head else ''}, spark_job\n{tail}\n"
        f'with DAG("{promotion.domain}_{promotion.app}", schedule=None, {"params=PARAMS, " if head else ""}doc_md=__doc__, **YARD):\n'
        f'    spark_job("{promotion.job}"{words})\n'
    )
