"""The engine: compiles sources to programs and runs programs under limits. Knows no events and no stores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import AlloyError, CompileError, WorkerLost
from ..hostapi import Cancellation, HostModule
from ..isolation import Isolation, Protection
from ..limits import Limits
from ..model import LogLine, RunStatus
from ..values import pack, unpack
from . import drivers
from .cache import ProgramCache
from .diagnostics import script_error
from .hosttable import CallState, HostTable
from .pool import RuntimePool
from .program import Program, compile_source
from .runtime import LuaError, Runtime, broken_run

if TYPE_CHECKING:
    from .interface import AnyRuntime

SEED_MODULUS = 2**31


class RunInput:
    """What one run is given.

    Attributes:
        limits: Its limits profile.
        entity: The fields the program may see, None if there is no entity.
        before: The previous state, None if there is none.
        params: Parameters by name.
        context: What the script sees as ``ctx``.
        read_only: Whether assigning a field is an error.
        seed: What `math.random` draws from.
        fuel: Fuel left in a cascade; None for the profile's own.
        seconds: Time left in a cascade; None for the profile's own.
        state: What host functions may know; None for a run without host calls.
        cancellation: How the run is cancelled; None if it cannot be.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.entity: Mapping[str, Any] | None = None
        self.before: Mapping[str, Any] | None = None
        self.params: Mapping[str, Any] | None = None
        self.context: Mapping[str, Any] | None = None
        self.read_only = False
        self.seed = 0
        self.fuel: int | None = None
        self.seconds: float | None = None
        self.state: CallState | None = None
        self.cancellation: Cancellation | None = None


class RunResult:
    """What one run came to.

    Attributes:
        changes: The fields assigned, in Lua's plain values, not yet compared.
        lost_logs: How many log lines did not fit.
        assigned: The changes as they came from Lua, once ``changes`` are what the record took of them.
    """

    def __init__(
        self, status: RunStatus, fuel: int, *, memory_bytes: int = 0, changes: dict[str, Any] | None = None,
        error: AlloyError | None = None,
    ) -> None:  # fmt: skip
        self.status, self.fuel, self.memory_bytes, self.error = status, fuel, memory_bytes, error
        self.changes: dict[str, Any] = changes if changes is not None else {}
        self.assigned: dict[str, Any] | None = None
        self.value: Any = None
        self.reason: str | None = None
        self.details: Any = None
        self.logs: tuple[LogLine, ...] = ()
        self.lost_logs = 0
        self.effects: tuple[dict[str, Any], ...] = ()


