"""Run ids: unique, sortable by time, and cheap to hand out; and the seed that a run id stands for."""

from __future__ import annotations

import hashlib
import itertools
import os
import time

from ..forking import after_fork


class RunIds:
    """Turns the number of a run into an id when somebody asks for it.

    Every script counts its own runs; runs of no stored script are counted here, under serial 0.
    """

    def __init__(self) -> None:
        self.next = itertools.count(1).__next__
        self._prefix = ""
        self._renew()
        after_fork(self._renew)

    def _renew(self) -> None:
        started = int(time.time() * 1000)
        self._prefix = f"{started:011x}{os.urandom(5).hex()}"

    def text(self, serial: int, number: int) -> str:
        """Returns the id of run ``number`` of the script with ``serial`` in this process."""
        return f"{self._prefix}{serial:05x}{number:09x}"

    def fresh(self) -> str:
        """Returns the id of a run that no script's counter counts."""
        return self.text(0, self.next())


def seed_of(run_id: str) -> int:
    """Returns the seed of the run called ``run_id``: the same in every process."""
    return int.from_bytes(hashlib.blake2b(run_id.encode("utf-8", "replace"), digest_size=6).digest(), "big")
