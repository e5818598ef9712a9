"""Recorded runs, as callers ask for them and see them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta

from ... import model
from ...values import jsonable
from .common import Brief, Cursor, Input, Limit, Output
from .outcomes import LogLine, Outcome, line_out
from .scripts import RevisionNumber

_Text = Annotated[str, Meta(min_length=1, max_length=200)]
RunKey = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S", description="A run's id.")]


class RunFilters(Input, kw_only=True):
    """Which runs to list; a filter left out lets all through.

    Attributes:
        script: A script's name or id.
        since: Started at or after this time.
        until: Started before this time.
        min_duration_us: Took at least so many microseconds.
    """

    script: _Text | None = None
    revision: RevisionNumber | None = None
    event: _Text | None = None
    entity_type: _Text | None = None
    entity_id: _Text | None = None
    status: model.RunStatus | None = None
    since: Annotated[datetime, Meta(tz=True)] | None = None
    until: Annotated[datetime, Meta(tz=True)] | None = None
    min_duration_us: Annotated[int, Meta(ge=0, le=2**53)] | None = None
    cursor: Cursor | None = None
    limit: Limit = 100


class Run(Output, kw_only=True):
    """One run of one script, in short."""

    id: str
    script_id: str
    script: str
    revision: int
    trigger: str
    event: str | None
    entity_type: str | None
    entity_id: str | None
    user: str | None
    status: model.RunStatus
    started_at: datetime
    duration_us: int
    fuel: int
    error_code: str | None
    reason: str | None


class RunPage(Output, kw_only=True):
    """Runs, newest first."""

    items: list[Run]
    next_cursor: str | None


class ExcerptLine(Output, kw_only=True):
    """A line of a script's text.

    Attributes:
        here: Whether it is the line the error came from.
    """

    number: int
    text: str
    here: bool


class RunError(Brief, kw_only=True):
    """How a run failed.

    Attributes:
        excerpt: The lines around the one it came from.
    """

    code: str
    message: str
    line: int | None = None
    traceback: list[str] = []
    excerpt: list[ExcerptLine] = []


class RunDetail(Run, kw_only=True):
    """One run with all that was recorded of it.

    Attributes:
        parent_id: The run that fired the event this one ran on.
        depth: How deep in such a cascade.
        lost_logs: How many log lines were beyond the limit.
        memory_bytes: The peak seen by the meter; 0 for a run too short to be looked at.
    """

    phase: str
    memory_bytes: int
    details: Any
    error: RunError | None
    changes: dict[str, Any] | None
    value: Any
    logs: list[LogLine]
    lost_logs: int
    parent_id: str | None
    depth: int


class RunState(Brief, kw_only=True):
    """A run that was begun without waiting for it.

    Attributes:
        outcome: What it came to, once it is done.
    """

    id: str
    state: Literal["running", "done"]
    outcome: Outcome | None = None


def run_out(run: model.Run) -> Run:
    """Returns a run in short."""
    return Run(**_short(run))


def detail_out(run: model.Run, excerpt: list[ExcerptLine]) -> RunDetail:
    """Returns a run with all that was recorded of it."""
    error = None
    if run.error_code is not None:
        error = RunError(
            code=run.error_code, message=run.error_message or "", line=run.error_line,
            traceback=list(run.traceback), excerpt=excerpt,
        )  # fmt: skip
    return RunDetail(
        **_short(run), phase=run.phase, memory_bytes=run.memory_bytes, details=jsonable(run.details), error=error,
        changes=jsonable(run.changes), value=jsonable(run.value), logs=[line_out(line) for line in run.logs],
        lost_logs=run.lost_logs, parent_id=run.parent_id, depth=run.depth,
    )  # fmt: skip


def _short(run: model.Run) -> dict[str, Any]:
    names = (name for name in Run.__struct_fields__ if name != "script")
    return {"script": run.script_name, **{name: getattr(run, name) for name in names}}


class TailFilters(Input, kw_only=True):
    """Which runs to follow; a filter left out lets all through.

    Attributes:
        script: A script's name or id.
    """

    script: _Text | None = None
    event: _Text | None = None
    status: model.RunStatus | None = None
