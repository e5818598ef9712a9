"""Which adapter reads and writes a record, and which of its fields scripts may touch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .. import checks
from ..errors import InvalidValue, ValidationError
from ..ports import EntityAdapter
from ..schema import Schema
from .adapters import AttrsAdapter, DataclassAdapter, FieldRules, MappingAdapter, PeeweeAdapter, PydanticAdapter

ACCEPTED = "a mapping, a dataclass, an attrs class, a pydantic 2 model or a peewee model"
_TYPED_ADAPTERS = (PydanticAdapter, AttrsAdapter, DataclassAdapter, PeeweeAdapter)


class EntityBridge:
    """Finds the adapter of a record by its type; for mappings by the name of the entity type, too.

    ``changed`` is called after every change of the rules.
    """

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        self._changed = changed
        self._rules: dict[type, FieldRules] = {}
        self._described: dict[str, EntityAdapter] = {}
        self._adapters: dict[type, EntityAdapter] = {}
        self.schemas: dict[str, Schema] = {}

    def add_schema(self, schema: Schema) -> None:
        """Sets what mappings fired as ``schema.entity_type`` have for fields: scripts see and write no others.

        Values that scripts write take the types of their fields, or fail the script.
        """
        checks.instance(Schema, schema, "schema")
        rules = FieldRules(schema.readable, schema.writable, schema.id_field)
        self.schemas[schema.entity_type] = schema
        self._described[schema.entity_type] = MappingAdapter(rules, schema)
        self._changed()

    def register(
        self,
        kind: type,
        *,
        readable: Iterable[str] | None = None,
        writable: Iterable[str] | None = None,
        id_field: str = "id",
    ) -> None:
        """Sets which fields of ``kind`` and its subclasses scripts may read and write; None means all.

        Args:
            kind: A type of record.
            readable: Names of fields.
            writable: Names of fields.
            id_field: The field that identifies a record.

        Raises:
            ValidationError: The type is of no kind that has an adapter, or has no field of a given name.
        """
        if not isinstance(kind, type):
            raise ValidationError(f"entity kind: got {checks.shown(kind)}, wanted a type")
        rules = _rules(readable, writable, id_field)
        _adapter_of(kind, rules, "record")
        self._rules[kind] = rules
        self._adapters = {}
        self._changed()

    def describe(
        self,
        entity_type: str,
        *,
        readable: Iterable[str] | None = None,
        writable: Iterable[str] | None = None,
        id_field: str = "id",
    ) -> None:
        """Sets the same as `register`, for mappings that are fired as ``entity_type`` (``"order"``)."""
        rules = _rules(readable, writable, id_field)
        self._described[checks.name(entity_type, "entity type")] = MappingAdapter(rules)
        self._changed()

    def described(self) -> dict[str, EntityAdapter]:
        """Returns what `describe` was told, by entity type."""
        return dict(self._described)

    def adapter_for(self, record: Any, entity_type: str | None = None, what: str = "record") -> EntityAdapter:
        """Returns the adapter for ``record``, the same one for all records of a type.

        Args:
            record: A mapping or a model instance.
            entity_type: The entity type of the event, which decides the field lists of mappings.
            what: What an error calls the record.

        Raises:
            ValidationError: The record is of no kind that has an adapter.
        """
        if entity_type in self._described and isinstance(record, Mapping):
            return self._described[entity_type]
        kind = type(record)
        adapter = self._adapters.get(kind)
        if adapter is None:
            adapter = self._adapters[kind] = _adapter_of(kind, self._rules_of(kind), what)
        return adapter

    def _rules_of(self, kind: type) -> FieldRules:
        for base in kind.__mro__:
            if base in self._rules:
                return self._rules[base]
        return FieldRules()


def _rules(readable: Iterable[str] | None, writable: Iterable[str] | None, id_field: str) -> FieldRules:
    return FieldRules(
        None if readable is None else checks.names(readable, "readable"),
        None if writable is None else checks.names(writable, "writable"),
        checks.name(id_field, "id_field"),
    )


def _adapter_of(kind: type, rules: FieldRules, what: str) -> EntityAdapter:
    if issubclass(kind, Mapping):
        return MappingAdapter(rules)
    for adapter in _TYPED_ADAPTERS:
        if adapter.fits(kind):
            return adapter(kind, rules)
    if issubclass(kind, tuple) and hasattr(kind, "_asdict"):
        raise ValidationError(f"{what}: got namedtuple {kind.__name__}, wanted {ACCEPTED}; pass {what}._asdict()")
    raise ValidationError(f"{what}: got {kind.__name__}, wanted {ACCEPTED}")


def check_writable(adapter: EntityAdapter, changes: Mapping[str, Any]) -> None:
    """Returns None if every field of ``changes`` may be written.

    Raises:
        InvalidValue: Names the first field that may not, and those that may.
    """
    allowed = adapter.writable
    for name in changes:
        if name.startswith("_") or (allowed is not None and name not in allowed):
            wanted = "any without a leading underscore" if allowed is None else ", ".join(sorted(allowed)) or "none"
            raise InvalidValue(f"field {name!r} may not be written; writable: {wanted}", details={"field": name})
