"""API tokens, and the key they are hashed with, in the database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..access_model import AuditEntry, Token
from . import refusals
from .access_rows import TOKEN_COLUMNS, token_from_row, token_row
from .audit_queries import AuditQueries
from .gateway import Gateway
from .rows import key, micros
from .tables import Tables, assigned, columns

KEY_NAME = "tokens"


class TokenQueries:
    """A `TokenStore` in a database."""

    def __init__(self, gateway: Gateway, tables: Tables, audit: AuditQueries) -> None:
        self._gateway = gateway
        self._tables = tables
        self._tokens = tables.tokens
        self._keys = tables.keys
        self._audit = audit

    def key(self, fresh: str) -> str:
        def work() -> str:
            self._gateway.insert_new("alloy_keys", ("name", "value"), (KEY_NAME, fresh))
            ((value,),) = self._execute(self._keys.select(self._keys.c.value).where(self._keys.c.name == KEY_NAME))
            return str(value)

        return self._gateway.write(work)

    def add(self, token: Token, *, audit: AuditEntry) -> None:
        self._gateway.write(lambda: self._add(token, audit), duplicate=lambda: refusals.token_exists(token.id))

    def add_first(self, token: Token, *, audit: AuditEntry) -> bool:
        def work() -> bool:
            # Before the look, so that nobody else can add one between the look and the write.
            self._tables.count_change()
            if self._execute(self._tokens.select(self._tokens.c.id).limit(1)):
                return False
            self._add(token, audit)
            return True

        return self._gateway.write(work)

    def get(self, token_id: str) -> Token | None:
        found = self._select(self._tokens.c.id == key(token_id))
        return found[0] if found else None

    def page(self, *, after: str | None = None, limit: int = 100) -> list[Token]:
        where = () if after is None else (self._tokens.c.id > key(after),)
        return self._select(*where, limit=limit)

    def revoke(self, token_id: str, at: datetime, by: str, *, audit: AuditEntry) -> bool:
        table = self._tokens

        def work() -> bool:
            update = table.update(assigned(table, {"revoked_at": micros("revoked_at", at), "revoked_by": by}))
            if not update.where(table.c.id == key(token_id), table.c.revoked_at.is_null()).execute():
                return False
            self._tables.count_change()
            self._audit.append(audit)
            return True

        return self._gateway.write(work)

    def touch(self, used: Mapping[str, datetime]) -> None:
        table = self._tokens

        def work() -> None:
            for token_id, at in sorted(used.items()):
                value = micros("last_used_at", at)
                older = table.c.last_used_at.is_null() | (table.c.last_used_at < value)
                update = table.update(assigned(table, {"last_used_at": value}))
                update.where(table.c.id == key(token_id), older).execute()

        self._gateway.write(work)

    # -- parts -------------------------------------------------------------------------------------------------
    def _add(self, token: Token, audit: AuditEntry) -> None:
        self._tokens.insert([token_row(token)], columns=columns(self._tokens, TOKEN_COLUMNS)).execute()
        self._tables.count_change()
        self._audit.append(audit)

    def _execute(self, query: Any) -> Any:
        return self._gateway.database.execute(query).fetchall()

    def _select(self, *where: Any, limit: int = 1) -> list[Token]:
        query = self._tokens.select(*columns(self._tokens, TOKEN_COLUMNS)).order_by(self._tokens.c.id).limit(limit)
        query = query.where(*where) if where else query
        return [token_from_row(row) for row in self._gateway.read(lambda: self._execute(query))]
