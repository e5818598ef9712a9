"""Which workers there are: made when needed, handed to one thread at a time, watched, killed and replaced."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Iterable

from ...errors import WorkerLost
from ...isolation import Protection
from ..hosttable import HostTable
from ..pool import RuntimePool
from .handle import WorkerProcess
from .remote import RemoteRuntime, answering_in_this_thread

WORKERS = max(4, os.cpu_count() or 1)
PATIENCE_SECONDS = 2.0
MOST_DEATHS = 3  # of workers at their start, one after the other, until there is no point in starting another
TICK_SECONDS = 0.1
TICKS_A_GRANT = 10


class WorkerPool(RuntimePool[RemoteRuntime]):
    """A `RuntimePool` of worker processes.

    There are at most `WORKERS` of them. Who finds none idle waits for one; only who has waited for long gets one
    beyond that number, since what it waits for may be waiting for it. A run that another run's host call has started
    runs in that run's worker. One worker more than is needed is kept ready: a process takes its time to start.

    Args:
        hosts: The host modules that scripts may call.
        required: The protections without which no worker may start.
    """

    def __init__(self, hosts: HostTable, required: Iterable[str]) -> None:
        super().__init__(self._new, self._new)
        self._hosts = hosts
        self._required = tuple(required)
        self._all: set[RemoteRuntime] = set()
        self._starting: list[RemoteRuntime] = []
        self._waiting = 0
        self._returned = threading.Condition()
        self._watching = False
        self._closed = False

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
        outer = answering_in_this_thread()
        if outer is not None and outer.hosts is self._hosts and not outer.retired:
            return outer.inner()
        deaths = 0
        while True:
            runtime = self._take_idle() or self._await_idle()
            if not runtime.process.alive:
                self._drop(runtime)
                continue
            try:
                self._make_ready(runtime)
            except WorkerLost:  # it may have been killed while it was starting
                deaths += 1
                if deaths == MOST_DEATHS:
                    raise
                continue
            self._keep_spare()
            return runtime

    def release(self, runtime: RemoteRuntime) -> None:
        """Takes a runtime back. A lost one is replaced; one too many is ended."""
        if runtime.outer is not None:
            return
        if runtime.retired:
            self._drop(runtime)
            self._keep_spare()
        elif self._closed or len(self._all) > WORKERS:
            self._drop(runtime)
        else:
            self._idle.append(runtime)
        if self._waiting:
            with self._returned:
                self._returned.notify()

    borrow = acquire
    give_back = release

    def leave_seat(self, runtime: RemoteRuntime) -> None:
        """Puts the seat's runtime back, or hands it to the first waiter."""
        if runtime.retired:
            self._drop(runtime)
        super().leave_seat(runtime)

    def _take_idle(self) -> RemoteRuntime | None:
        for idle in (self._idle, self._starting):
            try:
                return idle.pop()
            except IndexError:
                continue
        return None

    def _await_idle(self) -> RemoteRuntime:
        """Returns an idle runtime, or one made now: because there may be more, or because none came back in time."""
        if len(self._all) >= WORKERS:
            with self._returned:
                self._waiting += 1
                try:
                    self._returned.wait_for(lambda: self._idle or self._starting, PATIENCE_SECONDS)
                finally:
                    self._waiting -= 1
            runtime = self._take_idle()
            if runtime is not None:
                return runtime
        return self._launch()

    def _new(self) -> RemoteRuntime:
        return self._make_ready(self._launch())

    def _launch(self) -> RemoteRuntime:
        """Returns a runtime whose process has begun to start."""
        runtime = RemoteRuntime(WorkerProcess(self._required), self._hosts)
        with self._returned:
            self._all.add(runtime)
            if not self._watching:
                self._watching = True
                watch = threading.Thread(target=_watch, args=(weakref.ref(self),), name="alloy-watchdog", daemon=True)
                watch.start()
        return runtime

    def _make_ready(self, runtime: RemoteRuntime) -> RemoteRuntime:
        try:
            runtime.start()
        except BaseException:
            self._drop(runtime)
            raise
        return runtime

    def _keep_spare(self) -> None:
        if not self._idle and not self._starting and len(self._all) < WORKERS and not self._closed:
            self._starting.append(self._launch())

    def _drop(self, runtime: RemoteRuntime) -> None:
        runtime.retired = True
        self._all.discard(runtime)
        runtime.process.kill()

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
        with self._returned:
            self._watching = not self._closed or bool(self._all)
            return not self._watching

    def close(self) -> None:
        """Ends all workers that are idle, and each of the others when its run is over; safe to call twice."""
        self._closed = True
        while (runtime := self._take_idle()) is not None:
            self._drop(runtime)
        while self.seat:
            runtime = self.seat.pop()
            self._drop(runtime)
            super().leave_seat(runtime)

    def forget(self) -> None:
        """Lets go of all workers: in a forked child, they belong to the parent."""
        super().forget()
        for runtime in self._all:
            runtime.retired = True
            runtime.process.abandon()
        self._all = set()
        self._starting.clear()
        self._waiting = 0
        self._returned = threading.Condition()
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
