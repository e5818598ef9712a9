"""Spark: the same results as in one process, counts of each partition, and a killed worker's partition once more."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from alloy_lua import Alloy, ValidationError

from .conftest import EVENT, rows

pytestmark = pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas")
COUNT = 20_000


def collected(frame: Any) -> list[dict[str, Any]]:
    return sorted((row.asDict(recursive=True) for row in frame.collect()), key=lambda row: row["n"])


def frame_of(spark: Any, table: pa.Table, partitions: int = 4) -> Any:
    return spark.createDataFrame(table.to_pylist(), schema="n long, qty int, price double, total double").repartition(
        partitions
    )


def test_partitions_come_to_what_one_process_comes_to(spark: Any, alloy: Alloy) -> None:
    from alloy_lua.bridges.spark import PartitionCounts, evaluate_frame

    table, counts = rows(COUNT), PartitionCounts(spark)
    made = collected(evaluate_frame(frame_of(spark, table), alloy.table_spec(EVENT), counts))
    here = alloy.evaluate_table(EVENT, table)
    assert made == here.apply(verdict=True).to_pylist()
    found = counts.all()
    assert len(found) == 4
    sums = {name: sum(each.get(name, 0) for each in found.values()) for name in here.report.counts()}
    assert sums == here.report.counts()


def test_the_partition_of_a_killed_worker_is_evaluated_again(spark: Any, alloy: Alloy, tmp_path: Path) -> None:
    from alloy_lua.bridges.spark import PartitionCounts, evaluate_batches, evaluate_frame

    table, counts, spec = rows(COUNT), PartitionCounts(spark), alloy.table_spec(EVENT)
    once, evaluate = tmp_path / "killed", evaluate_batches(spec, counts)

    def killed(batches: Iterable[Any]) -> Iterator[Any]:
        for batch in evaluate(batches):
            yield batch
            if not once.exists():
                once.touch()
                os.kill(os.getpid(), signal.SIGKILL)

    frame = frame_of(spark, table)
    schema = evaluate_frame(frame, spec).schema
    made = collected(frame.mapInArrow(killed, schema))
    assert once.exists()
    assert made == alloy.evaluate_table(EVENT, table).apply(verdict=True).to_pylist()
    assert sum(each["rows"] for each in counts.all().values()) == COUNT


def test_a_missing_column_is_said_before_any_job(spark: Any, alloy: Alloy) -> None:
    from alloy_lua.bridges.spark import evaluate_frame

    with pytest.raises(ValidationError, match="no column 'price'"):
        evaluate_frame(spark.range(3).withColumnRenamed("id", "qty"), alloy.table_spec(EVENT))
