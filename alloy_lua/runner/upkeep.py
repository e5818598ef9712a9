"""The background thread of an Alloy: writes runs and health, notices what other processes changed, prunes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from time import monotonic

from ..errors import AlloyError
from ..forking import after_fork

_log = logging.getLogger("alloy_lua.upkeep")


class Upkeep:
    """Calls each task at its interval, from one daemon thread that starts at the first need.

    Args:
        tasks: Pairs of (seconds between calls, what to call). A task that raises is logged and called again.
    """

    def __init__(self, tasks: list[tuple[float, Callable[[], object]]]) -> None:
        self._tasks = [_Task(seconds, call) for seconds, call in tasks]
        self._reset()
        after_fork(self._reset)

    def _reset(self) -> None:
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Starts the thread, once."""
        if self._thread is not None:
            return
        with self._lock:
            if self._thread is None and not self._stop.is_set():
                thread = threading.Thread(target=self._run, name="alloy-upkeep", daemon=True)
                thread.start()
                self._thread = thread

    def add(self, seconds: float, call: Callable[[], object]) -> None:
        """Has ``call`` called at its interval too; found by the thread when its next task is due."""
        with self._lock:
            self._tasks = [*self._tasks, _Task(seconds, call)]

    def stop(self) -> None:
        """Stops the thread and waits for the task in hand."""
        self._stop.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=10)

    def _run(self) -> None:
        for task in self._tasks:
            task.delay()
        while not self._stop.wait(max(0.0, min(task.due for task in self._tasks) - monotonic())):
            for task in self._tasks:
                if monotonic() >= task.due:
                    task.delay()
                    task.attempt()


class _Task:
    """Something to call, and when it is due."""

    __slots__ = ("_call", "_seconds", "_trouble", "due")

    def __init__(self, seconds: float, call: Callable[[], object]) -> None:
        self._seconds = seconds
        self._call = call
        self._trouble = ""
        self.delay()

    def delay(self) -> None:
        self.due = monotonic() + self._seconds

    def attempt(self) -> None:
        """Calls it. A failure that we know, such as a database that is away, is told once until it is over."""
        name = getattr(self._call, "__qualname__", str(self._call))
        try:
            self._call()
        except AlloyError as error:
            if not self._trouble:
                _log.warning("background task %s: %s", name, error)
            self._trouble = error.code
        except Exception:
            _log.exception("background task %s failed", name)
        else:
            if self._trouble:
                _log.warning("background task %s: works again", name)
            self._trouble = ""
