"""Which workers there are: made when needed, handed to one thread at a time, watched, killed and replaced."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterable
from contextlib import suppress

from ...forking import after_fork
from ...isolation import Protection
from ..hosttable import Broker, HostTable
from .handle import WorkerProcess
from .remote import RemoteRuntime

WORKERS = max(4, os.cpu_count() or 1)
PATIENCE_SECONDS = 2.0
TICK_SECONDS = 0.1
TICKS_A_GRANT = 10


class _Waiter:
    __slots__ = ("ready", "runtime")

    def __init__(self) -> None:
        self.runtime: RemoteRuntime | None = None
        self.ready = threading.Event()


class WorkerPool:
    """Workers, with the methods of `RuntimePool`: any run may take any worker, so the seat is the list of idle ones.

    There are at most `WORKERS` at work at once. Others wait for one; but a run that was started by another run's
    host call, whose worker waits for it, gets one beyond that number.

    Args:
        hosts: The host modules that scripts may call.
        required: The protections without which no worker may start.
    """

    def __init__(self, hosts: HostTable, required: Iterable[str]) -> None:
        self._hosts = hosts
        self._required = tuple(required)
        self.seat: list[RemoteRuntime] = []
        self.waiters: deque[_Waiter] = deque()
        self._all: set[RemoteRuntime] = set()
        self._local = threading.local()
        self._closed = False
        self._watching = False
        self._lock = threading.Lock()
        after_fork(self.forget)

    def protection(self) -> tuple[Protection, ...]:
        """Returns what came of each protection in the workers.

        Raises:
            ConfigError: A required one is not in force.
        """
        runtime = self.acquire()
        try:
            return runtime.process.protections
        finally:
            self.release(runtime)

    # -- taking and giving back ----------------------------------------------------------------------------------------
    def acquire(self) -> RemoteRuntime:
        """Returns a worker's runtime that no other thread uses; give it back with `release`.

        Raises:
            ConfigError: A required protection is not in force.
            WorkerLost: No worker can be started.
        """
        while True:
            runtime = self._idle() or self._new_or_free()
            if runtime.process.alive:
                try:
                    runtime.start()
                except BaseException:
                    self._drop(runtime)
                    raise
                return runtime
            self._drop(runtime)

    def release(self, runtime: RemoteRuntime) -> None:
        """Takes a runtime back. A lost one is replaced; one too many is ended."""
        if runtime.retired:
            self._drop(runtime)
            if self._closed or len(self._all) >= WORKERS:
                return
            runtime = self._new()
        if self._closed or len(self._all) > WORKERS:
            self._drop(runtime)
            return
        try:
            waiter = self.waiters.popleft()
        except IndexError:
            self.seat.append(runtime)
            return
        waiter.runtime = runtime
        waiter.ready.set()

    take_seat = acquire
    leave_seat = release

    def _idle(self) -> RemoteRuntime | None:
        try:
            return self.seat.pop()
        except IndexError:
            return None

    def _new_or_free(self) -> RemoteRuntime:
        if len(self._all) < WORKERS or getattr(self._local, "answering", 0):
            return self._new()
        waiter = _Waiter()
        self.waiters.append(waiter)
        for _ in range(int(PATIENCE_SECONDS / TICK_SECONDS)):
            waiter.ready.wait(TICK_SECONDS)
            runtime = waiter.runtime or self._idle()  # one may have come back just before this one queued up
            if runtime is not None:
                break
        with suppress(ValueError):
            self.waiters.remove(waiter)
        if waiter.runtime is not None and waiter.runtime is not runtime:
            runtime, extra = waiter.runtime, runtime
            if extra is not None:
                self.release(extra)
        return runtime or self._new()

    def _new(self) -> RemoteRuntime:
        runtime = RemoteRuntime(WorkerProcess(self._required), self._hosts, self._answering)
        with self._lock:
            self._all.add(runtime)
            if not self._watching:
                self._watching = True
                watch = threading.Thread(target=_watch, args=(weakref.ref(self),), name="alloy-watchdog", daemon=True)
                watch.start()
        return runtime

    def _drop(self, runtime: RemoteRuntime) -> None:
        runtime.retired = True
        self._all.discard(runtime)
        runtime.process.kill()

    def _answering(self, broker: Broker, number: int, packed: bytes) -> tuple[str, bytes, int]:
        local = self._local
        local.answering = getattr(local, "answering", 0) + 1
        try:
            return broker(number, packed)
        finally:
            local.answering -= 1

    # -- time and end ------------------------------------------------------------------------------------------------
    def watch(self, grant: bool) -> bool:
        """Kills the workers that are overdue; with ``grant``, lets the others go on using the processor.

        Returns True once there is nothing left to watch.
        """
        now = time.monotonic()
        for runtime in tuple(self._all):
            runtime.process.kill_overdue(now)
            if grant:
                runtime.process.allow_time()
        with self._lock:
            self._watching = not self._closed or bool(self._all)
            return not self._watching

    def close(self) -> None:
        """Ends all workers that are idle, and each of the others when its run is over; safe to call twice."""
        self._closed = True
        while (runtime := self._idle()) is not None:
            self._drop(runtime)

    def forget(self) -> None:
        """Lets go of all workers: in a forked child, they belong to the parent."""
        for runtime in self._all:
            runtime.retired = True
            runtime.process.abandon()
        self._all = set()
        self.seat.clear()
        self.waiters.clear()
        self._lock = threading.Lock()
        self._local = threading.local()
        self._watching = False


def _watch(pool: weakref.ref[WorkerPool]) -> None:
    ticks = 0
    while True:
        time.sleep(TICK_SECONDS)
        found = pool()
        if found is None or found.watch(grant=ticks % TICKS_A_GRANT == 0):
            return
        ticks += 1
        del found
