"""How host functions read what a script passed, beyond the types that `check_arguments` knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...errors import InvalidValue
from ...hostapi import lua_type

MAX_SHOWN = 60


def shown(value: Any) -> str:
    """Returns ``value`` as an error message shows it: short, and by type if it is a table."""
    if isinstance(value, dict | list) or value is None:
        return lua_type(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    text = repr(value.decode(errors="backslashreplace") if isinstance(value, bytes) else value)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


def wrong(function: str, value: Any, wanted: str) -> InvalidValue:
    """Returns the error for ``value``: names the function, the value got and what was wanted."""
    return InvalidValue(f"{function}: got {shown(value)}, wanted {wanted}", details={"function": function})


def as_text(function: str, value: str | bytes) -> str:
    """Returns ``value`` as text.

    Raises:
        InvalidValue: It is not UTF-8.
    """
    if isinstance(value, str):
        return value
    raise wrong(function, value, "text in UTF-8")


def as_bytes(value: str | bytes) -> bytes:
    """Returns the bytes of a Lua string."""
    return value.encode() if isinstance(value, str) else value


def from_bytes(data: bytes) -> str | bytes:
    """Returns ``data`` as the host API passes strings: text if it is UTF-8, else bytes."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def as_table(function: str, value: Any, allowed: Iterable[str]) -> Mapping[str, Any]:
    """Returns a table of named settings; an empty list counts as an empty table, since Lua has one kind.

    Raises:
        InvalidValue: It is a list, or has a name that is not ``allowed``.
    """
    names = tuple(allowed)
    if value is None or value == []:
        return {}
    if not isinstance(value, dict):
        raise wrong(function, value, f"a table with any of {', '.join(names)}")
    for name in value:
        if name not in names:
            raise wrong(function, name, f"one of {', '.join(names)}")
    return value
