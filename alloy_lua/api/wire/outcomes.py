"""What callers give to scripts and what they get back: fires, runs by hand, evaluations."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct, field

from ... import model
from ...errors import AlloyError
from ...model import LogLine as StoredLine
from ...outcome import Outcome as Result
from ...values import jsonable
from ..errors import info_of
from .common import Brief, Data, ErrorInfo, Input, Output
from .scripts import Capabilities, Profile, RevisionNumber, Source

EventName = Annotated[
    str,
    Meta(
        min_length=3, max_length=200, description="``<entity>.<hook>``, such as order.before_create, or topic.<name>."
    ),
]
User = Annotated[
    str, Meta(min_length=1, max_length=200, pattern=r"\S", description="Who acts; the caller if left out.")
]
RunId = Annotated[
    str,
    Meta(pattern=r"^[A-Za-z0-9._-]{1,100}$", description="Names the run; the same id and input give the same result."),
]
_PLAIN = frozenset((str, int, bool, type(None)))


class LogLine(Brief, kw_only=True):
    """A line that a script logged."""

    level: str
    message: str
    data: Any = None


class ScriptRun(Struct, gc=False):
    """One script's part in a fire; its fields are in the order of `outcome.ScriptRun`."""

    id: str
    script: str
    revision: int
    status: model.RunStatus
    fuel: int
    duration_us: int


class Outcome(Struct, gc=False, omit_defaults=True):
    """What a fire, run or evaluation came to.

    Attributes:
        status: ``continue``, ``rejected`` or ``failed``.
        fuel: Units of work used by all scripts together.
        changes: The fields that changed, with their new values.
        value: What the last script returned.
        reason: Why it was rejected.
        details: The table given to ``abort``.
        script: Which script rejected it, or failed.
        error: What failed.
        lost_logs: How many log lines were beyond the limit.
        effects: In a dry run, the calls that were not made.
        tolerated: Errors of scripts whose failure policy is open.
    """

    status: model.RunStatus
    fuel: int
    changes: dict[str, Any] = field(default_factory=dict)
    runs: list[ScriptRun] = field(default_factory=list)
    value: Any = None
    reason: str | None = None
    details: Any = None
    script: str | None = None
    error: ErrorInfo | None = None
    logs: list[LogLine] = field(default_factory=list)
    lost_logs: int = 0
    effects: list[dict[str, Any]] = field(default_factory=list)
    tolerated: list[ErrorInfo] = field(default_factory=list)


class Given(Input, kw_only=True):
    """What a script is given.

    Attributes:
        entity: The record.
        before: The record as it was, on update and delete.
        params: Parameters.
        dry_run: Report effects, do not make them, record nothing.
    """

    entity: Data | None = None
    before: Data | None = None
    params: Data | None = None
    user: User | None = None
    dry_run: bool = False
    run_id: RunId | None = None


class Fire(Given, kw_only=True):
    """An event and its record."""

    event: EventName


class FireMany(Input, kw_only=True):
    """An event and many records; the scripts of the event run on each.

    Attributes:
        entities: The records.
        runs: Whether each outcome lists the runs behind it.
    """

    event: EventName
    entities: Annotated[list[Data], Meta(max_length=10_000)]
    params: Data | None = None
    user: User | None = None
    dry_run: bool = False
    runs: bool = False


class Outcomes(Output, kw_only=True):
    """One outcome for each record, in order.

    Attributes:
        rejected: How many were rejected.
        failed: How many failed.
    """

    outcomes: list[Outcome]
    rejected: int
    failed: int


class Evaluation(Given, kw_only=True):
    """A text to run once, without store or record."""

    source: Source
    limits: Profile = "default"
    capabilities: Capabilities = []


class RunByHand(Given, kw_only=True):
    """What a stored script is run with.

    Attributes:
        wait: False to get 202 at once and read the result from the run.
    """

    wait: bool = True


class DryRun(Input, kw_only=True):
    """What a script is tried with; nothing comes of it and nothing is recorded.

    Attributes:
        revision: Which revision; the live one, or the draft if none is live, if left out.
    """

    entity: Data | None = None
    before: Data | None = None
    params: Data | None = None
    user: User | None = None
    revision: RevisionNumber | None = None


def outcome_out(result: Result, *, runs: bool = True) -> Outcome:
    """Returns an outcome as callers see it, with or without its runs."""
    changes = result.changes
    made = Outcome(result.status, result.fuel, _json(changes) if changes else changes)
    if runs:
        made.runs = [ScriptRun(*run) for run in result.runs]
    if result.eventful:
        _add_details(made, result)
    return made


def _add_details(made: Outcome, result: Result) -> None:
    made.value, made.reason, made.details = jsonable(result.value), jsonable(result.reason), jsonable(result.details)
    made.script = result.rejected_by
    made.error = error_out(result.error)
    made.logs = [line_out(line) for line in result.logs]
    made.lost_logs = result.lost_logs
    made.effects = [jsonable(effect) for effect in result.effects]
    made.tolerated = [info_of(error) for error in result.tolerated]


def error_out(error: AlloyError | None) -> ErrorInfo | None:
    """Returns the error of a script as callers see it."""
    return None if error is None else info_of(error)


def line_out(line: StoredLine) -> LogLine:
    """Returns a log line as callers see it."""
    return LogLine(level=line.level, message=jsonable(line.message), data=jsonable(line.data))


def _json(changes: dict[str, Any]) -> dict[str, Any]:
    for value in changes.values():
        if type(value) not in _PLAIN and (type(value) is not float or value - value != 0):
            found: dict[str, Any] = jsonable(changes)
            return found
    return changes
