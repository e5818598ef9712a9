"""Plain SQL in the form of all three databases: ``?`` for values, rows as tuples."""

from __future__ import annotations

from typing import Any

from .gateway import Gateway
from .rows import Row


class SQL:
    """Statements run within `Gateway.read` and `Gateway.write`; cheaper than queries put together each time."""

    def __init__(self, gateway: Gateway) -> None:
        self._database = gateway.database

    def rows(self, sql: str, *values: Any) -> list[Row]:
        """Returns the rows that a statement finds."""
        return list(self._run(sql, values).fetchall())

    def change(self, sql: str, *values: Any) -> int:
        """Returns how many rows a statement changed."""
        return int(self._run(sql, values).rowcount)

    def _run(self, sql: str, values: tuple[Any, ...]) -> Any:
        if self._database.param != "?":
            sql = sql.replace("?", self._database.param)
        return self._database.execute_sql(sql, values)
