"""Many records through one script: packed flat, run in one crossing for each chunk, unpacked to outcomes."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from operator import itemgetter
from time import perf_counter
from typing import Any
from weakref import WeakSet

import msgpack

from ..engine.runtime import TRAINING_ROWS, Batch, Runtime
from ..errors import InvalidValue
from ..outcome import Outcome, WentWell
from ..values import unpack
from .fast import FastWay, function_of
from .view import put_change

CHUNK = 1000
MOST_BYTES = 4 * 1024 * 1024

General = Callable[[Any, "str | None"], Outcome]

# What every row needs that assigned all fields; the few other rows start from nothing.
_SET = """\
                    if mask & {bit}:
                        changes[{name!r}] = v{place}
"""
_CHECK_READ = """\
                if {assigned} and type(v{place}) is int and type(record.get({name!r})) is float:
                    changes[{name!r}] = float(v{place})
"""
_CHECK_OLD = """\
                if {assigned}:
                    old = record.get({name!r})
                    if old is None:
                        if v{place} is None:
                            del changes[{name!r}]
                    elif type(old) is not type(v{place}) or old == v{place}:
                        refit(changes, {name!r}, old, v{place})
"""
_OUTCOMES = """\
def make(WentWell, new, explain, refit):
    def outcomes_of(rows, records, numbers, took, odd):
        outcomes = []
        add = outcomes.append
        fuel_total = changed = 0
        for row, record, number in zip(rows, records, numbers):
            try:
                fuel, mask{values} = row
            except (TypeError, ValueError):
                add(odd(row, record, number))
                continue
            if mask == {full}:
                changes = {{{literal}}}
{checks_full}
            else:
                changes = {{}}
                if mask:
{sets}
{checks_some}
            if changes:
                changed += 1
            fuel_total += fuel
            outcome = new(WentWell)
            outcome.changes = changes
            outcome.fuel = fuel
            outcome._record = record
            outcome._told = explain
            outcome._number = number
            outcome._took = took
            add(outcome)
        return outcomes, fuel_total, changed
    return outcomes_of
"""


def _outcomes_text(reads: tuple[str, ...], writes: tuple[str, ...]) -> str:
    checks = {True: "", False: ""}
    for place, name in enumerate(writes):
        for full in (True, False):
            assigned = "True" if full else f"mask & {1 << place}"
            template = _CHECK_READ if name in reads else _CHECK_OLD
            checks[full] += template.format(place=place, name=name, assigned=assigned)
    return _OUTCOMES.format(
        values="".join(f", v{place}" for place in range(len(writes))),
        full=(1 << len(writes)) - 1 if writes else -1,
        literal=", ".join(f"{name!r}: v{place}" for place, name in enumerate(writes)),
        sets="".join(_SET.format(bit=1 << place, place=place, name=name) for place, name in enumerate(writes))
        or "                    pass",
        checks_full=checks[True] or "                pass",
        checks_some=checks[False] or "                pass",
    )


def _refit(changes: dict[str, Any], name: str, old: Any, new: Any) -> None:
    del changes[name]
    put_change(changes, name, old, new)


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
        self._trained: WeakSet[Runtime] = WeakSet()
        text = _outcomes_text(self._reads, program.writes or ())
        make = function_of(text, "make")
        self._outcomes_of = make(WentWell, object.__new__, way.explain, _refit)

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
        reads = self._reads
        if not reads:
            return []
        try:
            rows = map(itemgetter(*reads), chunk)
            return list(rows) if len(reads) == 1 else list(chain.from_iterable(rows))
        except KeyError:
            return [record.get(name) for record in chunk for name in reads]

    def _answer(self, chunk: list[Any]) -> tuple[list[Any], float, float] | None:
        """Returns a row for each record, when they were begun, and the seconds each took; None if not all scalars."""
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
        runtime: Runtime = way.pool.acquire()
        started = perf_counter()
        try:
            batch = self._batch_in(runtime, chunk, packed)
            rows = unpack(batch(packed, len(chunk), limits.output_bytes, limits.value_depth, 0))
        except Exception:
            runtime.retired = True
            return None
        finally:
            way.pool.release(runtime)
        return rows, started, (perf_counter() - started) / len(chunk)

    def _batch_in(self, runtime: Runtime, chunk: list[Any], packed: bytes) -> Batch:
        batch = self._way.batch_in(runtime)
        if runtime not in self._trained and len(chunk) >= TRAINING_ROWS:
            self._trained.add(runtime)
            runtime.train_batch(batch, packed)
        return batch

    def _outcomes(
        self, chunk: list[Any], user: str | None, rows: list[Any], started: float, took: float
    ) -> list[Outcome]:
        way = self._way
        vitals = way.binding.vitals

        def odd(row: Any, record: Any, number: int) -> Outcome:
            if isinstance(row, str | bytes):
                return way.told(row, record, user, started, took, number)
            vitals.unused += 1  # the general way takes a number of its own
            return self._general(record, user)

        try:
            outcomes, fuel, changed = self._outcomes_of(rows, chunk, vitals.numbers(len(rows)), took, odd)
        except InvalidValue:  # some record cannot take its value: find out which, one by one
            vitals.unused += len(rows)
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
