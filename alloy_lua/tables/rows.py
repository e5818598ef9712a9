"""The row engine: one script over a batch, each row a record that goes the way of `fire_many`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from ..engine import Engine, Program
from ..errors import InvalidValue
from ..events import Phase
from ..limits import Limits
from ..model import FailurePolicy, RunStatus
from ..outcome import Outcome
from ..runner.batch import BatchWay
from ..runner.context import Ambient
from ..runner.execution import Execution
from ..runner.fast import FastWay
from ..runner.fold import Fold
from ..runner.health import BreakerPolicy, Vitals
from ..runner.ids import RunIds
from ..runner.plans import is_short, keeps_to
from ..runner.recorder import Recorder, Recording
from ..runner.registry import Binding, HookRegistry
from ..runner.runner import Runner
from ..runner.view import View
from ..values import jsonable
from .answer import CONTINUE, FAILED, REJECTED, Answer, Field
from .fitting import Fit, plain_type, python_values
from .output import OutputTypes
from .spec import TableScript, TableSpec
from .team import look

_NONE: dict[str, Any] = {}
_CODES = {RunStatus.CONTINUE: CONTINUE, RunStatus.REJECTED: REJECTED, RunStatus.FAILED: FAILED}
UNKNOWN_FIELD = "neither the table nor its first rows show a type for it; declare one with types"


class RowEngine:
    """Runs one script over batches. Puts nothing on record and no breaker holds it back: a row is no event.

    Args:
        engine: Compiles and runs.
        spec: What is evaluated.
        script: Which of its scripts this is for.
        program: The script, compiled.
    """

    def __init__(self, engine: Engine, spec: TableSpec, script: TableScript, program: Program) -> None:
        self._spec = spec
        self._script = script
        self._program = program
        self._ambient = Ambient(spec.user, spec.tenant)
        vitals = Vitals(spec.tenant, script.script.id, 1, BreakerPolicy(failures=0))
        alone = replace(script.script, failure_policy=FailurePolicy.CLOSED)  # what a failure does is up to the chain
        self._binding = binding = Binding(alone, (), lambda _: script.source, engine, vitals)
        registry = HookRegistry(engine, lambda _: script.source, lambda _: vitals)
        self._ids = RunIds()
        self._runner = runner = Runner(engine, registry, Recorder(None, Recording("off")), self._ids)
        self._batch: BatchWay | None = None
        if is_short(runner, binding, spec.phase) and keeps_to(spec.adapter, program):
            way = FastWay(runner, binding, spec.phase, spec.tenant, spec.adapter, _stay)
            self._batch = BatchWay(way, lambda record, user: self._one(record), look)

    @property
    def limits(self) -> Limits:
        """Those of each row."""
        return self._binding.limits

    @property
    def batched(self) -> bool:
        """Whether rows cross into Lua many at a time."""
        return self._batch is not None

    def run(self, batch: pa.RecordBatch, types: OutputTypes) -> Answer:
        """Returns what the script made of each row of ``batch``.

        Args:
            batch: The rows.
            types: The types of what it writes.
        """
        records = records_of(batch, self._program)
        if self._batch is not None:
            outcomes: Sequence[Outcome] = self._batch.fire(records, self._spec.user)
        else:
            outcomes = [self._one(record) for record in records]
        return _answer(outcomes, types, self._program)

    def _one(self, record: dict[str, Any]) -> Outcome:
        """Returns what the script makes of one record, the general way."""
        look()
        spec, script, binding = self._spec, self._script.script, self._binding
        event = None if spec.event is None else spec.phase
        execution = Execution(
            script, self._program, binding.limits, binding.grants, Phase.MANUAL if event is None else event.phase,
            trigger="manual" if event is None else "event", run_id=self._ids.fresh(), event=event,
        )  # fmt: skip
        view = View(record, spec.adapter)
        fold = Fold(record, spec.adapter, view)
        inside = self._ambient if event is None else self._ambient.entered(event.name, event.entity_type, None)
        fold.add(execution, *self._runner.perform(execution, inside, view))
        return fold.outcome()


def _stay() -> None:
    """A script that runs long goes on in batches: nothing else waits for the runtime they have."""


def records_of(batch: pa.RecordBatch, program: Program | None = None) -> list[dict[str, Any]]:
    """Returns each row as a record, with the columns that the script mentions, or all if none is given."""
    wanted = None
    if program is not None and program.reads is not None and program.writes is not None:
        wanted = {*program.reads, *program.writes}
    names = [name for name in batch.schema.names if wanted is None or name in wanted]
    if not names:
        return [{} for _ in range(batch.num_rows)]
    columns = [python_values(batch.column(name)) for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _answer(outcomes: Sequence[Outcome], types: OutputTypes, program: Program) -> Answer:
    rows = len(outcomes)
    status, fuel, changes = [CONTINUE] * rows, 0, [_NONE] * rows
    reason: list[str | None] = [None] * rows
    code: list[str | None] = [None] * rows
    for row, outcome in enumerate(outcomes):
        fuel += outcome.fuel
        changes[row] = outcome.changes
        if outcome.eventful:
            error = outcome.error
            status[row] = _CODES[outcome.status]
            if status[row] != CONTINUE:
                changes[row] = _NONE
            reason[row], code[row] = (outcome.reason, None) if error is None else (error.message, error.code)
    types.learn(changes)
    fits = _Fits(types)
    for row, fresh in enumerate(changes):
        try:
            changes[row] = {name: None if value is None else fits[name](value) for name, value in fresh.items()}
        except InvalidValue as problem:
            status[row], reason[row], code[row], changes[row] = FAILED, problem.message, problem.code, _NONE
    written = dict.fromkeys(program.writes or ()) | dict.fromkeys(name for row in changes for name in row)
    return Answer(
        pa.array(status, pa.int8()), _texts(reason), pa.array(code, pa.string()), fuel,
        {name: _field(name, changes, types) for name in written},
    )  # fmt: skip


class _Fits(dict[str, Fit]):
    """By field, what brings its values to its type; for a field without one, what refuses them."""

    def __init__(self, types: OutputTypes) -> None:
        super().__init__()
        self._types = types

    def __missing__(self, name: str) -> Fit:
        types = self._types
        known = name in types.names and not pa.types.is_null(types.of(name))
        self[name] = fit = types.fit(name) if known else _refusing(name)
        return fit


def _refusing(name: str) -> Fit:
    def refuse(value: Any) -> Any:
        raise InvalidValue(f"field {name}: got a value, but {UNKNOWN_FIELD}", details={"field": name})

    return refuse


def _texts(values: list[Any]) -> pa.StringArray:
    try:
        return pa.array(values, pa.string())
    except (pa.ArrowInvalid, UnicodeEncodeError):  # a reason cut in the midst of a letter
        return pa.array([jsonable(value) for value in values], pa.string())


def _field(name: str, changes: list[dict[str, Any]], types: OutputTypes) -> Field:
    values = pa.array([row.get(name) for row in changes], plain_type(types.of(name)))
    return Field(values, pa.array([name in row for row in changes], pa.bool_()))
