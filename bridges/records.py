"""Hooks for records of pydantic, dataclasses and attrs: scripts change or reject them before they are used.

records = RecordHooks(alloy)
records.register(Order)
order = records.apply("create", order)
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from ..errors import InvalidValue, Rejected, ValidationError
from ..schema import Field, Schema
from .writes import EntityHooks, Firing, field_errors

R = TypeVar("R")
_TYPES = {
    "str": "string", "int": "integer", "float": "number", "bool": "boolean", "Decimal": "decimal", "date": "date",
    "datetime": "datetime", "time": "time", "UUID": "uuid", "bytes": "bytes", "list": "list", "tuple": "list",
    "set": "list", "frozenset": "list", "dict": "table",
}  # fmt: skip


class HookRejected(Rejected, ValueError):
    """A script rejected the record; ``errors`` holds its messages by field."""

    def __init__(self, rejection: Rejected) -> None:
        super().__init__(rejection.message, details=rejection.details)
        self.errors = field_errors(rejection)


class RecordHooks:
    """Applies before hooks to records: what scripts change is validated by the record's own class."""

    def __init__(self, alloy: Firing) -> None:
        self._alloy = alloy
        self._hooks: dict[type, EntityHooks] = {}

    def register(
        self, kind: type, entity_type: str | None = None, *, readable: Iterable[str] | None = None,
        writable: Iterable[str] | None = None, id_field: str = "id",
    ) -> Schema:  # fmt: skip
        """Returns the schema of a pydantic model, dataclass or attrs class.

        Args:
            kind: The class.
            entity_type: Its name in events, None for the class's name in lower case.
            readable: Names of the fields that scripts see, None for all.
            writable: Names of the fields that scripts may set, None for all.
            id_field: The field that identifies a record.

        Raises:
            ValidationError: The class is none of those, or has no field of a given name.
        """
        self._alloy.entities.register(kind, readable=readable, writable=writable, id_field=id_field)
        doc = (kind.__doc__ or "").strip().partition("\n")[0]
        schema = Schema(
            entity_type or kind.__name__.lower(), fields_of(kind), readable=readable, writable=writable,
            id_field=id_field, doc="" if doc.startswith(f"{kind.__name__}(") else doc,
        )  # fmt: skip
        self._hooks[kind] = EntityHooks(self._alloy, schema.entity_type, refusal_of(kind), schema)
        return schema

    def apply(self, operation: str, record: R, previous: R | None = None) -> R:
        """Returns the record as before hooks left it: the same one, or a new one that its class has validated.

        Args:
            operation: ``create``, ``update`` or ``delete``.
            record: A record of a registered class.
            previous: The record as it was.

        Raises:
            Exception: The class's own validation error, for a rejection or a change that the class refuses.
            AlloyError: A script failed, or wrote what a field cannot hold.
        """
        hooks = self._hooks.get(type(record))
        if hooks is None:
            raise ValidationError(f"record: got {type(record).__name__}, wanted one of a registered class")
        bound = hooks.bound(operation)
        if bound is None or not bound.before:
            return record
        adapter = self._alloy.entities.adapter_for(record)
        old = None if previous is None or not bound.previous else adapter.fields(previous)
        changed: R = merged(adapter, record, hooks.before(operation, adapter.fields(record), old))
        return changed


def merged(adapter: Any, record: Any, changes: dict[str, Any]) -> Any:
    """Returns ``record`` with ``changes``, validated by its class, whose own error is raised if it refuses."""
    try:
        return adapter.merged(record, changes) if changes else record
    except InvalidValue as error:
        raise (error if error.__cause__ is None else error.__cause__) from None


def refusal_of(kind: type) -> Callable[[Rejected], Exception]:
    """Returns what makes the error that the users of a record class catch: pydantic's own, or a ``ValueError``."""
    if not hasattr(kind, "__pydantic_fields__"):
        return HookRejected

    def refuse(rejection: Rejected) -> Exception:
        from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

        problems = [
            InitErrorDetails(
                type=PydanticCustomError("rejected", "{reason}", {"reason": text}),
                loc=() if name == "__all__" else (name,), input=None,
            )
            for name, texts in field_errors(rejection).items()
            for text in texts
        ]  # fmt: skip
        return ValidationError.from_exception_data(kind.__name__, problems)

    return refuse


def fields_of(kind: type) -> list[Field]:
    """Returns the fields of a class, from its annotations."""
    try:
        hints = typing.get_type_hints(kind)
    except (NameError, TypeError):  # names that only a type checker sees
        hints = {}
    if hasattr(kind, "__pydantic_fields__"):
        docs = {name: info.description or "" for name, info in kind.__pydantic_fields__.items()}
    elif hasattr(kind, "__attrs_attrs__"):
        docs = {attribute.name: "" for attribute in kind.__attrs_attrs__}
    else:
        docs = dict.fromkeys(getattr(kind, "__dataclass_fields__", {}), "")
    return [_field(name, hints.get(name, Any), doc) for name, doc in docs.items() if not name.startswith("_")]


def _field(name: str, hint: Any, doc: str) -> Field:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _field(name, arguments[0], doc)
    if origin in (typing.Union, types.UnionType):
        left = [argument for argument in arguments if argument is not type(None)]
        found = _field(name, left[0], doc) if len(left) == 1 else Field(name, doc=doc)
        return found._replace(required=found.required and len(left) == len(arguments))
    if origin is typing.Literal:
        kind = _TYPES.get(type(arguments[0]).__name__, "any")
        return Field(name, kind, required=None not in arguments, choices=arguments, doc=doc)
    kind = _TYPES.get(getattr(origin or hint, "__name__", ""), "any")
    return Field(name, kind, required=kind != "any", doc=doc)
