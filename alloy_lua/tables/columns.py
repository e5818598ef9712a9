"""The column engine: runs a script over the buffers of Arrow columns, without a Python object for each row.

Rows that the buffers cannot tell of (failures, rejections with details, texts of many kilobytes, numbers beyond 2^53)
are run again by themselves, as `fire` runs a record; scripts that go this way are pure, so that is the same run.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from ..engine import Engine, Program, RunInput
from ..engine.column_runtime import ColumnRuntime
from ..engine.columns import columns_of, too_wide
from ..engine.program import may_change_tables
from ..errors import AlloyError
from ..forking import after_fork
from ..limits import Limits
from ..model import RunStatus
from ..runner.view import put_change
from .answer import FAILED, REJECTED, Answer
from .buffers import Buffers, Misfit, Room
from .layouts import cells_of, is_utf8, layout_of
from .team import looking_at

MAX_IDLE = 16


def plan(engine: Engine, program: Program, limits: Limits, schema: pa.Schema) -> ColumnPlan | str:
    """Returns how to run ``program`` over batches of this schema; or a sentence that says why it cannot be done.

    Args:
        engine: Whose host modules the program sees.
        program: What to run, as a hook that may change the record.
        limits: Those of each row.
        schema: Of all batches that will come.
    """
    why = _unfit(engine, program, schema)
    return why if why is not None else ColumnPlan(engine, program, limits, schema)


def _unfit(engine: Engine, program: Program, schema: pa.Schema) -> str | None:
    if program.reads is None or program.writes is None:
        return "the script uses the entity as a whole"
    if not engine.runs_scalar(program):
        return "the script does more than read and write a few fields"
    if engine.loop_pool is None:
        return "scripts run in processes of their own"
    if "log" in program.mentions:
        return "the script writes to the log"
    if len(set(schema.names)) < len(schema.names):
        return "two columns have the same name"
    layouts = []
    for name in columns_of(program, frozenset(schema.names)):
        kind = schema.field(name).type
        layout = layout_of(kind)
        if layout is None:
            return f"column {name} is of type {kind}"
        if layout.is_table and may_change_tables(program):
            return f"the script may change what is inside {name}"
        layouts.append(layout)
    return "the script uses too many fields" if too_wide(program, layouts) else None


class ColumnPlan:
    """Runs one program over batches of one schema. Safe to use from any number of threads, each with its own runtime.

    Args:
        engine: Whose host modules the program sees.
        program: What to run.
        limits: Those of each row.
        schema: Of the batches.

    Attributes:
        names: The columns that are read, also for the old values of fields.
    """

    def __init__(self, engine: Engine, program: Program, limits: Limits, schema: pa.Schema) -> None:
        self._engine, self._program, self._limits = engine, program, limits
        self.names = columns_of(program, frozenset(schema.names))
        self._types = {name: schema.field(name).type for name in self.names}
        self._idle: list[ColumnRuntime] = []
        self._room = Room()
        after_fork(self._idle_forget)

    def _idle_forget(self) -> None:
        self._idle.clear()

    def run(self, batch: pa.RecordBatch, deadline: float | None = None) -> Answer | str:
        """Returns what a batch came to; or a sentence that says why its rows have to be run one by one.

        Args:
            batch: Rows of the plan's schema.
            deadline: When to give up, as `time.monotonic` tells time; None for never.

        Raises:
            LimitExceeded: The deadline passed; code ``deadline_exceeded``.
        """
        columns = {name: batch.column(name) for name in self.names}
        layouts = {}
        for name, column in columns.items():
            layout = layout_of(column.type, column)
            assert layout is not None
            layouts[name] = layout
            if not is_utf8(column, layout):  # by rows only those that hold it fail
                return f"column {name} holds bytes that are not UTF-8"
        writes = {name: self._types.get(name) for name in self._program.writes or ()}
        buffers = Buffers(batch.num_rows, writes, layouts, self._room)
        cells = (cell for name, column in columns.items() for cell in cells_of(column, layouts[name]))
        runtime = self._take()
        try:
            runtime.run(layouts, buffers.plan(cells), batch.num_rows, buffers.grow, looking_at(deadline))
        except Misfit as misfit:
            return str(misfit)
        finally:
            if not runtime.retired and len(self._idle) < MAX_IDLE:
                self._idle.append(runtime)
        if runtime.retired:
            buffers.mend()
        try:
            for row in buffers.left():
                self._run_again(row, batch, buffers)
            return buffers.answer()
        except Misfit as misfit:
            return str(misfit)

    def _run_again(self, row: int, batch: pa.RecordBatch, buffers: Buffers) -> None:
        """Runs one row as `fire` runs a record."""
        program = self._program
        record = {name: batch.column(name)[row].as_py() for name in self.names}
        given = RunInput(self._limits)
        given.entity = {name: record[name] for name in program.reads or () if record.get(name) is not None}
        fuel = 0
        try:
            result = self._engine.run(program, given)
            fuel = result.fuel
            if result.error is not None:
                raise result.error
            changes: dict[str, Any] = {}
            for name, value in result.changes.items():
                put_change(changes, name, record.get(name), value)
        except AlloyError as error:
            buffers.put(row, FAILED, fuel, error.message, error.code)
            return
        if result.status is RunStatus.REJECTED:
            buffers.put(row, REJECTED, fuel, result.reason)
        else:
            buffers.put_changes(row, fuel, changes)

    def _take(self) -> ColumnRuntime:
        try:
            return self._idle.pop()
        except IndexError:
            return ColumnRuntime(self._engine.hosts, self._program, self._limits)
