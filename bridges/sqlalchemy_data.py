"""A mapped class as scripts read and write it with ``db``, in the session whose flush runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..schema import Schema
from .data import COMPARE, Condition, Query

CURRENT: ContextVar[Session | None] = ContextVar("alloy_lua_session", default=None)


class SQLAlchemySource:
    """A mapped class's rows; ``tenant_field`` names the attribute that holds whose they are, None if everybody's.

    Args:
        model: The class.
        schema: What its attributes are.
        tenant_field: See above.
        begin: Opens a session, and commits it at the end: for scripts that no flush runs.
    """

    def __init__(
        self, model: Any, schema: Schema, tenant_field: str | None,
        begin: Callable[[], AbstractContextManager[Session]],
    ) -> None:  # fmt: skip
        self.schema = schema
        self._model = model
        self._names = tuple(schema.fields)
        self._tenant_field = tenant_field
        self._begin = begin

    @contextmanager
    def _session(self) -> Iterator[Session]:
        session = CURRENT.get()
        if session is not None:
            with session.no_autoflush:
                yield session
            return
        with self._begin() as own:
            yield own

    def _where(self, query: Any, conditions: tuple[Condition, ...], tenant: str) -> Any:
        if self._tenant_field is not None:
            query = query.where(getattr(self._model, self._tenant_field) == tenant)
        for name, operation, value in conditions:
            query = query.where(COMPARE[operation](getattr(self._model, name), value))
        return query

    def _columns(self) -> Any:
        return select(*(getattr(self._model, name).label(name) for name in self._names))

    def get_many(self, keys: Sequence[Any], tenant: str) -> dict[Any, dict[str, Any]]:
        """Returns records by key."""
        key = self.schema.id_field
        query = self._where(self._columns(), (Condition(key, "in", tuple(keys)),), tenant)
        with self._session() as session:
            return {row[key]: dict(row) for row in session.execute(query).mappings()}

    def find(self, query: Query, tenant: str) -> list[dict[str, Any]]:
        """Returns records."""
        order = [getattr(self._model, n).desc() if falling else getattr(self._model, n) for n, falling in query.order]
        found = self._where(self._columns(), query.conditions, tenant).order_by(*order).limit(query.limit)
        with self._session() as session:
            return [dict(row) for row in session.execute(found).mappings()]

    def count(self, conditions: tuple[Condition, ...], tenant: str) -> int:
        """Returns how many records match."""
        query = self._where(select(func.count()).select_from(self._model), conditions, tenant)
        with self._session() as session:
            return int(session.scalar(query) or 0)

    def update(self, key: Any, changes: dict[str, Any], tenant: str) -> dict[str, Any] | None:
        """Returns the record as written."""
        query = self._where(select(self._model), (Condition(self.schema.id_field, "eq", key),), tenant)
        with self._session() as session:
            record = session.scalars(query).one_or_none()
            if record is None:
                return None
            for name, value in changes.items():
                setattr(record, name, value)
            session.flush()
            return self._fields(record)

    def create(self, fields: dict[str, Any], tenant: str) -> dict[str, Any]:
        """Returns the new record."""
        owner = {} if self._tenant_field is None else {self._tenant_field: tenant}
        record = self._model(**fields, **owner)
        with self._session() as session:
            session.add(record)
            session.flush()
            return self._fields(record)

    def _fields(self, record: Any) -> dict[str, Any]:
        return {name: getattr(record, name) for name in self._names}
