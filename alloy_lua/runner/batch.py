"""Many records through one script: packed flat, run in one crossing for each chunk, unpacked to outcomes."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import msgpack

from ..engine.runtime import Runtime
from ..errors import InvalidValue
from ..model import RunStatus
from ..outcome import Outcome
from ..values import unpack
from .fast import FastWay
from .runner import put_change

CHUNK = 1000
SHORT_SECONDS = 0.005

General = Callable[[Any, "str | None"], Outcome]

_FLATTEN = """\
def flatten(records):
    return [value for r in records for value in ({values},)]
"""


def _refuse(value: Any) -> Any:
    raise InvalidValue("not a scalar")


class BatchWay:
    """Fires one binding on many records. Records that are not plain dicts of scalars go the general way."""

    def __init__(self, way: FastWay, general: General) -> None:
        self._way = way
        self._general = general
        program = way.binding.program
        self._reads, self._writes = program.reads or (), program.writes or ()
        space: dict[str, Any] = {}
        values = ", ".join(f"r.get({name!r})" for name in self._reads) or "None"
        exec(_FLATTEN.format(values=values), space)  # the only names in the text are quoted field names
        self._flatten = space["flatten"]

    def fire(self, records: list[Any], user: str | None) -> list[Outcome]:
        """Returns one outcome for each record, in order."""
        outcomes: list[Outcome] = []
        for start in range(0, len(records), CHUNK):
            chunk = records[start : start + CHUNK]
            answer = self._answer(chunk)
            if answer is None:
                outcomes += [self._general(record, user) for record in chunk]
            else:
                self._collect(chunk, user, answer, outcomes)
        return outcomes

    def _answer(self, chunk: list[Any]) -> tuple[list[Any], float, float] | None:
        """Returns the flat answers, when they were begun, and the seconds each took; None if it cannot be packed."""
        if set(map(type, chunk)) != {dict}:
            return None
        try:
            packed = msgpack.packb(self._flatten(chunk), default=_refuse, strict_types=True)
        except (InvalidValue, OverflowError, ValueError, UnicodeEncodeError):
            return None
        way = self._way
        limits = way.binding.limits
        if len(packed) > limits.input_bytes * 4:
            return None
        pool = way.pool
        runtime: Runtime = pool.acquire()
        started = perf_counter()
        try:
            batch = way.batch_in(runtime)
            flat = unpack(batch(packed, len(chunk), limits.output_bytes, limits.value_depth))
        except Exception:
            runtime.retired = True
            return None
        finally:
            pool.release(runtime)
        return flat, started, (perf_counter() - started) / len(chunk)

    def _collect(
        self, chunk: list[Any], user: str | None, answer: tuple[list[Any], float, float], outcomes: list[Outcome]
    ) -> None:
        flat, started, took = answer
        way, width, writes = self._way, len(self._writes), self._writes
        vitals, recorder, next_run = way.binding.vitals, way.recorder, way.next_run
        explain = way.explain
        at, changed, fuel_total = 0, 0, 0
        for record in chunk:
            fuel = flat[at]
            if type(fuel) is not int:  # a packed outcome: rejected, failed, or with more to tell
                at += 1
                outcomes.append(way.settle(fuel, record, user, started, took))
                continue
            mask = flat[at + 1]
            at += 2
            if fuel < 0:
                outcomes.append(self._general(record, user))
                continue
            changes: dict[str, Any] = {}
            if mask:
                for place, name in enumerate(writes):
                    if mask & (1 << place):
                        value, old = flat[at + place], record.get(name)
                        if type(value) is not type(old):
                            put_change(changes, name, old, value)
                        elif value != old:
                            changes[name] = value
                at += width
            fuel_total += fuel
            if changes:
                changed += 1
            number = next_run()
            if recorder.quota > 0:
                recorder.quota -= 1
                way.note(number, record, user, changes, fuel, started, took)
            outcomes.append(Outcome((RunStatus.CONTINUE, changes, fuel, record, explain, number, took)))
        vitals.changed += changed
        vitals.fuel += fuel_total
