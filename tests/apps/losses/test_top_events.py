"""The costliest events against DuckDB."""

from typing import Any

import pytest
from apps.losses.test_curves import approx

from losses import top_events

pytestmark = pytest.mark.java
SQL = """
    WITH occurrences AS (SELECT snapshot, EventSetTypeId AS region, LayerId AS layer, EventSetID, EventID, sum(Layer) AS loss
                         FROM losses GROUP BY snapshot, EventSetTypeId, LayerId, EventSetID, EventID, Iteration, Day),
         events AS (SELECT * EXCLUDE (loss), sum(loss) AS loss, count(*) AS times, max(loss) AS largest FROM occurrences GROUP BY ALL),
         ranked AS (SELECT *, row_number() OVER (PARTITION BY snapshot, region, layer ORDER BY loss DESC, EventSetID, EventID) AS rank
                    FROM events)
    SELECT snapshot, region, layer, rank, EventSetID, EventID, 'Layer', 10000, times, loss::DOUBLE / 10000, largest::DOUBLE
    FROM ranked WHERE rank <= 7"""


def test_every_cell_equals_duckdb(losses: Any) -> None:
    result = top_events.main(["--iterations", "10000", "--top", "7"], losses.spark)
    expected = sorted(losses.duck.sql(SQL).fetchall())
    assert losses.rows(top_events.TABLE) == approx(expected)
    assert len(expected) == result["rows"]["written"] == 2 * 3 * 12 * 7
    worst = max(expected, key=lambda row: row[9])
    assert result["highlights"][1][:4] == [worst[0], worst[1], worst[2], worst[5]]
