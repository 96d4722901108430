"""What of a notebook can become a job, and what is written for it."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from sparkyard.errors import ManifestError, UsageError
from sparkyard.project import ROOT, load_versions
from sparkyard.promote import Cell, Promotion, choose_cells, list_refusals, load_notebook, make_files
from sparkyard.promote.cells import list_parameters
from sparkyard.promote.parity import compare_columns, compare_rows, list_changes, write_files
from sparkyard.promote.replay import make_replay

COURSE = ROOT / "notebooks" / "06-to-job.ipynb"


def make(*sources: str, tags: Any = ()) -> list[Cell]:
    return [Cell(number, source, tuple(tags) if number == 1 else ()) for number, source in enumerate(sources, 1)]


def promote(cells: list[Cell]) -> dict[str, str]:
    return make_files(Promotion("Quiet hours", "notebooks/x.ipynb", "events", "quiet_hours", cells, "4.1.3"))


REFUSED: dict[str, tuple[list[str], str]] = {
    "shell": (["!pip install x\nresult = spark.range(1)"], r"cell 1, line 1: `!pip install x` is a magic of the notebook"),
    "magic": (["a = 1", "%matplotlib inline\nresult = a"], r"cell 2, line 1: `%matplotlib inline` is a magic"),
    "cell magic": (["%%sql\nSELECT 1"], r"cell 1, line 1: `%%sql` is a magic"),
    "shell into a name": (["files = !ls\nresult = files"], r"cell 1, line 1: `files = !ls` is a magic"),
    "help": (["spark.range?"], r"cell 1, line 1: `spark.range\?` is a magic"),
    "not Python": (["result = (1"], "cell 1, line 1: is not Python"),
    "widget": (["x = 1\nimport ipywidgets as w\nresult = x"], "cell 1, line 2: `ipywidgets` draws in a notebook"),
    "question": (["result = spark.range(int(input('how many?')))"], r"cell 1, line 1: `input\(\)` asks a person"),
    "helper": (["result = yard.sample('t')"], "cell 1, line 1: `yard` is a helper of notebooks"),
    "stop": (["result = spark.range(1)", "spark.stop()"], r"cell 2, line 1: `spark.stop\(\)` ends the session"),
    "context": (["result = spark.sparkContext"], "cell 1, line 1: `.sparkContext` is not there over Spark Connect"),
    "place": (["import kubernetes\nresult = 1"], "cell 1, line 1: `kubernetes` may not be imported by jobs"),
    "hidden": (["result = spark.range(n)"], "cell 1: uses `n`, which no cell defines: hidden state"),
    "hidden in a function": (["def f():\n    return n\nresult = f()"], "cell 1: uses `n`, which no cell defines"),
    "below": (["result = spark.range(n)", "n = 3"], "cell 1: uses `n`, which only cell 2, below it, defines"),
    "no result": (["x = spark.range(1)"], "no cell assigns `result`"),
}


@pytest.mark.parametrize(("sources", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_and_the_cell_is_named(sources: list[str], words: str) -> None:
    import re

    found = "\n".join(list_refusals(make(*sources), make(*sources)))
    assert re.search(words, found), found


def test_a_name_of_a_cell_that_was_not_chosen() -> None:
    cells = make("n = 3", "result = spark.range(n)")
    assert list_refusals(cells, cells) == []
    assert list_refusals(cells[1:], cells) == ["cell 2: uses `n`, which cell 1 defines: choose it too"]


def test_functions_may_use_what_is_defined_below_them() -> None:
    cells = make("def f(x):\n    y = [x for x in range(3)]\n    return g(x, y)", "def g(a, b):\n    return a\nresult = f(spark)")
    assert list_refusals(cells, cells) == []


def test_cells_are_chosen_by_number_and_parameters_come_along() -> None:
    cells = make("n = 3", "a", "b", "c", tags=["parameters"])
    assert [cell.number for cell in choose_cells(cells, "3-4")] == [1, 3, 4]
    with pytest.raises(UsageError, match="there is no code cell 9: they are 1 to 4"):
        choose_cells(cells, "2,9")
    with pytest.raises(UsageError, match="expected numbers"):
        choose_cells(cells, "two")


def test_parameters_become_arguments_everywhere() -> None:
    files = promote(make('day = "2024-01-31"\nleast_total = 3', "result = spark.range(least_total)", tags=["parameters"]))
    app, manifest, dag = files.values()
    assert 'parser.add_argument("--least-total", type=int, default=3)' in app
    assert "def answer(spark: SparkSession, day: str, least_total: int) -> DataFrame:" in app
    assert "answer(spark, args.day, args.least_total)" in app
    assert "\n    least_total = 3" not in app
    assert '"--least-total", param("least_total")' in dag
    assert "arguments" not in yaml.safe_load(manifest)["spec"]


@pytest.mark.parametrize("source", ["n = [1, 2]", "n = m", "n, m = 1, 2", "n = True", "print(1)"])
def test_a_parameter_is_a_text_or_a_number(source: str) -> None:
    with pytest.raises(UsageError, match="cell 1: line 1: a cell tagged parameters"):
        list_parameters(make(source, tags=["parameters"]))


def test_the_app_is_python_that_shows_nothing() -> None:
    text = 'words = """one\ntwo"""'
    cells = make("from pyspark.sql import functions as F\nimport math", f"{text}\n# why\nresult = spark.range(1)", "result.show()\nresult")
    files = promote(cells)
    app = files["spark_apps/events/quiet_hours.py"]
    compile(app, "app", "exec")
    assert "    # why\n" in app
    assert '    words = """one\ntwo"""\n' in app, "a text of several lines was changed"
    assert "show" not in app
    assert app.index("import math") < app.index("def answer")


def test_manifest_and_dag_are_as_ours() -> None:
    files = promote(make("result = spark.range(1)"))
    document = yaml.safe_load(files["manifests/jobs/events-quiet-hours.yaml"])
    hello = yaml.safe_load((ROOT / "manifests/jobs/hello-hello.yaml").read_text())
    assert document["spec"].keys() == hello["spec"].keys() - {"sparkConf"}
    assert document["spec"]["mainApplicationFile"] == "local:///opt/sparkyard/apps/events/quiet_hours.py"
    compile(files["airflow/dags/events_quiet_hours.py"], "dag", "exec")


def test_the_manifest_has_nothing_against_it() -> None:
    from sparkyard.check import check_text
    from sparkyard.settings import PlatformSettings

    text = promote(make("result = spark.range(1)"))["manifests/jobs/events-quiet-hours.yaml"]
    platform = PlatformSettings(spark_version=load_versions()["SPARK_VERSION"])
    assert check_text(text, "x.yaml", platform, frozenset({"events/quiet_hours.py"})) == []


def test_the_course_can_be_promoted() -> None:
    book = load_notebook(COURSE)
    assert book.title == "Quiet hours, from a notebook to a job"
    assert list_refusals(book.cells, book.cells) == []
    assert list_parameters(book.cells) == {"most": 60}
    compile(make_replay(book.cells, "yard.scratch.x"), "replay", "exec")


def test_what_is_no_notebook(tmp_path: Path) -> None:
    (tmp_path / "x.ipynb").write_text(json.dumps({"cells": [{}]}))
    with pytest.raises(UsageError, match="is no notebook"):
        load_notebook(tmp_path / "x.ipynb")
    with pytest.raises(UsageError, match="no such notebook"):
        load_notebook(tmp_path / "y.ipynb")


def test_nothing_is_overwritten_unless_it_shall_be(tmp_path: Path) -> None:
    files = {"a/b.py": "x = 1\n"}
    write_files(files, tmp_path, force=False)
    write_files(files, tmp_path, force=False)
    (tmp_path / "a/b.py").write_text("x = 2\n")
    with pytest.raises(ManifestError, match=r"b.py: is there already, and different: --check"):
        write_files(files, tmp_path, force=False)
    write_files(files, tmp_path, force=True)
    assert (tmp_path / "a/b.py").read_text() == "x = 1\n"


def test_rows_are_compared_however_they_are_ordered() -> None:
    one = pa.table({"a": [1, 2, 2], "b": [0.1 + 0.2, 1.0, 1.0]})
    same = pa.table({"b": [1.0, 1.0, 0.3], "a": [2, 2, 1]})
    assert [*compare_columns(one, same), *compare_rows(one, same)] == []
    twice = pa.table({"a": [1, 2, 3], "b": [0.3, 1.0, 1.0]})
    assert list(compare_rows(one, twice)) == ["1 row(s) only in the notebook: a=2, b=1", "1 row(s) only in the job: a=3, b=1"]
    assert list(compare_columns(one, pa.table({"a": ["x"]}))) == [
        "column a: int64 in the notebook, string in the job",
        "column b: double in the notebook, absent in the job",
    ]


def test_what_is_changed_in_the_manifest_is_told() -> None:
    made = {"driver": {"memory": "512m"}, "type": "Python"}
    there = {"driver": {"memory": "1g"}, "type": "Python", "arguments": ["--most", "3"]}
    assert list(list_changes(made, there)) == [
        "spec.arguments: None for the notebook, ['--most', '3'] for the job",
        "spec.driver.memory: 512m for the notebook, 1g for the job",
    ]
