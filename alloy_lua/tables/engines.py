"""Picks the engine for a script: columns where it can go that way, else rows. Both come to the same."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

import pyarrow as pa
import pyarrow.compute as pc

from ..engine import Engine, Program
from ..limits import Limits
from .answer import Answer, Field
from .columns import ColumnPlan, plan
from .fitting import numbers_as_double, plain_type
from .output import OutputTypes
from .report import Choice
from .rows import RowEngine
from .spec import TableScript, TableSpec

BATCH_SECONDS = 60.0
MOST_PLANS = 32

Run = Callable[[pa.RecordBatch, OutputTypes], Answer]


def pick(
    engine: Engine, spec: TableSpec, script: TableScript, program: Program, schema: pa.Schema
) -> tuple[Run, Choice]:
    """Returns what runs one script over batches, and what to report of it.

    Args:
        engine: Compiles and runs.
        spec: What is evaluated.
        script: The script.
        program: The same, compiled.
        schema: That of the table; what earlier scripts write may differ from it.
    """
    rows = RowEngine(engine, spec, script, program)
    why = _why_rows(rows, spec)
    if why is None:
        columns = ColumnEngine(engine, program, rows.limits, rows.run)
        found = columns.plan_for(schema)
        if isinstance(found, ColumnPlan):
            return columns.run, Choice(script.script.name, script.revision, "columns", "the buffers of the columns")
        why = found
    return rows.run, Choice(script.script.name, script.revision, "rows", why)


def _why_rows(rows: RowEngine, spec: TableSpec) -> str | None:
    if not rows.batched:
        return "the script needs a run of its own for each row, as in fire"
    if spec.adapter.schema is not None:
        return "the entity has a schema, which looks at each record"
    return None


class ColumnEngine:
    """Runs one script over batches by columns, and by rows those that turn out not to fit.

    Args:
        engine: Compiles and runs.
        program: The script.
        limits: Those of each row.
        by_rows: Runs a batch by rows.
    """

    def __init__(self, engine: Engine, program: Program, limits: Limits, by_rows: Run) -> None:
        self._engine, self._program, self._limits, self._by_rows = engine, program, limits, by_rows

    def plan_for(self, schema: pa.Schema) -> ColumnPlan | str:
        """Returns how batches of a schema are run; or why not by columns."""
        plans = self._engine.column_plans
        key = self._program.sha256, self._limits, schema
        found = plans.get(key)
        if found is None:
            found = plans[key] = plan(self._engine, self._program, self._limits, schema)
            while len(plans) > MOST_PLANS:
                plans.pop(next(iter(plans)), None)
        return found

    def run(self, batch: pa.RecordBatch, types: OutputTypes) -> Answer:
        """Returns what the script made of each row of ``batch``.

        Args:
            batch: The rows.
            types: The types of what it writes.

        Raises:
            LimitExceeded: The batch took too long; code ``deadline_exceeded``.
        """
        found = self.plan_for(batch.schema)
        if isinstance(found, str) or not batch.num_rows:
            return self._by_rows(batch, types)
        answer = found.run(batch, monotonic() + BATCH_SECONDS)
        fitted = None if isinstance(answer, str) else _fitted(answer, types)
        return self._by_rows(batch, types) if fitted is None else fitted


def _fitted(answer: Answer, types: OutputTypes) -> Answer | None:
    """Returns the answer with the types that its columns are to have; None if a value does not fit one."""
    fields = {}
    for name, field in answer.fields.items():
        values = field.values
        if values.null_count < len(values):
            types.show(name, values.type)
        wanted = plain_type(types.of(name))
        if values.type != wanted:
            if values.null_count == len(values):
                values = pa.nulls(len(values), wanted)
            elif not _is_alike(values.type, wanted):
                return None
            try:
                cast = values.cast(wanted)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
                return None
            if pa.types.is_floating(wanted) and _infinities(cast) > _infinities(values):
                return None
            values = cast
        fields[name] = Field(values, field.changed)
    return Answer(answer.status, answer.reason, answer.code, answer.fuel, fields)


def _infinities(values: pa.Array) -> int:
    return pc.is_inf(values).true_count if pa.types.is_floating(values.type) else 0


def _is_alike(kind: pa.DataType, wanted: pa.DataType) -> bool:
    """Returns whether values of one type may become those of the other: numbers numbers, texts texts."""
    numbers = pa.types.is_integer, pa.types.is_floating
    if any(holds(kind) for holds in numbers):
        return any(holds(wanted) for holds in numbers)
    if pa.types.is_nested(kind):
        return bool(numbers_as_double(kind) == wanted)
    texts = pa.types.is_string, pa.types.is_large_string
    return any(holds(kind) for holds in texts) and any(holds(wanted) for holds in texts)
