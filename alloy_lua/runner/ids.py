"""Run ids: unique, sortable by time, and cheap to hand out; and the seed that a run id stands for."""

from __future__ import annotations

import hashlib
import itertools
import os
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def _base32(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 32)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


class RunIds:
    """Turns the number of a run into an id when somebody asks for it.

    Every script counts its own runs; runs of no stored script are counted here, under serial 0.
    """

    def __init__(self) -> None:
        self.next = itertools.count(1).__next__
        self._prefix = ""
        self._renew()
        os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        started = int(time.time() * 1000)
        self._prefix = _base32(started, 10) + _base32(int.from_bytes(os.urandom(5), "big"), 8)

    def text(self, serial: int, number: int) -> str:
        """Returns the id of run ``number`` of the script with ``serial`` in this process."""
        return f"{self._prefix}{_base32(serial, 4)}{_base32(number, 8)}"

    def fresh(self) -> str:
        """Returns the id of a run that no script's counter counts."""
        return self.text(0, self.next())


def seed_of(run_id: str) -> int:
    """Returns the seed of the run called ``run_id``: the same in every process."""
    return int.from_bytes(hashlib.blake2b(run_id.encode("utf-8", "replace"), digest_size=6).digest(), "big")
