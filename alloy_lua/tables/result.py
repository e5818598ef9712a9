"""What an evaluation returns: verdicts for each row, and the input with the changes made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from ..errors import ValidationError
from .answer import Answer
from .chain import merged
from .fitting import of_type, plain_type, written_type
from .output import OutputTypes
from .report import Report

STATUSES = pa.array(["continue", "rejected", "failed"])
VERDICT = ("status", "reason", "error_code")
VERDICT_SCHEMA = pa.schema(
    [("status", pa.dictionary(pa.int8(), pa.string())), ("reason", pa.string()), ("error_code", pa.string())]
)


def verdict_schema(types: OutputTypes) -> pa.Schema:
    """Returns the schema of `verdicts`."""
    schema = VERDICT_SCHEMA
    if types.names:
        schema = schema.append(
            pa.field("changes", pa.struct([(name, plain_type(types.of(name))) for name in types.names]))
        )
        schema = schema.append(pa.field("changed", pa.struct([(name, pa.bool_()) for name in types.names])))
    return schema


def verdicts(answer: Answer, schema: pa.Schema) -> pa.RecordBatch:
    """Returns an answer as a batch of the schema that `verdict_schema` made.

    ``changes`` holds each field's new value, ``changed`` whether it has one: a field that is null in ``changes`` was
    set to null if ``changed`` says so, and left alone if not.
    """
    arrays = [pa.DictionaryArray.from_arrays(answer.status, STATUSES, safe=False), answer.reason, answer.code]
    if len(schema) > len(VERDICT):
        rows = len(answer.status)
        values, changed = [], []
        for inner in schema.field("changes").type:
            field = answer.fields.get(inner.name)
            values.append(pa.nulls(rows, inner.type) if field is None else of_type(inner.type, field.values))
            changed.append(pa.repeat(False, rows) if field is None else field.changed)
        arrays.append(pa.StructArray.from_arrays(values, fields=list(schema.field("changes").type)))
        arrays.append(pa.StructArray.from_arrays(changed, fields=list(schema.field("changed").type)))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def applied_schema(table: pa.Schema, verdict: pa.Schema, marked: bool) -> pa.Schema:
    """Returns the schema of `applied_batch`."""
    schema = table
    if len(verdict) > len(VERDICT):
        for field in verdict.field("changes").type:
            at = schema.get_field_index(field.name)
            if at < 0:
                schema = schema.append(field)
            else:
                old = schema.field(at).with_nullable(True)
                kind = field.type if pa.types.is_null(old.type) else written_type(old.type)
                schema = schema.set(at, old.with_type(kind))
    for name in VERDICT if marked else ():
        at = schema.get_field_index(f"_{name}")
        mark = pa.field(f"_{name}", pa.string())
        schema = schema.append(mark) if at < 0 else schema.set(at, mark)
    return schema


def applied_batch(batch: pa.RecordBatch, verdict: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Returns the rows of ``batch`` with the changes of ``verdict`` made, in the schema that `applied_schema` made."""
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    if "changes" in verdict.schema.names:
        changes, changed = verdict.column("changes"), verdict.column("changed")
        for index, field in enumerate(changes.type):
            new = changes.field(index)
            if field.name in columns and not pa.types.is_null(columns[field.name].type):
                columns[field.name] = merged(columns[field.name], new, changed.field(index))
            else:
                columns[field.name] = new
    for name in VERDICT:
        columns[f"_{name}"] = verdict.column(name).cast(pa.string()) if f"_{name}" in schema.names else None
    return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)


class TableResult:
    """What an evaluation of a table came to.

    Attributes:
        table: A row for each row: ``status``, ``reason``, ``error_code``, and the structs ``changes`` and ``changed``.
        report: Counts, and which engine ran.
    """

    def __init__(self, source: pa.Table, table: pa.Table, report: Report) -> None:
        self._source = source
        self.table = table
        self.report = report

    def apply(self, *, verdict: bool = False) -> pa.Table:
        """Returns the table with the changes made; rejected and failed rows are as they were.

        Args:
            verdict: Whether to add ``_status``, ``_reason`` and ``_error_code``.
        """
        schema = applied_schema(self._source.schema, self.table.schema, verdict)
        batches = []
        at = 0
        for batch in self._source.to_batches():
            made = self.table.slice(at, batch.num_rows).combine_chunks()
            at += batch.num_rows
            for whole in made.to_batches():
                batches.append(applied_batch(batch, whole, schema))
        return pa.Table.from_batches(batches, schema)

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.table.__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        return int(self.table.num_rows)


Pairs = Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]


class StreamResult:
    """What an evaluation of a reader comes to: rows are evaluated while `reader` or `apply` is read, once.

    Attributes:
        schema: The schema of `reader`.
        report: Counts so far, and which engine runs.
    """

    def __init__(self, source: pa.Schema, schema: pa.Schema, pairs: Pairs, report: Report) -> None:
        self._source = source
        self._pairs: Pairs | None = pairs
        self.schema = schema
        self.report = report

    def reader(self) -> pa.RecordBatchReader:
        """Returns a reader of ``status``, ``reason``, ``error_code``, ``changes`` and ``changed``.

        Raises:
            ValidationError: The rows are being read already.
        """
        return self._reader(self.schema, lambda batch, verdict: verdict)

    def apply(self, *, verdict: bool = False) -> pa.RecordBatchReader:
        """Returns a reader of the rows with the changes made; rejected and failed rows are as they were.

        Args:
            verdict: Whether to add ``_status``, ``_reason`` and ``_error_code``.

        Raises:
            ValidationError: The rows are being read already.
        """
        schema = applied_schema(self._source, self.schema, verdict)
        return self._reader(schema, lambda batch, made: applied_batch(batch, made, schema))

    def _reader(
        self, schema: pa.Schema, made: Callable[[pa.RecordBatch, pa.RecordBatch], pa.RecordBatch]
    ) -> pa.RecordBatchReader:
        pairs, self._pairs = self._pairs, None
        if pairs is None:
            raise ValidationError("the rows of this result are being read already, wanted one call of reader or apply")
        return pa.RecordBatchReader.from_batches(schema, (made(batch, verdict) for batch, verdict in pairs))

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.reader().__arrow_c_stream__(requested_schema)


def gathered(source: pa.Table, answers: Sequence[Answer], types: OutputTypes, report: Report) -> TableResult:
    """Returns the result of a table whose batches have all been answered."""
    schema = verdict_schema(types)
    return TableResult(source, pa.Table.from_batches([verdicts(each, schema) for each in answers], schema), report)
