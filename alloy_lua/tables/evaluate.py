"""Evaluates scripts over tables: picks an engine for each script, and takes the batches through it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from time import perf_counter
from typing import Any

import pyarrow as pa

from .. import checks
from ..engine import Engine, Program
from ..errors import ValidationError
from .answer import Answer
from .chain import Step, run_chain
from .engines import Run, pick
from .fitting import of_type, plain_type
from .output import OutputTypes
from .report import Choice, Report
from .result import StreamResult, TableResult, gathered, verdict_schema, verdicts
from .spec import TableSpec, missing_fields
from .team import in_order

BATCH_ROWS = 65_536
MOST_THREADS = 256

Progress = Callable[[int, "int | None"], object]
"""Called with the rows done and all rows, None where nobody knows."""
Answered = tuple[pa.RecordBatch, Answer]
Told = tuple[Answer, Report]


class Evaluator:
    """The scripts of a spec over batches of one schema, in this process.

    Args:
        spec: What to run.
        engine: Runs it.
        schema: The schema of the batches.

    Raises:
        ValidationError: Column names are not unique, or a script reads a field that is not there.

    Attributes:
        types: The types of what the scripts write.
        choices: Which engine runs each script.
    """

    def __init__(self, spec: TableSpec, engine: Engine, schema: pa.Schema) -> None:
        programs = [engine.compile(each.source) for each in spec.scripts]
        _check_columns(spec, programs, schema)
        self._touched = _touched(programs)
        self.types = OutputTypes(schema, spec.types, spec.adapter.schema, _written(programs, schema))
        self._steps: list[Step] = []
        self.choices: tuple[Choice, ...] = ()
        seen = pa.schema([(name, _seen_as(schema.field(name).type)) for name in self._names_in(schema)])
        for script, program in zip(spec.scripts, programs, strict=True):
            run, choice = pick(engine, spec, script, program, seen)
            self._steps.append(self._step(run, script.closed))
            self.choices += (choice,)

    def _step(self, run: Run, closed: bool) -> Step:
        return Step(lambda batch: run(batch, self.types), closed)

    def __call__(self, batch: pa.RecordBatch) -> Told:
        """Returns what the scripts made of each row, and the counts."""
        touched = self._names_in(batch.schema)
        columns = [_plain(batch.column(name)) for name in touched]
        rows = pa.RecordBatch.from_arrays(columns, names=touched) if touched else _no_columns(batch.num_rows)
        answer, tolerated = run_chain(self._steps, rows)
        counts = Report()
        counts.add(answer, tolerated)
        return answer, counts

    def _names_in(self, schema: pa.Schema) -> list[str]:
        """Returns the columns that the scripts mention."""
        return [name for name in schema.names if self._touched is None or name in self._touched]


def evaluate(
    spec: TableSpec, engine: Engine, table: Any, *, threads: int = 1, progress: Progress | None = None
) -> TableResult | StreamResult:
    """Returns what the scripts of ``spec`` made of each row: a stream for a reader, else a table.

    Args:
        spec: What to run.
        engine: Runs it.
        table: A table, batch, reader, or any object with ``__arrow_c_stream__``.
        threads: How many runtimes work side by side.
        progress: Called after each batch, in the thread that reads the result.

    Raises:
        ValidationError: An argument is wrong, or the table does not fit the scripts.
    """
    checks.whole_number(threads, "threads", 1, MOST_THREADS)
    if isinstance(table, pa.RecordBatchReader):
        return _evaluate_reader(spec, engine, table, threads, progress)
    source = as_table(table)
    evaluator = Evaluator(spec, engine, source.schema)
    report = Report(evaluator.choices)
    answered = _answered(evaluator, pieces(source.to_batches()), threads)
    counted = _counted(answered, report, source.num_rows, progress)
    return gathered(source, [answer for _, answer in counted], evaluator.types, report)


def _evaluate_reader(
    spec: TableSpec, engine: Engine, reader: pa.RecordBatchReader, threads: int, progress: Progress | None
) -> StreamResult:
    evaluator = Evaluator(spec, engine, reader.schema)
    report = Report(evaluator.choices)
    batches = pieces(reader)
    first = next(batches, None)
    shown = [] if first is None else [(first, *evaluator(first))]
    evaluator.types.freeze()  # a reader says its schema before its rows
    schema = verdict_schema(evaluator.types)
    answered = chain(shown, _answered(evaluator, batches, threads, 2 * threads))
    pairs = ((batch, verdicts(answer, schema)) for batch, answer in _counted(answered, report, None, progress))
    return StreamResult(reader.schema, schema, pairs, report)


def as_table(table: Any) -> pa.Table:
    """Returns a table of what holds one.

    Raises:
        ValidationError: It holds none.
    """
    if isinstance(table, pa.Table):
        return table
    if isinstance(table, pa.RecordBatch):
        return pa.Table.from_batches([table])
    if hasattr(table, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(table).read_all()
    raise checks.wrong("table", table, "a pyarrow Table, RecordBatch or RecordBatchReader, or a data frame")


def pieces(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yields the rows of ``batches`` in pieces of at most `BATCH_ROWS`; no empty ones."""
    for batch in batches:
        for start in range(0, batch.num_rows, BATCH_ROWS):
            yield batch.slice(start, BATCH_ROWS)


