"""The worker process: ``python -m alloy_lua.engine.process.worker``. Reads requests and answers them until its pipe
is closed. It holds one runtime and no Python half of any host function: those are called through the pipe."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable
from typing import Any, NoReturn

import msgpack

from ...errors import AlloyError, WorkerLost
from ...hostapi import HostFunction, HostModule
from ...limits import Limits
from ...values import unpack
from ..hosttable import HostTable
from ..prelude import prelude_texts, read_lua
from ..program import Program
from ..runtime import TRAINING_ROWS, Batch, LuaError, Runtime, broken_run
from ..sweeper import LITTER_BYTES
from . import frames
from .confine import address_space, confine
from .frames import HEAD, HEAD_BYTES

REQUESTS, REPLIES = 0, 1  # the descriptors it is started with
MOST_BYTES = 2**31
SHORT_FUEL = 2_000  # a longer run is compiled where its own loops are
ROWS_BYTES = frames.ROWS_HEAD.size
_ARRAY_16 = 0xDC  # MessagePack's head of a list of 16 values and more; below, a head of one byte


class Way:
    """One program under one set of limits, by the number that the platform gave it."""

    __slots__ = ("limits", "program")

    def __init__(self, program: Program, limits: Limits) -> None:
        self.program = program
        self.limits = limits


class Caller:
    """Stands where the broker stands in the platform's process: passes host calls on and waits for their answers.

    Args:
        answer: Answers a request that comes before the answer does, for a run that the call itself has started.
    """

    def __init__(self, answer: Callable[[bytes], None]) -> None:
        self._answer = answer

    def __call__(self, number: int, packed: str) -> tuple[str, bytes, int]:
        """Returns what a `Broker` returns: error code or "", packed result or message, fuel to charge."""
        frames.send(REPLIES, frames.frame(frames.CALL, number, packed.encode("latin-1")))
        while True:
            data = frames.receive(REQUESTS, MOST_BYTES)
            if HEAD.unpack_from(data)[1] == frames.ANSWER:
                break
            self._answer(data)
        spent, length = frames.ANSWER_HEAD.unpack_from(data, HEAD_BYTES)
        start = HEAD_BYTES + frames.ANSWER_HEAD.size
        return data[start : start + length].decode(), data[start + length :], spent

    def raise_interrupt(self) -> None:
        """Does nothing: an interrupt is raised where it happened, on the other side."""


class Level:
    """A runtime: the first for runs, the next for those that the first one's host calls start, and so on.

    Args:
        hosts: The host modules, without their Python halves.
        caller: Passes its host calls on.
    """

    def __init__(self, hosts: HostTable, caller: Caller) -> None:
        self.runtime = Runtime(hosts, broker=caller)
        self.loop, self.answer_in_lua = self.runtime.server(frames.ROWS, frames.DONE)
        self._batches: dict[int, Batch] = {}

    def run(self, way: Way, body: bytes) -> bytes:
        """Returns the packed outcome of a run; ``body`` is that of a request."""
        runtime = self.runtime
        fuel, seconds, seed, read_only, eager = frames.RUN_HEAD.unpack_from(body)
        packed = body[frames.RUN_HEAD.size :]
        try:
            outcome = runtime.run(way.program, packed, fuel, seconds, way.limits, seed, read_only, eager)
        except LuaError as error:  # it ran out of memory where nothing could be said any more
            runtime.retired = True
            return broken_run(error)
        return outcome.encode("latin-1")

    def rows(self, number: int, way: Way, body: bytes) -> bytes:
        """Returns the rows of the first request of a way, or one too large for a pipe; Lua answers the others."""
        limits, packed = way.limits, body[ROWS_BYTES:]
        (count,) = frames.ROWS_HEAD.unpack_from(body)
        batch = self._batches.get(number)
        if batch is None:
            batch = self._batches[number] = self._trained(way, count, packed)
            self.answer_in_lua(number, batch, limits.output_bytes, limits.value_depth)
        return batch(packed, count, limits.output_bytes, limits.value_depth, 0).encode("latin-1")

    def _trained(self, way: Way, count: int, packed: bytes) -> Batch:
        """Returns the way's batch driver, compiled with its first rows as an example if they are short runs."""
        runtime, limits = self.runtime, way.limits
        batch = runtime.scalar(way.program, limits)[1]
        fuel = unpack(batch(packed, 1, limits.output_bytes, limits.value_depth, 0))[0]
        if isinstance(fuel, int) and 0 <= fuel < SHORT_FUEL:
            head = 3 if packed[0] == _ARRAY_16 else 1
            example = packed if count >= TRAINING_ROWS else packed[:head] + packed[head:] * TRAINING_ROWS
            runtime.train_batch(batch, example)
        return batch


