"""Calls by idempotency key in the database."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..access_model import IdempotentCall
from .access_rows import CALL_COLUMNS, call_from_row, call_row
from .gateway import Gateway
from .rows import key, micros
from .tables import Tables, assigned, columns


class IdempotencyQueries:
    """An `IdempotencyStore` in a database."""

    def __init__(self, gateway: Gateway, tables: Tables) -> None:
        self._gateway = gateway
        self._calls = tables.idempotency

    def claim(self, call: IdempotentCall, *, now: datetime, forget_before: datetime) -> IdempotentCall:
        row = call_row(call)

        def work() -> IdempotentCall:
            # A second round if the call that was there is removed, or taken over, between two statements.
            while True:
                self._gateway.insert_new("alloy_idempotency", CALL_COLUMNS, row)
                found = self._find(call)
                if found is None:
                    continue
                if found.claim == call.claim or not found.over(now, forget_before):
                    return found
                if self._update(found, call):
                    return call

        return self._gateway.write(work)

    def finish(self, call: IdempotentCall) -> bool:
        return self._gateway.write(lambda: self._update(call, call, self._calls.c.status.is_null()))

    def release(self, call: IdempotentCall) -> None:
        delete = self._calls.delete().where(*self._at(call), self._calls.c.status.is_null())
        self._gateway.write(lambda: delete.execute())

    def prune(self, *, older_than: datetime) -> int:
        delete = self._calls.delete().where(self._calls.c.created_at < micros("older_than", older_than))
        return int(self._gateway.write(lambda: delete.execute()))

    # -- parts -------------------------------------------------------------------------------------------------
    def _at(self, call: IdempotentCall) -> tuple[Any, ...]:
        c = self._calls.c
        return c.actor == key(call.actor), c.name == key(call.key), c.claim == call.claim

    def _find(self, call: IdempotentCall) -> IdempotentCall | None:
        table = self._calls
        query = table.select(*columns(table, CALL_COLUMNS))
        query = query.where(table.c.actor == key(call.actor), table.c.name == key(call.key))
        rows = self._gateway.database.execute(query).fetchall()
        return call_from_row(rows[0], call.actor, call.key) if rows else None

    def _update(self, old: IdempotentCall, new: IdempotentCall, *where: Any) -> bool:
        values = dict(zip(CALL_COLUMNS, call_row(new), strict=True))
        return bool(self._calls.update(assigned(self._calls, values)).where(*self._at(old), *where).execute())
