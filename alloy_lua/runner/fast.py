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
from typing import Any

from ..engine.engine import RunResult, result_of
from ..engine.runtime import Batch, Runtime, Scalar
from ..events import Event
from ..model import Run, RunStatus
from ..outcome import Outcome, ScriptRun
from ..ports import EntityAdapter
from ..values import text_of
from .context import Ambient
from .registry import Binding
from .runner import Execution, Fold, Runner, View, run_record

MAX_TEXT = 16_384
_EPOCH = time() - perf_counter()

Plan = Callable[[Any, "str | None"], "Outcome | None"]
"""Takes the record and the user; returns None if the fire has to go the general way (nothing has run yet)."""

_READ = """\
        a{i} = get({name!r})
        k = type(a{i})
        if k is str:
            if not a{i}.isascii():
                a{i} = encode(a{i})
                if a{i} is None:
                    return None
            if len(a{i}) > {max_text}:
                return None
        elif k is not float and k is not int and k is not bool and a{i} is not None:
            return None
"""
_OLD = """\
        o{i} = get({name!r})
        if o{i} is not None:
            k = type(o{i})
            if k is not str and k is not float and k is not int and k is not bool:
                return None
"""
_ASSIGNED = """\
            if mask & {bit}:
                v = answer[{place}]
                if type(v) is str:
                    if not v.isascii():
                        v = decode(v)
                elif type(v) is int and type({old}) is float:
                    v = float(v)
"""
_CHANGED_READ = """\
                changes[{name!r}] = v
"""
_CHANGED_OLD = """\
                if v != {old} or (type(v) is bool) is not (type({old}) is bool):
                    changes[{name!r}] = v
"""
_TEMPLATE = """\
def make(way, pool, vitals, recorder, clock, Outcome, CONTINUE, next_run, encode, decode):
    runtime = driver = None
    seat, waiters = pool.seat, pool.waiters
    driver_in, collect, settle, note, explain = way.driver_in, way.collect, way.settle, way.note, way.explain

    def plan(record, user):
        nonlocal runtime, driver
        if type(record) is not dict:
            return None
        get = record.get
{fields}
        try:
            seated = seat.pop()
        except IndexError:
            seated = pool.take_seat()
        started = clock()
        try:
            if seated is not runtime:
                driver = driver_in(seated)
                runtime = seated
            answer = driver({arguments})
            packed = collect(seated) if answer == -1 else None
        except OverflowError:
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
        took = clock() - started
        if waiters or seated.retired:
            pool.leave_seat(seated)
        else:
            seat.append(seated)
        changes = {{}}
        if type(answer) is tuple:
            fuel = answer[0]
            mask = answer[1]
{results}
        elif answer >= 0:
            fuel = answer
        elif packed is None:
            return None
        else:
            return settle(packed, record, user, started, took)
        vitals.runs += 1
        vitals.fuel += fuel
        if changes:
            vitals.changed += 1
        number = next_run()
        if recorder.quota > 0:
            recorder.quota -= 1
            note(number, record, user, changes, fuel, started, took)
        else:
            recorder.sampled_out += 1
        return Outcome(CONTINUE, changes, fuel, record, (explain, number, took))

    return plan
"""


def plan_source(binding: Binding) -> str:
    """Returns the Python text of the plan for ``binding``."""
    program = binding.program
    reads, writes = program.reads or (), program.writes or ()
    fields = [_READ.format(i=i, name=name, max_text=MAX_TEXT) for i, name in enumerate(reads, 1)]
    results = []
    for place, name in enumerate(writes):
        read = name in reads
        old = f"a{reads.index(name) + 1}" if read else f"o{place}"
        if not read:
            fields.append(_OLD.format(i=place, name=name))
        results.append(_ASSIGNED.format(bit=1 << place, place=place + 2, old=old))
        results.append((_CHANGED_READ if read else _CHANGED_OLD).format(name=name, old=old))
    return _TEMPLATE.format(
        fields="".join(fields),
        arguments=", ".join(f"a{i}" for i in range(1, len(reads) + 1)),
        results="".join(results) or "            pass",
    )


def encode(text: str) -> bytes | None:
    """Returns the UTF-8 bytes of ``text``, None if it has a lone surrogate."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return None


def decode(text: str) -> str | bytes:
    """Returns the text whose UTF-8 bytes are the characters of ``text``; the bytes if they are not UTF-8."""
    return text_of(text.encode("latin-1"))


class FastWay:
    """What the plans of one binding share: its drivers, and the way back to the general path."""

    def __init__(self, runner: Runner, binding: Binding, event: Event, tenant: str, adapter: EntityAdapter) -> None:
        self._runner = runner
        self.pool = runner.engine.pool
        self.recorder = runner.recorder
        self.next_run = runner.ids.next
        self.binding = binding
        self._event = event
        self._tenant = tenant
        self._adapter = adapter

    def plan(self) -> Plan:
        """Returns the generated function for single records."""
        runner = self._runner
        space: dict[str, Any] = {}
        exec(plan_source(self.binding), space)  # the only names in the text are quoted field names
        plan: Plan = space["make"](
            self, runner.engine.pool, self.binding.vitals, runner.recorder, perf_counter, Outcome,
            RunStatus.CONTINUE, runner.ids.next, encode, decode,
        )  # fmt: skip
        return plan

    def driver_in(self, runtime: Runtime) -> Scalar:
        """Returns the scalar driver in ``runtime``."""
        return self._drivers_in(runtime)[0]

    def batch_in(self, runtime: Runtime) -> Batch:
        """Returns the batch driver in ``runtime``."""
        return self._drivers_in(runtime)[1]

    def _drivers_in(self, runtime: Runtime) -> tuple[Scalar, Batch]:
        runtime.hold_at_least(self.binding.limits.memory_bytes)
        return runtime.scalar(self.binding.program, self.binding.limits)

    def collect(self, runtime: Runtime) -> str:
        """Returns the packed outcome of the run that has just answered -1; retires a runtime out of memory."""
        return runtime.collect(self.binding.limits)

    def settle(self, packed: str | bytes, record: Any, user: str | None, started: float, took: float) -> Outcome:
        """Returns the outcome of a run that had more to tell."""
        runner, binding = self._runner, self.binding
        execution = self._execution(runner.ids.next())
        view = View(record, self._adapter)
        result = result_of(packed, binding.limits)
        fold = Fold(record, self._adapter, view)
        ambient = Ambient(user, self._tenant, depth=1)
        run = runner.finish(execution, result, ambient, view, _wall(started), int(took * 1e6))
        fold.add(execution, result, run)
        return fold.outcome()

    def _execution(self, number: int) -> Execution:
        binding = self.binding
        return Execution(
            binding.script, binding.program, binding.limits, binding.grants, self._event.phase, trigger="event",
            run_id=self._runner.ids.text(number), event=self._event, vitals=binding.vitals, closed=binding.closed,
        )  # fmt: skip

    def note(
        self, number: int, record: Any, user: str | None, changes: dict[str, Any], fuel: int, started: float, took: float
    ) -> None:
        """Keeps the record of an uneventful run."""
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
        run_id = self._runner.ids.text(number)
        took_us = int(took * 1e6)
        return (ScriptRun(run_id, script.name, script.live_revision or 0, RunStatus.CONTINUE, fuel, took_us),)


def _wall(started: float) -> datetime:
    return datetime.fromtimestamp(_EPOCH + started, UTC)
