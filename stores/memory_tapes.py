"""Tapes in a dictionary: the part of the memory store that keeps runs for replay."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from heapq import nlargest
from threading import Lock

from ..model import Tape
from ..ports import TapeQuery
from . import refusals
from .rows import micros


class MemoryTapes:
    """`Tapes` that live as long as their object."""

    def __init__(self) -> None:
        self._tapes: dict[tuple[str, str], Tape] = {}
        self._lock = Lock()

    def add(self, tapes: Sequence[Tape]) -> None:
        for tape in tapes:
            micros("tape recorded_at", tape.recorded_at)
            micros("tape expires_at", tape.expires_at)
        with self._lock:
            for tape in tapes:
                self._tapes.setdefault((tape.tenant, tape.run_id), tape)

    def get(self, tenant: str, run_id: str) -> Tape:
        found = self._tapes.get((tenant, run_id))
        if found is None:
            raise refusals.no_tape(tenant, run_id)
        return found

    def matching(self, query: TapeQuery) -> list[Tape]:
        with self._lock:
            found = [tape for tape in self._tapes.values() if _matches(tape, query)]
            last = None if query.before is None else self._tapes.get((query.tenant, query.before))
        if query.before is not None:
            found = [tape for tape in found if last is not None and _age(tape) < _age(last)]
        return nlargest(query.limit, found, key=_age)

    def delete(self, tenant: str, run_id: str) -> bool:
        with self._lock:
            return self._tapes.pop((tenant, run_id), None) is not None

    def prune(self, now: datetime) -> int:
        return self._remove([tape for tape in list(self._tapes.values()) if tape.expires_at <= now])

    def trim(self, tenant: str, script_id: str, keep: int) -> int:
        with self._lock:
            own = [tape for tape in self._tapes.values() if (tape.tenant, tape.script_id) == (tenant, script_id)]
        return self._remove(sorted(own, key=_age, reverse=True)[max(keep, 0) :])

    def _remove(self, tapes: list[Tape]) -> int:
        with self._lock:
            return sum(self._tapes.pop((tape.tenant, tape.run_id), None) is not None for tape in tapes)


def _age(tape: Tape) -> tuple[datetime, str]:
    return tape.recorded_at, tape.run_id


def _matches(tape: Tape, query: TapeQuery) -> bool:
    return (
        tape.tenant == query.tenant
        and query.script_id in (None, tape.script_id)
        and (query.since is None or tape.recorded_at >= query.since)
        and (query.until is None or tape.recorded_at < query.until)
    )
