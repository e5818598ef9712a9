"""A peewee model as scripts read and write it with ``db``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..schema import Schema
from .data import COMPARE, Condition, Query


class PeeweeSource:
    """A model's rows; ``tenant_field`` names the field that holds whose they are, None if they are everybody's."""

    def __init__(self, model: Any, schema: Schema, tenant_field: str | None) -> None:
        self.schema = schema
        self._model = model
        self._tenant_field = tenant_field
        self._fields = model._meta.fields

    def _select(self, conditions: tuple[Condition, ...], tenant: str) -> Any:
        query = self._model.select()
        if self._tenant_field is not None:
            query = query.where(self._fields[self._tenant_field] == tenant)
        for name, operation, value in conditions:
            query = query.where(COMPARE[operation](self._fields[name], value))
        return query

    def _by_key(self, keys: Sequence[Any], tenant: str) -> Any:
        return self._select((Condition(self.schema.id_field, "in", tuple(keys)),), tenant)

    def get_many(self, keys: Sequence[Any], tenant: str) -> dict[Any, dict[str, Any]]:
        """Returns records by key."""
        return {record._pk: record.__data__ for record in self._by_key(keys, tenant)}

    def find(self, query: Query, tenant: str) -> list[dict[str, Any]]:
        """Returns records."""
        order = [self._fields[name].desc() if falling else self._fields[name].asc() for name, falling in query.order]
        found = self._select(query.conditions, tenant).limit(query.limit)
        return [record.__data__ for record in (found.order_by(*order) if order else found)]

    def count(self, conditions: tuple[Condition, ...], tenant: str) -> int:
        """Returns how many records match."""
        return int(self._select(conditions, tenant).count())

    def update(self, key: Any, changes: dict[str, Any], tenant: str) -> dict[str, Any] | None:
        """Returns the record as written."""
        record = self._by_key([key], tenant).first()
        if record is None:
            return None
        for name, value in changes.items():
            setattr(record, name, value)
        record.save(only=list(changes))
        written: dict[str, Any] = record.__data__
        return written

    def create(self, fields: dict[str, Any], tenant: str) -> dict[str, Any]:
        """Returns the new record."""
        owner = {} if self._tenant_field is None else {self._tenant_field: tenant}
        written: dict[str, Any] = self._model.create(**fields, **owner).__data__
        return written
