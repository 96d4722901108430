"""A sample of losses, landed once for all tests, and the same files in DuckDB."""

from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest

IDS = "Iteration EventSetTypeId Day EventID EventSetID TagID LayerId Phantom BindingId"
AMOUNTS = "Layer RIP RIB Premium Tax Brokerage NetLayer Subject"
# Every year of every layer is laid out, the empty ones too, and ranked.
CURVES = """
    WITH occurrences AS (SELECT snapshot, EventSetTypeId AS region, LayerId AS layer, Iteration AS year, sum({loss}) AS loss
                         FROM losses GROUP BY snapshot, EventSetTypeId, LayerId, Iteration, Day, EventSetID, EventID),
         years AS (SELECT snapshot, region, layer, year, sum(loss) AS total, max(loss) AS largest FROM occurrences GROUP BY ALL),
         counts AS (SELECT snapshot, {iterations} AS n FROM losses GROUP BY ALL),
         every AS (SELECT snapshot, region, layer, n, unnest(range(1, n + 1)) AS year
                   FROM (SELECT DISTINCT snapshot, region, layer FROM years) JOIN counts USING (snapshot)),
         filled AS (SELECT every.*, total IS NOT NULL AS has_rows, coalesce(total, 0)::DOUBLE AS total,
                           coalesce(largest, 0)::DOUBLE AS largest FROM every LEFT JOIN years USING (snapshot, region, layer, year)),
         groups AS (SELECT snapshot, region, layer, any_value(n) AS n, count(*) FILTER (has_rows) AS seen, avg(total) AS mean,
                           stddev_samp(total) AS deviation, list(total ORDER BY total DESC) AS totals,
                           list(largest ORDER BY largest DESC) AS largests FROM filled GROUP BY ALL)
    SELECT snapshot, region, layer, t::INT, '{loss}', n, seen, mean, deviation,
           CASE WHEN t <= n THEN greatest(largests[ceil(n / t)::INT], 0) END,
           CASE WHEN t <= n THEN greatest(totals[ceil(n / t)::INT], 0) END
    FROM groups, unnest({periods}) AS periods(t)"""


def put(raw: Path, scale: float = 0.2, **more: Any) -> None:
    from sparkyard.samples.losses import make_files

    for name, content in make_files(scale, **more):
        (raw / name).parent.mkdir(parents=True, exist_ok=True)
        (raw / name).write_bytes(content)


def duck(raw: Path) -> Any:
    """DuckDB with the table `losses`: typed from the text of the files, snapshots by their folders."""
    import duckdb

    database = duckdb.connect(config={"threads": 1})
    typed = [*(f"{name}::BIGINT AS {name}" for name in IDS.split()), *(f"{name}::DECIMAL(28, 6) AS {name}" for name in AMOUNTS.split())]
    database.sql(f"""CREATE TABLE losses AS SELECT parse_path(filename)[-2] AS snapshot, {", ".join(typed)}
        FROM read_csv('{raw}/*/*.csv', header=true, all_varchar=true, filename=true)""")
    return database


@pytest.fixture(scope="session")
def losses(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A lake; `landed` is what landing said, `duck` the same files in DuckDB."""
    from apps.conftest import Yard

    from losses import land

    raw = Path(urlparse(spark.conf.get("spark.hadoop.fs.viewfs.mounttable.raw.linkFallback")).path) / "losses"
    yard = Yard(spark, tmp_path_factory.mktemp("losses") / "lake", raw)
    put(raw)
    yard.landed = land.main(["--input", yard.uri], yard.spark)
    yard.duck = duck(raw)
    yard.spark.sql("CREATE NAMESPACE IF NOT EXISTS yard.refined")  # where answers will be
    return yard
