"""From the records of the facade to the structs that callers see."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

S = TypeVar("S", bound=msgspec.Struct)


def filled(kind: type[S], record: Any, **more: Any) -> S:
    """Returns a struct with the fields of a record that have the same names, and ``more``."""
    names = (name for name in kind.__struct_fields__ if name not in more)
    return kind(**{name: _plain(getattr(record, name)) for name in names}, **more)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple | frozenset) and not hasattr(value, "_fields") else value
