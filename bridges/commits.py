"""What waits for the end of a transaction: the writes whose on_commit or on_rollback hooks are still to fire."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from .writes import EntityHooks

_log = logging.getLogger("alloy_lua.hooks")


class Write(NamedTuple):
    """One record written in a transaction that is still open, and who wrote it."""

    hooks: EntityHooks
    operation: str
    fields: Mapping[str, Any]
    user: str | None
    tenant: str
    trace: str | None


class Pending:
    """The writes of one transaction, in levels: one for itself and one for each savepoint in it."""

    __slots__ = ("_levels",)

    def __init__(self) -> None:
        self._levels: list[list[Write]] = [[]]

    def add(self, writes: Iterable[Write]) -> None:
        """Adds writes to the innermost level."""
        self._levels[-1].extend(writes)

    def begin(self) -> None:
        """Opens a level: a savepoint was set."""
        self._levels.append([])

    def release(self) -> None:
        """Closes the innermost level: its writes now belong to the level around it."""
        writes = self._levels.pop()
        self._levels[-1].extend(writes)

    def roll_back(self) -> None:
        """Closes the innermost level, whose writes are undone: their on_rollback hooks fire."""
        settle("on_rollback", self._levels.pop())

    def end(self, committed: bool) -> None:
        """Empties all levels: the transaction is over, and its hooks fire."""
        writes = [write for level in self._levels for write in level]
        self._levels = [[]]
        settle("on_commit" if committed else "on_rollback", writes)


def settle(hook: str, writes: list[Write]) -> None:
    """Fires ``hook`` for writes that are committed or undone.

    What such a hook does cannot stop anything any more: its failure is on record and in the log, and not raised.
    """
    for key, group in groupby(writes, lambda w: (w.hooks, w.operation, w.user, w.tenant, w.trace)):
        hooks, operation, user, tenant, trace = key
        records = [write.fields for write in group]
        try:
            with hooks.alloy.context(user=user, tenant=tenant, trace=trace):
                outcomes = hooks.alloy.fire_many(
                    f"{hooks.entity_type}.{hook}", records, params={"operation": operation}
                )
        except Exception:
            _log.exception("%s.%s could not be fired", hooks.entity_type, hook)
            continue
        for outcome in outcomes:
            if not outcome:
                _log.error("%s.%s: %s", hooks.entity_type, hook, outcome.reason or outcome.error)
