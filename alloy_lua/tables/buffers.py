"""The buffers that a column driver writes into, and the Arrow arrays they become."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from struct import pack_into
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..engine.columns import AGAIN, BOOLEAN, NIL, NUMBER, TEXT, Layout, holds_numbers, holds_text
from .answer import CONTINUE, REJECTED, VALUE, Answer, Field

MOST_TEXT = 2**31 - 1  # bytes of one text column
TEXT_BYTES = 24  # bytes of text that a row is given room for at first


class Misfit(Exception):
    """What came of a batch does not fit Arrow columns: a sentence that says why."""


class FieldBuffers:
    """What becomes of one written field: a state for each row, and numbers or texts."""

    def __init__(self, name: str, rows: int, kind: pa.DataType | None, layout: Layout | None) -> None:
        self.name, self.rows, self.kind = name, rows, kind
        self.state = bytearray(rows)
        self.numbers = bytearray(8 * rows if holds_numbers(layout) else 0)
        self.ends = bytearray(4 * rows + 4 if holds_text(layout) else 0)
        self.text = bytearray(TEXT_BYTES * rows if layout is not None and holds_text(layout) else 0)
        self.changes: dict[int, Any] = {}

    def cells(self) -> Iterator[int]:
        """Yields what the plan holds of the field."""
        for buffer in (self.state, self.numbers, self.ends, self.text):
            yield _address(buffer)
        yield len(self.text)

    def grow(self) -> None:
        """Makes more room for text.

        Raises:
            Misfit: There can be no more.
        """
        size = len(self.text)
        if size == MOST_TEXT:
            raise Misfit(f"field {self.name} gets more than {MOST_TEXT} bytes of text")
        self.text = self.text + bytes(min(max(65536, size), MOST_TEXT - size))

    def put(self, row: int, value: Any) -> None:
        """Stores a change from Python."""
        if value is None:
            self.state[row] = NIL
        elif self.numbers and isinstance(value, int | float):
            self.state[row] = BOOLEAN if isinstance(value, bool) else NUMBER
            pack_into("=d", self.numbers, 8 * row, value)
        else:
            self.changes[row] = value

    def field(self) -> Field:
        """Returns the field's arrays.

        Raises:
            Misfit: Its values are of several kinds, or not of the column's.
        """
        state = _array(pa.int8(), self.state)
        values = self._values(state)
        state = pc.if_else(pc.greater(state, NIL), pa.scalar(VALUE, pa.int8()), state)
        if self.changes:
            changed = _mask(self.rows, self.changes)
            state = pc.if_else(changed, pa.scalar(VALUE, pa.int8()), state)
            try:
                values = self._with_changes(values, changed)
            except (pa.ArrowException, TypeError, ValueError):
                raise Misfit(f"field {self.name} gets values of several kinds") from None
        return Field(values, state)

    def _values(self, state: pa.Array) -> pa.Array:
        kinds = set(pc.unique(state).to_pylist()) - {0, NIL}
        if len(kinds) > 1:
            raise Misfit(f"field {self.name} gets values of several kinds")
        if kinds == {BOOLEAN}:
            numbers = pa.Array.from_buffers(
                pa.float64(), self.rows, [_bits(state, BOOLEAN), pa.py_buffer(self.numbers)]
            )
            return pc.not_equal(numbers, 0)
        if kinds == {NUMBER}:
            numbers = pa.Array.from_buffers(pa.float64(), self.rows, [_bits(state, NUMBER), pa.py_buffer(self.numbers)])
            return self._restored(numbers)
        if kinds == {TEXT}:
            return self._texts(state)
        return pa.nulls(self.rows, self._type_of_nothing())

    def _with_changes(self, values: pa.Array, changed: pa.BooleanArray) -> pa.Array:
        if pa.types.is_null(values.type) or pa.types.is_nested(values.type):
            kind = None if pa.types.is_null(values.type) else values.type
            return pa.array([self.changes.get(row) for row in range(self.rows)], kind)
        changes = pa.array([self.changes[row] for row in sorted(self.changes)], values.type)
        return pc.replace_with_mask(values, changed, changes)

    def _restored(self, numbers: pa.Array) -> pa.Array:
        """Returns whole numbers as they were in the column, if all are whole and fit it."""
        if self.kind is None or not pa.types.is_integer(self.kind):
            return numbers
        try:
            return numbers.cast(self.kind)
        except pa.ArrowInvalid:
            return numbers

    def _texts(self, state: pa.Array) -> pa.Array:
        buffers = [_bits(state, TEXT), pa.py_buffer(self.ends), pa.py_buffer(self.text)]
        texts = pa.Array.from_buffers(pa.string(), self.rows, buffers)
        end = int.from_bytes(self.ends[-4:], "little")
        if not bytes(memoryview(self.text)[:end]).isascii():
            try:
                texts.validate(full=True)
            except pa.ArrowInvalid:
                raise Misfit(f"field {self.name} gets bytes that are not UTF-8") from None
        return texts

    def _type_of_nothing(self) -> pa.DataType:
        """Returns the type that values would have had."""
        if self.kind is None:
            return pa.null()
        if pa.types.is_boolean(self.kind) or pa.types.is_integer(self.kind) or pa.types.is_nested(self.kind):
            return self.kind
        return pa.float64() if pa.types.is_floating(self.kind) else pa.string()


class Buffers:
    """All results of one batch.

    Args:
        rows: How many rows it has.
        writes: The type of the column of each written field, None where it has none.
        layouts: The layouts of the columns.

    Attributes:
        reasons: Reasons of rejections, by the numbers that the driver wrote.
    """

    def __init__(self, rows: int, writes: Mapping[str, pa.DataType | None], layouts: Mapping[str, Layout]) -> None:
        self.rows = rows
        self.reasons: list[str] = []
        self._status = bytearray([AGAIN]) * rows
        self._fuel = bytearray(8 * rows)
        self._codes = bytearray(4 * rows)
        self._fields = [FieldBuffers(name, rows, kind, layouts.get(name)) for name, kind in writes.items()]
        self._said: dict[int, tuple[str | None, str | None]] = {}
        self._plan = array("Q")
        self._places: list[int] = []

    def plan(self, inputs: Iterable[int]) -> array[int]:
        """Returns what the driver reads: the row's cell, addresses of results, of inputs, of written fields."""
        results = (_address(buffer) for buffer in (self._status, self._fuel, self._codes))
        self._plan = array("Q", (0, *results, *inputs))
        for field in self._fields:
            self._places.append(len(self._plan))
            self._plan.extend(field.cells())
        return self._plan

    def grow(self, number: int) -> None:
        """Makes room for the text of written field ``number``, counted from 1.

        Raises:
            Misfit: There can be no more.
        """
        field, place = self._fields[number - 1], self._places[number - 1]
        field.grow()
        self._plan[place : place + 5] = array("Q", field.cells())

    def left(self) -> list[int]:
        """Returns the rows that have to be run by themselves."""
        if AGAIN not in self._status:
            return []
        rows: list[int] = pc.indices_nonzero(pc.equal(_array(pa.int8(), self._status), AGAIN)).to_pylist()
        return rows

    def put(self, row: int, status: int, fuel: int, reason: str | None = None, code: str | None = None) -> None:
        """Stores what a row that was run by itself came to."""
        self._status[row] = status
        pack_into("=q", self._fuel, 8 * row, fuel)
        for field in self._fields:
            field.state[row] = 0
        if status != CONTINUE:
            self._said[row] = reason, code

    def put_changes(self, row: int, fuel: int, changes: Mapping[str, Any]) -> None:
        """Stores the changes of a row that was run by itself."""
        self.put(row, CONTINUE, fuel)
        for field in self._fields:
            if field.name in changes:
                field.put(row, changes[field.name])

    def answer(self) -> Answer:
        """Returns the results as arrays.

        Raises:
            Misfit: A field's values do not fit one column.
        """
        status = _array(pa.int8(), self._status)
        code = pa.nulls(self.rows, pa.string())
        reason = self._reason(status) if self.reasons else code
        if self._said:
            said = _mask(self.rows, self._said)
            reasons, codes = zip(*(self._said[row] for row in sorted(self._said)), strict=True)
            reason = pc.replace_with_mask(reason, said, pa.array(reasons, pa.string()))
            code = pc.replace_with_mask(code, said, pa.array(codes, pa.string()))
        fuel = _array(pa.int64(), self._fuel)
        return Answer(status, reason, code, fuel, {field.name: field.field() for field in self._fields})

    def _reason(self, status: pa.Array) -> pa.Array:
        there = _bits(status, REJECTED)
        codes = pa.Array.from_buffers(pa.int32(), self.rows, [there, pa.py_buffer(self._codes)])
        return pc.take(pa.array(self.reasons, pa.string()), codes)


def _address(buffer: bytearray) -> int:
    address: int = pa.py_buffer(buffer).address
    return address


def _array(kind: pa.DataType, buffer: bytearray) -> pa.Array:
    return pa.Array.from_buffers(kind, len(buffer) * 8 // kind.bit_width, [None, pa.py_buffer(buffer)])


def _bits(states: pa.Array, wanted: int) -> pa.Buffer:
    """Returns a bitmap of the places where ``states`` is ``wanted``."""
    return pc.equal(states, wanted).buffers()[1]


def _mask(rows: int, chosen: Iterable[int]) -> pa.BooleanArray:
    mask = bytearray(rows)
    for row in chosen:
        mask[row] = 1
    return _array(pa.int8(), mask).cast(pa.bool_())
