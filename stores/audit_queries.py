"""The audit log in the database: appended within the transaction of each change, in one chain of hashes."""

from __future__ import annotations

from typing import Any

from ..access_model import AuditEntry
from ..access_ports import AuditQuery
from .access_rows import AUDIT_COLUMNS, audit_from_body, audit_from_row, audit_row, storable_entry
from .gateway import Gateway
from .rows import key, micros
from .tables import Tables, assigned, columns


class AuditQueries:
    """An `AuditStore` in a database."""

    def __init__(self, gateway: Gateway, tables: Tables) -> None:
        self._gateway = gateway
        self._audit = tables.audit
        self._head = tables.audit_head

    def append(self, entry: AuditEntry) -> AuditEntry:
        """Returns ``entry`` as it was written, last in the caller's transaction.

        The head's row stays locked until the transaction ends: entries are numbered in the order of the commits,
        without gaps.
        """
        head = self._head
        head.update(assigned(head, {"seq": head.c.seq + 1})).execute()
        database = self._gateway.database
        ((seq, previous),) = database.execute(head.select(head.c.seq, head.c.hash)).fetchall()
        sealed = storable_entry(entry).sealed(int(seq), previous)
        self._audit.insert([audit_row(sealed)], columns=columns(self._audit, AUDIT_COLUMNS)).execute()
        head.update(assigned(head, {"hash": sealed.hash})).execute()
        return sealed

    def add(self, entry: AuditEntry) -> AuditEntry:
        return self._gateway.write(lambda: self.append(entry))

    def matching(self, query: AuditQuery) -> list[AuditEntry]:
        table = self._audit
        where = [getattr(table.c, name) == key(value) for name, value in _equals(query).items()]
        if query.since is not None:
            where.append(table.c.at >= micros("since", query.since))
        if query.until is not None:
            where.append(table.c.at < micros("until", query.until))
        if query.before is not None:
            where.append(table.c.seq < query.before)
        rows = table.select(table.c.body).order_by(table.c.seq.desc()).limit(max(query.limit, 0))
        return [audit_from_body(text) for (text,) in self._fetch(rows.where(*where) if where else rows)]

    def head(self) -> tuple[int, str]:
        head = self._head
        query = head.select(head.c.seq, head.c.hash)
        ((seq, last),) = self._fetch(query)
        return int(seq), str(last)

    def oldest_first(self, *, after: int = 0, limit: int = 1000) -> list[AuditEntry]:
        table = self._audit
        rows = table.select(*columns(table, AUDIT_COLUMNS)).where(table.c.seq > after)
        return [audit_from_row(tuple(row)) for row in self._fetch(rows.order_by(table.c.seq).limit(limit))]

    def _fetch(self, query: Any) -> Any:
        return self._gateway.read(lambda: self._gateway.database.execute(query).fetchall())


def _equals(query: AuditQuery) -> dict[str, str]:
    """Returns the filters that ask for one value of a column."""
    names = ("tenant", "actor", "action", "kind", "object_id")
    return {name: value for name in names if (value := getattr(query, name)) is not None}
