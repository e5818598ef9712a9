"""Arrow values as scripts' records hold them, and what scripts write as values of Arrow types."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types as kinds

from .. import checks
from ..errors import InvalidValue

MOST_FLOAT32 = 3.4028235677973362e38  # beyond it, and from 65,520 on for half a word, rounding gives infinity
MOST_FLOAT16 = 65_519.996

Fit = Callable[[Any], Any]
"""Takes a value that is not None; returns it as pyarrow takes it for the type; raises ValueError or TypeError."""


class Unreadable:
    """Stands for a value that Python cannot hold: a row whose script reads it fails, as with any odd object."""


def python_values(column: pa.Array) -> list[Any]:
    """Returns the values of a column as a record holds them; nanoseconds are cut to microseconds."""
    readable = _readable(column.type)
    if readable != column.type:
        column = column.cast(readable, safe=False)
    try:
        values: list[Any] = column.to_pylist()
    except (OverflowError, ValueError):  # a time beyond Python's years, a text that is not UTF-8
        return [_python_value(value) for value in column]
    return values


def _python_value(value: pa.Scalar) -> Any:
    try:
        return value.as_py()
    except (OverflowError, ValueError):
        return Unreadable()


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Returns the type of a dictionary's values; what Arrow cannot filter, also inside lists and structs, is replaced:
    views by what they are views of, run-end encoding by its values."""
    plain = _filterable(kind)
    return plain_type(plain.value_type) if kinds.is_dictionary(plain) else plain


def written_type(kind: pa.DataType) -> pa.DataType:
    """Returns the type of a column of type ``kind`` in which values were changed: the indices of a dictionary have room
    for new words, and runs are no longer encoded."""
    if kinds.is_dictionary(kind) and kind.index_type.bit_width < 32:
        return pa.dictionary(pa.int32(), kind.value_type, kind.ordered)
    return _decoded(kind)


def of_type(kind: pa.DataType, values: pa.Array) -> pa.Array:
    """Returns the values as another type; themselves if they are of it."""
    if values.type == kind:
        return values
    if _decoded(values.type) == values.type:
        return values.cast(kind)
    try:
        return of_type(kind, pc.run_end_decode(values))
    except pa.ArrowNotImplementedError:  # runs of views, or inside something
        return pa.array(values.to_pylist(), kind)


def _filterable(kind: pa.DataType) -> pa.DataType:
    if kinds.is_run_end_encoded(kind):
        return _filterable(kind.value_type)
    if kinds.is_string_view(kind):
        return pa.large_string()
    return pa.large_binary() if kinds.is_binary_view(kind) else _inside(kind, _filterable)


def _decoded(kind: pa.DataType) -> pa.DataType:
    return _decoded(kind.value_type) if kinds.is_run_end_encoded(kind) else _inside(kind, _decoded)


def _inside(kind: pa.DataType, change: Callable[[pa.DataType], pa.DataType]) -> pa.DataType:
    """Returns a type with a change made to the types inside; one that has none inside is returned as it is."""

    def changed(field: pa.Field) -> pa.Field:
        return field.with_type(change(field.type))

    if kinds.is_list(kind):
        return pa.list_(changed(kind.value_field))
    if kinds.is_large_list(kind):
        return pa.large_list(changed(kind.value_field))
    if kinds.is_fixed_size_list(kind):
        return pa.list_(changed(kind.value_field), kind.list_size)
    if kinds.is_struct(kind):
        return pa.struct([changed(field) for field in kind])
    if kinds.is_map(kind):
        return pa.map_(changed(kind.key_field), changed(kind.item_field), kind.keys_sorted)
    return kind


def _readable(kind: pa.DataType) -> pa.DataType:
    """Returns the type with microseconds for nanoseconds, which Python's datetime does not have."""
    if kinds.is_timestamp(kind) and kind.unit == "ns":
        return pa.timestamp("us", kind.tz)
    if kinds.is_duration(kind) and kind.unit == "ns":
        return pa.duration("us")
    if kinds.is_time64(kind) and kind.unit == "ns":
        return pa.time64("us")
    return _inside(kind, _readable)


def fitting(name: str, kind: pa.DataType) -> Fit:
    """Returns a function that takes a value for the field ``name`` and returns it as the type holds it.

    It raises `InvalidValue` for a value that the type does not hold.
    """
    fit = _fit_of(kind)

    def checked(value: Any) -> Any:
        try:
            return fit(value)
        except (ValueError, TypeError, ArithmeticError, AttributeError):
            raise InvalidValue(
                f"field {name}: got {checks.shown(value)}, wanted a value of the column's type {kind}",
                details={"field": name},
            ) from None

    return checked


