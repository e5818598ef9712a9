"""What an entity's fields are called and may hold: taken from a model, checked on every value a script writes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

from . import checks
from .errors import InvalidValue, ValidationError
from .hostapi import lua_type

TYPES = (
    "string", "integer", "number", "boolean", "decimal", "date", "datetime", "time", "uuid", "bytes", "list", "table",
    "any",
)  # fmt: skip


class Field(NamedTuple):
    """One field of an entity.

    Attributes:
        name: What scripts call it.
        type: One of `TYPES`.
        required: Whether it can't be nil in a stored record.
        choices: The values it may have, empty for any.
        relation: The entity type whose id it holds, None if it holds none.
        max_length: How many characters it holds, None for any number.
        doc: What it is for.
    """

    name: str
    type: str = "any"
    required: bool = False
    choices: tuple[Any, ...] = ()
    relation: str | None = None
    max_length: int | None = None
    doc: str = ""


class Schema:
    """The fields of one entity type; immutable.

    Args:
        entity_type: Its name in events.
        fields: Its fields, in order.
        readable: Names of those that scripts see, None for all.
        writable: Names of those that scripts may set, None for all that they see.
        id_field: The field that identifies a record.
        doc: What it is.

    Raises:
        ValidationError: A list names a field that is none, or a type is none.
    """

    __slots__ = ("_casts", "doc", "entity_type", "every", "fields", "id_field", "readable", "writable")

    def __init__(
        self, entity_type: str, fields: Iterable[Field], *, readable: Iterable[str] | None = None,
        writable: Iterable[str] | None = None, id_field: str = "id", doc: str = "",
    ) -> None:  # fmt: skip
        self.entity_type = checks.name(entity_type, "entity type")
        self.every = every = {field.name: field for field in fields}
        for field in every.values():
            checks.choice(field.type, f"{entity_type}.{field.name}: type", TYPES)
        self.readable = self._allowed("readable", readable, every)
        self.writable = self._allowed("writable", writable, self.readable)
        self.fields = {name: field for name, field in every.items() if name in self.readable}
        self.id_field = id_field
        self.doc = doc
        self._casts = {name: _cast_of(self.fields[name]) for name in self.writable}

    def __reduce__(self) -> tuple[Any, ...]:
        """Lets a schema travel to other processes."""
        make = partial(Schema, readable=self.readable, writable=self.writable, id_field=self.id_field, doc=self.doc)
        return make, (self.entity_type, tuple(self.every.values()))

    def _allowed(self, what: str, wanted: Iterable[str] | None, every: Collection[str]) -> frozenset[str]:
        if wanted is None:
            return frozenset(every)
        names = checks.names(wanted, what)
        for name in sorted(names - set(every)):
            raise ValidationError(f"{self.entity_type}: {what} names {name!r}, wanted some of {', '.join(every)}")
        return names

    def cast(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Returns ``changes`` with the Python types that their fields hold.

        Raises:
            InvalidValue: A field does not exist or can't be written, or can't hold the value; it is in the details.
        """
        casts = self._casts
        try:
            return {name: casts[name](value) for name, value in changes.items()}
        except KeyError:
            name = next(name for name in changes if name not in casts)
            raise InvalidValue(self.refusal(name), details={"field": name, "entity": self.entity_type}) from None

    def without(self, name: str | None) -> Schema:
        """Returns the same schema with a field that scripts can't set."""
        writable = self.writable - {name}
        return Schema(
            self.entity_type, self.every.values(), readable=self.readable, writable=writable, id_field=self.id_field,
            doc=self.doc,
        )  # fmt: skip

    def value(self, name: str, value: Any) -> Any:
        """Returns a value to compare the field ``name`` with, of the Python type that the field holds.

        Raises:
            InvalidValue: The field cannot hold it.
        """
        field = self.fields[name]
        return None if value is None else _cast_of(field._replace(choices=(), max_length=None))(value)

    def refusal(self, name: str) -> str:
        """Returns why the field ``name`` can't be written, with the nearest name that can."""
        if name in self.fields:
            return f"{self.entity_type}.{name} may not be written"
        return f"{self.entity_type} has no field {name!r}{self.suggestion(name)}"

    def suggestion(self, name: str) -> str:
        """Returns ``; did you mean …?``, or what there is if nothing is near."""
        import difflib

        near = difflib.get_close_matches(name, self.fields, 1)
        return f"; did you mean {near[0]!r}?" if near else f"; it has {', '.join(self.fields)}"


Cast = Callable[[Any], Any]


def _cast_of(field: Field) -> Cast:
    plain, convert = _PLAIN.get(field.type, frozenset()), _CONVERTERS.get(field.type)
    name, choices, most = field.name, frozenset(map(_hashable, field.choices)), field.max_length

    def cast(value: Any) -> Any:
        if value is None:
            if field.required:
                raise _wrong(field, value, "a value: it is required")
            return None
        if type(value) not in plain:
            if field.type != "any" and convert is None:
                raise _wrong(field, value, _a(field.type))
            if convert is not None:
                try:
                    value = convert(value)
                except (ValueError, TypeError, ArithmeticError):
                    raise _wrong(field, value, _a(field.type)) from None
        if choices and _hashable(value) not in choices:
            raise _wrong(field, value, f"one of {', '.join(map(str, field.choices))}")
        if most is not None and type(value) is str and len(value) > most:
            raise InvalidValue(
                f"field {name}: got {len(value)} characters, wanted at most {most}", details={"field": name}
            )
        return value

    return cast


def _hashable(value: Any) -> Any:
    return getattr(value, "value", value) if hasattr(type(value), "__members__") else value


def _a(kind: str) -> str:
    return ("an " if kind[0] in "aeio" else "a ") + kind


def _wrong(field: Field, value: Any, wanted: str) -> InvalidValue:
    got = "nil" if value is None else f"the {lua_type(value)} {checks.shown(value)}"
    return InvalidValue(f"field {field.name}: got {got}, wanted {wanted}", details={"field": field.name})


def _integer(value: Any) -> int:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise ValueError


def _decimal(value: Any) -> Any:
    from decimal import Decimal

    if isinstance(value, Decimal):
        return value
    if isinstance(value, bool):
        raise ValueError
    return Decimal(format(value, ".15g")) if isinstance(value, float) else Decimal(value)


def _temporal(kind: str) -> Cast:
    def convert(value: Any) -> Any:
        import datetime

        wanted = getattr(datetime, kind)
        return value if isinstance(value, wanted) else wanted.fromisoformat(value)

    return convert


def _uuid(value: Any) -> Any:
    from uuid import UUID

    if isinstance(value, str):
        return UUID(value)
    if isinstance(value, UUID):
        return value
    raise ValueError


def _bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(memoryview(value))


def _string(value: Any) -> Any:
    if isinstance(value, str) or hasattr(type(value), "__members__"):
        return value
    raise ValueError


def _list(value: Any) -> Any:
    if value == {} or isinstance(value, list | tuple | set | frozenset):
        return value or []
    raise ValueError


_PLAIN: dict[str, frozenset[type]] = {
    "string": frozenset((str,)), "integer": frozenset((int,)), "number": frozenset((int, float)),
    "boolean": frozenset((bool,)), "bytes": frozenset((bytes,)), "list": frozenset((list,)),
    "table": frozenset((dict, list)),
}  # fmt: skip
_CONVERTERS: dict[str, Cast] = {
    "string": _string, "integer": _integer, "decimal": _decimal, "date": _temporal("date"),
    "datetime": _temporal("datetime"), "time": _temporal("time"), "uuid": _uuid, "bytes": _bytes, "list": _list,
}  # fmt: skip
