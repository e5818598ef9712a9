"""The types of the fields that scripts write: the table's own, those declared, and those that the first rows show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from ..schema import Schema
from .fitting import Fit, fitting, numbers_as_double, type_of

_OF_SCHEMA = {
    "string": pa.string(), "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_(), "date": pa.date32(),
    "bytes": pa.binary(),
}  # fmt: skip


def _is_open(table: pa.Schema, name: str) -> bool:
    at = table.get_field_index(name)
    return at < 0 or bool(pa.types.is_null(table.field(at).type))


class OutputTypes:
    """The Arrow type of each field that scripts write, in the order in which they came up.

    Args:
        table: The schema of the table.
        declared: Types given for fields that it does not have.
        described: What is known of the entity.
        writes: The fields that the scripts are known to write; None if they may write any.
    """

    def __init__(
        self, table: pa.Schema, declared: Mapping[str, pa.DataType], described: Schema | None,
        writes: Iterable[str] | None,
    ) -> None:  # fmt: skip
        self._known: dict[str, pa.DataType] = {}
        self._fits: dict[str, Fit] = {}
        if described is not None:
            self._known = {
                name: _OF_SCHEMA[field.type] for name, field in described.fields.items() if field.type in _OF_SCHEMA
            }
        # a column of nothing but nulls says nothing of its type
        self._known |= dict(zip(table.names, table.types, strict=True)) | {
            name: kind for name, kind in declared.items() if _is_open(table, name)
        }
        self._any = writes is None
        self.names: list[str] = [*table.names, *declared] if writes is None else list(dict.fromkeys(writes))
        self._open = True

    @property
    def settled(self) -> bool:
        """Whether no further row can add a field or a type."""
        return not self._open or (not self._any and all(name in self._known for name in self.names))

    def freeze(self) -> None:
        """Ends the time in which rows show types."""
        self._open = False

    def of(self, name: str) -> pa.DataType:
        """Returns the type of a field; null if nothing tells."""
        return self._known.get(name, pa.null())

    def learn(self, changes: Iterable[Mapping[str, Any]]) -> None:
        """Takes up the fields and types that new values show, unless that time is over."""
        if self.settled:
            return
        found: dict[str, list[Any]] = {}
        for row in changes:
            for name, value in row.items():
                seen = found.setdefault(name, [])
                if value is not None and name not in self._known:
                    seen.append(value)
        for name, values in found.items():
            if name not in self.names:
                self.names.append(name)
            if values:
                self._known[name] = type_of(values)

    def show(self, name: str, kind: pa.DataType) -> None:
        """Takes up the type of new values of one field, unless it is known or that time is over."""
        if not self.settled and name not in self._known:
            self._known[name] = numbers_as_double(kind)
            if name not in self.names:
                self.names.append(name)

    def fit(self, name: str) -> Fit:
        """Returns a function that brings a value, not None, to the field's type, or raises `InvalidValue`."""
        fit = self._fits.get(name)
        if fit is None:
            fit = fitting(name, self.of(name))
            if self.settled:
                self._fits[name] = fit
        return fit
