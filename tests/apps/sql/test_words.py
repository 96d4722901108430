"""T-SQL without a server: every statement parses as T-SQL, says what its tested PostgreSQL twin says, and types are the chosen ones."""

import re
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

import jobkit
import sqlsession
from sqlwords import LEDGER_COLUMNS, Words, make_columns

HARD = "a]b [c] 'd' \"e\"; --"


def make_schema() -> Any:
    from pyspark.sql import types as T

    plain = [T.BooleanType(), T.ByteType(), T.ShortType(), T.IntegerType(), T.LongType(), T.FloatType(), T.DoubleType()]
    plain += [T.DecimalType(38, 9)]
    rest = [T.StringType(), T.BinaryType(), T.DateType(), T.TimestampType(), T.TimestampNTZType(), T.ArrayType(T.StringType())]
    fields = [T.StructField(f"c{number}", kind) for number, kind in enumerate([*plain, *rest])]
    return T.StructType([*fields, T.StructField(HARD, T.StringType())])


def make_words(kind: str, schema: str) -> Words:
    columns = make_columns(kind, make_schema(), {"c8": 33, "c9": 4000, HARD: 20}, {}, ["c4", HARD])
    return Words(kind, f"{schema}.target", f"{schema}.stage", columns, ["c4", HARD], "c10")


def statements(words: Words) -> dict[str, str]:
    told = {how: "; ".join(words.bring(how)) for how in ("whole", "parts", "merge")}
    there = {column.name: 10 for column in words.columns[1:]}
    told |= {"add": "; ".join(words.add_columns(there)), "count": words.count(words.to)}
    return told | {"target": words.create_target()}


@pytest.mark.parametrize("name", ["whole", "parts", "merge", "add", "count", "target"])
def test_both_dialects_say_the_same(name: str) -> None:
    """What PostgreSQL runs in the other tests, T-SQL says too, but for types and for how times are read from the stage."""
    ours, twin = (statements(make_words(kind, "s"))[name] for kind in ("sqlserver", "postgresql"))
    assert normal(ours, "tsql") == normal(twin, "postgres")


def normal(sql: str, dialect: str) -> list[str]:
    """Without types, and without the hints that sqlglot does not know."""
    told = []
    for tree in sqlglot.parse(re.sub(r" WITH \((TABLOCK|HOLDLOCK)\)", "", sql), read=dialect, error_level=sqlglot.ErrorLevel.RAISE):
        if tree is None:
            continue
        assert not tree.find(exp.Command), f"not understood: {sql}"
        tree = tree.transform(lambda node: node.this.this if isinstance(node, exp.Alias) and isinstance(node.this, exp.Cast) else node)
        tree = tree.transform(lambda node: exp.DataType.build("int") if isinstance(node, exp.DataType) else node)
        told.append(tree.sql("postgres").replace(" NULLS FIRST", ""))
    return told


def test_types_of_sql_server_neither_round_nor_grow_by_accident() -> None:
    kinds = [column.type for column in make_words("sqlserver", "dbo").columns]
    assert kinds == [
        *("bit", "smallint", "smallint", "int", "bigint", "real", "float(53)", "decimal(38,9)", "nvarchar(64)", "varbinary(4000)"),
        *("date", "datetime2(6)", "datetime2(6)", "nvarchar(max)", "nvarchar(440)"),
    ]


def test_widths_are_measured_or_said() -> None:
    with pytest.raises(jobkit.InputError, match=r"column c8 holds values of 4,001 characters: say --width c8=max"):
        make_columns("sqlserver", make_schema(), {"c8": 4001}, {})
    told = {column.name: column.type for column in make_columns("sqlserver", make_schema(), {"c8": 4001}, {"c8": "max", "c9": "20"})}
    assert (told["c8"], told["c9"]) == ("nvarchar(max)", "varbinary(20)")
    assert make_columns("postgresql", make_schema(), {}, {"c8": "20"})[8].type == "character varying(20)"


def test_a_text_that_outgrew_its_column_gets_room() -> None:
    words = make_words("sqlserver", "dbo")
    assert words.widen_columns({"c8": 32, "c9": -1, HARD: 440}) == ["ALTER TABLE [dbo].[target] ALTER COLUMN [c8] nvarchar(64)"]
    assert make_words("postgresql", "s").widen_columns({"c8": 32}) == []


def test_a_key_has_all_its_room_at_once_and_is_never_widened() -> None:
    """SQL Server lets no column of a primary key be altered, and takes 900 bytes of them in all."""

    def types(keys: list[str], **measured: int) -> list[str]:
        columns = make_columns("sqlserver", make_schema(), measured, {}, keys)
        return [column.type for column in columns if column.name in keys]

    assert types(["c8"]) == ["nvarchar(450)"]
    assert types(["c8", "c9"]) == ["nvarchar(225)", "varbinary(450)"]
    assert types(["c4", "c8", HARD]) == ["bigint", "nvarchar(220)", "nvarchar(220)"]
    with pytest.raises(jobkit.InputError, match=r"column c8 is of --key, which may have 450 characters in SQL Server, and needs 451"):
        types(["c8"], c8=451)
    words = make_words("sqlserver", "dbo")
    assert words.widen_columns({HARD: 20}) == [], "of an older version, and wide enough"
    with pytest.raises(jobkit.InputError, match=r"has room for 16 characters and needs 20, and the column of a key cannot be widened"):
        words.widen_columns({HARD: 16})
    assert make_words("postgresql", "s").widen_columns({HARD: 16}) == []


def test_the_rest_is_t_sql_too() -> None:
    words = make_words("sqlserver", "dbo")
    ledger = f"CREATE TABLE [dbo].[l] ({LEDGER_COLUMNS['sqlserver']})"
    asked = [sqlsession.COLUMNS, sqlsession.TABLES, ledger, *words.create_stage(changes=True, swaps=False)]
    for statement in asked:
        sqlglot.parse_one(statement.replace(" WITH (IGNORE_DUP_KEY = ON)", ""), read="tsql", error_level=sqlglot.ErrorLevel.RAISE)
    [stage] = words.create_stage(changes=False, swaps=False)
    assert stage.startswith("CREATE TABLE [dbo].[stage] ([sparkyard_row] bigint NOT NULL PRIMARY KEY WITH (IGNORE_DUP_KEY = ON), ")
    assert "[c11] varchar(40)" in stage, "times are staged as text: the driver would take them for times of the JVM's zone"
    assert words.merge().startswith("MERGE INTO [dbo].[target] WITH (HOLDLOCK) AS t USING ")
    assert words.merge().endswith(";"), "T-SQL demands it of MERGE"


def test_hard_names_stay_names() -> None:
    found = [item.name for item in sqlglot.parse_one(make_words("sqlserver", "dbo").create_target(), read="tsql").find_all(exp.Identifier)]
    assert found[-1] == HARD
