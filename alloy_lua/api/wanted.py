"""What msgspec leaves out of its messages: which values a field would have taken."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect

_PLACE = re.compile(r"^Invalid (?:enum )?value .* - at `\$(.*)`$", re.S)
_STEP = re.compile(r"\.(\w+)|\[[^\]]*\]")


def told(error: msgspec.ValidationError, kind: Any) -> str:
    """Returns the error's message, with the values that were wanted if it is about one of a few.

    Args:
        error: What decoding raised.
        kind: The type that was decoded.
    """
    message = str(error)
    place = _PLACE.fullmatch(message)
    if place is None:
        return message
    found = [inspect.type_info(kind)]
    values: list[Any] = []
    for step in _STEP.finditer(place[1]):
        values = [tag for one in _each(found) for tag in _tags(one, step[1])]
        found = [inner for one in _each(found) for inner in _inner(one, step[1])]
    values += [value for one in _each(found) for value in _values(one)]
    return f"{message}, wanted one of {', '.join(map(str, values))}" if values else message


def _each(kinds: list[inspect.Type]) -> Iterator[inspect.Type]:
    """Returns the types without unions and remarks around them."""
    for kind in kinds:
        if isinstance(kind, inspect.UnionType):
            yield from _each(list(kind.types))
        elif isinstance(kind, inspect.Metadata):
            yield from _each([kind.type])
        else:
            yield kind


def _tags(kind: inspect.Type, field: str | None) -> Iterator[Any]:
    if isinstance(kind, inspect.StructType) and field is not None and kind.tag_field == field:
        yield kind.tag


def _inner(kind: inspect.Type, field: str | None) -> Iterator[inspect.Type]:
    """Returns the type of a field of a struct, or without a name that of a list's items or a dict's values."""
    if isinstance(kind, inspect.StructType):
        yield from (one.type for one in kind.fields if one.encode_name == field)
    elif isinstance(kind, inspect.ListType) and field is None:
        yield kind.item_type
    elif isinstance(kind, inspect.DictType) and field is None:
        yield kind.value_type


def _values(kind: inspect.Type) -> Iterator[Any]:
    if isinstance(kind, inspect.EnumType):
        yield from (member.value for member in kind.cls)
    elif isinstance(kind, inspect.LiteralType):
        yield from kind.values
