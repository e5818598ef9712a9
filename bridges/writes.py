"""How a write goes through its hooks, the same in every bridge.

A bridge turns its framework's save, insert, update or delete into these steps:

1. `EntityHooks.bound` says which hooks the write has. None: the framework goes its own way.
2. `EntityHooks.before` fires the before hooks and returns what they changed. Nothing has been sent yet.
3. The framework writes.
4. `EntityHooks.after` fires the after hooks in the transaction, and notes what waits for its end (`Pending`).

Whatever is raised in 2 or 4 has to undo the write.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from ..errors import Rejected
from ..model import RunStatus
from ..outcome import Outcome
from ..ports import Bound
from ..schema import Schema
from .commits import Pending, Write
from .data import Data
from .entities import EntityBridge

Fields = Mapping[str, Any]
Refuse = Callable[[Rejected], Exception]
"""Makes the framework's own validation error of a rejection."""


class Firing(Protocol):
    """What a bridge needs of an `Alloy`."""

    entities: EntityBridge

    @property
    def data(self) -> Data:
        """The data that scripts may use."""

    def bound(self, entity_type: str, operation: str, count: int = 1) -> Bound | None:
        """Returns which hooks a write has, None for none."""

    def quiet(self, entity_types: tuple[str, ...]) -> bool:
        """Returns whether no write of any of these has hooks."""

    def fire(self, event: str, entity: Any = None, before: Fields | None = None) -> Outcome:
        """Returns what the scripts made of one record."""

    def fire_many(
        self, event: str, entities: Sequence[Any], *, before: Sequence[Fields | None] | None = None,
        params: Fields | None = None,
    ) -> Sequence[Outcome]:  # fmt: skip
        """Returns what the scripts made of many records."""

    def actor(self) -> tuple[str | None, str, str | None]:
        """Returns the user who acts, the tenant whose data it is, and the id of the request."""

    def context(
        self, *, user: str | None = None, tenant: str | None = None, trace: str | None = None
    ) -> AbstractContextManager[None]:
        """Returns a context manager inside which fires act for them."""


class EntityHooks:
    """The hooks of one type of entity, for the bridge of its framework.

    Args:
        alloy: Whose scripts run.
        entity_type: Its name in events.
        refuse: Makes the framework's own validation error of a rejection.
        schema: What the entity's fields are called and may hold; None to leave that as it is.
    """

    __slots__ = ("_alone", "alloy", "entity_type", "refuse")

    def __init__(self, alloy: Firing, entity_type: str, refuse: Refuse, schema: Schema | None = None) -> None:
        self.alloy = alloy
        self.entity_type = entity_type
        self.refuse = refuse
        self._alone = (entity_type,)
        if schema is not None:
            alloy.entities.add_schema(schema)

    def bound(self, operation: str, count: int = 1) -> Bound | None:
        """Returns which hooks ``operation`` on ``count`` records has; None if it has none or they are bypassed."""
        return self.alloy.bound(self.entity_type, operation, count)

    def quiet(self) -> bool:
        """Returns whether no write of this entity has hooks: the quickest question there is."""
        return self.alloy.quiet(self._alone)

    def before(self, operation: str, fields: Fields, previous: Fields | None = None) -> dict[str, Any]:
        """Returns the fields that before hooks changed, with values of the types that the schema wants.

        Args:
            operation: ``create``, ``update`` or ``delete``.
            fields: The record as it is about to be written.
            previous: The record as it was, where a hook looks at it.

        Raises:
            Exception: The framework's validation error, for a rejection.
            AlloyError: A script failed, or wrote what a field cannot hold.
        """
        outcome = self.alloy.fire(f"{self.entity_type}.before_{operation}", fields, previous)
        self._check(outcome)
        return outcome.changes

    def before_many(
        self, operation: str, rows: Sequence[Fields], previous: Sequence[Fields | None] | None = None
    ) -> list[dict[str, Any]]:
        """Returns what `before` returns, for each of many records, in one crossing.

        Raises:
            Exception: As for `before`; the place of the record is in the error's details as ``index``.
        """
        outcomes = self.alloy.fire_many(f"{self.entity_type}.before_{operation}", rows, before=previous)
        return self._check_many(outcomes)

    def after(
        self, operation: str, bound: Bound, pending: Pending, fields: Fields, previous: Fields | None = None
    ) -> None:
        """Fires the after hooks, and has ``pending`` wait for the end of the transaction.

        Raises:
            Exception: As for `before`; the transaction has to be rolled back.
        """
        pending.add(self.writes(operation, bound, (fields,)))
        if bound.after:
            self._check(self.alloy.fire(f"{self.entity_type}.after_{operation}", fields, previous))

    def after_many(
        self, operation: str, bound: Bound, pending: Pending, rows: Sequence[Fields],
        previous: Sequence[Fields | None] | None = None,
    ) -> None:  # fmt: skip
        """Does what `after` does, for many records, in one crossing."""
        pending.add(self.writes(operation, bound, rows))
        if bound.after:
            self._check_many(self.alloy.fire_many(f"{self.entity_type}.after_{operation}", rows, before=previous))

    def writes(self, operation: str, bound: Bound, rows: Sequence[Fields]) -> list[Write]:
        """Returns what has to wait for the end of the transaction."""
        if not (bound.on_commit or bound.on_rollback):
            return []
        actor = self.alloy.actor()
        return [Write(self, operation, dict(fields), *actor) for fields in rows]

    def _check(self, outcome: Outcome, index: int | None = None) -> None:
        if outcome:
            return
        try:
            outcome.raise_for_status()
        except Rejected as rejection:
            rejection.details.setdefault("script", outcome.rejected_by)
            if index is not None:
                rejection.details["index"] = index
            raise self.refuse(rejection) from None

    def _check_many(self, outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
        """Returns the changes of each."""
        changes = []
        for index, outcome in enumerate(outcomes):
            if outcome.status is not RunStatus.CONTINUE:
                self._check(outcome, index)
            changes.append(outcome.changes)
        return changes


def field_errors(rejection: Rejected, everything: str = "__all__") -> dict[str, list[str]]:
    """Returns the messages of a rejection by field.

    A script names fields as ``abort("…", {field = "total"})`` or ``abort("…", {fields = {total = "too low"}})``.

    Args:
        rejection: What the script said.
        everything: The name under which a message that names no field goes.
    """
    fields = rejection.details.get("fields")
    if isinstance(fields, Mapping) and fields:
        return {str(name): _texts(message) for name, message in fields.items()}
    return {str(rejection.details.get("field") or everything): [rejection.message]}


def _texts(message: Any) -> list[str]:
    return [str(part) for part in message] if isinstance(message, list) else [str(message)]
