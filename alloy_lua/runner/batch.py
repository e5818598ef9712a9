"""Many records through one script: packed flat, run in one crossing for each chunk, unpacked to outcomes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from operator import itemgetter
from time import perf_counter
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import msgpack

from ..engine.runtime import TRAINING_ROWS, Batch
from ..errors import InvalidValue
from ..outcome import Explain, InBatch, Outcome, Outcomes, Part, ScriptRun
from ..values import unpack
from .fast import FastWay, function_of
from .view import put_change

if TYPE_CHECKING:
    from ..engine.interface import AnyRuntime

CHUNK = 500
MOST_BYTES = 4 * 1024 * 1024
CROSSING_SECONDS = 0.2  # what a crossing should take at most: Python sees no signal before it ends

General = Callable[[Any, "str | None"], Outcome]

# A row that assigned all its fields, each of them a new value, needs nothing more. Of others the changes are made here.
_LOOK_READ = """\
                if type(v{place}) is int and type(record.get({name!r})) is float:
                    mask = -1
"""
_LOOK_OLD = """\
                try:
                    old = record[{name!r}]
                except KeyError:
                    old = None
                if old is None:
                    if v{place} is None:
                        mask = -1
                elif type(old) is not type(v{place}) or old == v{place}:
                    mask = -1
"""
_PUT_READ = """\
                    if assigned & {bit}:
                        fits = type(v{place}) is not int or type(record.get({name!r})) is not float
                        changes[{name!r}] = v{place} if fits else float(v{place})
"""
_PUT_OLD = """\
                    if assigned & {bit}:
                        put_change(changes, {name!r}, record.get({name!r}), v{place})
"""
_TEMPLATE = """\
def make(put_change):
    def told(values, records, odd):
        all, unchanged, value = [], 0, iter(values)
        add = all.append
        for fuel, mask{values}, record in zip({columns}, records):
            assigned = mask
            if mask == {full}:
{looks}
                if mask >= 0:
                    add({{{literal}}})
                    continue
            elif mask is None:
                add(odd(fuel, len(all)))
                unchanged += 1
                continue
            changes = {{}}
            if assigned:
{puts}
            add(changes)
            if not changes:
                unchanged += 1
        return all, unchanged
    return told
