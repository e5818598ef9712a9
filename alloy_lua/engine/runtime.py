"""One LuaJIT state: boots the trusted prelude, loads and verifies programs, and calls them.

The only module that imports lupa. Nothing but nil, booleans, numbers and strings crosses while a script runs;
the one Python object inside is the broker, anchored for the runtime's whole life. A runtime belongs to one
thread at a time (the pool sees to it).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import msgpack
from lupa import luajit21
from lupa.luajit21 import LuaError, LuaRuntime

from ..errors import AlloyError, CompileError
from ..hostapi import KEY, HostModule
from ..limits import Limits
from . import drivers
from .analysis import IDEMPOTENCY_KEY
from .hosttable import Broker, HostTable
from .prelude import metered_module, prelude_texts, read_lua
from .program import Program

LONGEST_PATH = 256
MAX_PROGRAMS, MOST_OWN_BYTES = 1000, 64 * 2**20  # that one state holds: then another one is made
UNBOUNDED = 2**50  # bytes: runs put up walls of their own (meter.lua)
TRAINING_RUNS = 4
TRAINING_ROWS, TRAINING_BYTES, TRAINING_DEPTH = 6, 65536, 32  # of output, and of tables in it
COMPILE_AFTER = 56  # LuaJIT's own default
_NAN = float("nan")

Scalar = Callable[..., Any]
Batch = Callable[[bytes, int, int, int, int], str]
Execute = Callable[..., str]
Rows = Callable[[int, int, int, int], "int | tuple[int, int]"]


class Columns(NamedTuple):
    """What runs one program over columns, in one runtime.

    Attributes:
        driver: Makes the rows' loop from the text of a column driver.
        sets_globals: Whether each row needs globals of its own.
        calls_host: Whether the program may call Python.
    """

    driver: Callable[[str], Rows]
    sets_globals: bool
    calls_host: bool


class Loaded:
    """One program in one runtime: its verified function and the drivers made for it so far."""

    __slots__ = ("execute", "main", "scalars", "sets_globals")

    def __init__(self, main: Any, sets_globals: bool) -> None:
        self.main = main
        self.sets_globals = sets_globals
        self.execute: Execute | None = None
        self.scalars: dict[Limits, tuple[Scalar, Batch]] = {}


class Runtime:
    """A LuaJIT state with everything but the scripts.

    Args:
        hosts: The host modules that scripts may see.
        text: Whether strings cross as text (UTF-8), for the scalar drivers' arguments and results. Otherwise they
            cross as bytes, one latin-1 character each, for packed ones.
        broker: Stands in for a `Broker` over ``hosts``, where their Python halves are in another process.
    """

    def __init__(self, hosts: HostTable, *, text: bool = False, broker: Any = None) -> None:
        self.broker = broker or Broker(hosts)
        self.text = text
        self._lua = LuaRuntime(
            unpack_returned_tuples=True,
            encoding="utf-8" if text else "latin-1",
            register_eval=False,
            register_builtins=False,
            max_memory=UNBOUNDED,
        )
        boot = self._lua.execute(
            "return function(text, library, ...) return assert(loadstring(text, '=[alloy boot]'))(library, {...}) end"
        )
        self._kit = boot(read_lua("boot"), luajit21.__file__.encode(), *prelude_texts())
        self._kit["set_wire"](text)
        self._kit["set_broker"](self.broker)
        self._check_syntax = self._kit["check_syntax"]
        self._collect_garbage = self._kit["meter"]["sweep"]
        self._collect = self._kit["driver"]["collect_last"]
        self._stop_word = int(self._kit["meter"]["stop_address"]())
        self._stopped = False
        self._python_modules = frozenset(f.name.partition(".")[0] for f in hosts.functions if f.call is not None)
        self._load_modules(hosts)
        self.programs: dict[str, Loaded] = {}
        _selftest(self)
        self.retired = False
        self.sweep()

    # -- loading -------------------------------------------------------------------------------------------------
    def syntax_error(self, text: bytes) -> str | None:
        """Returns LuaJIT's message if ``text`` does not compile, else None."""
        message: str | None = self._check_syntax(text)
        return message

    def load(self, program: Program) -> Loaded:
        """Returns the program's verified function in this runtime, loading it at first use.

        Raises:
            CompileError: The bytecode verifier could not prove that the program is metered everywhere.
        """
        loaded = self.programs.get(program.sha256)
        if loaded is None:
            main, stats = self._verified(program.metered, program.names, "=script", program.calm)
            loaded = Loaded(main, bool(stats["sets_globals"]))
            self.programs[program.sha256] = loaded
            self.sweep()
            if len(self.programs) > MAX_PROGRAMS or self._own_bytes > MOST_OWN_BYTES:
                self.retired = True
        return loaded

    def _verified(self, metered: bytes, names: tuple[str, str, str], chunk: str, calm: bool = False) -> tuple[Any, Any]:
        answer = self._kit["load"](metered, chunk, *names)
        if isinstance(answer, tuple):
            raise CompileError(str(answer[1]))
        why, stats = self._kit["verify"](answer, *names, LONGEST_PATH, calm)
        if why is not None:
            raise CompileError(f"the script cannot be metered: {why}")
        return answer, stats

    def scalar(self, program: Program, limits: Limits) -> tuple[Scalar, Batch]:
        """Returns the program's scalar and batch drivers under ``limits`` (see drivers.py)."""
        loaded = self.load(program)
        pair = loaded.scalars.get(limits)
        if pair is None:
            text = drivers.scalar_driver(
                program,
                limits,
                sets_globals=loaded.sets_globals,
                calls_host=bool(program.mentions & self._python_modules),
            )
            fresh = not loaded.sets_globals
            if fresh:
                self._kit["setfenv"](loaded.main, self._kit["base"])
            pair = self._kit["driver_of"](
                text, loaded.main, limits.fuel, limits.deadline_ms / 1000, limits.memory_bytes
            )
            loaded.scalars[limits] = pair
        return pair

    def train(self, scalar: Scalar, arguments: tuple[Any, ...]) -> None:
        """Has a scalar driver compiled to machine code in one piece, by running it on ``arguments`` a few times.

        Left to itself the JIT may compile the small functions it calls first; a driver compiled after them stops at
        each of them. The program must be pure: what these runs come to is thrown away.
        """
        self._kit["flush_libraries"]()
        self._kit["compile_after"](1)
        if arguments:
            scalar(_NAN, *arguments[1:])  # refused at once: counts as a call of the driver and of nothing else
        for _ in range(TRAINING_RUNS):
            scalar(*arguments)
        self._kit["compile_after"](COMPILE_AFTER)

    def train_batch(self, batch: Batch, packed: bytes) -> None:
        """Has a batch driver's loop compiled in one piece, by running it on `TRAINING_ROWS` packed rows.

        Compiling is off until the end of the second row, so that no function called in it is compiled before it.
        """
        with self.recording():
            batch(packed, TRAINING_ROWS, TRAINING_BYTES, TRAINING_DEPTH, 2)

    def columns(self, program: Program, limits: Limits, *, aborts_return: bool) -> Columns:
        """Returns what runs ``program`` over columns; the runtime is for this program alone from now on.

        Args:
            program: What to run.
            limits: Those of each row.
            aborts_return: Whether its text returns what `abort` returns (see aborts.py).
        """
        loaded = self.load(program)
        if aborts_return:
            self._kit["base"]["abort"] = self._kit["returning_abort"]
        if not loaded.sets_globals:
            self._kit["setfenv"](loaded.main, self._kit["base"])
        driver_of = self._kit["columns"](read_lua("columns"))

        def driver(text: str) -> Rows:
            rows: Rows = driver_of(
                text.encode(), loaded.main, limits.fuel, limits.deadline_ms / 1000, limits.memory_bytes
            )
            return rows

        calls_host = bool(program.mentions & self._python_modules)
        return Columns(driver, loaded.sets_globals, calls_host)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Has nothing compiled but what a driver itself asks for, until its first rows are done (see `train_batch`)."""
        self._kit["flush_libraries"]()
        self._kit["compile_nothing"]()
        try:
            yield
        finally:
            self._kit["compile_again"](COMPILE_AFTER)

    def execute(self, program: Program) -> Execute:
        """Returns the program's packed driver: (packed input, fuel, seconds, memory in bytes, …) -> packed outcome."""
        loaded = self.load(program)
        if loaded.execute is None:
            table = self._lua.table_from
            spec: dict[str, Any] = {
                "params": table(list(program.arguments)),
                "sets_globals": loaded.sets_globals,
            }
            if program.writes is not None and program.reads is not None:
                spec["written"] = table(list(program.writes))
                spec["unread"] = table([name for name in program.writes if name not in program.reads])
            loaded.execute = self._kit["driver"]["executor"](loaded.main, table(spec))
        return loaded.execute

    def collect(self, limits: Limits) -> str:
        """Returns the packed outcome of the scalar run that has just answered -1."""
        packed: str = self._collect(limits.output_bytes, limits.value_depth, limits.memory_bytes)
        self._retire_if_full(packed)
        self.broker.raise_interrupt()
        return packed

    def run(
        self, program: Program, packed: bytes, fuel: int, seconds: float, limits: Limits, seed: int, read_only: bool,
        eager: bool,
    ) -> str:  # fmt: skip
        """Returns the packed outcome of running ``program`` on a packed input.

        Args:
            program: What to run.
            packed: [entity, before, params, context].
            fuel: Units it may use.
            seconds: Seconds it may take.
            limits: Everything else it may use.
            seed: What `math.random` draws from.
            read_only: Whether assigning an entity field is an error.
            eager: Whether the clock starts at once (for runs that may wait in host functions).
        """
        execute = self.execute(program)
        outcome: str = execute(
            packed, fuel, seconds, limits.memory_bytes, limits.output_bytes, limits.value_depth,
            limits.host_calls, limits.log_lines, limits.log_bytes, seed, read_only, eager,
        )  # fmt: skip
        self._retire_if_full(outcome)
        self.broker.raise_interrupt()
        return outcome

    def litter(self) -> int:
        """Returns how many bytes there are besides the runtime's own: what runs have left behind."""
        return self._held() - self._own_bytes

    def sweep(self) -> None:
        """Collects what runs have left behind; retires the runtime if that fails, as it may after a lack of memory."""
        self._lua.set_max_memory(UNBOUNDED, total=True)  # a run that was broken off has left its wall up
        try:
            self._collect_garbage()
        except LuaError:
            self.retired = True
        self._own_bytes = self._held()

    def _held(self) -> int:
        bytes_held: int = self._lua.get_memory_used(total=True)
        return bytes_held

    def server(self, rows: int, done: int) -> tuple[Callable[[], Any], Callable[..., None]]:
        """Returns the loop of a worker process, and the function that gives it batch drivers (see serve.lua).

        Args:
            rows: The kind of the frames it answers.
            done: The kind of its answers.
        """
        pair: tuple[Callable[[], Any], Callable[..., None]] = self._kit["server"](read_lua("serve"), rows, done)
        return pair

    def stop(self) -> None:
        """Ends the run in progress with the code ``cancelled``, from any thread: the meter sees it at its next look."""
        import ctypes

        self._stopped = True
        ctypes.c_int32.from_address(self._stop_word).value = 1

    def unstop(self) -> None:
        """Takes a `stop` back that came too late."""
        if self._stopped:
            import ctypes

            self._stopped = False
            ctypes.c_int32.from_address(self._stop_word).value = 0

    def _retire_if_full(self, outcome: str) -> None:
        # LuaJIT has no emergency collection: a state that ran out of memory is not used again
        if outcome[2:8] == "failed" and ("memory_exceeded" in outcome or "not enough memory" in outcome):
            self.retired = True

    # -- host modules ----------------------------------------------------------------------------------------------
    def _load_modules(self, hosts: HostTable) -> None:
        table = self._lua.table_from
        for module in hosts.modules:
            functions: dict[str, Any] = {}
            for function in module.functions:
                if function.call is not None:
                    number = hosts.number(function.name)
                    stub = self._kit["host_function"](number, function.name, function.cost)
                    functions[function.name.partition(".")[2]] = stub
                    if function.name == KEY:
                        self._kit[IDEMPOTENCY_KEY] = stub
            if module.name in (function.name for function in module.functions):
                self._kit["base"][module.name] = functions[""]
                continue
            if module.lua is not None:
                functions.update(self._lua_half(module, functions))
            functions.update(module.constants)
            public = {f.name.partition(".")[2] for f in module.functions} | set(module.constants)
            self._kit["library"](module.name, table({k: v for k, v in functions.items() if k in public}))

    def _lua_half(self, module: HostModule, stubs: dict[str, Any]) -> dict[str, Any]:
        metered, names = metered_module(module.lua or "")
        main, _ = self._verified(metered, names, f"=[alloy {module.name}]")
        return dict(self._kit["run_module"](main, self._lua.table_from(stubs), module.name).items())