def type_of(values: list[Any]) -> pa.DataType:
    """Returns the type of a new column that holds ``values``, none of them None; numbers are double.

    Values that differ in kind take that of the first.
    """
    try:
        return numbers_as_double(pa.infer_type(values))
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return numbers_as_double(pa.infer_type(values[:1]))


def numbers_as_double(kind: pa.DataType) -> pa.DataType:
    """Returns the type with double for integers, inside lists and structs too: so new columns hold any number."""
    if kinds.is_integer(kind):
        return pa.float64()
    if kinds.is_list(kind):
        return pa.list_(numbers_as_double(kind.value_type))
    if kinds.is_struct(kind):
        return pa.struct([(field.name, numbers_as_double(field.type)) for field in kind])
    return kind


def _fit_of(kind: pa.DataType) -> Fit:
    if kinds.is_dictionary(kind) or kinds.is_run_end_encoded(kind):
        return _fit_of(kind.value_type)
    for holds, fit in _SCALARS:
        if holds(kind):
            return fit
    if kinds.is_integer(kind):
        return _integer(kind)
    if kinds.is_decimal(kind):
        return _decimal(kind)
    if any(holds(kind) for holds in _LISTS):
        return _list(kind)
    if kinds.is_struct(kind):
        return _struct(kind)
    if kinds.is_map(kind):
        return _map(kind)
    return lambda value: pa.scalar(value, type=kind).as_py()


def _exactly(wanted: type) -> Fit:
    def fit(value: Any) -> Any:
        if type(value) is not wanted:
            raise TypeError
        return value

    return fit


def _float(value: Any, most: float = math.inf) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or (most < abs(value) < math.inf):
        raise TypeError
    return float(value)


def _bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(memoryview(value))


def _temporal(wanted: type) -> Fit:
    def fit(value: Any) -> Any:
        if isinstance(value, str):
            return wanted.fromisoformat(value)  # type: ignore[attr-defined]
        return _exactly(wanted)(value)

    return fit


def _integer(kind: pa.DataType) -> Fit:
    bits = kind.bit_width
    signed = kinds.is_signed_integer(kind)
    least, most = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)

    def fit(value: Any) -> int:
        if isinstance(value, bool) or value != value // 1 or not least <= value <= most:
            raise ValueError
        return int(value)

    return fit


def _decimal(kind: pa.DataType) -> Fit:
    def fit(value: Any) -> Decimal:
        if isinstance(value, bool):
            raise TypeError
        made = (
            value
            if isinstance(value, Decimal)
            else Decimal(format(value, ".15g") if isinstance(value, float) else value)
        )
        pa.scalar(made, type=kind)  # ArrowInvalid, a ValueError, if it has too many digits
        return made

    return fit


def _list(kind: pa.DataType) -> Fit:
    inner = _fit_of(kind.value_type)
    size = kind.list_size if kinds.is_fixed_size_list(kind) else None

    def fit(value: Any) -> list[Any]:
        if value == {}:
            value = []
        if not isinstance(value, list | tuple):
            raise TypeError
        if size is not None and len(value) != size:
            raise ValueError
        return [None if item is None else inner(item) for item in value]

    return fit


def _struct(kind: pa.DataType) -> Fit:
    fields = {field.name: _fit_of(field.type) for field in kind}

    def fit(value: Any) -> dict[str, Any]:
        if value == []:
            value = {}
        if not value.keys() <= fields.keys():
            raise ValueError
        return {name: None if item is None else fields[name](item) for name, item in value.items()}

    return fit


def _map(kind: pa.DataType) -> Fit:
    key_fit, item_fit = _fit_of(kind.key_type), _fit_of(kind.item_type)

    def fit(value: Any) -> list[tuple[Any, Any]]:
        pairs = value.items() if isinstance(value, dict) else value
        return [(key_fit(key), None if item is None else item_fit(item)) for key, item in pairs]

    return fit


def _is_text(kind: pa.DataType) -> bool:
    return bool(kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_string_view(kind))


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(kinds.is_binary(kind) or kinds.is_large_binary(kind) or kinds.is_binary_view(kind))


_LISTS = (
    kinds.is_list, kinds.is_large_list, kinds.is_fixed_size_list, kinds.is_list_view, kinds.is_large_list_view,
)  # fmt: skip
_SCALARS: tuple[tuple[Callable[[pa.DataType], bool], Fit], ...] = (
    (_is_text, _exactly(str)),
    (kinds.is_float32, lambda value: _float(value, MOST_FLOAT32)),
    (kinds.is_float16, lambda value: _float(value, MOST_FLOAT16)),
    (kinds.is_boolean, _exactly(bool)),
    (kinds.is_floating, _float),
    (_is_bytes, _bytes),
    (kinds.is_timestamp, _temporal(datetime)),
    (kinds.is_date, _temporal(date)),
    (kinds.is_time, _temporal(time)),
    (kinds.is_duration, _exactly(timedelta)),
)
