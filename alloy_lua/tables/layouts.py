"""How Arrow columns lie in memory, in the words of the column driver (engine/columns.py)."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
from pyarrow import types

from ..engine.columns import Layout

_EXACT = {
    pa.int8(): "int8_t", pa.int16(): "int16_t", pa.int32(): "int32_t",
    pa.uint8(): "uint8_t", pa.uint16(): "uint16_t", pa.uint32(): "uint32_t",
}  # fmt: skip
_CHECKED = {pa.int64(): "int64_t", pa.uint64(): "uint64_t", pa.float32(): "float", pa.float64(): "double"}
_TEXTS = {pa.string(): "int32_t", pa.large_string(): "int64_t"}
_SIZES = {
    "int8_t": 1, "uint8_t": 1, "int16_t": 2, "uint16_t": 2, "int32_t": 4, "uint32_t": 4, "int64_t": 8, "uint64_t": 8,
    "float": 4, "double": 8,
}  # fmt: skip


def layout_of(kind: pa.DataType, array: pa.Array | None = None) -> Layout | None:
    """Returns the layout of a column of type ``kind``, None if scripts see its values in a form that it has not.

    Args:
        kind: The column's type.
        array: Its values, if the layout is to tell whether some are null.
    """
    nullable = array is not None and array.null_count > 0
    if types.is_null(kind):
        return Layout("null")
    if kind in _EXACT:
        return Layout("number", _EXACT[kind], nullable=nullable)
    if kind in _CHECKED:
        return Layout("number", _CHECKED[kind], exact=False, nullable=nullable)
    if types.is_boolean(kind):
        return Layout("boolean", nullable=nullable)
    if kind in _TEXTS:
        return Layout("text", _TEXTS[kind], nullable=nullable)
    if types.is_dictionary(kind) and kind.value_type in _TEXTS:
        index = _EXACT.get(kind.index_type) or _CHECKED[kind.index_type]
        texts = layout_of(kind.value_type, None if array is None else array.dictionary)
        return Layout("dictionary", index, nullable=nullable, values=texts)
    if types.is_list(kind) or types.is_large_list(kind):
        values = _inner(kind.value_type, None if array is None else array.values, struct=True)
        ctype = "int32_t" if types.is_list(kind) else "int64_t"
        return values and Layout("list", ctype, nullable=nullable, values=values)
    return _struct(kind, array) if types.is_struct(kind) else None


def _struct(kind: pa.StructType, array: pa.StructArray | None) -> Layout | None:
    nullable = array is not None and array.null_count > 0
    fields = [
        (field.name, _inner(field.type, None if array is None else array.field(at))) for at, field in enumerate(kind)
    ]
    known = tuple((name, layout) for name, layout in fields if layout is not None)
    if len(known) < len(fields) or len({name for name, _ in fields}) < len(fields):
        return None
    return Layout("struct", nullable=nullable, fields=known)


def _inner(kind: pa.DataType, array: pa.Array | None, *, struct: bool = False) -> Layout | None:
    """Returns the layout of elements or fields; None for what is nested deeper."""
    if types.is_struct(kind):
        return _struct(kind, array) if struct else None
    return None if types.is_nested(kind) else layout_of(kind, array)


def is_utf8(array: pa.Array, layout: Layout) -> bool:
    """Returns whether all texts of a column are UTF-8; Arrow does not look when it takes a buffer over."""
    if layout.kind == "text":
        first, behind = _ends(array)
        if array.buffers()[2] is None or array.buffers()[2].slice(first, behind - first).to_pybytes().isascii():
            return True  # Arrow's own look takes several times as long
        try:
            array.validate(full=True)
        except pa.ArrowInvalid:
            return False
    if layout.kind == "dictionary" and layout.values is not None:
        return is_utf8(array.dictionary, layout.values)
    if layout.kind == "list" and layout.values is not None:
        first, behind = _ends(array)
        return is_utf8(array.values.slice(first, behind - first), layout.values)
    return all(is_utf8(array.field(at), field) for at, (_, field) in enumerate(layout.fields))


def _ends(array: pa.Array) -> tuple[int, int]:
    """Returns where the bytes or elements of a column's rows begin and end."""
    if not len(array):
        return 0, 0  # there may be no buffers
    kind = pa.int32() if array.type == pa.string() or types.is_list(array.type) else pa.int64()
    ends = pa.Array.from_buffers(kind, len(array) + 1, [None, array.buffers()[1]], offset=array.offset)
    return ends[0].as_py(), ends[-1].as_py()


def cells_of(array: pa.Array, layout: Layout) -> Iterator[int]:
    """Yields what the plan holds of a column, in the order in which the driver declares its pointers: addresses of
    buffers, each where the first value is, and offsets in bits for bitmaps."""
    if layout.kind == "null":
        return
    buffers, offset = array.buffers(), array.offset
    if layout.nullable:
        yield from (_address(buffers[0]), offset)
    if layout.kind == "boolean":
        yield from (_address(buffers[1]), offset)
    elif layout.ctype:
        yield _address(buffers[1]) + offset * _SIZES[layout.ctype]
    if layout.kind == "text":
        yield _address(buffers[2])
    if layout.values is not None:
        yield from cells_of(array.values if layout.kind == "list" else array.dictionary, layout.values)
    for number, (_, field) in enumerate(layout.fields):
        yield from cells_of(array.field(number), field)


def _address(buffer: pa.Buffer | None) -> int:
    return buffer.address if buffer is not None else 0
