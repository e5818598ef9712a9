"""The short way for the common fire: one pure script, a plain dict of scalars, nothing else asked for.

For each such binding a Python function is generated that knows the script's fields by name: it reads them, calls
the scalar driver in the seat's runtime, and builds the outcome. Other records and other types go the general way
(runner.py) before anything has run; rejections, errors and log lines join it afterwards (`Runner.finish`). Both
ways give the same outcomes: a test runs them side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter, time
from typing import TYPE_CHECKING, Any

from ..engine.engine import RunResult, result_of
from ..engine.runtime import Batch, Scalar
from ..errors import AlloyError, InvalidValue
from ..events import Event
from ..model import Run, RunStatus
from ..outcome import Outcome, ScriptRun, WentWell
from ..ports import EntityAdapter
from .context import Ambient
from .execution import Execution
from .fold import Fold
from .registry import Binding
from .runner import Runner, run_record
from .view import View, put_change

if TYPE_CHECKING:
    from ..engine.interface import AnyRuntime

MAX_TEXT = 16_384
SHORT_FUEL = 2_000  # a run that takes more is no short run: it should not hold the seat
_EPOCH = time() - perf_counter()

Plan = Callable[[Any, "str | None"], "Outcome | None"]
"""Takes the record and the user; returns None if the fire has to go the general way (nothing has run yet)."""

_TAKE = "            {variable} = record[{name!r}]\n"
_TAKE_MISSING = "            {variable} = record.get({name!r})\n"
_CHECK = """\
        k = type(a{i})
        if k is str:
            if len(a{i}) > {max_text}:
                return None
        elif k not in scalars:
            return None
"""
_CHANGED_READ = """\
                if mask & {bit}:
                    if type(a{i}) is float and type(v{place}) is int:
                        v{place} = float(v{place})
                    changes[{name!r}] = v{place}
"""
_CHANGED_OLD = """\
                if mask & {bit}:
                    if o{place} is None:
                        if v{place} is not None:
                            changes[{name!r}] = v{place}
                    elif type(o{place}) is not type(v{place}):
                        fit(changes, {name!r}, o{place}, v{place})
                    elif o{place} != v{place}:
                        changes[{name!r}] = v{place}
"""
_CAST = """\
                if changes:
                    changes = cast(changes)
"""
_TEMPLATE = """\
def make(way, pool, vitals, recorder, clock, WentWell, scalars, InvalidValue, fit, cast):
    runtime = driver = None
    seat, waiters, number_of = pool.seat, pool.waiters, vitals.count
    driver_in, train, collect, settle, note, explain, misfit = (
        way.driver_in, way.train, way.collect, way.settle, way.note, way.explain, way.misfit)

    def plan(record, user):
        nonlocal runtime, driver
        if type(record) is not dict:
            return None
        try:
{takes}
        except KeyError:
{takes_missing}
{checks}
        timed = recorder.quota > 0
        try:
            seated = seat.pop()
        except IndexError:
            seated = pool.take_seat()
        started = clock() if timed else 0.0
        packed = None
        try:
            if seated is not runtime:
                driver = driver_in(seated)
                answer = driver({arguments})
                train(seated, driver, answer, ({arguments_tuple}))
                runtime = seated
            else:
                answer = driver({arguments})
            if type(answer) is int and answer == -1:
                packed = collect(seated)
        except (OverflowError, UnicodeError):
            pool.leave_seat(seated)
            return None
        except Exception:
            seated.retired = True
            pool.leave_seat(seated)
            return None
        except BaseException:
            seated.retired = True
            pool.leave_seat(seated)
            raise
        took = clock() - started if timed else 0.0
        if waiters or packed is not None:
            pool.leave_seat(seated)
        else:
            seat.append(seated)
        changes = {{}}
        if type(answer) is tuple:
            fuel, mask{values} = answer
            try:
{results}
{cast}
            except InvalidValue as error:
                return misfit(error, fuel, record, user, started, took)
            if changes:
                vitals.changed += 1
        elif answer >= 0:
            fuel = answer
        elif packed is None:
            return None
        else:
            return settle(packed, record, user, started, took)
        vitals.fuel += fuel
        number = number_of()
        if timed:
            recorder.quota -= 1
            note(number, record, user, changes, fuel, started, took)
        outcome = WentWell()
        outcome.changes = changes
        outcome.fuel = fuel
        outcome._record = record
        outcome._explain = explain
        outcome._number = number
        outcome._took = took
        return outcome

    return plan