class Engine:
    """Compiles and runs. Safe to use from any number of threads.

    Args:
        modules: The host modules that scripts may call.
        isolation: Where scripts run.
        required: The protections without which no worker process may start.

    Attributes:
        pool: The runtimes.
        loop_pool: Those whose seat event loops use, so that they never wait for a thread's run; None where no run
            may be made on an event loop.
    """

    def __init__(
        self, modules: Iterable[HostModule] = (), isolation: Isolation = "thread", required: Iterable[str] = ()
    ) -> None:
        self.hosts = HostTable(modules)
        self.pool: RuntimePool[Any]
        self.loop_pool: RuntimePool[Any] | None = None
        if isolation == "process":
            from .process.pool import WorkerPool

            self.pool = WorkerPool(self.hosts, required)
        else:
            self.pool = RuntimePool(lambda: Runtime(self.hosts), lambda: Runtime(self.hosts, text=True))
            self.loop_pool = RuntimePool(lambda: Runtime(self.hosts), lambda: Runtime(self.hosts, text=True))
        self._programs = ProgramCache()
        self.column_plans: dict[Any, Any] = {}  # of tables/engines.py: they hold compiled scripts for the next table

    def protection(self) -> tuple[Protection, ...]:
        """Returns what came of each protection in the worker processes; none where there are no workers."""
        return self.pool.protection()

    def close(self) -> None:
        """Ends the worker processes, if there are any; safe to call twice."""
        self.pool.close()
        if self.loop_pool is not None:
            self.loop_pool.close()

    # -- compiling -----------------------------------------------------------------------------------------------
    def compile(self, source: str) -> Program:
        """Returns the program of ``source``: parsed, metered and verified; cached by its text.

        Raises:
            CompileError: With line and column.
        """
        cached = self._programs.get(source)
        if cached is not None:
            return cached
        runtime = self.pool.borrow()
        try:
            program = _compiled(source, runtime)
        finally:
            self.pool.give_back(runtime)
        self._programs.put(program)
        return program

    def runs_scalar(self, program: Program) -> bool:
        """Returns whether the fast way (fields as arguments, no context) can run ``program``."""
        return drivers.fits(program) and not program.mentions & self.hosts.contextual

    # -- running -------------------------------------------------------------------------------------------------
    def run(self, program: Program, given: RunInput) -> RunResult:
        """Returns what running ``program`` came to. Never raises for what the script did.

        Raises:
            InvalidValue: The input cannot cross into Lua or is larger than ``limits.input_bytes``.
        """
        packed = pack_input(given)
        runtime = self.pool.acquire()
        try:
            answer = self._call(runtime, program, packed, given)
        finally:
            self.pool.release(runtime)
        return result_of(answer, given.limits, given.state)

    def _call(self, runtime: AnyRuntime, program: Program, packed: bytes, given: RunInput) -> str | bytes:
        limits, cancellation = given.limits, given.cancellation
        runtime.broker.state = given.state
        if cancellation is not None:
            cancellation.add(runtime.stop)
        fuel = limits.fuel if given.fuel is None else min(limits.fuel, given.fuel)
        seconds = limits.deadline_ms / 1000
        if given.seconds is not None:
            seconds = min(seconds, given.seconds)
        try:
            return runtime.run(
                program,
                packed,
                fuel,
                seconds,
                limits,
                given.seed % SEED_MODULUS,
                given.read_only,
                given.state is not None,
            )
        except LuaError as error:  # LuaMemoryError is one
            runtime.retired = True
            return broken_run(error)
        except BaseException:
            runtime.retired = True
            raise
        finally:
            runtime.broker.state = None
            if cancellation is not None:
                cancellation.remove(runtime.stop)
                runtime.unstop()


def _compiled(source: str, runtime: AnyRuntime) -> Program:
    program = compile_source(source, runtime.syntax_error)
    try:
        runtime.load(program)
    except CompileError:
        if not program.calm:
            raise
        program = compile_source(source, runtime.syntax_error, calm=False)
        runtime.load(program)
    return program


def pack_input(given: RunInput) -> bytes:
    """Returns what the packed driver decodes: [entity, before, params, context], None where there is none."""
    data = (given.entity, given.before, given.params, given.context)
    return pack(list(data), limit=given.limits.input_bytes, what="input", names=INPUT_NAMES)


INPUT_NAMES = ("entity", "before", "params", "ctx")


def result_of(answer: str | bytes, limits: Limits, state: CallState | None = None) -> RunResult:
    """Returns the result that a runtime packed (driver.lua, ``outcome``)."""
    try:
        return _result_of(answer, limits, state)
    except (ValueError, TypeError, AttributeError, LookupError):
        error = WorkerLost("the worker process gave an answer that is no outcome")
        return RunResult(RunStatus.FAILED, 0, error=error)


def _result_of(answer: str | bytes, limits: Limits, state: CallState | None) -> RunResult:
    status, fuel, memory, logs, lost, *rest = unpack(answer)
    result = RunResult(RunStatus(status), fuel, memory_bytes=int(memory))
    result.lost_logs = lost
    if logs:
        result.logs = tuple(_log_line(*line) for line in logs)
    if state is not None:
        result.effects = tuple(state.effects)
    if status == "continue":
        changes, unset, (value,) = rest
        result.changes = changes if isinstance(changes, dict) else {}
        for name in unset:
            result.changes[name] = None
        result.value = value
    elif status == "rejected":
        result.reason, (result.details,) = rest
    else:
        result.error = script_error(rest[0], limits)
    return result


def _log_line(level: str, message: str, data: bytes | str | None = None) -> LogLine:
    # where some other string of the outcome was not UTF-8, packed bytes that happen to be come as text
    raw = data.encode() if isinstance(data, str) else data
    return LogLine(level, message, unpack(raw) if raw is not None else None)
