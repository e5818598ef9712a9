"""A Django model as scripts read and write it with ``db``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..schema import Schema
from .data import Condition, Query

_LOOKUPS = {"eq": "", "lt": "__lt", "le": "__lte", "gt": "__gt", "ge": "__gte", "in": "__in"}


class DjangoSource:
    """A model's rows; ``tenant_field`` names the field that holds whose they are, None if they are everybody's."""

    def __init__(self, model: Any, schema: Schema, tenant_field: str | None) -> None:
        self.schema = schema
        self._model = model
        self._names = tuple(schema.fields)
        self._tenant_field = tenant_field

    def _select(self, conditions: tuple[Condition, ...], tenant: str) -> Any:
        query = self._model._base_manager.all()
        if self._tenant_field is not None:
            query = query.filter(**{self._tenant_field: tenant})
        for name, operator, value in conditions:
            if operator == "ne":
                query = query.exclude(**{name: value})
            elif operator == "eq" and value is None:
                query = query.filter(**{f"{name}__isnull": True})
            else:
                query = query.filter(**{f"{name}{_LOOKUPS[operator]}": value})
        return query

    def get_many(self, keys: Sequence[Any], tenant: str) -> dict[Any, dict[str, Any]]:
        """Returns records by key."""
        key = self.schema.id_field
        rows = self._select((Condition(key, "in", tuple(keys)),), tenant).values(*{*self._names, key})
        return {row[key]: row for row in rows}

    def find(self, query: Query, tenant: str) -> list[dict[str, Any]]:
        """Returns records."""
        order = [f"-{name}" if falling else name for name, falling in query.order]
        return list(self._select(query.conditions, tenant).order_by(*order).values(*self._names)[: query.limit])

    def count(self, conditions: tuple[Condition, ...], tenant: str) -> int:
        """Returns how many records match."""
        return int(self._select(conditions, tenant).count())

    def update(self, key: Any, changes: dict[str, Any], tenant: str) -> dict[str, Any] | None:
        """Returns the record as written."""
        record = self._select((Condition(self.schema.id_field, "eq", key),), tenant).first()
        if record is None:
            return None
        for name, value in changes.items():
            setattr(record, name, value)
        record.save(update_fields=list(changes))
        return self._fields(record)

    def create(self, fields: dict[str, Any], tenant: str) -> dict[str, Any]:
        """Returns the new record."""
        owner = {} if self._tenant_field is None else {self._tenant_field: tenant}
        return self._fields(self._model._base_manager.create(**fields, **owner))

    def _fields(self, record: Any) -> dict[str, Any]:
        return {name: getattr(record, name) for name in self._names}
