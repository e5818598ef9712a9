"""The outbox in the database: rows that a platform writes in its own transactions, in the order it wrote them."""

from __future__ import annotations

from collections.abc import Sequence

from ..job_model import OutboxRow
from .gateway import Gateway
from .sql import SQL


class OutboxQueries:
    """The part of a store that keeps the outbox."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._sql = SQL(gateway)
        self._table = gateway.dialect.qualified("alloy_outbox")

    def statement(self, id: str, body: str) -> str:
        return f"INSERT INTO {self._table} (id, body) VALUES ('{id}', '{body}')"

    def first(self, count: int) -> list[OutboxRow]:
        sql = "SELECT seq, id, body FROM alloy_outbox ORDER BY seq LIMIT ?"
        return [OutboxRow(*row) for row in self._gateway.read(lambda: self._sql.rows(sql, count))]

    def remove(self, rows: Sequence[OutboxRow]) -> None:
        marks = ", ".join("?" * len(rows))
        sql = f"DELETE FROM alloy_outbox WHERE seq IN ({marks})"
        if rows:
            self._gateway.write(lambda: self._sql.change(sql, *(row.seq for row in rows)))
