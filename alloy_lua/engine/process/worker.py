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
from ..runtime import TRAINING_ROWS, Batch, LuaError, Runtime, broken_run, read_prelude
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
    """Answers requests with a runtime, which is made anew when a script has used up its memory."""

    def __init__(self) -> None:
        self._hosts = HostTable(())
        self._made: Runtime | None = None
        self._programs: dict[int, Program] = {}
        self._ways: dict[int, Way] = {}
        self._answers = {
            frames.HOSTS: self._set_hosts, frames.SYNTAX: self._syntax, frames.LOAD: self._load,
            frames.BIND: self._bind, frames.RUN: self._run,
        }  # fmt: skip

    def serve(self) -> NoReturn:
        """Answers until the platform closes its end."""
        head, size_of, rows, done = HEAD.unpack_from, HEAD_BYTES, frames.ROWS, frames.frame
        while True:
            data = frames.receive(REQUESTS, MOST_BYTES)
            _, kind, number = head(data)
            try:
                reply = self._rows(number, data[size_of:]) if kind == rows else self._answers[kind](number, data)
            except AlloyError as error:
                facts = [error.code, error.message, error.line, error.column]
                frames.send(REPLIES, done(frames.FAILED, 0, msgpack.packb(facts)))
            else:
                frames.send(REPLIES, done(frames.DONE, 0, reply))
            made = self._made
            if made is None or made.retired:
                self._renew()

    # -- runtime ---------------------------------------------------------------------------------------------------
    @property
    def _runtime(self) -> Runtime:
        made = self._made
        if made is None:
            made = self._made = Runtime(self._hosts, broker=Caller())
        return made

    def _renew(self) -> None:
        self._made = None
        for way in self._ways.values():
            way.batch = None
        gc.collect()
        self._made = self._runtime

    # -- requests --------------------------------------------------------------------------------------------------
    def _set_hosts(self, number: int, data: bytes) -> bytes:
        self._hosts = HostTable(map(module_of, msgpack.unpackb(data[HEAD_BYTES:])))
        return b""

    def _syntax(self, number: int, data: bytes) -> bytes:
        message = self._runtime.syntax_error(data[HEAD_BYTES:])
        return (message or "").encode("latin-1")

    def _load(self, number: int, data: bytes) -> bytes:
        program = program_of(msgpack.unpackb(data[HEAD_BYTES:]))
        self._runtime.load(program)
        self._programs[number] = program
        return b""

    def _bind(self, number: int, data: bytes) -> bytes:
        program, limits = msgpack.unpackb(data[HEAD_BYTES:])
        self._ways[number] = Way(self._programs[program], Limits(**limits))
        return b""

    def _run(self, number: int, data: bytes) -> bytes:
        way = self._ways[number]
        fuel, seconds, seed, read_only, eager = frames.RUN_HEAD.unpack_from(data, HEAD_BYTES)
        packed = data[HEAD_BYTES + frames.RUN_HEAD.size :]
        runtime = self._runtime
        try:
            outcome = runtime.run(way.program, packed, fuel, seconds, way.limits, seed, read_only, eager)
        except LuaError as error:  # it ran out of memory where nothing could be said any more
            runtime.retired = True
            return broken_run(error)
        return outcome.encode("latin-1")

    def _rows(self, number: int, body: bytes) -> bytes:
        way = self._ways[number]
        batch, limits, packed = way.batch, way.limits, body[ROWS_BYTES:]
        (count,) = frames.ROWS_HEAD.unpack_from(body)
        try:
            if batch is None:
                batch = self._trained(way, count, packed)
            rows: str = batch(packed, count, limits.output_bytes, limits.value_depth, 0)
        except LuaError as error:
            self._runtime.retired = True
            raise WorkerLost(f"a batch failed: {type(error).__name__}") from None
        return rows.encode("latin-1")

    def _trained(self, way: Way, count: int, packed: bytes) -> Batch:
        """Returns the way's batch driver, compiled with its first rows as an example if they are short runs."""
        runtime, limits = self._runtime, way.limits
        runtime.hold_at_least(limits.memory_bytes)
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
    start_bytes = address_space()
    protections = confine(REPLIES + 1, start_bytes)
    gc.freeze()
    hello = msgpack.packb([start_bytes, [list(protection) for protection in protections]])
    try:
        frames.send(REPLIES, frames.frame(frames.HELLO, 0, hello))
        Worker().serve()
    except (frames.Gone, MemoryError):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
