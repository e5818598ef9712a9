"""Collects what runs left behind in runtimes, in a thread of its own: nobody's run waits for another's garbage.

To let go of 16 MiB of small tables takes LuaJIT 15 to 30 ms, at the end of the run that made them or at the beginning
of the next. Closing a state takes as long, and with the interpreter lock held.
"""

from __future__ import annotations

import _thread
import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from .interface import AnyRuntime

LITTER_BYTES = 4 * 2**20  # a run's garbage from which on it is collected here; less takes a few milliseconds
MOST_LITTERED = 2  # runtimes that wait here; whoever has another one sweeps it, and so makes no more than is swept
R = TypeVar("R", bound=AnyRuntime)


class Sweeper(Generic[R]):
    """Sweeps runtimes, one after the other; its thread is there while there are any.

    Args:
        give_back: Called with each runtime once it is clean.
    """

    def __init__(self, give_back: Callable[[R], None]) -> None:
        self._give_back = give_back
        self._littered: deque[R] = deque()
        self._lock = threading.Lock()
        self._at_work = False

    def forget(self) -> list[R]:
        """Returns what it had, and begins anew: in a forked child its thread is not there."""
        left = list(self._littered)
        self._littered.clear()
        self._lock = threading.Lock()
        self._at_work = False
        return left

    def take(self, runtime: R) -> None:
        """Has ``runtime`` swept and then given back, or dropped if it is retired; returns at once while few wait."""
        with self._lock:
            full = len(self._littered) >= MOST_LITTERED
            if not full:
                self._littered.append(runtime)
            idle, self._at_work = not self._at_work, True
        if full:
            self._sweep(runtime)
        elif idle:
            self._start()

    def _start(self) -> None:
        try:
            _thread.start_new_thread(self._work, ())  # `Thread.start` waits for the thread, which may be as long
        except RuntimeError:  # the interpreter is about to end
            self.forget()

    def _work(self) -> None:
        try:
            while (runtime := self._next()) is not None:
                self._sweep(runtime)
        except BaseException:
            self._at_work = False
            raise

    def _sweep(self, runtime: R) -> None:
        runtime.sweep()
        if not runtime.retired:
            self._give_back(runtime)

    def _next(self) -> R | None:
        with self._lock:
            self._at_work = bool(self._littered)
            return self._littered.popleft() if self._littered else None
