"""What was sold, month by month and category by category?

From: yard.refined.purchases_fact, purchases_product: as the last snapshot has them, and what products were when they were bought
To:   yard.refined.purchases_sales  a row for each month (UTC) and category, and for each month one of all categories together

What was paid and not returned is sold, at the price of the purchase; what came back is `returned` beside it, what was cancelled nothing. A
category is that of the product on the day of the purchase: one that has moved since takes no past sales with it. Before its first snapshot
it is the first known; of a product that no snapshot ever had it is `unknown`, and how many purchases that are is told.
"""

import argparse
from collections.abc import Sequence
from typing import Any

from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as F

import jobanswers
import jobkit
from purchasekit import PRODUCTS, PURCHASES

TABLE = "yard.refined.purchases_sales"
ALL = "all categories"


def answer(inputs: jobanswers.Inputs, _: argparse.Namespace) -> DataFrame:
    """With grouping sets, so that buyers of two categories count once in all of them."""
    bought = find_categories(inputs).withColumn("month", F.to_date(F.date_trunc("month", "purchased_at")))
    amount, paid = F.col("quantity") * F.col("price"), F.col("status") == "paid"
    sums = bought.groupingSets([["month", "category"], ["month"]], "month", "category").agg(
        F.grouping("category").alias("is_all"),
        F.count_if(paid).alias("purchases"),
        F.count_distinct(F.when(paid, F.col("user_id"))).alias("buyers"),
        total(F.when(paid, F.col("quantity")), "BIGINT").alias("quantity"),
        total(F.when(paid, amount), "DECIMAL(18,2)").alias("amount"),
        total(F.when(F.col("status") == "returned", amount), "DECIMAL(18,2)").alias("returned"),
    )
    category = F.when(F.col("is_all") == 1, ALL).otherwise(F.col("category")).alias("category")
    return sums.select("month", category, "purchases", "buyers", "quantity", "amount", "returned")


def total(amount: Column, kind: str) -> Column:
    return F.coalesce(F.sum(amount), F.lit(0)).cast(kind)


def find_categories(inputs: jobanswers.Inputs) -> DataFrame:
    """Each purchase of the last snapshot with the category that its product had then."""
    bought = inputs[PURCHASES.history].where("current").withColumn("day", F.to_date("purchased_at"))
    products = inputs[PRODUCTS.history].select("product_id", "category", "valid_from")
    until = F.datediff("valid_from", "day") <= 0
    nearness = F.struct(until, F.when(until, F.datediff("valid_from", "day")).otherwise(F.datediff("day", "valid_from")))
    nearest = products.join(bought.select("purchase_id", "product_id", "day"), "product_id").groupBy("purchase_id")
    known = nearest.agg(F.max_by("category", nearness).alias("known"))
    return bought.join(known, "purchase_id", "left").withColumn("category", F.coalesce("known", F.lit("unknown")))


def facts(inputs: jobanswers.Inputs) -> DataFrame:
    bought = inputs[PURCHASES.history].where("current")
    strange = bought.join(inputs[PRODUCTS.history].select("product_id").distinct(), "product_id", "left_anti")
    return bought.agg(F.count("*").alias("purchases")).crossJoin(strange.agg(F.count("*").alias("strange")))


def tell(rows: Sequence[Row], found: Row, job: jobkit.Job) -> None:
    months = [row for row in rows if row.category == ALL]
    parts = sum(row.amount for row in rows if row.category != ALL)
    job.check("categories add up to the whole", parts == sum(row.amount for row in months))
    job.facts |= {"months": len(months), "purchases": found.purchases, "of_unknown_products": found.strange}
    told = [[f"{row.month:%Y-%m}", row.purchases, row.buyers, float(row.amount), float(row.returned)] for row in months[-12:]]
    job.highlights = [["month", "purchases", "buyers", "amount", "returned"], *told]


QUESTION = jobanswers.Question(
    job="purchases-sales",
    about=__doc__,
    code=__file__,
    table=TABLE,
    reads={
        PURCHASES.history: ["purchase_id", "purchased_at", "user_id", "product_id", "quantity", "price", "status", "current"],
        PRODUCTS.history: ["product_id", "category", "valid_from"],
    },
    answer=answer,
    facts=facts,
    tell=tell,
    plot={
        "table": TABLE,
        "kind": "bar",
        "x": "month",
        "y": ["amount", "returned"],
        "where": {"category": ALL},
        "title": "Sales by month",
        "caption": "Paid and not returned, at the price of the purchase; months in UTC, as the last snapshot has them.",
    },
)


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobanswers.run(QUESTION, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
