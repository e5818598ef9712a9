"""Reviews in the database."""

from __future__ import annotations

from typing import Any

from ..access_model import AuditEntry, Review
from . import refusals
from .access_rows import REVIEW_COLUMNS, review_from_row, review_row
from .audit_queries import AuditQueries
from .gateway import Gateway
from .rows import MAX_INTEGER, key
from .tables import Tables, columns


class ReviewQueries:
    """A `ReviewStore` in a database."""

    def __init__(self, gateway: Gateway, tables: Tables, audit: AuditQueries) -> None:
        self._gateway = gateway
        self._reviews = tables.reviews
        self._scripts = tables.scripts
        self._audit = audit

    def add(self, review: Review, *, audit: AuditEntry) -> None:
        row, scripts = review_row(review), self._scripts
        own = scripts.select(scripts.c.id).where(scripts.c.id == review.script_id, scripts.c.tenant == review.tenant)

        def work() -> None:
            if not self._gateway.database.execute(own).fetchall():
                raise refusals.no_script(review.tenant, review.script_id)
            self._reviews.insert([row], columns=columns(self._reviews, REVIEW_COLUMNS)).execute()
            self._audit.append(audit)

        self._gateway.write(work, duplicate=lambda: refusals.no_script(review.tenant, review.script_id))

    def of_script(self, tenant: str, script_id: str, *, revision: int | None = None) -> list[Review]:
        table = self._reviews
        where: list[Any] = [table.c.tenant == key(tenant), table.c.script_id == key(script_id)]
        if revision is not None:
            where.append(table.c.revision == min(revision, MAX_INTEGER))
        query = table.select(*columns(table, REVIEW_COLUMNS)).where(*where).order_by(table.c.created_at, table.c.id)
        rows = self._gateway.read(lambda: self._gateway.database.execute(query).fetchall())
        return [review_from_row(row) for row in rows]
