"""Durable runs: every host call is a recorded step, so that a run goes on where it was, in whatever process.

Scripts are deterministic (see docs/scripting.md): what they do follows from their text, what they are given, the run's
id, the time it began, and the answers of host calls. So a run is taken up by running its script from the start while
the journal answers the calls that were made before. A call is recorded with a digest of its arguments: one that is
not the one on record ends the run.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

from ..checks import shown
from ..errors import AlloyError, InvalidValue, StoreError
from ..hostapi import KEY, SLEEP, HostCall
from ..job_model import Job, Step
from ..job_ports import JobStore
from ..values import handle, jsonable, pack, unpack

START = "start"
MAX_RESULT_BYTES = 4 * 1024 * 1024
LONGEST_SLEEP = timedelta(days=3660)
SOON = timedelta(seconds=1)
UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}

_DURATION = re.compile(r"\s*(\d{1,9}(?:\.\d{1,6})?)\s*(second|minute|hour|day|week)s?\s*")


class Ended(BaseException):
    """Ends a try from within a host call: no error, so that neither script nor engine can catch it."""


class Parked(Ended):
    """The run goes on at ``wake``."""

    def __init__(self, wake: datetime) -> None:
        super().__init__(f"asleep until {wake.isoformat()}")
        self.wake = wake


class Taken(Ended):
    """The job was cancelled, or given to another node."""


class Diverged(Ended):
    """The run does something else than what is on record of it."""


class Journal:
    """The steps of one job, answered as long as they last and written from then on.

    Args:
        store: Where the steps are.
        job: The job, as this try has claimed it.
        clock: Returns the time now.
        revision: The script's live revision: the one the run keeps to if this is its first try.

    Attributes:
        revision: The revision that the run began with.
        started_at: When it began.
    """

    def __init__(self, store: JobStore, job: Job, clock: Callable[[], datetime], revision: int) -> None:
        self._store = store
        self._job = job
        self._clock = clock
        self._steps: Sequence[Step] = store.steps(job)
        self._next = 0
        began = self._answer(START, lambda: [revision, _micros(clock())])
        self.revision: int = began[0]
        self.started_at = _moment(began[1])

    def step(self, function: str, arguments: list[Any], call: HostCall, perform: Callable[[], Any]) -> Any:
        """Returns the answer of one host call: the recorded one, or that of ``perform``, which is then recorded.

        Raises:
            AlloyError: The call failed, now or when it was recorded.
        """
        if function == KEY:
            return perform()
        name = step_name(function, arguments)
        if function != SLEEP:
            return self._answer(name, perform)
        wake = _moment(self._answer(name, lambda: _micros(self._clock() + duration(arguments[0]))))
        if wake > self._clock():
            raise Parked(wake)
        call.now = max(call.now, wake)
        return None

    def forget_failure(self) -> None:
        """Has the call that failed last, and so made the run fail, made again by the next try."""
        if self._next and self._next == len(self._steps) and self._steps[-1].error is not None:
            self._store.forget_step(self._job, self._steps[-1])

    def _answer(self, name: str, perform: Callable[[], Any]) -> Any:
        number = self._next
        self._next += 1
        if number < len(self._steps):
            return self._recorded(self._steps[number], name)
        error: AlloyError | None = None
        answer, text = None, ""
        try:
            answer = perform()
            text = base64.b85encode(pack(answer, limit=MAX_RESULT_BYTES, what=f"result of {name}")).decode()
        except AlloyError as failure:
            error = failure
        step = Step(number, name, None if error is None else error.code, text if error is None else error.message)
        try:
            kept = self._store.record(self._job, step)
        except StoreError:  # whether it was kept, the next try will see
            raise Parked(self._clock() + SOON) from None
        if not kept:
            raise Taken
        self._steps = [*self._steps, step]
        if error is not None:
            raise error
        return answer

    def _recorded(self, step: Step, name: str) -> Any:
        if step.name != name:
            raise Diverged(f"step {step.number} was {step.name} and is {name} now: the run is not the one on record")
        if step.error is not None:
            raise AlloyError(step.text, code=step.error)
        return unpack(base64.b85decode(step.text), handle)


def step_name(function: str, arguments: Any) -> str:
    """Returns what a call is known by: the function and a digest of its arguments."""
    text = json.dumps(jsonable(arguments), sort_keys=True)
    return f"{function}#{blake2b(text.encode('utf-8', 'surrogatepass'), digest_size=6).hexdigest()}"


def duration(value: Any) -> timedelta:
    """Returns the time that a number of seconds, or a text such as ``3 days``, stands for.

    Raises:
        InvalidValue: It is neither, or longer than `LONGEST_SLEEP`.
    """
    found = None
    if isinstance(value, int | float) and 0 <= value <= LONGEST_SLEEP.total_seconds():
        found = timedelta(seconds=value)
    elif isinstance(value, str) and (match := _DURATION.fullmatch(value)) is not None:
        found = timedelta(seconds=float(match[1]) * UNITS[match[2]])
    if found is None or found > LONGEST_SLEEP:
        raise InvalidValue(f"{SLEEP}: got {shown(value)}, wanted seconds, or a text such as '3 days', up to 10 years")
    return found


def _micros(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)


def _moment(micros: int) -> datetime:
    return datetime.fromtimestamp(micros / 1_000_000, UTC)
