"""Checks of arguments: each returns the value as it is used, or says what it is, what was got and what was wanted."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from .errors import ValidationError

E = TypeVar("E", bound=StrEnum)

MAX_NAME = 200
MAX_WHOLE = 2**31 - 1  # what an integer column of every database holds

_CAPABILITY = re.compile(r"[A-Za-z0-9_*-]+(?:\.[A-Za-z0-9_*-]+)*")
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60


def wrong(what: str, value: Any, wanted: str, *, field: str | None = None) -> ValidationError:
    """Returns the error for a value that is not what was wanted; ``field`` is its name in the details."""
    return ValidationError(f"{what}: got {shown(value)}, wanted {wanted}", details={"field": field or what})


def shown(value: Any) -> str:
    """Returns a value as messages show it: short, whatever it is."""
    if isinstance(value, str) and len(value) > MAX_NAME:
        return f"{len(value)} characters"
    try:
        return _SHORT.repr(value)
    except Exception:  # a __repr__ of somebody else's, or an integer of thousands of digits
        return f"a value of type {type(value).__name__}"


def is_name(value: Any) -> bool:
    """Returns whether ``value`` can name a user or a tenant: `name` without the error."""
    return isinstance(value, str) and 0 < len(value) <= MAX_NAME and not value.isspace()


def name(value: Any, what: str) -> str:
    """Returns a text of 1 to `MAX_NAME` characters, not all of them spaces.

    Raises:
        ValidationError: It is none; as in all checks of this module.
    """
    if not is_name(value):
        raise wrong(what, value, f"a string of 1 to {MAX_NAME} characters")
    return str(value)


def optional_name(value: Any, what: str) -> str | None:
    """Returns a `name`, or None for None."""
    return None if value is None else name(value, what)


def text(value: Any, what: str, most: int | None = None) -> str:
    """Returns a string, which may be empty, of at most ``most`` characters."""
    if not isinstance(value, str):
        raise wrong(what, value, "a string")
    if most is not None and len(value) > most:
        raise wrong(what, value, f"at most {most} characters")
    return value


def boolean(value: Any, what: str) -> bool:
    """Returns True or False."""
    if not isinstance(value, bool):
        raise wrong(what, value, "True or False")
    return value


def whole_number(value: Any, what: str, least: int = 0, most: int = MAX_WHOLE) -> int:
    """Returns a whole number from ``least`` to ``most``."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise wrong(what, value, f"a whole number from {least} to {most}")
    return value


def number(value: Any, what: str, least: float, most: float) -> float:
    """Returns a number from ``least`` to ``most``; a nan is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise wrong(what, value, f"a number from {least:g} to {most:g}")
    return value


def mapping(value: Any, what: str) -> Mapping[str, Any] | None:
    """Returns a mapping, or None for None."""
    if value is not None and not isinstance(value, Mapping):
        raise wrong(what, value, "a mapping of names to values")
    return value


def items(value: Any, what: str, wanted: str) -> list[Any]:
    """Returns the items of a list, tuple, set or other iterable, which no string and no mapping is."""
    if isinstance(value, str):
        raise ValidationError(f"{what}: got the string {shown(value)}, wanted {wanted}", details={"field": what})
    if isinstance(value, bytes | Mapping) or not isinstance(value, Iterable):
        raise wrong(what, value, wanted)
    return list(value)


def names(value: Any, what: str) -> frozenset[str]:
    """Returns the names in a list."""
    return frozenset(name(item, what) for item in items(value, what, "a list of names"))


def choice(value: Any, what: str, choices: Iterable[str], *, field: str | None = None) -> str:
    """Returns a string that is one of ``choices``."""
    if not isinstance(value, str) or value not in choices:
        raise wrong(what, value, f"one of {', '.join(choices)}", field=field)
    return value


def one_of(kind: type[E], value: Any, what: str) -> E:
    """Returns the member of ``kind`` that ``value`` is, or is the value of."""
    return kind(choice(value, what, tuple(kind)))


def aware_time(value: Any, what: str) -> datetime:
    """Returns a time that knows its zone."""
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise wrong(what, value, "a datetime with a time zone")
    return value


def capability(value: Any) -> str:
    """Returns the name of a capability."""
    if not isinstance(value, str) or len(value) > 100 or not _CAPABILITY.fullmatch(value):
        raise wrong("capability", value, "a dotted name such as crm.read")
    return value


def capabilities(value: Any) -> frozenset[str]:
    """Returns the names of capabilities in a list."""
    return frozenset(map(capability, items(value, "capabilities", "a list of names")))


def instance(kind: type[Any], value: Any, what: str) -> Any:
    """Returns an object of ``kind``."""
    if not isinstance(value, kind):
        raise wrong(what, value, f"an object of type {kind.__name__}")
    return value
