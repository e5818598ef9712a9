"""The worker process: ``python -m alloy_lua.engine.process.worker``. Reads requests and answers them until its pipe
is closed. It holds one runtime and no Python half of any host function: those are called through the pipe."""

from __future__ import annotations

import gc
import os
import signal
from typing import Any, NoReturn

import msgpack

from ...errors import AlloyError, WorkerLost
from ...hostapi import HostFunction, HostModule
from ...limits import Limits
from ...values import unpack
from ..hosttable import HostTable
from ..program import Program
from ..runtime import TRAINING_ROWS, Batch, LuaError, Runtime, broken_run, read_prelude, read_server
from . import frames
from .confine import address_space, confine
from .frames import HEAD, HEAD_BYTES

REQUESTS, REPLIES = 0, 1  # the descriptors it is started with
MOST_BYTES = 2**31
SHORT_FUEL = 2_000  # a longer run is compiled where its own loops are
ROWS_BYTES = frames.ROWS_HEAD.size
_ARRAY_16 = 0xDC  # MessagePack's head of a list of 16 values and more; below, a head of one byte


class Caller:
    """Stands where the broker stands in the platform's process: passes host calls on and waits for their answers."""

    state = None

    def __call__(self, number: int, packed: str) -> tuple[str, bytes, int]:
        """Returns (error code or "", packed result or message, fuel to charge)."""
        frames.send(REPLIES, frames.frame(frames.CALL, number, packed.encode("latin-1")))
        data = frames.receive(REQUESTS, MOST_BYTES)
        spent, length = frames.ANSWER_HEAD.unpack_from(data, HEAD_BYTES)
        start = HEAD_BYTES + frames.ANSWER_HEAD.size
        return data[start : start + length].decode(), data[start + length :], spent

    def raise_interrupt(self) -> None:
        """An interrupt is raised where it happened, on the other side."""


class Way:
    """One program under one set of limits, by the number that the platform gave it."""

    __slots__ = ("batch", "limits", "program")

    def __init__(self, program: Program, limits: Limits) -> None:
        self.program = program
        self.limits = limits
        self.batch: Batch | None = None


