"""Scripts over Spark data frames: a generator for `mapInArrow`, its schema, and the counts of each partition."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pyspark import AccumulatorParam, TaskContext
from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema

from ..ports import TableSpec

Counts = dict[int, dict[str, int]]


def evaluate_frame(frame: Any, spec: TableSpec, counts: PartitionCounts | None = None) -> Any:
    """Returns the rows of a data frame with the changes made, and ``_status``, ``_reason`` and ``_error_code``.

    Args:
        frame: A Spark data frame.
        spec: What `Alloy.table_spec` returned.
        counts: Gets the counts of each partition; None to keep none.

    Raises:
        ValidationError: The frame does not have a column that a script reads.
    """
    schema = from_arrow_schema(spec.open().output_schema(to_arrow_schema(frame.schema)))
    return frame.mapInArrow(evaluate_batches(spec, counts), schema)


def evaluate_batches(
    spec: TableSpec, counts: PartitionCounts | None = None
) -> Callable[[Iterable[Any]], Iterator[Any]]:
    """Returns the generator for `mapInArrow`: takes the batches of a partition, and yields those of its result."""
    kept = None if counts is None else counts.accumulator

    def evaluate(batches: Iterable[Any]) -> Iterator[Any]:
        evaluator = spec.open()
        yield from evaluator.batches(batches)
        if kept is not None:
            kept.add({TaskContext.get().partitionId(): evaluator.take()})

    return evaluate


class PartitionCounts:
    """What each partition of an evaluation came to, filled while an action runs; one that is run again counts once.

    Args:
        session: The Spark session.
    """

    def __init__(self, session: Any) -> None:
        self.accumulator = session.sparkContext.accumulator({}, _ByPartition())

    def all(self) -> dict[int, dict[str, int]]:
        """Returns the counts by partition: rows, changed, rejected, failed, fuel."""
        return dict(sorted(self.accumulator.value.items()))


class _ByPartition(AccumulatorParam[Counts]):
    def zero(self, value: Counts) -> Counts:
        return {}

    def addInPlace(self, value1: Counts, value2: Counts) -> Counts:
        return {**value1, **value2}
