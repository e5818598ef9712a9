"""Many records through one script: packed flat, run in one crossing for each chunk, unpacked to outcomes."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import repeat
from operator import itemgetter
from time import perf_counter
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import msgpack

from ..engine.runtime import TRAINING_ROWS, Batch
from ..errors import InvalidValue
from ..outcome import Outcome, WentWell
from ..values import unpack
from .fast import FastWay, function_of
from .view import put_change

if TYPE_CHECKING:
    from ..engine.interface import AnyRuntime

CHUNK = 500
MOST_BYTES = 4 * 1024 * 1024

General = Callable[[Any, "str | None"], Outcome]

# A row that assigned all its fields, each of them a new value, needs nothing more. Of others the changes are made here.
_LOOK_READ = """\
                if type(v{place}) is int and type(record.get({name!r})) is float:
                    mask = 0
"""
_LOOK_OLD = """\
                try:
                    old = record[{name!r}]
                except KeyError:
                    old = None
                if old is None:
                    if v{place} is None:
                        mask = 0
                elif type(old) is not type(v{place}) or old == v{place}:
                    mask = 0
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
_OUTCOMES = """\
def make(WentWell, new, repeat, put_change):
    def outcomes_of(values, records, numbers, told, took, odd):
        outcomes = list(map(new, repeat(WentWell, len(records))))
        unchanged = 0
        value = iter(values)
        for fuel, mask{values}, outcome, record, number in zip({columns}, outcomes, records, numbers):
            assigned = mask
            if mask == {full}:
{looks}
            if mask == {full}:
                outcome.changes = {{{literal}}}
            elif mask is None:
                outcomes[outcomes.index(outcome)] = odd(fuel, record, number)
                unchanged += 1
                continue
            else:
                changes = {{}}
                if assigned:
{puts}
                outcome.changes = changes
                if not changes:
                    unchanged += 1
            outcome.fuel = fuel
            outcome._record = record
            outcome._told = told
            outcome._number = number
            outcome._took = took
        return outcomes, len(outcomes) - unchanged
    return outcomes_of
"""


def _outcomes_text(reads: tuple[str, ...], writes: tuple[str, ...]) -> str:
    looks = puts = ""
    for place, name in enumerate(writes):
        look, put = (_LOOK_READ, _PUT_READ) if name in reads else (_LOOK_OLD, _PUT_OLD)
        looks += look.format(place=place, name=name)
        puts += put.format(place=place, name=name, bit=1 << place)
    return _OUTCOMES.format(
        values="".join(f", v{place}" for place in range(len(writes))),
        columns=", ".join(["value"] * (2 + len(writes))),
        full=(1 << len(writes)) - 1 if writes else -1,
        literal=", ".join(f"{name!r}: v{place}" for place, name in enumerate(writes)),
        looks=looks or "                pass",
        puts=puts or "                    pass",
    )


def _fuel(used: list[Any], masks: list[Any]) -> int:
    """Returns what rows used together, without those that go another way: they have no mask."""
    return sum(used if None not in masks else (f for f, mask in zip(used, masks, strict=True) if mask is not None))


@contextmanager
def collector_paused() -> Iterator[None]:
    """Keeps the cyclic garbage collector from walking a batch of new objects over and over while they are made."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class BatchWay:
    """Fires one binding on many records. Records that are not plain dicts of scalars go the general way.

    Args:
        way: The binding's fast way.
        general: Fires one record the general way.
    """

    def __init__(self, way: FastWay, general: General) -> None:
        self._way = way
        program = way.binding.program
        self._general = general
        self._reads = program.reads or ()
        self._trained: WeakSet[AnyRuntime] = WeakSet()
        writes = program.writes or ()
        self._width = 2 + len(writes)
        make = function_of(_outcomes_text(self._reads, writes), "make")
        self._outcomes_of = make(WentWell, object.__new__, repeat, put_change)

    def fire(self, records: list[Any], user: str | None) -> list[Outcome]:
        """Returns one outcome for each record, in order."""
        outcomes: list[Outcome] = []
        with collector_paused():
            for start in range(0, len(records), CHUNK):
                chunk = records[start : start + CHUNK]
                answer = self._answer(chunk)
                if answer is None:
                    outcomes += [self._general(record, user) for record in chunk]
                else:
                    outcomes += self._outcomes(chunk, user, *answer)
        return outcomes

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
        try:
            packed = msgpack.packb(self._flatten(chunk), strict_types=True)
        except (TypeError, OverflowError, ValueError):  # no scalar, an integer beyond 64 bits, a lone surrogate
            return None
        way = self._way
        limits = way.binding.limits
        if len(packed) > MOST_BYTES:
            return None
        runtime: AnyRuntime = way.pool.acquire()
        started = perf_counter()
        try:
            batch = self._batch_in(runtime, chunk, packed)
            values = unpack(batch(packed, len(chunk), limits.output_bytes, limits.value_depth, 0))
        except Exception:
            runtime.retired = True
            return None
        finally:
            way.pool.release(runtime)
        return values, started, (perf_counter() - started) / len(chunk)

    def _batch_in(self, runtime: AnyRuntime, chunk: list[Any], packed: bytes) -> Batch:
        batch = self._way.batch_in(runtime)
        if runtime not in self._trained and len(chunk) >= TRAINING_ROWS:
            self._trained.add(runtime)
            runtime.train_batch(batch, packed)
        return batch

    def _outcomes(
        self, chunk: list[Any], user: str | None, values: list[Any], started: float, took: float
    ) -> list[Outcome]:
        way = self._way
        vitals = way.binding.vitals

        def odd(row: Any, record: Any, number: int) -> Outcome:
            if isinstance(row, str | bytes):
                return way.told(row, record, user, started, took, number)
            vitals.unused += 1  # the general way takes a number of its own
            return self._general(record, user)

        numbers = vitals.numbers(len(chunk))
        try:
            fuel = _fuel(values[:: self._width], values[1 :: self._width])
            outcomes, changed = self._outcomes_of(values, chunk, numbers, way.explain, took, odd)
            if way.cast is not None:
                for outcome in outcomes:
                    outcome.changes = way.cast(outcome.changes)
        except (InvalidValue, TypeError):  # a record cannot take its value, or a worker's rows are none: one by one
            vitals.unused += len(chunk)
            return [self._general(record, user) for record in chunk]
        vitals.fuel += fuel
        vitals.changed += changed
        self._note(outcomes, user, started, took)
        found: list[Outcome] = outcomes
        return found

    def _note(self, outcomes: list[Outcome], user: str | None, started: float, took: float) -> None:
        way, recorder = self._way, self._way.recorder
        for outcome in outcomes:
            if recorder.quota <= 0:
                return
            if outcome._number:
                recorder.quota -= 1
                way.note(outcome._number, outcome._record, user, outcome.changes, outcome.fuel, started, took)
