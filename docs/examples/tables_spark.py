"""An event's scripts over a Spark data frame, on this machine: ``python docs/examples/tables_spark.py``."""

from __future__ import annotations

import os
import sys

from pyspark.sql import SparkSession

from alloy_lua import Alloy
from alloy_lua.bridges.spark import PartitionCounts, evaluate_frame


def main() -> None:
    """Prices a thousand orders in two processes, and prints some of them and what each partition did."""
    with Alloy() as alloy:
        alloy.scripts.create(
            "price", "entity.total = entity.qty * entity.price", on="order.before_create", status="active"
        )
        spec = alloy.table_spec("order.before_create")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # the workers need what this Python has
    spark = SparkSession.builder.master("local[2]").getOrCreate()
    counts = PartitionCounts(spark)
    rows = [(n % 7, 1.5, 0.0) for n in range(1000)]
    orders = spark.createDataFrame(rows, "qty int, price double, total double").repartition(2)
    print(evaluate_frame(orders, spec, counts).collect()[:3])
    print(counts.all())
    spark.stop()


if __name__ == "__main__":
    main()
