"""Monthly sales against DuckDB over the files: the last snapshot's purchases, and what their products were when they were bought."""

from typing import Any

import pytest
from apps.purchases.conftest import DAYS, follow, land

from purchases import as_of, sales

pytestmark = pytest.mark.java
SQL = f"""
    WITH bought AS (SELECT *, purchased_at::DATE AS day FROM purchases WHERE date = '{DAYS[-1]}'),
         near AS (SELECT purchase_id, category, row_number() OVER (PARTITION BY purchase_id ORDER BY p.date <= day DESC,
                         CASE WHEN p.date <= day THEN p.date END DESC, p.date) AS place
                  FROM bought b JOIN products p USING (product_id)),
         told AS (SELECT b.*, coalesce(near.category, 'unknown') AS category, date_trunc('month', day)::DATE AS month
                  FROM bought b LEFT JOIN near ON near.purchase_id = b.purchase_id AND place = 1),
         doubled AS (SELECT * FROM told UNION ALL SELECT * REPLACE ('all categories' AS category) FROM told)
    SELECT month, category, count(*) FILTER (status = 'paid'), count(DISTINCT user_id) FILTER (status = 'paid'),
           coalesce(sum(quantity) FILTER (status = 'paid'), 0), coalesce(sum(quantity * price) FILTER (status = 'paid'), 0),
           coalesce(sum(quantity * price) FILTER (status = 'returned'), 0)
    FROM doubled GROUP BY ALL"""


def test_every_cell_equals_duckdb(shop: Any) -> None:
    result = sales.main([], shop.spark)
    expected = shop.duck.sql(SQL).fetchall()
    assert sorted(tuple(row) for row in shop.spark.table(sales.TABLE).collect()) == sorted(expected), shop.seed
    assert {category for _, category, *_ in expected} == {"kitchen", "garden", "unknown", sales.ALL}
    assert result["checks"] == {"categories add up to the whole": True}
    assert 0 < result["facts"]["of_unknown_products"] < result["facts"]["purchases"]
    assert result["plot"]["where"] == {"category": sales.ALL}


def test_run_again_nothing_is_written(shop: Any) -> None:
    jobs = {as_of: ["--as-of", f"{DAYS[2]}"], sales: []}
    for job, args in jobs.items():
        job.main(args, shop.spark)
    before = shop.snapshots()
    assert land(shop)["facts"] == {"days_new": 0, "days_known": len(DAYS)}
    again = follow(shop)
    assert (again["facts"]["days_compared"], again["highlights"]) == (0, shop.followed["highlights"])
    assert all("nothing_new" in job.main(args, shop.spark)["facts"] for job, args in jobs.items())
    assert shop.snapshots() == before