"""
SCALARS = frozenset((str, int, float, bool, type(None)))


def function_of(text: str, name: str) -> Any:
    """Returns the function ``name`` of a generated text; the only words in it from outside are quoted field names."""
    space: dict[str, Any] = {}
    exec(text, space)
    return space[name]


def plan_source(binding: Binding, casts: bool = False) -> str:
    """Returns the Python text of the plan for ``binding``; ``casts`` if changes have to fit a schema."""
    program = binding.program
    reads, writes = program.reads or (), program.writes or ()
    results = []
    for place, name in enumerate(writes):
        template = _CHANGED_READ if name in reads else _CHANGED_OLD
        i = reads.index(name) + 1 if name in reads else 0
        results.append(template.format(bit=1 << place, place=place, name=name, i=i))
    arguments = ", ".join(f"a{i}" for i in range(1, len(reads) + 1))
    takes = [(f"a{i}", name) for i, name in enumerate(reads, 1)]
    takes += [(f"o{place}", name) for place, name in enumerate(writes) if name not in reads]
    return _TEMPLATE.format(
        takes="".join(_TAKE.format(variable=v, name=n) for v, n in takes) or "            pass",
        takes_missing="".join(_TAKE_MISSING.format(variable=v, name=n) for v, n in takes) or "            pass",
        checks="".join(_CHECK.format(i=i, max_text=MAX_TEXT) for i in range(1, len(reads) + 1)),
        arguments=arguments,
        arguments_tuple=arguments + "," if arguments else "",
        values="".join(f", v{place}" for place in range(len(writes))),
        results="".join(results) or "                pass",
        cast=_CAST if casts else "",
    )


class FastWay:
    """What the plans of one binding share: its drivers, and the way back to the general path.

    ``demote`` is called when the script turns out to run long: it should go the general way, where long runs go side
    by side.
    """

    def __init__(
        self, runner: Runner, binding: Binding, event: Event, tenant: str, adapter: EntityAdapter,
        demote: Callable[[], None],
    ) -> None:  # fmt: skip
        self._demote = demote
        self._runner = runner
        self.pool = runner.engine.pool
        self.limits = binding.limits
        self.recorder = runner.recorder
        self.next_run = binding.vitals.count
        self.binding = binding
        self._event = event
        self._tenant = tenant
        self._adapter = adapter
        self.cast = adapter.schema.cast if adapter.schema is not None else None

    def plan(self) -> Plan:
        """Returns the generated function for single records."""
        runner = self._runner
        plan: Plan = function_of(plan_source(self.binding, self.cast is not None), "make")(
            self, self.pool, self.binding.vitals, runner.recorder, perf_counter, WentWell,
            SCALARS, InvalidValue, put_change, self.cast,
        )  # fmt: skip
        return plan

    def driver_in(self, runtime: AnyRuntime) -> Scalar:
        """Returns the scalar driver in ``runtime``."""
        return self._drivers_in(runtime)[0]

    @staticmethod
    def train(runtime: AnyRuntime, driver: Scalar, answer: Any, arguments: tuple[Any, ...]) -> None:
        """Has the driver compiled, if its first run was an ordinary and a short one."""
        fuel = answer[0] if isinstance(answer, tuple) else answer
        if 0 <= fuel < SHORT_FUEL:
            runtime.train(driver, arguments)

    def batch_in(self, runtime: AnyRuntime) -> Batch:
        """Returns the batch driver in ``runtime``."""
        return self._drivers_in(runtime)[1]

    def _drivers_in(self, runtime: AnyRuntime) -> tuple[Scalar, Batch]:
        return runtime.scalar(self.binding.program, self.limits)

    def collect(self, runtime: AnyRuntime) -> str | bytes:
        """Returns the packed outcome of the run that has just answered -1; retires a runtime out of memory."""
        return runtime.collect(self.limits)

    def settle(
        self, packed: str | bytes, record: Any, user: str | None, started: float, took: float, number: int = 0
    ) -> Outcome | None:
        """Returns the outcome of run ``number`` (0: not counted yet), which had more to tell."""
        return self.told(packed, record, user, started, took, number)

    def told(
        self, packed: str | bytes, record: Any, user: str | None, started: float, took: float, number: int
    ) -> Outcome:
        """Returns the outcome that ``packed`` tells of."""
        return self._finish(result_of(packed, self.limits), record, user, started, took, number)

    def misfit(
        self, error: AlloyError, fuel: int, record: Any, user: str | None, started: float, took: float
    ) -> Outcome:
        """Returns the outcome of a run that assigned a value which the field cannot take."""
        return self._finish(RunResult(RunStatus.FAILED, fuel, error=error), record, user, started, took)

    def _finish(
        self, result: RunResult, record: Any, user: str | None, started: float, took: float, number: int = 0
    ) -> Outcome:
        if result.fuel >= SHORT_FUEL:
            self._demote()
        runner, view = self._runner, View(record, self._adapter)
        execution = self._execution(number or self.next_run())
        fold = Fold(record, self._adapter, view)
        ambient = Ambient(user, self._tenant, depth=1)
        run = runner.finish(execution, result, ambient, view, _wall(started), int(took * 1e6))
        fold.add(execution, result, run)
        return fold.outcome()

    def _execution(self, number: int) -> Execution:
        binding = self.binding
        return Execution(
            binding.script, binding.program, binding.limits, binding.grants, self._event.phase, trigger="event",
            run_id=self._runner.ids.text(binding.vitals.serial, number), event=self._event, vitals=binding.vitals,
            closed=binding.closed,
        )  # fmt: skip

    def note(
        self,
        number: int,
        record: Any,
        user: str | None,
        changes: dict[str, Any],
        fuel: int,
        started: float,
        took: float,
    ) -> None:
        """Keeps the record of an uneventful run."""
        if fuel >= SHORT_FUEL:
            self._demote()
        identity = self._adapter.identity(record)
        self.binding.vitals.durations.append(int(took * 1e6))

        def make() -> Run:
            result = RunResult(RunStatus.CONTINUE, fuel, changes=dict(changes))
            ambient = Ambient(user, self._tenant, depth=1)
            return run_record(self._execution(number), result, ambient, identity, _wall(started), int(took * 1e6))

        self._runner.recorder.keep(make)

    def explain(self, number: int, took: float, fuel: int) -> tuple[ScriptRun, ...]:
        """Returns what the outcome of run ``number`` says of its scripts."""
        script = self.binding.script
        run_id = self._runner.ids.text(self.binding.vitals.serial, number)
        took_us = int(took * 1e6)
        return (ScriptRun(run_id, script.name, script.live_revision or 0, RunStatus.CONTINUE, fuel, took_us),)


def _wall(started: float) -> datetime:
    return datetime.fromtimestamp(_EPOCH + (started or perf_counter()), UTC)
