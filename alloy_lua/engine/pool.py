"""Where runtimes wait to be used: a pool for any run, and one seat for short runs.

Each call into Lua releases the GIL. When threads fire short hooks side by side, they spend their time handing the
GIL back and forth and get less done than one thread alone (measured: 0.67 of one thread's rate). So short runs
share one runtime, the seat: whoever finds it taken waits, off the GIL, and gets it after a time slice. Long runs
and runs that call the host take a runtime of their own from the pool and do run side by side.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Generic, TypeVar

from ..forking import after_fork, never_free
from ..isolation import Protection
from .sweeper import LITTER_BYTES, Sweeper

if TYPE_CHECKING:
    from .interface import AnyRuntime

SLICE_SECONDS = 0.01
MAX_IDLE = 16
LOST_SEAT_SECONDS = 30.0
R = TypeVar("R", bound="AnyRuntime")


class _Waiter(Generic[R]):
    __slots__ = ("ready", "runtime")

    def __init__(self) -> None:
        self.runtime: R | None = None
        self.ready = threading.Lock()
        self.ready.acquire()


class RuntimePool(Generic[R]):
    """Runtimes, made when needed, used by one thread at a time.

    Attributes:
        seat: Holds the short runs' runtime while nobody uses it. Take it with ``seat.pop()``; if that fails, or to
            put it back while ``waiters`` is not empty, use `wait_for_seat` and `hand_over`.
        waiters: Threads that wait for the seat.
        made: How many runtimes it has made, besides the seat's.
    """

    def __init__(self, make: Callable[[], R], make_seated: Callable[[], R]) -> None:
        self._make = make
        self._make_seated = make_seated
        self._idle: list[R] = []
        self._sweeper = Sweeper[R](self._put_by)
        self.made = 0
        self.seat: list[R] = []
        self.waiters: deque[_Waiter[R]] = deque()
        self._seated = False
        self._turn_ends = 0.0
        after_fork(self.forget)

    def acquire(self) -> R:
        """Returns a runtime that no other thread uses; give it back with `release`."""
        try:
            return self._idle.pop()
        except IndexError:
            self.made += 1
            return self._make()

    @property
    def idle(self) -> int:
        """How many runtimes wait to be used, besides the seat's."""
        return len(self._idle)

    def release(self, runtime: R) -> None:
        """Takes a runtime back, unless it is retired or there are enough; one full of garbage a little later."""
        if runtime.litter() > LITTER_BYTES:
            self._sweeper.take(runtime)
        elif not runtime.retired:
            self._put_by(runtime)

    def _put_by(self, runtime: R) -> None:
        if len(self._idle) < MAX_IDLE:
            self._idle.append(runtime)

    def borrow(self) -> R:
        """Returns any runtime that is free, the seat's too, for work that is none of a script's; see `give_back`."""
        try:
            return self.seat.pop()
        except IndexError:
            return self.acquire() if self._seated or self._idle else self.take_seat()

    def give_back(self, runtime: R) -> None:
        """Takes a borrowed runtime back."""
        if runtime.text:
            self.leave_seat(runtime)
        else:
            self.release(runtime)

    def take_seat(self) -> R:
        """Returns the seat's runtime, waiting for it if a short run is under way.

        A waiter glances at the seat, since most runs are over at once. Then it lets the others go on for a slice,
        looking again whether they have stopped, before it asks for the seat: so being waited for costs them nothing
        but one hand-over a slice.
        """
        runtime = self._free_seat()
        if runtime is not None:
            return runtime
        for pause in self._pauses():
            sleep(pause)
            runtime = self._free_seat()
            if runtime is not None:
                return runtime
        waiter: _Waiter[R] = _Waiter()
        self.waiters.append(waiter)
        give_up = perf_counter() + LOST_SEAT_SECONDS
        while perf_counter() < give_up:
            if waiter.ready.acquire(timeout=2 * SLICE_SECONDS):
                assert waiter.runtime is not None
                return waiter.runtime
            runtime = self._free_seat()  # the owner may have stopped firing
            if runtime is not None:
                return self._withdrawn(waiter, runtime)
        # an interrupt struck the owner between taking the seat and leaving it
        return self._withdrawn(waiter, self._make_seated())

    def _free_seat(self) -> R | None:
        """Returns the seat's runtime if nobody has it; a new one if there is none."""
        try:
            return self.seat.pop()
        except IndexError:
            pass
        if self._seated:
            return None
        self._seated = True
        return self._make_seated()

    def _withdrawn(self, waiter: _Waiter[R], runtime: R) -> R:
        """Returns ``runtime`` for a waiter that waits no more; or what it was handed in the meantime."""
        try:
            self.waiters.remove(waiter)
        except ValueError:
            self.seat.append(runtime)
            waiter.ready.acquire()  # it was taken from the queue, so its runtime is on the way
            assert waiter.runtime is not None
            return waiter.runtime
        return runtime

    def _pauses(self) -> tuple[float, ...]:
        """Returns how long to wait before each look at the seat."""
        left = self._turn_ends - perf_counter()
        if left > 0:  # handed over a moment ago, maybe by this thread: a glance would only hold the new owner up
            return (left / 2, left / 2)
        return (0, 0, SLICE_SECONDS / 2, SLICE_SECONDS / 2)

    def leave_seat(self, runtime: R) -> None:
        """Puts the seat's runtime back, or hands it to the first waiter: it has let this thread have its slice."""
        if runtime.retired:
            self._seated = False
            return
        try:
            waiter = self.waiters.popleft()
        except IndexError:
            self.seat.append(runtime)
            return
        self._turn_ends = perf_counter() + SLICE_SECONDS
        waiter.runtime = runtime
        waiter.ready.release()

    def protection(self) -> tuple[Protection, ...]:
        """Returns nothing: these runtimes are parts of the platform's process."""
        return ()

    def close(self) -> None:
        """Does nothing: runtimes go when nobody holds them."""

    def forget(self) -> None:
        """Lets go of all runtimes: in a forked child, another thread of the parent may have been inside one."""
        never_free(*self._idle, *self.seat, *self._sweeper.forget())
        self._idle.clear()
        self.seat.clear()
        self.waiters.clear()
        self._seated = False
