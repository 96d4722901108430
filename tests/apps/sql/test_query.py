"""A query's answer is a table in the query's order; what is no query is refused."""

from typing import Any

import pytest

import jobkit
from sql import query

pytestmark = pytest.mark.java
TO = "yard.scratch.answer"


def test_an_answer_keeps_the_order_of_its_query(yard: Any) -> None:
    yard.spark.sql("CREATE NAMESPACE yard.refined")
    yard.spark.range(1000).selectExpr("id", "id % 7 AS k").repartition(3).writeTo("yard.refined.numbers").create()
    asked = "WITH x AS (SELECT * FROM refined.numbers) SELECT k, id FROM x ORDER BY k DESC, id -- all\n;"
    result = query.main(["--query", asked, "--to", TO], yard.spark)
    expected = sorted(((id % 7, id) for id in range(1000)), key=lambda row: (-row[0], row[1]))
    assert [row[1:] for row in yard.rows(TO)] == expected
    assert result["rows"]["written"] == 1000


@pytest.mark.parametrize("wrong", ["DROP TABLE refined.numbers", "SELECT * FROM refined.nothing", "SELECT 1) UNION (SELECT", ""])
def test_what_is_no_query_is_refused(yard: Any, wrong: str) -> None:
    with pytest.raises(jobkit.UsageError, match="--query: "):
        query.main(["--query", wrong, "--to", TO], yard.spark)
