"""Documents in the database: small pieces of configuration whose writes every process hears of."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import StoreError
from ..ports import Document
from .gateway import Gateway
from .rows import check_document, key, micros, moment
from .tables import Tables, assigned, columns

if TYPE_CHECKING:
    from ..access_model import AuditEntry

_COLUMNS = ("tenant", "kind", "name", "body", "updated_at", "updated_by")


class DocumentQueries:
    """The part of a store that keeps documents; ``log`` appends an audit entry, if there is one, to the transaction."""

    def __init__(self, gateway: Gateway, tables: Tables, log: Callable[[AuditEntry | None], None]) -> None:
        self._gateway = gateway
        self._documents = tables.documents
        self._counter = tables.counter
        self._log = log

    def put(self, document: Document, *, audit: AuditEntry | None = None) -> None:
        body = check_document(document)
        table = self._documents
        values = {
            "tenant": document.tenant, "kind": document.kind, "name": document.name, "body": body,
            "updated_at": micros("document updated_at", document.updated_at), "updated_by": document.updated_by,
        }  # fmt: skip

        def work() -> None:
            # the counter's row first: it makes writers take turns, so that two cannot insert the same document
            self._count_change()
            # not an update: of a row that it leaves as it was, MySQL says the same as of none
            table.delete().where(*self._at(document.tenant, document.kind, document.name)).execute()
            table.insert(assigned(table, values)).execute()
            self._log(audit)

        self._gateway.write(work)

    def get(self, tenant: str, kind: str, name: str) -> Document | None:
        found = self._select(*self._at(tenant, kind, name))
        return found[0] if found else None

    def of_kind(self, kind: str, tenant: str | None = None) -> list[Document]:
        table = self._documents
        own = () if tenant is None else (table.c.tenant == key(tenant),)
        return self._select(table.c.kind == key(kind), *own)

    def delete(self, tenant: str, kind: str, name: str, *, audit: AuditEntry | None = None) -> bool:
        def work() -> bool:
            self._count_change()
            found = bool(self._documents.delete().where(*self._at(tenant, kind, name)).execute())
            if found:
                self._log(audit)
            return found

        return self._gateway.write(work)

    def _select(self, *where: Any) -> list[Document]:
        table = self._documents
        query = table.select(*columns(table, _COLUMNS)).where(*where).order_by(table.c.tenant, table.c.name)
        rows = self._gateway.read(lambda: self._gateway.database.execute(query).fetchall())
        return [_document(row) for row in rows]

    def _at(self, tenant: str, kind: str, name: str) -> tuple[Any, ...]:
        table = self._documents
        return table.c.tenant == key(tenant), table.c.kind == key(kind), table.c.name == key(name)

    def _count_change(self) -> None:
        self._counter.update(assigned(self._counter, {"value": self._counter.c.value + 1})).execute()


def _document(row: Any) -> Document:
    tenant, kind, name, body, updated_at, updated_by = row
    try:
        return Document(tenant, kind, name, json.loads(body), moment(updated_at), updated_by)
    except (TypeError, ValueError) as exc:
        raise StoreError(f"alloy_documents: row {name!r} cannot be read: {type(exc).__name__}") from exc
