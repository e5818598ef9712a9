"""One partition of a table somewhere else: an evaluator that makes its own engine from a spec that travelled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

import pyarrow as pa

from ..bridges.hosts import default_modules
from ..engine import Engine
from .evaluate import Evaluator, pieces
from .report import Report
from .result import applied_batch, applied_schema, verdict_schema, verdicts
from .spec import TableSpec


@lru_cache(maxsize=1)
def _engine() -> Engine:
    """Returns the engine of this process: the next partition finds its scripts compiled."""
    return Engine(default_modules())


class PartitionEvaluator:
    """Evaluates batches in a worker process of another engine, for one thread at a time."""

    def __init__(self, spec: TableSpec) -> None:
        self._spec = spec
        self._engine = _engine()
        self._evaluator: Evaluator | None = None
        self._schema: pa.Schema | None = None
        self._report = Report()

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        """Returns the schema of what `batches` yields for batches of ``schema``."""
        evaluator = self._of(schema)
        return applied_schema(schema, verdict_schema(evaluator.types), marked=True)

    def batches(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yields the rows with the changes made, and ``_status``, ``_reason`` and ``_error_code``."""
        for batch in pieces(batches):
            evaluator = self._of(batch.schema)
            schema = verdict_schema(evaluator.types)
            answer, counts = evaluator(batch)
            self._report.merge(counts)
            yield applied_batch(batch, verdicts(answer, schema), applied_schema(batch.schema, schema, marked=True))

    def table(self, table: pa.Table) -> pa.Table:
        """Returns the same as `batches` for the rows of a table."""
        return pa.Table.from_batches(self.batches(table.to_batches()), self.output_schema(table.schema))

    def take(self) -> dict[str, int]:
        """Returns the counts since the last call, and begins anew."""
        report, self._report = self._report, Report()
        return report.counts()

    def _of(self, schema: pa.Schema) -> Evaluator:
        if self._evaluator is None or self._schema != schema:
            self._schema, self._evaluator = schema, Evaluator(self._spec, self._engine, schema)
            self._evaluator.types.freeze()  # every partition has the same types, whatever rows it has
        return self._evaluator
