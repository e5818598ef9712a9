"""The buffers that a column driver writes into, and the Arrow arrays they become."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from struct import pack_into, unpack_from
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..engine.columns import AGAIN, BOOLEAN, NIL, NUMBER, TEXT, Layout, holds_numbers, holds_text
from ..errors import InvalidValue
from ..values import jsonable
from .answer import CONTINUE, FAILED, REJECTED, Answer, Field
from .fitting import fitting

MOST_TEXT = 2**31 - 1  # bytes of one text column
GROWTH = 65_536
MOST_ROOM = 2**24  # bytes of text that there is room for at first: what a few rows needed may be no measure


class Misfit(Exception):
    """What came of a batch does not fit Arrow columns: a sentence that says why."""


class Texts:
    """A text for each row: where each ends, and the bytes of all.

    Args:
        rows: How many rows; 0 for a field that gets no texts.
        size: How many bytes there is room for at first.
    """

    def __init__(self, rows: int, size: int) -> None:
        self.rows = rows
        self.ends = bytearray(4 * rows + 4 if rows else 0)
        self.bytes = bytearray(size if rows else 0)

    @property
    def used(self) -> int:
        """How many bytes there are of all rows."""
        return int.from_bytes(self.ends[-4:], "little")

    def cells(self) -> Iterator[int]:
        """Yields what the plan holds: two addresses and a size."""
        yield _address(self.ends)
        yield _address(self.bytes)
        yield len(self.bytes)

    def grow(self, name: str) -> None:
        """Makes more room.

        Raises:
            Misfit: There can be no more.
        """
        size = len(self.bytes)
        if size >= MOST_TEXT:
            raise Misfit(f"{name} gets more than {MOST_TEXT} bytes of text")
        self.bytes += bytes(min(max(GROWTH, size), MOST_TEXT - size))

    def text(self, row: int) -> bytes:
        """Returns the text of a row."""
        begin, end = unpack_from("=ii", self.ends, 4 * row)
        return bytes(self.bytes[begin:end])

    def mend(self) -> None:
        """Gives rows that were not reached the empty text."""
        if self.rows:
            ends = pc.cumulative_max(_array(pa.int32(), self.ends))
            self.ends[:] = memoryview(ends.buffers()[1])[: len(self.ends)]

    def is_ascii(self) -> bool:
        """Returns whether there is no other character."""
        return self.bytes.isascii()  # what has not been written to is zeros

    def array(self, there: pa.Buffer) -> pa.StringArray | None:
        """Returns the texts; None if they are not UTF-8.

        Args:
            there: A bitmap of the rows that have one.
        """
        buffers = [there, pa.py_buffer(self.ends), pa.py_buffer(self.bytes)]
        texts = pa.Array.from_buffers(pa.string(), self.rows, buffers)
        if not self.is_ascii():
            try:
                texts.validate(full=True)
            except pa.ArrowInvalid:
                return None
        return texts


class Room:
    """How many bytes of text to make room for, from what earlier batches needed."""

    def __init__(self) -> None:
        self._row_bytes: dict[str | None, float] = {}

    def of(self, name: str | None, rows: int) -> int:
        """Returns the bytes for a field, or for the reasons of rejections if it is None."""
        return min(MOST_ROOM, int(self._row_bytes.get(name, 0.0) * rows))

    def learn(self, name: str | None, texts: Texts) -> None:
        """Takes up what a batch needed, and a little more."""
        if texts.rows:
            self._row_bytes[name] = 1.05 * texts.used / texts.rows


class FieldBuffers:
    """What becomes of one written field: a state for each row, and numbers or texts."""

    def __init__(self, name: str, rows: int, kind: pa.DataType | None, layout: Layout | None, room: Room) -> None:
        self.name, self.rows, self.kind = name, rows, kind
        self.state = bytearray(rows)
        self.numbers = bytearray(8 * rows if holds_numbers(layout) else 0)
        self.texts = Texts(rows if holds_text(layout) else 0, room.of(name, rows))
        self.changes: dict[int, Any] = {}
        # Arrow cuts what it finds in a list or struct to the type, without a word
        self.fit = fitting(name, kind) if kind is not None and pa.types.is_nested(kind) else None

    def cells(self) -> Iterator[int]:
        """Yields what the plan holds of the field."""
        yield _address(self.state)
        yield _address(self.numbers)
        yield from self.texts.cells()

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
        changed = pc.not_equal(_array(pa.int8(), self.state), 0)
        values = self._values(changed)
        if self.changes:
            fresh = _mask(self.rows, self.changes)
            changed = pc.or_(changed, fresh)
            try:
                values = self._with_changes(values, fresh)
            except (pa.ArrowException, TypeError, ValueError):
                raise Misfit(f"field {self.name} gets values of several kinds") from None
        return Field(values, changed)

    def _values(self, changed: pa.BooleanArray) -> pa.Array:
        kinds = [kind for kind in (NUMBER, TEXT, BOOLEAN) if kind in self.state]
        if not kinds:
            return pa.nulls(self.rows, self._type_of_nothing())
        if len(kinds) > 1:
            raise Misfit(f"field {self.name} gets values of several kinds")
        kind = kinds[0]
        there = _bits(_array(pa.int8(), self.state), kind) if NIL in self.state else changed.buffers()[1]
        if kind == TEXT:
            texts = self.texts.array(there)
            if texts is None:
                raise Misfit(f"field {self.name} gets bytes that are not UTF-8")
            return texts
        numbers = pa.Array.from_buffers(pa.float64(), self.rows, [there, pa.py_buffer(self.numbers)])
        return pc.not_equal(numbers, 0) if kind == BOOLEAN else self._restored(numbers)

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
        room: Says how much text to expect.
    """

    def __init__(
        self, rows: int, writes: Mapping[str, pa.DataType | None], layouts: Mapping[str, Layout], room: Room
    ) -> None:
        self.rows = rows
        self._room = room
        self._status = bytearray([AGAIN]) * rows
        self._fuel = array("d", [0.0])
        self._reasons = Texts(rows, room.of(None, rows))
        self._fields = [FieldBuffers(name, rows, kind, layouts.get(name), room) for name, kind in writes.items()]
        self._said: dict[int, tuple[str | None, str | None]] = {}
        self._plan = array("Q")
        self._places: list[int] = []

    def plan(self, inputs: Iterable[int]) -> array[int]:
        """Returns what the driver reads: the row's cell, addresses of results, of inputs, of written fields."""
        results = (_address(self._status), self._fuel.buffer_info()[0], *self._reasons.cells())
        self._plan = array("Q", (0, *results, *inputs))
        for field in self._fields:
            self._places.append(len(self._plan) + 2)
            self._plan.extend(field.cells())
        return self._plan

    def grow(self, number: int) -> None:
        """Makes room for the text of written field ``number``, counted from 1, or for the reasons if it is 0.

        Raises:
            Misfit: There can be no more.
        """
        if number:
            field = self._fields[number - 1]
            name, texts, place = f"field {field.name}", field.texts, self._places[number - 1]
        else:
            name, texts, place = "the reasons of rejections", self._reasons, 3
        texts.grow(name)
        self._plan[place : place + 3] = array("Q", texts.cells())

    def mend(self) -> None:
        """Makes whole what a driver left that did not reach all rows."""
        for texts in (self._reasons, *(field.texts for field in self._fields)):
            texts.mend()

    def left(self) -> list[int]:
        """Returns the rows that have to be run by themselves."""
        return self._with_status(AGAIN) if AGAIN in self._status else []

    def _with_status(self, wanted: int) -> list[int]:
        rows: list[int] = pc.indices_nonzero(pc.equal(_array(pa.int8(), self._status), wanted)).to_pylist()
        return rows

    def put(self, row: int, status: int, fuel: int, reason: str | bytes | None = None, code: str | None = None) -> None:
        """Stores what a row that was run by itself came to."""
        self._status[row] = status
        self._fuel[0] += fuel
        for field in self._fields:
            field.state[row] = 0
        if status != CONTINUE:
            self._said[row] = jsonable(reason), code

    def put_changes(self, row: int, fuel: int, changes: Mapping[str, Any]) -> None:
        """Stores the changes of a row that was run by itself; a row fails if one does not fit its list or struct."""
        fitted = dict(changes)
        try:
            for field in self._fields:
                if field.fit is not None and fitted.get(field.name) is not None:
                    fitted[field.name] = field.fit(fitted[field.name])
        except InvalidValue as problem:
            self.put(row, FAILED, fuel, problem.message, problem.code)
            return
        self.put(row, CONTINUE, fuel)
        for field in self._fields:
            if field.name in fitted:
                field.put(row, fitted[field.name])

    def answer(self) -> Answer:
        """Returns the results as arrays.

        Raises:
            Misfit: A field's values do not fit one column.
        """
        status = _array(pa.int8(), self._status)
        code = _no_texts(self.rows)
        reason = self._reasons.array(_bits(status, REJECTED)) if REJECTED in self._status else code
        if reason is None:
            reason = code
            for row in self._with_status(REJECTED):
                self._said.setdefault(row, (jsonable(self._reasons.text(row)), None))
        if self._said:
            said = _mask(self.rows, self._said)
            reasons, codes = zip(*(self._said[row] for row in sorted(self._said)), strict=True)
            reason = pc.replace_with_mask(reason, said, pa.array(reasons, pa.string()))
            code = pc.replace_with_mask(code, said, pa.array(codes, pa.string()))
        for name, texts in ((None, self._reasons), *((field.name, field.texts) for field in self._fields)):
            self._room.learn(name, texts)
        return Answer(status, reason, code, int(self._fuel[0]), {field.name: field.field() for field in self._fields})


@lru_cache(maxsize=4)
def _no_texts(rows: int) -> pa.StringArray:
    return pa.nulls(rows, pa.string())


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