class Worker:
    """Answers requests with a runtime, which is made anew when a script has used up its memory.

    Args:
        hosts: The host modules, without their Python halves.
    """

    def __init__(self, hosts: HostTable) -> None:
        self._hosts = hosts
        self._programs: dict[int, Program] = {}
        self._ways: dict[int, Way] = {}
        self._answers = {
            frames.SYNTAX: self._syntax, frames.LOAD: self._load, frames.BIND: self._bind, frames.RUN: self._run,
            frames.ROWS: self._rows,
        }  # fmt: skip
        self._renew()

    def _renew(self) -> None:
        for way in self._ways.values():
            way.batch = None
        self._rows_memory = 0
        self._runtime = Runtime(self._hosts, broker=Caller())
        self._loop, self._answer_in_lua = self._runtime.server(frames.ROWS, frames.DONE)

    def serve(self) -> NoReturn:
        """Answers until the platform closes its end."""
        while True:
            kind, body = frames.DONE, b""
            try:
                came = self._loop().encode("latin-1")
                request = frames.complete(REQUESTS, came, MOST_BYTES)
                _, asked, number = HEAD.unpack_from(request)
                body = self._answers[asked](number, request[HEAD_BYTES:])
            except AlloyError as error:
                kind, body = frames.FAILED, msgpack.packb([error.code, error.message, error.line, error.column])
            except LuaError as error:  # rows ran out of memory where nothing could be said any more
                self._runtime.retired = True
                facts = [WorkerLost.default_code, f"rows failed: {type(error).__name__}", None, None]
                kind, body = frames.FAILED, msgpack.packb(facts)
            frames.send(REPLIES, frames.frame(kind, 0, body))
            if self._runtime.retired:
                self._renew()

    # -- requests --------------------------------------------------------------------------------------------------
    def _syntax(self, number: int, body: bytes) -> bytes:
        return (self._runtime.syntax_error(body) or "").encode("latin-1")

    def _load(self, number: int, body: bytes) -> bytes:
        program = program_of(msgpack.unpackb(body))
        self._runtime.load(program)
        self._programs[number] = program
        return b""

    def _bind(self, number: int, body: bytes) -> bytes:
        program, limits = msgpack.unpackb(body)
        self._ways[number] = Way(self._programs[program], Limits(**limits))
        return b""

    def _run(self, number: int, body: bytes) -> bytes:
        way, runtime = self._ways[number], self._runtime
        fuel, seconds, seed, read_only, eager = frames.RUN_HEAD.unpack_from(body)
        packed = body[frames.RUN_HEAD.size :]
        try:
            outcome = runtime.run(way.program, packed, fuel, seconds, way.limits, seed, read_only, eager)
        except LuaError as error:  # it ran out of memory where nothing could be said any more
            runtime.retired = True
            return broken_run(error)
        runtime.hold_at_least(self._rows_memory)
        return outcome.encode("latin-1")

    def _rows(self, number: int, body: bytes) -> bytes:
        """Answers the first request of a way, and those that do not fit a pipe; Lua answers the others."""
        way = self._ways[number]
        limits, packed = way.limits, body[ROWS_BYTES:]
        (count,) = frames.ROWS_HEAD.unpack_from(body)
        batch = way.batch or self._trained(way, count, packed)
        rows: str | bytes = batch(packed, count, limits.output_bytes, limits.value_depth, 0)
        self._answer_in_lua(number, batch, limits.output_bytes, limits.value_depth)
        return rows.encode("latin-1") if isinstance(rows, str) else rows

    def _trained(self, way: Way, count: int, packed: bytes) -> Batch:
        """Returns the way's batch driver, compiled with its first rows as an example if they are short runs."""
        runtime, limits = self._runtime, way.limits
        self._rows_memory = max(self._rows_memory, limits.memory_bytes)
        runtime.hold_at_least(self._rows_memory)
        way.batch = batch = runtime.scalar(way.program, limits)[1]
        first = unpack(batch(packed, 1, limits.output_bytes, limits.value_depth, 0))[0]
        if isinstance(first, list) and first[0] < SHORT_FUEL:
            head = 3 if packed[0] == _ARRAY_16 else 1
            example = packed if count >= TRAINING_ROWS else packed[:head] + packed[head:] * TRAINING_ROWS
            runtime.train_batch(batch, example)
        return batch


def module_of(facts: list[Any]) -> HostModule:
    """Returns a host module whose Python halves only stand for those of the platform."""
    name, functions, lua, constants = facts
    made = [
        HostFunction(full, "", cost=cost, call=_in_the_platform if has_call else None)
        for full, cost, has_call in functions
    ]
    return HostModule(name, "", tuple(made), lua, constants)


def _in_the_platform() -> NoReturn:
    raise AssertionError("called in the worker")


def program_of(facts: dict[str, Any]) -> Program:
    """Returns the program that `remote.py` packed; without its source, which only the platform needs."""
    fields = {name: tuple(value) if isinstance(value, list) else value for name, value in facts.items()}
    return Program(**{**fields, "mentions": frozenset(facts["mentions"])})


def main() -> NoReturn:
    """Confines this process, says so, and serves."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the platform's terminal is not for it
    read_prelude()
    read_server()
    start_bytes = address_space()
    protections = confine(REPLIES + 1, start_bytes)
    gc.freeze()
    hello = msgpack.packb([start_bytes, [list(protection) for protection in protections]])
    try:
        frames.send(REPLIES, frames.frame(frames.HELLO, 0, hello))
        modules = msgpack.unpackb(frames.receive(REQUESTS, MOST_BYTES)[HEAD_BYTES:])
        worker = Worker(HostTable(map(module_of, modules)))
        frames.send(REPLIES, frames.frame(frames.DONE, 0, b""))
        worker.serve()
    except (frames.Gone, MemoryError):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