class Worker:
    """Answers requests. A runtime in which a script has used up its memory is made anew.

    Args:
        hosts: The host modules, without their Python halves.
    """

    def __init__(self, hosts: HostTable) -> None:
        self._hosts = hosts
        self._programs: dict[int, Program] = {}
        self._ways: dict[int, Way] = {}
        self._levels: list[Level] = []

    def serve(self) -> NoReturn:
        """Answers until the platform closes its end."""
        while True:
            try:
                came: str = self._level(0).loop()
            except LuaError as error:
                self._level(0).runtime.retired = True
                self._reply(0, frames.FAILED, _rows_failed(error))
            else:
                self.answer(0, frames.complete(REQUESTS, came.encode("latin-1"), MOST_BYTES))

    def _level(self, depth: int) -> Level:
        if depth == len(self._levels):
            self._levels.append(self._new_level(depth))
        return self._levels[depth]

    def _new_level(self, depth: int) -> Level:
        return Level(self._hosts, Caller(lambda request: self.answer(depth + 1, request)))

    def answer(self, depth: int, request: bytes) -> None:
        _, asked, number = HEAD.unpack_from(request)
        level = self._level(depth)
        try:
            body = self._done(level, asked, number, request[HEAD_BYTES:])
        except AlloyError as error:
            self._reply(depth, frames.FAILED, [error.code, error.message, error.line, error.column])
        except LuaError as error:
            level.runtime.retired = True
            self._reply(depth, frames.FAILED, _rows_failed(error))
        else:
            self._reply(depth, frames.DONE, body)

    def _reply(self, depth: int, kind: int, body: bytes | list[Any]) -> None:
        frames.send(REPLIES, frames.frame(kind, 0, body if isinstance(body, bytes) else msgpack.packb(body)))
        runtime = self._levels[depth].runtime
        if runtime.retired:
            self._levels[depth] = self._new_level(depth)
        elif runtime.litter() > LITTER_BYTES:  # who fired has the answer by now
            runtime.sweep()

    def _done(self, level: Level, asked: int, number: int, body: bytes) -> bytes:
        """Returns the answer to one request."""
        if asked == frames.RUN:
            return level.run(self._ways[number], body)
        if asked == frames.ROWS:
            return level.rows(number, self._ways[number], body)
        if asked == frames.SYNTAX:
            return (level.runtime.syntax_error(body) or "").encode("latin-1")
        if asked == frames.LOAD:
            program = program_of(msgpack.unpackb(body))
            level.runtime.load(program)
            self._programs[number] = program
        else:
            loaded, limits = msgpack.unpackb(body)
            self._ways[number] = Way(self._programs[loaded], Limits(**limits))
        return b""


def _rows_failed(error: LuaError) -> list[Any]:
    """Returns the facts of rows that ran out of memory where nothing could be said any more."""
    return [WorkerLost.default_code, f"rows failed: {type(error).__name__}", None, None]


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
    fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in facts.items()}
    return Program(**{**fields, "mentions": frozenset(facts["mentions"])})


def main() -> NoReturn:
    """Confines this process, says so, and serves."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the platform's terminal is not for it
    prelude_texts()
    for text in ("boot", "serve"):  # files are out of reach later
        read_lua(text)
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
