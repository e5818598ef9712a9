"""One worker process as the platform holds it: started, spoken to through two pipes, killed."""

from __future__ import annotations

import os
import resource
import select
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Iterable
from contextlib import suppress

import msgpack

from ...errors import ConfigError, WorkerLost
from ...isolation import Protection
from . import frames
from .confine import CPU_SECONDS, SLACK_BYTES
from .frames import Gone

START_SECONDS = 60.0
NEVER = float("inf")
_PASSED_ON = ("LD_LIBRARY_PATH", "LANG", "LC_ALL", "PYTHONHOME")
_WORKER = "alloy_lua.engine.process.worker"


class WorkerProcess:
    """A process that runs scripts, for one thread at a time.

    Args:
        required: The protections without which it may not work.

    Attributes:
        due: Monotonic time by which it has to have answered; `NEVER` while nothing is asked of it.
        overran: Whether it was killed because it had not.
        requests, replies: The descriptors of the pipes.
        most_bytes: The longest reply that is read.
    """

    def __init__(self, required: Iterable[str]) -> None:
        self._required = frozenset(required)
        self.due = NEVER
        self.overran = False
        self.protections: tuple[Protection, ...] = ()
        self.most_bytes = SLACK_BYTES
        self._start_bytes = 0
        self._memory_bytes = 0
        self._popen, self.requests, self.replies = _start()
        self._end = weakref.finalize(self, _end, self._popen, (self.requests, self.replies), os.getpid())

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._popen.pid

    @property
    def alive(self) -> bool:
        """Whether it runs, as far as the kernel knows."""
        return self._end.alive and self._popen.poll() is None

    def greet(self) -> None:
        """Waits until it has started and confined itself; does nothing the second time.

        Raises:
            ConfigError: A required protection is not in force.
            WorkerLost: It did not start.
        """
        if self.protections:
            return
        ready = select.poll()
        ready.register(self.replies, select.POLLIN)
        data = None
        with suppress(Gone):
            if ready.poll(START_SECONDS * 1000):
                data = frames.receive(self.replies, frames.CHUNK)
        if data is None:
            self.kill()
            raise WorkerLost(f"a worker process did not start: {sys.executable} -m {_WORKER} says why")
        self._start_bytes, found = msgpack.unpackb(data[frames.HEAD_BYTES :])
        self.protections = tuple(Protection(*facts) for facts in found)
        missing = [p for p in self.protections if not p.in_force and p.name in self._required]
        if missing:
            self.kill()
            reasons = ", ".join(f"{p.name} ({p.reason})" for p in missing)
            raise ConfigError(
                f"isolation: got a kernel that refuses {reasons}, wanted {', '.join(sorted(self._required))}",
                details={"missing": [p.name for p in missing]},
            )

    def ask(self, kind: int, number: int, body: bytes, seconds: float, answer: Callable[[int, bytes], bytes]) -> bytes:
        """Returns the body of its reply to one request.

        Args:
            kind: The request.
            number: What it is about.
            body: The rest of it.
            seconds: How long the worker itself may take, host calls not counted.
            answer: Called with number and body for each host call; returns the body of the answer.

        Raises:
            Gone: It died, or was killed because it took longer, or broke the protocol.
            Failed: It answered with an error.
        """
        self.due = time.monotonic() + seconds
        frames.send(self.requests, frames.frame(kind, number, body))
        return self.finish(frames.receive(self.replies, self.most_bytes), answer)[frames.HEAD_BYTES :]

    def finish(self, data: bytes, answer: Callable[[int, bytes], bytes]) -> bytes:
        """Returns its last frame, after answering the host calls that it asks for; ``data`` has been read already.

        The arguments and errors are those of `ask`.
        """
        while True:
            data = frames.complete(self.replies, data, self.most_bytes)
            left = self.due - time.monotonic()
            self.due = NEVER
            _, kind, number = frames.HEAD.unpack_from(data)
            if kind == frames.DONE:
                return data
            if kind == frames.FAILED:
                raise Failed(data[frames.HEAD_BYTES :])
            if kind != frames.CALL:
                raise Gone(f"a frame of kind {kind}")
            given = frames.frame(frames.ANSWER, 0, answer(number, data[frames.HEAD_BYTES :]))
            self.due = time.monotonic() + left
            frames.send(self.requests, given)
            data = frames.receive(self.replies, self.most_bytes)

    # -- what it may use ---------------------------------------------------------------------------------------------
    def allow_memory(self, memory_bytes: int) -> None:
        """Lets it have the address space that runs of ``memory_bytes`` need."""
        if memory_bytes > self._memory_bytes:
            self._memory_bytes = memory_bytes
            most = self._start_bytes + SLACK_BYTES + 2 * memory_bytes
            self.most_bytes = most
            self._raise_limit(resource.RLIMIT_AS, most)

    def allow_time(self) -> None:
        """Lets it use the processor for another `CPU_SECONDS`. Called every second or so, as long as anybody cares."""
        with suppress(OSError):
            used = time.clock_gettime((~self.pid << 3) | 2)  # the processor clock of another process
            self._raise_limit(resource.RLIMIT_CPU, int(used) + CPU_SECONDS)

    def _raise_limit(self, kind: int, value: int) -> None:
        with suppress(ProcessLookupError):
            resource.prlimit(self.pid, kind, (value, resource.RLIM_INFINITY))

    # -- its end -----------------------------------------------------------------------------------------------------
    def kill(self) -> None:
        """Ends it at once; safe to call twice."""
        self._end()

    def stop(self) -> None:
        """Ends it from another thread than the one that uses it, which finds its pipe closed."""
        self._popen.kill()

    def kill_overdue(self, now: float) -> None:
        """Ends it if it should have answered before ``now``: whoever waits for it finds its pipe closed."""
        if self.due < now:
            self.overran = True
            self._popen.kill()

    def abandon(self) -> None:
        """Closes this process's copies of the pipes: in a forked child, the worker belongs to the parent."""
        if self._end.detach() is not None:
            _close((self.requests, self.replies))
            self._popen.returncode = 0  # it is no child of this process


class Failed(Exception):
    """The worker's answer is an error; its argument is the packed facts."""


def _start() -> tuple[subprocess.Popen[bytes], int, int]:
    request_reader, requests = os.pipe()
    replies, reply_writer = os.pipe()
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment["PYTHONPATH"] = os.pathsep.join(os.path.abspath(path) for path in sys.path)
    try:
        popen = subprocess.Popen(
            [sys.executable, "-P", "-m", _WORKER], stdin=request_reader, stdout=reply_writer, env=environment, cwd="/",
            process_group=0,
        )  # fmt: skip
    except OSError as error:
        _close((requests, replies))
        raise WorkerLost(f"a worker process did not start: {sys.executable}: {error.strerror}") from None
    finally:
        _close((request_reader, reply_writer))
    return popen, requests, replies


def _end(popen: subprocess.Popen[bytes], pipes: tuple[int, int], owner: int) -> None:
    if os.getpid() != owner:
        return
    popen.kill()
    popen.wait()
    _close(pipes)


def _close(pipes: tuple[int, int]) -> None:
    for fd in pipes:
        with suppress(OSError):
            os.close(fd)
