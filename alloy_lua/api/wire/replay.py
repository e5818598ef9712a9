"""Recorded runs, replays and back-tests, as callers ask for them and see them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta

from ... import job_model
from ...replay.report import Report as StoredReport
from .common import Brief, Cursor, Data, Input, Limit, Output
from .outcomes import EventName
from .scripts import RevisionNumber

Share = Annotated[float, Meta(ge=0, le=1)]
Ratio = Annotated[float, Meta(ge=0, le=1_000_000)]
Days = Annotated[float, Meta(ge=0, le=3660)]
BacktestKey = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S", description="A back-test's id.")]
_Text = Annotated[str, Meta(min_length=1, max_length=200)]


class NewTaping(Input, kw_only=True):
    """Which runs of a script are recorded.

    Attributes:
        share: How many of them, from 0 to 1.
        keep_days: How long a tape is kept.
        keep: How many tapes are kept.
    """

    share: Share = 1.0
    keep_days: Annotated[float, Meta(ge=0.001, le=3660)] = 7.0
    keep: Annotated[int, Meta(ge=1, le=10_000_000)] = 10_000


class Taping(Output, kw_only=True):
    """Which runs are recorded; of all scripts of the tenant if ``script_id`` is null."""

    script_id: str | None
    share: float
    keep_days: float
    keep: int
    by: str
    since: datetime


class Tapings(Output, kw_only=True):
    """Which runs are recorded."""

    items: list[Taping]


class TapeFilters(Input, kw_only=True):
    """Which tapes to list; a filter left out lets all through."""

    script: _Text | None = None
    since: Annotated[datetime, Meta(tz=True)] | None = None
    until: Annotated[datetime, Meta(tz=True)] | None = None
    cursor: Cursor | None = None
    limit: Limit = 100


class Tape(Output, kw_only=True):
    """A recorded run, in short."""

    run_id: str
    script_id: str
    recorded_at: datetime
    expires_at: datetime


class TapePage(Output, kw_only=True):
    """Tapes, newest first."""

    items: list[Tape]
    next_cursor: str | None


class TapeDetail(Output, kw_only=True):
    """All that is on a tape: input, host calls with their answers, what the run came to."""

    run_id: str
    tape: Data


class WhatReplays(Input, kw_only=True):
    """What a recorded run is replayed with.

    Attributes:
        revision: The revision that ran then, if left out.
    """

    revision: RevisionNumber | None = None


class Replay(Output, kw_only=True):
    """What a recorded run came to when it was run again.

    Attributes:
        same: Whether nothing differs.
        differences: What differs, by name: then and now.
        divergences: Host calls that are not the recorded ones.
    """

    run_id: str
    revision: int
    same: bool
    recorded: Data
    replayed: Data
    differences: dict[str, list[Any]]
    divergences: list[Data]


class NewBacktest(Input, kw_only=True):
    """What to compare over what.

    Attributes:
        revision: The candidate; the draft if left out.
        baseline: What it is compared with; the live revision if left out.
        on: The event that given records are fired on.
        days: How old recorded runs may be.
        limit: How many records at most.
        records: Fields of records, or objects of ``entity``, ``before``, ``params``, ``user``; recorded runs if left
            out.
    """

    revision: RevisionNumber | None = None
    baseline: RevisionNumber | None = None
    on: EventName | None = None
    days: Days = 7.0
    limit: Annotated[int, Meta(ge=1, le=1_000_000)] = 1_000
    records: Annotated[list[Data], Meta(max_length=10_000)] | None = None


class Tally(Output, kw_only=True):
    """How many records came to what, and what both sides used in all."""

    counts: dict[str, int]
    live_fuel: int
    candidate_fuel: int
    live_us: int
    candidate_us: int


class Report(Output, kw_only=True):
    """What a back-test came to.

    Attributes:
        source: ``tapes`` for recorded runs, ``records`` for given ones.
        fields: How many records differ in each field; what is no field stands in parentheses.
        examples: The first records of each kind, with what differs: baseline and candidate.
        divergences: Host calls that are not on tape, and how many records made them.
        text: The report for people.
    """

    id: str
    script_id: str
    script: str
    revision: int
    sha256: str
    baseline: int
    baseline_sha256: str
    source: str
    began: datetime
    ended: datetime
    by: str
    tally: Tally
    fields: dict[str, int]
    examples: dict[str, list[Data]]
    divergences: dict[str, int]
    text: str


class Reports(Output, kw_only=True):
    """Back-tests, newest first."""

    items: list[Report]


class Backtest(Brief, kw_only=True):
    """A back-test under way or done.

    Attributes:
        progress: From 0 to 1, where the number of records is known.
        note: How many records are done, or that no process takes jobs.
        reason: Why it did not end well.
        report: What it came to, once it is done.
    """

    id: str
    state: job_model.JobState
    progress: float = 0.0
    note: str | None = None
    reason: str | None = None
    report: Report | None = None


class NewThresholds(Input, kw_only=True):
    """How much a revision may differ from the live one; what is left out may differ at will.

    Attributes:
        records: How many records there have to be.
        changed: Share of records of which it makes something else.
        newly_rejected: Share that it rejects and the live revision does not.
        newly_failing: Share on which it fails and the live revision does not.
        diverged: Share of which nothing is known.
        fuel: Its fuel, as a multiple of the live revision's.
        time: Its time, as a multiple of the live revision's.
    """

    records: Annotated[int, Meta(ge=1, le=2**31)] = 1
    changed: Share | None = None
    newly_rejected: Share | None = None
    newly_failing: Share | None = 0.0
    diverged: Share | None = None
    fuel: Ratio | None = None
    time: Ratio | None = None

    def given(self) -> dict[str, Any]:
        """Returns them by name."""
        return {name: getattr(self, name) for name in NewThresholds.__struct_fields__}


class NewBacktestRule(NewThresholds, kw_only=True):
    """What a back-test has to show before a revision is activated.

    Attributes:
        tapes_only: Whether only back-tests over recorded runs count.
    """

    tapes_only: bool = False


class BacktestRule(Output, kw_only=True):
    """What a back-test has to show before a revision is activated."""

    script_id: str
    thresholds: Data
    tapes_only: bool
    by: str
    since: datetime


def report_out(found: StoredReport) -> Report:
    """Returns a report as callers see it."""
    names = (name for name in Report.__struct_fields__ if name not in ("text", "tally"))
    tally = Tally(**{name: getattr(found.tally, name) for name in Tally.__struct_fields__})
    return Report(**{name: getattr(found, name) for name in names}, tally=tally, text="\n".join(found.lines()))
