"""The process tier: a run in a worker against a bare pipe round trip of the same bytes, all on one processor.

On one processor each trip costs two switches and nothing else, which is the least it can cost; where the kernel wakes
the other process on another processor, both sides of each ratio are many times slower and closer to each other.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgpack

from alloy_lua import Alloy, Limits
from alloy_lua.engine.process import frames

from .fire import alloy_with_h1
from .hooks import EVENT, LUA, RECORD
from .paired import Pair, claim, interleaved

CALLS, ROUNDS, RECORDS = 2_000, 31, 1_000
ECHO = """
import os, sys
reply = b"y" * int(sys.argv[1])
while os.read(0, 65536): os.write(1, reply)
"""


@contextmanager
def one_processor() -> Iterator[None]:
    """Keeps this process, and those it starts meanwhile, on one processor."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def round_trip(request: bytes, reply_bytes: int) -> Iterator[Callable[[], object]]:
    """Returns a call that sends ``request`` through a pipe to a process that answers with as many bytes as wanted."""
    with subprocess.Popen(
        [sys.executable, "-c", ECHO, str(reply_bytes)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as echo:
        assert echo.stdin is not None and echo.stdout is not None
        write, read, to, back = os.write, os.read, echo.stdin.fileno(), echo.stdout.fileno()

        def call() -> object:
            write(to, request)
            return read(back, 65536)

        assert len(call()) == reply_bytes  # type: ignore[arg-type]
        yield call


def exchange(alloy: Alloy) -> tuple[bytes, int, Callable[[], object]]:
    """Returns the request for one run of H1, the bytes of its reply, and a call that makes that run."""
    program = alloy.compile(LUA)
    values = tuple(RECORD[name] for name in program.reads or ())
    runtime = alloy._core.engine.pool.acquire()
    scalar = runtime.scalar(program, Limits())[0]
    assert isinstance(scalar(*values), tuple)
    body = frames.ROWS_HEAD.pack(1) + msgpack.packb(values)
    request = frames.frame(frames.ROWS, runtime._ways[program.sha256, Limits()], body)
    os.write(runtime.process.requests, request)
    reply = os.read(runtime.process.replies, 65536)
    return request, len(reply), lambda: scalar(*values)


def single() -> Iterator[Pair]:
    """The process tier, on one processor: H1 in a worker against a bare pipe round trip of the same bytes."""
    with one_processor(), alloy_with_h1(isolation="process") as alloy:
        request, reply_bytes, run = exchange(alloy)
        records = [dict(RECORD, id=number) for number in range(RECORDS)]
        with round_trip(request, reply_bytes) as bare, alloy_with_h1() as threads:
            times = interleaved(
                {
                    "bare": bare,
                    "run": run,
                    "fire": lambda: alloy.fire(EVENT, RECORD),
                    "thread": lambda: threads.fire(EVENT, RECORD),
                },
                calls=CALLS,
                rounds=ROUNDS,
            )
            many = interleaved(
                {
                    "process": lambda: alloy.fire_many(EVENT, records),
                    "thread": lambda: threads.fire_many(EVENT, records),
                },
                calls=3,
                rounds=ROUNDS,
            )
    each = [seconds / RECORDS for seconds in many["process"]]
    added = [fire - thread for fire, thread in zip(times["fire"], times["thread"], strict=True)]
    yield claim("run in a worker / bare pipe round trip", times["run"], times["bare"], at_most=1.5)
    yield claim("what a worker adds to fire / bare pipe round trip", added, times["bare"], at_most=1.5)
    yield claim("fire in a worker / bare pipe round trip", times["fire"], times["bare"], at_most=1.5)
    yield claim("fire_many in a worker, a record / bare pipe round trip", each, times["bare"], at_most=1.0)
    yield claim(
        "fire_many in a worker / in a thread", many["process"], many["thread"], at_most=1.5, unit=1e6, unit_name="us"
    )


GROUPS = (single,)