def _answered(
    evaluator: Evaluator, batches: Iterator[pa.RecordBatch], threads: int, ahead: int | None = None
) -> Iterator[tuple[pa.RecordBatch, Answer, Report]]:
    """Yields each batch with its answer, in order. While rows still show types, one after the other."""
    while threads == 1 or not evaluator.types.settled:
        batch = next(batches, None)
        if batch is None:
            return
        yield (batch, *evaluator(batch))
    for batch, told in in_order(evaluator, batches, threads, ahead):
        yield (batch, *told)


def _counted(
    answered: Iterable[tuple[pa.RecordBatch, Answer, Report]], report: Report, total: int | None,
    progress: Progress | None,
) -> Iterator[Answered]:  # fmt: skip
    for batch, answer, counts in answered:
        report.merge(counts)
        report.seconds = perf_counter() - report.started
        if progress is not None:
            progress(report.rows, total)
        yield batch, answer


def _touched(programs: list[Program]) -> set[str] | None:
    """Returns the fields that scripts mention; None if one uses the entity as a whole."""
    names: set[str] = set()
    for program in programs:
        if program.reads is None or program.writes is None:
            return None
        names |= {*program.reads, *program.writes}
    return names


def _written(programs: list[Program], schema: pa.Schema) -> list[str] | None:
    """Returns the fields that scripts may write, lists and tables that they read among them: they may change inside.

    None if a script uses the entity as a whole.
    """
    nested = {field.name for field in schema if pa.types.is_nested(field.type)}
    names: list[str] = []
    for program in programs:
        if program.reads is None or program.writes is None:
            return None
        names += [*program.writes, *(name for name in program.reads if name in nested)]
    return names


def _plain(column: pa.Array) -> pa.Array:
    """Returns a column of a type that Arrow can filter."""
    return of_type(_seen_as(column.type), column)


def _seen_as(kind: pa.DataType) -> pa.DataType:
    """Returns the type of what scripts see of a column."""
    return kind if pa.types.is_dictionary(kind) else plain_type(kind)


def _no_columns(rows: int) -> pa.RecordBatch:
    """Returns rows without columns, for scripts that mention no field."""
    return pa.RecordBatch.from_struct_array(pa.array([{}] * rows, pa.struct([])))


def _check_columns(spec: TableSpec, programs: list[Program], schema: pa.Schema) -> None:
    names = schema.names
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValidationError(f"table: got several columns called {twice[0]!r}, wanted each name once")
    if spec.missing != "error":
        return
    for at, (script, program) in enumerate(zip(spec.scripts, programs, strict=True), 1):
        lost = missing_fields(program.reads or (), programs[:at], names)
        if lost:
            raise ValidationError(
                f"table: got no column {', '.join(map(repr, lost))}, which script {script.script.name} reads; "
                f"wanted it among {', '.join(names)}, or missing='null'",
                details={"script": script.script.name, "fields": lost},
            )