"""

Told = Callable[[list[Any], list[Any], Callable[[Any, int], Outcome]], "tuple[list[Any], int]"]


@lru_cache(maxsize=256)
def _told(reads: tuple[str, ...], writes: tuple[str, ...]) -> Told:
    """Returns a function that knows the fields by name: it returns each row's changes, or for a row with more to tell
    its outcome, and how many changed nothing."""
    looks = puts = ""
    for place, name in enumerate(writes):
        look, put = (_LOOK_READ, _PUT_READ) if name in reads else (_LOOK_OLD, _PUT_OLD)
        looks += look.format(place=place, name=name)
        puts += put.format(place=place, name=name, bit=1 << place)
    text = _TEMPLATE.format(
        values="".join(f", v{place}" for place in range(len(writes))),
        columns=", ".join(["value"] * (2 + len(writes))),
        full=(1 << len(writes)) - 1,
        literal=", ".join(f"{name!r}: v{place}" for place, name in enumerate(writes)),
        looks=looks or "                pass",
        puts=puts or "                pass",
    )
    made: Told = function_of(text, "make")(put_change)
    return made


class BatchRows:
    """The outcomes of one chunk.

    Args:
        explain: Tells of one run.
        told: Each row's changes, or for a row with more to tell its outcome.
        records: The chunk.
        fuels: What each row used.
        numbers: The run number of each row.
        took: Seconds that a row took.
    """

    __slots__ = ("_explain", "_fuels", "_numbers", "_records", "_told", "_took")

    def __init__(
        self, explain: Explain, told: list[Any], records: list[Any], fuels: list[int], numbers: list[int], took: float
    ) -> None:
        self._explain = explain
        self._told = told
        self._records = records
        self._fuels = fuels
        self._numbers = numbers
        self._took = took

    def __len__(self) -> int:
        return len(self._records)

    def between(self, start: int, stop: int) -> Iterator[Outcome]:
        """Yields the outcomes of some rows."""
        told, records = self._told, self._records
        if start or stop < len(told):
            told, records = told[start:stop], records[start:stop]
        row = start
        for changes, record in zip(told, records, strict=True):
            if type(changes) is dict:
                outcome = InBatch()
                outcome.changes = changes
                outcome._record = record
                outcome._rows = self
                outcome._row = row
                yield outcome
            else:
                yield changes
            row += 1

    def fuel(self, row: int) -> int:
        """Returns what a row used."""
        return self._fuels[row]

    def runs(self, row: int) -> tuple[ScriptRun, ...]:
        """Returns what the script did for a row."""
        return self._explain(self._numbers[row], self._took, self._fuels[row])


class ListedRows(list[Outcome]):
    """The outcomes of a chunk whose records went the general way."""

    def between(self, start: int, stop: int) -> Iterator[Outcome]:
        """Yields the outcomes of some rows."""
        return iter(self[start:stop])


def _fuel(used: list[Any], masks: list[Any]) -> int:
    """Returns what rows used together, without those that go another way: they have no mask."""
    return sum(used if None not in masks else (f for f, mask in zip(used, masks, strict=True) if mask is not None))


class BatchWay:
    """Fires one binding on many records. Records that are not plain dicts of scalars go the general way.

    Args:
        way: The binding's fast way.
        general: Fires one record the general way.
        look: Called before each crossing; what it raises ends the batch.
    """

    def __init__(self, way: FastWay, general: General, look: Callable[[], None] | None = None) -> None:
        self._way, self._look = way, look
        self._at_once = TRAINING_ROWS  # rows of a crossing: the first ones tell how long a row takes
        program = way.binding.program
        self._general = general
        self._reads = program.reads or ()
        self._trained: WeakSet[AnyRuntime] = WeakSet()
        writes = program.writes or ()
        self._width = 2 + len(writes)
        self._told = _told(self._reads, writes)

    def fire(self, records: list[Any], user: str | None) -> Outcomes:
        """Returns one outcome for each record, in order."""
        parts: list[Part] = []
        for start in range(0, len(records), CHUNK):
            chunk = records[start : start + CHUNK]
            answer = self._answer(chunk)
            rows = self._rows(chunk, user, *answer) if answer is not None else None
            parts.append(rows if rows is not None else ListedRows(self._general(record, user) for record in chunk))
        return Outcomes(parts, CHUNK)

    def _flatten(self, chunk: list[Any]) -> list[Any]:
        """Returns the fields that the script reads, of all records, one after the other."""
        width = len(self._reads)
        flat: list[Any] = [None] * (len(chunk) * width)
        for place, name in enumerate(self._reads):
            try:
                flat[place::width] = map(itemgetter(name), chunk)
            except KeyError:
                flat[place::width] = [record.get(name) for record in chunk]
        return flat

    def _answer(self, chunk: list[Any]) -> tuple[list[Any], float, float] | None:
        """Returns all rows' values, when they were begun, and the seconds each took; None if not all scalars."""
        if set(map(type, chunk)) != {dict}:
            return None
        started = perf_counter()
        values: list[Any] = []
        row = 0
        while row < len(chunk):
            rows = chunk[row : row + self._at_once]
            told = self._crossed(rows)
            if told is None:
                return None
            values = values + told if row else told
            row += len(rows)
        return values, started, (perf_counter() - started) / len(chunk)

    def _crossed(self, chunk: list[Any]) -> list[Any] | None:
        """Returns the values of rows that cross together; None if not all are scalars."""
        if self._look is not None:
            self._look()
        try:
            packed = msgpack.packb(self._flatten(chunk), strict_types=True)
        except (TypeError, OverflowError, ValueError):  # no scalar, an integer beyond 64 bits, a lone surrogate
            return None
        way = self._way
        limits = way.binding.limits
        if len(packed) > MOST_BYTES:
            return None
        runtime: AnyRuntime = way.pool.acquire()
        try:
            batch = self._batch_in(runtime, chunk, packed)
            began = perf_counter()
            values: list[Any] = unpack(batch(packed, len(chunk), limits.output_bytes, limits.value_depth, 0))
        except Exception:
            runtime.retired = True
            return None
        finally:
            way.pool.release(runtime)
        took = max(perf_counter() - began, 1e-6)
        self._at_once = max(1, min(CHUNK, int(len(chunk) * CROSSING_SECONDS / took)))
        return values

    def _batch_in(self, runtime: AnyRuntime, chunk: list[Any], packed: bytes) -> Batch:
        batch = self._way.batch_in(runtime)
        if runtime not in self._trained and len(chunk) >= TRAINING_ROWS:
            self._trained.add(runtime)
            runtime.train_batch(batch, packed)
        return batch

    def _rows(
        self, chunk: list[Any], user: str | None, values: list[Any], started: float, took: float
    ) -> BatchRows | None:
        """Returns what the rows came to; None if they have to go one by one."""
        way, width = self._way, self._width
        vitals = way.binding.vitals

        def odd(told: Any, row: int) -> Outcome:
            if isinstance(told, str | bytes):
                return way.told(told, chunk[row], user, started, took, numbers[row])
            vitals.unused += 1  # the general way takes a number of its own
            return self._general(chunk[row], user)

        numbers = vitals.numbers(len(chunk))
        try:
            fuels = values[::width]
            fuel = _fuel(fuels, values[1::width])
            told, unchanged = self._told(values, chunk, odd)
            if way.cast is not None:
                told = [way.cast(changes) if type(changes) is dict else changes for changes in told]
        except (InvalidValue, TypeError):  # a record cannot take its value, or a worker's rows are none
            vitals.unused += len(chunk)
            return None
        vitals.fuel += fuel
        if width > 2:
            vitals.changed += len(chunk) - unchanged
        rows = BatchRows(way.explain, told, chunk, fuels, numbers, took)
        self._note(rows, numbers, user, started, took)
        return rows

    def _note(self, rows: BatchRows, numbers: list[int], user: str | None, started: float, took: float) -> None:
        way, recorder = self._way, self._way.recorder
        if recorder.quota <= 0:
            return
        for outcome, number in zip(rows.between(0, len(rows)), numbers, strict=True):
            if recorder.quota <= 0:
                return
            if type(outcome) is InBatch:
                recorder.quota -= 1
                way.note(number, outcome._record, user, outcome.changes, outcome.fuel, started, took)
