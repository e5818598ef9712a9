"""The entity as the scripts of a chain see it, and what they may change of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..bridges.entities import check_writable
from ..errors import InvalidValue
from ..ports import EntityAdapter
from ..values import restore


class View:
    """The entity as the next script of a chain sees it: the record under the changes made so far."""

    __slots__ = ("adapter", "changes", "record")

    def __init__(self, record: Any, adapter: EntityAdapter) -> None:
        self.record = record
        self.adapter = adapter
        self.changes: dict[str, Any] = {}

    def get(self, name: str) -> Any:
        """Returns the current value of a field, None if there is none."""
        if name in self.changes:
            return self.changes[name]
        return self.adapter.get(self.record, name)

    def fields(self, names: tuple[str, ...] | None) -> dict[str, Any]:
        """Returns the named fields that are not None; all of them if ``names`` is None."""
        if names is None:
            return {**self.adapter.fields(self.record), **self.changes}
        return {name: value for name in names if (value := self.get(name)) is not None}

    def accept(self, assigned: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the fields of ``assigned`` that differ, with their types restored, and remembers them.

        Raises:
            InvalidValue: A field may not be written, or cannot take the value.
        """
        fresh: dict[str, Any] = {}
        for name, value in assigned.items():
            if not isinstance(name, str):
                raise InvalidValue(f"field {name!r}: got a {type(name).__name__} as field name, wanted a string")
            put_change(fresh, name, self.get(name), value)
        schema = self.adapter.schema
        if schema is not None:
            fresh = schema.cast(fresh)
        else:
            check_writable(self.adapter, fresh)
        self.changes.update(fresh)
        return fresh


def put_change(changes: dict[str, Any], name: str, old: Any, new: Any) -> None:
    """Puts ``new``, as it came from Lua, into ``changes`` with the type of ``old``, if the two differ.

    Raises:
        InvalidValue: ``new`` cannot be of that type; the field is named.
    """
    try:
        restored = restore(old, new)
    except InvalidValue as error:
        raise InvalidValue(f"field {name}: {error.message}", details={"field": name}) from None
    if restored is not old and (restored != old or isinstance(restored, bool) is not isinstance(old, bool)):
        changes[name] = restored