def _selftest(runtime: Runtime) -> None:
    """Refuses a LuaJIT whose bytecode the verifier does not know, and a lupa whose allocator keeps other books."""
    for attempt in range(5):  # a collection between the two readings may free some large texts
        used, most = runtime._kit["show_books"]()
        told = runtime._lua.get_memory_used(total=True), runtime._lua.get_max_memory(total=True)
        if abs(told[0] - used) < 2**16 and told[1] == most:
            break
        if attempt == 4:
            raise AlloyError(
                "the installed lupa is not one that this version of alloy-lua was proved against: "
                f"its allocator's books say {used:.0f} of {most:.0f} bytes, lupa says {told[0]} of {told[1]}"
            )
    names = ("F", "T", "K")
    good = (
        b"local F,T,K return function() F=K+F if F<0 then F=T() end while true do F=K+F if F<0 then F=T() end end end"
    )
    bad = b"local F,T,K return function() F=K+F if F<0 then F=T() end while true do end end"
    runtime._verified(good, names, "=selftest")
    try:
        runtime._verified(bad, names, "=selftest")
    except CompileError:
        return
    raise AlloyError("the bundled LuaJIT is not the one this version of alloy-lua was proved against")


def broken_run(error: LuaError) -> bytes:
    """Returns the packed outcome of a run that the runtime could not even wind up: it ran out of memory."""
    return failed_run("memory_exceeded", type(error).__name__)


def failed_run(code: str, message: str) -> bytes:
    """Returns the packed outcome of a run that came to nothing for a reason outside the script."""
    packed: bytes = msgpack.packb(["failed", 0, 0, None, 0, {"code": code, "message": message}])
    return packed


__all__ = ["LuaError", "Runtime", "broken_run", "failed_run"]
