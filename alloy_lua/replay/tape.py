"""One run as text: what it was given, the host calls it made with their answers, and what it came to."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from ..engine import RunResult
from ..errors import InvalidValue
from ..model import RunStatus
from ..values import handle, jsonable, pack, unpack

if TYPE_CHECKING:
    from ..runner.context import Ambient
    from ..runner.execution import Execution
    from ..runner.view import View

MAX_BYTES = 1024 * 1024
NO_LIMIT = 2**62
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Scrub = Callable[[Any], Any]


class TapedCall(NamedTuple):
    """A host call and its answer.

    Attributes:
        function: What was called.
        arguments: What with, JSON-like; secrets by their names.
        error: The code it failed with, None if it did not.
        answer: The answer, or the message it failed with.
        now: The run's time after the call in microseconds, for those that let time pass.
    """

    function: str
    arguments: list[Any]
    error: str | None
    answer: Any
    now: int | None = None


class Ending(NamedTuple):
    """What a run came to, in the plain values of Lua.

    Attributes:
        assigned: The fields that it assigned.
        error: The code it failed with.
    """

    status: str
    assigned: dict[str, Any]
    value: Any
    reason: Any
    details: Any
    error: str | None
    fuel: int


class TapedRun(NamedTuple):
    """What is on a tape.

    Attributes:
        run_id: The run, and what its random numbers follow from.
        script: The script's name.
        revision: The revision that ran.
        event: The event it ran on, if one.
        phase: In which phase.
        trigger: What asked for it.
        user: Who acted.
        trace: The request it belonged to.
        attempt: Which try it was.
        began: When, in microseconds.
        fuel: What its cascade had left; None if it was the outermost.
        entity: The record's fields, None if there was no record.
        before: The fields as they were.
        params: Its parameters.
        calls: The host calls, in order.
        ending: What it came to.
        left_out: Fields of the record that could not be given to a script.
    """

    run_id: str
    script: str
    revision: int
    event: str | None
    phase: str
    trigger: str
    user: str | None
    trace: str | None
    attempt: int
    began: int
    fuel: int | None
    entity: dict[str, Any] | None
    before: dict[str, Any] | None
    params: dict[str, Any] | None
    calls: list[TapedCall]
    ending: Ending | None
    left_out: list[str]

    @property
    def now(self) -> datetime:
        """When the run began."""
        return moment_of(self.began)

    def as_dict(self) -> dict[str, Any]:
        """Returns what is on the tape as JSON-like data, for people."""
        data = self._asdict() | {"began": self.now.isoformat(), "calls": [call._asdict() for call in self.calls]}
        data["ending"] = None if self.ending is None else self.ending._asdict()
        shown: dict[str, Any] = jsonable(data)
        return shown


def taped_input(
    execution: Execution, ambient: Ambient, view: View | None, before: Mapping[str, Any] | None,
    params: Mapping[str, Any] | None, now: datetime,
) -> TapedRun:  # fmt: skip
    """Returns the tape of a run that is about to begin."""
    script, left_out = execution.script, list[str]()
    assert script is not None
    return TapedRun(
        run_id=execution.origin, script=script.name, revision=script.live_revision or 0,
        event=execution.event.name if execution.event else None, phase=execution.phase.value,
        trigger=execution.trigger, user=ambient.user, trace=ambient.trace, attempt=execution.attempt,
        began=micros(now), fuel=None if ambient.cascade is None else ambient.cascade.fuel,
        entity=None if view is None else _plain(view.fields(None), left_out), before=_plain(before, left_out),
        params=_plain(params, left_out), calls=[], ending=None, left_out=left_out,
    )  # fmt: skip


def ending_of(result: RunResult) -> Ending:
    """Returns what a run came to."""
    assigned, error = result.assigned, result.error
    refused = assigned is not None and error is not None  # Lua ended well; the record did not take the value
    status = RunStatus.CONTINUE if refused else result.status
    return Ending(
        status.value, assigned or {}, result.value, result.reason, result.details,
        error.code if error is not None and not refused else None, result.fuel,
    )  # fmt: skip


def text_of(taped: TapedRun, scrub: Scrub) -> str:
    """Returns a tape as text without any secret.

    Raises:
        InvalidValue: It is more than `MAX_BYTES`.
    """
    whole = scrub([*taped[:-3], [list(call) for call in taped.calls], list(taped.ending or ()), taped.left_out])
    return base64.b85encode(pack(whole, limit=MAX_BYTES, what="tape")).decode()


def taped_run(text: str) -> TapedRun:
    """Returns what `text_of` made text of."""
    whole = unpack(base64.b85decode(text), handle)
    taped = TapedRun._make(whole)
    return taped._replace(
        calls=[TapedCall(*call) for call in taped.calls], ending=Ending(*taped.ending) if taped.ending else None
    )


def micros(moment: datetime) -> int:
    """Returns a time as microseconds since 1970, exactly: scripts see them."""
    return (moment - _EPOCH) // _MICROSECOND


def moment_of(micros: int) -> datetime:
    """Returns the time that is ``micros`` microseconds after 1970."""
    return _EPOCH + micros * _MICROSECOND


def _plain(fields: Mapping[str, Any] | None, left_out: list[str]) -> dict[str, Any] | None:
    """Returns a copy of ``fields`` in the values that Lua sees, without those that it could not."""
    if fields is None:
        return None
    try:
        whole: dict[str, Any] = copied(dict(fields))
        return whole
    except InvalidValue:
        found = {}
        for name, value in fields.items():
            try:
                found[name] = copied(value)
            except InvalidValue:
                left_out.append(str(name))
        return found


def copied(value: Any) -> Any:
    """Returns a copy of ``value`` in the values that Lua sees.

    Raises:
        InvalidValue: It cannot cross.
    """
    return unpack(pack(value, limit=NO_LIMIT, what="tape"), handle)
