"""A runtime in a worker process, with the methods of `Runtime` that the engine and the runner call."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import msgpack

from ...errors import CompileError, WorkerLost
from ...hostapi import HostModule
from ...limits import Limits
from ..hosttable import Broker, HostTable
from ..program import Program
from ..runtime import MAX_PROGRAMS, Scalar, failed_run
from . import frames
from .frames import HEAD_BYTES, LENGTH_BYTES, ROW_HEAD, ROWS_HEAD, RUN_HEAD, Gone
from .handle import NEVER, Failed, WorkerProcess

GRACE_SECONDS = 1.0  # beyond the deadline, until a worker that does not answer is killed
LOAD_SECONDS = 5.0  # for everything but running: parsing 64 KiB of the worst source takes about one
BATCH_SECONDS = 5.0  # for many records at once; those of a batch that is not over by then go one by one
TRAINED_ROWS = 16  # that a worker may run beyond those it was asked for, to have them compiled
_ROW_EXTRA = ROW_HEAD.size - LENGTH_BYTES
_ARRAY_32 = b"\xdd"
_log = logging.getLogger("alloy_lua.engine")
_KIND = 4  # where in a frame it stands
_LONG = 4096  # up to which a pipe hands over what was written in one piece


RemoteBatch = Callable[[bytes, int, int, int, int], bytes]
_thread = threading.local()


def answering_in_this_thread() -> RemoteRuntime | None:
    """Returns the runtime whose host call is being answered in this thread, None if none is."""
    found: RemoteRuntime | None = getattr(_thread, "answering", None)
    return found


class RemoteRuntime:
    """A LuaJIT state in a worker process. Used by one thread at a time, as a `Runtime` is.

    Args:
        process: The worker.
        hosts: The host modules; their Python halves run in this process.
        outer: The runtime whose host call is being answered, None if none is; this one is in the same worker.

    Attributes:
        hosts, outer: As given.
        broker: Answers the host calls of its runs.
        process: The worker.
        retired: Whether it must not be used again.
        started: Whether it is known to be ready.
    """

    def __init__(self, process: WorkerProcess, hosts: HostTable, outer: RemoteRuntime | None = None) -> None:
        self.broker = Broker(hosts)
        self.process = process
        self.hosts = hosts
        self.outer = outer
        self.retired = False
        self.text = False
        self._depth: int = outer._depth + 1 if outer else 1
        self._kept = b""
        self._calls_left = 0
        self._programs: dict[str, int] = outer._programs if outer else {}
        self._ways: dict[tuple[str, Limits], int] = outer._ways if outer else {}
        self._drivers: dict[tuple[str, Limits], tuple[Scalar, RemoteBatch]] = {}
        self.started = False
        self._stopped = False

    # -- loading -----------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Waits until the worker is ready; quick after the first time.

        Raises:
            ConfigError: A required protection is not in force.
            WorkerLost: It did not start.
        """
        if not self.started:
            self.process.greet()
            self._ask(frames.HOSTS, 0, msgpack.packb([_module_facts(module) for module in self.hosts.modules]))
            self.started = True

    def inner(self) -> RemoteRuntime:
        """Returns a runtime for a run that this one's host call starts: in the same worker, which waits for it."""
        return RemoteRuntime(self.process, self.hosts, self)

    def syntax_error(self, text: bytes) -> str | None:
        """Returns LuaJIT's message if ``text`` does not compile, else None."""
        return self._ask(frames.SYNTAX, 0, text).decode("latin-1") or None

    def load(self, program: Program) -> int:
        """Returns the number of ``program`` in the worker, where it is loaded and verified at first use.

        Raises:
            CompileError: The bytecode verifier could not prove that the program is metered everywhere.
        """
        number = self._programs.get(program.sha256)
        if number is None:
            number = len(self._programs)
            self._ask(frames.LOAD, number, msgpack.packb(_program_facts(program)))
            self._programs[program.sha256] = number
            if number >= MAX_PROGRAMS:
                self.retired = True
        return number

    def _way(self, program: Program, limits: Limits) -> int:
        key = (program.sha256, limits)
        number = self._ways.get(key)
        if number is None:
            loaded = self.load(program)
            number = len(self._ways)
            self._ask(frames.BIND, number, msgpack.packb([loaded, limits.as_dict()]))
            self._ways[key] = number
        self.process.allow_memory(limits.memory_bytes * self._depth + 2 * (limits.input_bytes + limits.output_bytes))
        return number

    def _ask(self, kind: int, number: int, body: bytes, seconds: float = LOAD_SECONDS) -> bytes:
        try:
            return self.process.ask(kind, number, body, seconds, self._answer)
        except Gone as gone:
            raise self._loss(gone) from None
        except Failed as failed:
            code, message, line, column = msgpack.unpackb(failed.args[0])
            if code == CompileError.default_code:
                raise CompileError(message, line=line, column=column) from None
            self.retired = True
            raise WorkerLost(message) from None
        except BaseException:
            self.retired = True
            raise

    def _loss(self, why: Exception) -> WorkerLost:
        self.retired = True
        pid, overran = self.process.pid, self.process.overran
        self.process.kill()
        _log.warning("worker %d is lost: %s", pid, "it did not answer in time" if overran else why)
        if self._stopped:
            return WorkerLost("the run was cancelled", code="cancelled")
        if overran:
            return WorkerLost("the worker process did not answer in time and was killed", code="deadline_exceeded")
        return WorkerLost("the worker process died while it ran the script")

    def _answer(self, number: int, packed: bytes) -> bytes:
        self._calls_left -= 1
        if number >= len(self.hosts.functions) or self._calls_left < 0:  # the worker sees to both, if it is in order
            raise Gone(f"a host call that may not be, of function {number}")
        outer, _thread.answering = answering_in_this_thread(), self
        try:
            code, answer, spent = self.broker(number, packed)
        finally:
            _thread.answering = outer
        named = code.encode()
        return frames.ANSWER_HEAD.pack(spent, len(named)) + named + answer

    # -- running packed ------------------------------------------------------------------------------------------------
    def run(
        self, program: Program, packed: bytes, fuel: int, seconds: float, limits: Limits, seed: int, read_only: bool,
        eager: bool,
    ) -> bytes:  # fmt: skip
        """Returns the packed outcome of running ``program`` on a packed input, as `Runtime.run` does."""
        way = self._way(program, limits)
        self._calls_left = limits.host_calls
        body = RUN_HEAD.pack(fuel, seconds, seed, read_only, eager) + packed
        try:
            outcome = self._ask(frames.RUN, way, body, seconds + GRACE_SECONDS)
        except WorkerLost as error:
            self.retired = True
            return failed_run(error.code, error.message)
        self.broker.raise_interrupt()
        return outcome

    def litter(self) -> int:
        """Returns 0: the worker sweeps by itself."""
        return 0

    def sweep(self) -> None:
        """Does nothing."""

    def stop(self) -> None:
        """Ends the run in progress with the code ``cancelled``, from any thread, and its worker with it."""
        self._stopped = True
        self.process.stop()

    def unstop(self) -> None:
        """Retires the runtime if a `stop` came too late for its run: the worker is gone all the same."""
        self.retired |= self._stopped

    # -- running rows --------------------------------------------------------------------------------------------------
    def scalar(self, program: Program, limits: Limits) -> tuple[Scalar, RemoteBatch]:
        """Returns the program's scalar and batch drivers under ``limits``, as `Runtime.scalar` does."""
        key = (program.sha256, limits)
        pair = self._drivers.get(key)
        if pair is None:
            way = self._way(program, limits)
            pair = self._drivers[key] = self._scalar(way, program, limits), self._batch(way, program, limits)
        return pair

    def _scalar(self, way: int, program: Program, limits: Limits) -> Scalar:
        """Returns the scalar driver: it sends its arguments as a batch of one row. This is the tier's hot path."""
        process, answer = self.process, self._answer
        requests, replies = process.requests, process.replies
        pack, unpackb, head = msgpack.Packer().pack, msgpack.unpackb, ROW_HEAD.pack
        write, read, now = os.write, os.read, time.monotonic
        chunk, rows, done, body_at = _LONG, frames.ROWS, frames.DONE, HEAD_BYTES
        width = len(program.writes or ()) + 2
        seconds = limits.deadline_ms / 1000 + GRACE_SECONDS

        def scalar(*arguments: Any) -> Any:
            packed = pack(arguments)
            request = head(len(packed) + _ROW_EXTRA, rows, way, 1) + packed
            process.due = now() + seconds
            try:
                if write(requests, request) != len(request):
                    raise OSError("a signal came in between")
            except OSError as error:  # nothing has run: the caller takes another worker
                raise self._loss(error) from None
            try:
                data = read(replies, chunk)
                if data[_KIND] != done or len(data) == chunk:
                    self._calls_left = limits.host_calls * TRAINED_ROWS
                    data = process.finish(data, answer)
                process.due = NEVER
                row = unpackb(data[body_at:], use_list=False)
            except UnicodeDecodeError:
                raise
            except Failed:
                return -2
            except (OSError, Gone, ValueError, IndexError) as error:
                return self._keep_loss(error)
            if type(row) is tuple and len(row) == width:
                code = row[0]
                if type(code) is int and code >= 0 and type(row[1]) is int:
                    return row
                if type(code) is bytes:
                    self._kept = code
                    return -1
                if code == -2:
                    return -2
            return self._keep_loss(Gone("a row of another shape"))

        return scalar

    def _keep_loss(self, error: Exception) -> int:
        lost = self._loss(error)
        self._kept = failed_run(lost.code, lost.message)
        return -1

    def _batch(self, way: int, program: Program, limits: Limits) -> RemoteBatch:
        width = len(program.writes or ()) + 2

        def batch(packed: bytes, count: int, output_bytes: int, depth: int, record_after: int) -> bytes:
            seconds = min(count * limits.deadline_ms / 1000, BATCH_SECONDS) + GRACE_SECONDS
            self._calls_left = limits.host_calls * (count + TRAINED_ROWS)
            rows = self._ask(frames.ROWS, way, ROWS_HEAD.pack(count) + packed, seconds)
            if rows[:5] != _ARRAY_32 + (count * width).to_bytes(4, "big"):
                raise self._loss(Gone("other rows than were asked for"))
            return rows

        return batch

    def train(self, scalar: Scalar, arguments: tuple[Any, ...]) -> None:
        """Does nothing: the worker trains a driver itself, with its first row."""

    def train_batch(self, batch: RemoteBatch, packed: bytes) -> None:
        """Does nothing, as `train`."""

    def collect(self, limits: Limits) -> bytes:
        """Returns the packed outcome of the scalar run that has just answered -1."""
        self.broker.raise_interrupt()
        return self._kept


def _module_facts(module: HostModule) -> list[Any]:
    functions = [[function.name, function.cost, function.call is not None] for function in module.functions]
    return [module.name, functions, module.lua, dict(module.constants)]


def _program_facts(program: Program) -> dict[str, Any]:
    return {**program._asdict(), "source": "", "mentions": sorted(program.mentions)}
