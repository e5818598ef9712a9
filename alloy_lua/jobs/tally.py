"""What became of the tries of jobs in this process, counted."""

from __future__ import annotations

import threading

from ..job_model import JobEnd, JobState

OUTCOMES = ("succeeded", "failed", "dead", "cancelled", "asleep", "lost")
"""How a try ends: ``failed`` ones are tried again, ``lost`` ones could not be taken down."""


class Tally:
    """Counts of tries begun and ended since the process started. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.started = 0
        self.ended = dict.fromkeys(OUTCOMES, 0)

    def begin(self) -> None:
        """Counts a try that begins."""
        with self._lock:
            self.started += 1

    def end(self, end: JobEnd, *, kept: bool) -> None:
        """Counts a try that ended so, and whether that was taken down."""
        with self._lock:
            self.ended[_outcome(end) if kept else "lost"] += 1


def _outcome(end: JobEnd) -> str:
    if end.state is JobState.WAITING:
        return "asleep" if end.parked else "failed"
    return end.state.value
