"""Adapters for the kinds of records; attrs, pydantic and peewee are recognised without importing them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ..errors import InvalidValue, ValidationError
from ..schema import Schema


class FieldRules(NamedTuple):
    """Which fields scripts may read and write (None means all), and which one identifies a record."""

    readable: frozenset[str] | None = None
    writable: frozenset[str] | None = None
    id_field: str = "id"


def _as_id(value: Any) -> str | None:
    return None if value is None else str(value)


class MappingAdapter:
    """Reads any mapping; writes by making a new dict. Keys that are private or no strings do not exist for scripts."""

    def __init__(self, rules: FieldRules, schema: Schema | None = None) -> None:
        self.schema = schema
        self.readable = rules.readable
        self.writable = rules.writable
        self._id_field = rules.id_field

    def _may_read(self, name: Any) -> bool:
        if self.readable is not None and name not in self.readable:
            return False
        return isinstance(name, str) and not name.startswith("_")

    def fields(self, record: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in record.items() if self._may_read(name)}

    def get(self, record: Mapping[str, Any], name: str) -> Any:
        return record.get(name) if self._may_read(name) else None

    def identity(self, record: Mapping[str, Any]) -> str | None:
        return _as_id(record.get(self._id_field))

    def merged(self, record: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
        return {**record, **changes}


class TypedAdapter:
    """What all records with a fixed list of fields share; ``names`` and ``settable`` differ by library."""

    schema: Schema | None = None

    def __init__(self, kind: type, rules: FieldRules) -> None:
        self._kind = kind
        names = self._public(self.names(kind))
        self._known = frozenset(names)
        self.readable: frozenset[str] | None = self._allowed("readable", rules.readable, self._known)
        self._settable = self.settable(kind)
        self.writable: frozenset[str] | None = self._allowed("writable", rules.writable, self._settable)
        self._order = tuple(name for name in names if name in (self.readable or ()))
        self._id_field = rules.id_field

    @classmethod
    def fits(cls, kind: type) -> bool:
        """Returns whether this adapter is for records of type ``kind``."""
        raise NotImplementedError

    def names(self, kind: type) -> list[str]:
        """Returns the names of the fields in order."""
        raise NotImplementedError

    def settable(self, kind: type) -> frozenset[str]:
        """Returns the names of the fields that a merge can set."""
        return self._known

    def _public(self, names: Iterable[str]) -> list[str]:
        return [
            name
            for name in names
            if not name.startswith("_") and not isinstance(getattr(self._kind, name, None), property)
        ]

    def _allowed(self, what: str, wanted: frozenset[str] | None, existing: frozenset[str]) -> frozenset[str]:
        if wanted is None:
            return existing
        for name in sorted(wanted - existing):
            known = ", ".join(sorted(existing))
            raise ValidationError(f"{self._kind.__name__}: {what} names {name!r}, wanted some of {known}")
        return wanted

    def _value(self, record: Any, name: str) -> Any:
        return getattr(record, name, None)

    def fields(self, record: Any) -> dict[str, Any]:
        return {name: self._value(record, name) for name in self._order}

    def get(self, record: Any, name: str) -> Any:
        return self._value(record, name) if name in (self.readable or ()) else None

    def identity(self, record: Any) -> str | None:
        return _as_id(self._value(record, self._id_field)) if self._id_field in self._known else None

    def merged(self, record: Any, changes: Mapping[str, Any]) -> Any:
        for name in changes:
            if name not in self._settable:
                known = ", ".join(sorted(self._settable))
                raise self._refused(name, f"no such field can be set; wanted one of {known}")
        return self._merge(record, changes) if changes else record

    def _merge(self, record: Any, changes: Mapping[str, Any]) -> Any:
        raise NotImplementedError

    def _refused(self, name: str, reason: str) -> InvalidValue:
        return InvalidValue(f"{self._kind.__name__}.{name}: {reason}", details={"field": name})

    def _failed(self, changes: Mapping[str, Any], error: Exception) -> InvalidValue:
        return self._refused("/".join(sorted(changes)), f"the class refused the value: {error}")


class DataclassAdapter(TypedAdapter):
    """Dataclasses; a merge makes a new instance with `dataclasses.replace`."""

    @classmethod
    def fits(cls, kind: type) -> bool:
        return dataclasses.is_dataclass(kind)

    def names(self, kind: type) -> list[str]:
        return [field.name for field in dataclasses.fields(kind)]

    def settable(self, kind: type) -> frozenset[str]:
        return self._known & {field.name for field in dataclasses.fields(kind) if field.init}

    def _merge(self, record: Any, changes: Mapping[str, Any]) -> Any:
        try:
            return dataclasses.replace(record, **changes)
        except (TypeError, ValueError) as error:
            raise self._failed(changes, error) from error


class AttrsAdapter(TypedAdapter):
    """attrs classes; a merge makes a new instance with `attrs.evolve`, so their validators run."""

    @classmethod
    def fits(cls, kind: type) -> bool:
        return hasattr(kind, "__attrs_attrs__")

    def names(self, kind: type) -> list[str]:
        return [attribute.name for attribute in kind.__attrs_attrs__]  # type: ignore[attr-defined]

    def settable(self, kind: type) -> frozenset[str]:
        return self._known & {a.name for a in kind.__attrs_attrs__ if a.init}  # type: ignore[attr-defined]

    def _merge(self, record: Any, changes: Mapping[str, Any]) -> Any:
        import attrs

        aliases = {attribute.name: attribute.alias for attribute in type(record).__attrs_attrs__}
        try:
            return attrs.evolve(record, **{aliases[name]: value for name, value in changes.items()})
        except (TypeError, ValueError) as error:
            raise self._failed(changes, error) from error


class PydanticAdapter(TypedAdapter):
    """pydantic 2 models; a merge validates the whole and copies the record with the changed fields."""

    @classmethod
    def fits(cls, kind: type) -> bool:
        return hasattr(kind, "__pydantic_fields__") and hasattr(kind, "model_copy")

    def names(self, kind: type) -> list[str]:
        return list(kind.__pydantic_fields__)  # type: ignore[attr-defined]

    def _merge(self, record: Any, changes: Mapping[str, Any]) -> Any:
        from pydantic import ValidationError as PydanticError

        kind = type(record)
        values = {name: getattr(record, name) for name in kind.__pydantic_fields__}
        try:
            valid = kind.model_validate({**values, **changes}, by_alias=False, by_name=True)
        except PydanticError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            name = ".".join(str(part) for part in first["loc"]) or "/".join(sorted(changes))
            raise self._refused(name, f"got {first['input']!r:.80}, {first['msg']}") from error
        return record.model_copy(update={name: getattr(valid, name) for name in changes})


class PeeweeAdapter(TypedAdapter):
    """peewee models: foreign keys are the id they hold (never a query), a merge sets the same instance's fields."""

    @classmethod
    def fits(cls, kind: type) -> bool:
        return any(base.__module__ == "peewee" and base.__name__ == "Model" for base in kind.__mro__)

    def names(self, kind: type) -> list[str]:
        return list(kind._meta.sorted_field_names)  # type: ignore[attr-defined]

    def _value(self, record: Any, name: str) -> Any:
        return record.__data__.get(name)

    def identity(self, record: Any) -> str | None:
        key = self._value(record, self._id_field) if self._id_field in self._known else record._pk
        if isinstance(key, tuple):
            return ":".join(str(part) for part in key)
        return _as_id(key)

    def _merge(self, record: Any, changes: Mapping[str, Any]) -> Any:
        for name, value in changes.items():
            setattr(record, name, value)
        return record
