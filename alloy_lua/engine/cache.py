"""Programs by their text: those used last, within a bound of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict

from ..forking import after_fork
from .program import Program

MOST_BYTES = 32 * 1024 * 1024
OVERHEAD = 2_000  # bytes of a program beside its texts


class ProgramCache:
    """Remembers programs; the least recently used go first. Whoever runs a script often keeps its program anyway."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._held = 0
        self._programs: OrderedDict[str, Program] = OrderedDict()
        self._lock = threading.Lock()
        after_fork(self._unlock)

    def _unlock(self) -> None:
        """In a forked child: another thread of the parent may have held the lock."""
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._programs)

    def get(self, source: str) -> Program | None:
        """Returns the program of a text, None if it is not there."""
        with self._lock:
            program = self._programs.get(source)
            if program is not None:
                self._programs.move_to_end(source)
            return program

    def put(self, program: Program) -> None:
        """Remembers a program."""
        with self._lock:
            if program.source not in self._programs:
                self._programs[program.source] = program
                self._held += _size(program)
            while self._held > self._most and len(self._programs) > 1:
                self._held -= _size(self._programs.popitem(last=False)[1])


def _size(program: Program) -> int:
    return len(program.source) + len(program.metered) + OVERHEAD
