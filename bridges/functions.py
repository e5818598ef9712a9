"""Hooks for plain functions, whatever they store records in: ``@alloy.hooked("order.create")``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, TypeVar

from .. import checks
from ..errors import Rejected, ValidationError
from ..events import OPERATIONS
from ..ports import Bound
from .commits import Pending
from .records import merged, refusal_of
from .writes import EntityHooks, Firing

F = TypeVar("F", bound=Callable[..., Any])
_UNIT: ContextVar[Pending | None] = ContextVar("alloy_lua_unit", default=None)


@contextmanager
def unit_of_work() -> Iterator[Pending]:
    """Holds on_commit hooks back until the outermost block ends; an exception makes them on_rollback hooks.

    Wrap it around the platform's own transaction, an inner one around a savepoint.
    """
    pending = _UNIT.get()
    if pending is not None:
        pending.begin()
        try:
            yield pending
        except BaseException:
            pending.roll_back()
            raise
        pending.release()
        return
    pending = Pending()
    token = _UNIT.set(pending)
    committed = False
    try:
        yield pending
        committed = True
    finally:
        _UNIT.reset(token)
        pending.end(committed)


class HookedFunction:
    """What a decorated function writes, and how its hooks are fired.

    Args:
        alloy: Whose scripts run.
        write: The entity type and the operation: ``order.create``.
        previous: Returns a record as it is stored, given the one to write.
        many: Whether the function writes a list of records.
    """

    def __init__(self, alloy: Firing, write: str, previous: Callable[[Any], Any] | None, many: bool) -> None:
        entity_type, _, operation = checks.name(write, "write").rpartition(".")
        if not entity_type or operation not in OPERATIONS:
            raise ValidationError(f"write: got {write!r}, wanted <entity>.create, .update or .delete")
        self.operation = operation
        self._alloy = alloy
        self._previous = previous
        self._many = many
        self._refuse: Callable[[Rejected], Exception] = lambda rejection: rejection
        self._hooks = EntityHooks(alloy, entity_type, lambda rejection: self._refuse(rejection))
        self._entity_type = entity_type

    def bound(self, given: Any) -> Bound | None:
        """Returns which hooks the write of ``given``, a record or a list of them, has."""
        return self._hooks.bound(self.operation, len(given) if self._many else 1)

    def begin(self, given: Any, bound: Bound) -> tuple[Any, Any]:
        """Returns what to write, as before hooks left it, and what was there before."""
        records = list(given) if self._many else [given]
        old = None
        if bound.previous and self._previous is not None:
            old = [self._fields(self._previous(record)) for record in records]
        if not bound.before:
            return given, old
        hooks, rows = self._entity_hooks(records), [self._fields(record) for record in records]
        if self._many:
            changed = hooks.before_many(self.operation, rows, old)
        else:
            changed = [hooks.before(self.operation, rows[0], old[0] if old else None)]
        written = [
            merged(self._adapter(record), record, changes) if self.operation != "delete" else record
            for record, changes in zip(records, changed, strict=True)
        ]
        return (written if self._many else written[0]), old

    def end(self, given: Any, returned: Any, old: Any, bound: Bound, pending: Pending) -> None:
        """Fires the after hooks: for what the function returned if that is a record, else for what it was given."""
        if self._many:
            records = returned if isinstance(returned, Sequence) and len(returned) == len(given) else given
            rows = [self._fields(record) for record in records]
            self._entity_hooks(given).after_many(self.operation, bound, pending, rows, old)
        else:
            record = returned if type(returned) is type(given) else given
            hooks = self._entity_hooks([given])
            hooks.after(self.operation, bound, pending, self._fields(record), old[0] if old else None)

    def _entity_hooks(self, records: Sequence[Any]) -> EntityHooks:
        if not records or isinstance(records[0], Mapping):
            return self._hooks
        return EntityHooks(self._alloy, self._entity_type, refusal_of(type(records[0])))

    def _adapter(self, record: Any) -> Any:
        return self._alloy.entities.adapter_for(record, self._entity_type)

    def _fields(self, record: Any) -> Any:
        if record is None or type(record) is dict:
            return record
        return self._adapter(record).fields(record)


def hooked(
    alloy: Firing, write: str, *, previous: Callable[[Any], Any] | None = None, many: bool = False
) -> Callable[[F], F]:
    """Returns a decorator for a function that writes its first argument, so that hooks run around it."""
    hooks = HookedFunction(alloy, write, previous, many)

    def decorate(function: F) -> F:
        if inspect.iscoroutinefunction(function):
            return _awaited(hooks, function)  # type: ignore[no-any-return]

        @wraps(function)
        def call(record: Any, *args: Any, **options: Any) -> Any:
            bound = hooks.bound(record)
            if bound is None:
                return function(record, *args, **options)
            record, old = hooks.begin(record, bound)
            if not bound.in_transaction:
                return function(record, *args, **options)
            with unit_of_work() as pending:
                returned = function(record, *args, **options)
                hooks.end(record, returned, old, bound, pending)
            return returned

        return call  # type: ignore[return-value]

    return decorate


def _awaited(hooks: HookedFunction, function: Any) -> Any:
    import asyncio

    @wraps(function)
    async def call(record: Any, *args: Any, **options: Any) -> Any:
        bound = hooks.bound(record)
        if bound is None:
            return await function(record, *args, **options)
        record, old = await asyncio.to_thread(hooks.begin, record, bound)
        if not bound.in_transaction:
            return await function(record, *args, **options)
        with unit_of_work() as pending:
            returned = await function(record, *args, **options)
            await asyncio.to_thread(hooks.end, record, returned, old, bound, pending)
        return returned

    return call
