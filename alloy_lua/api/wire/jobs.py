"""Background jobs as callers ask for them and see them; the processes that run them, and what limits them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta

from ... import job_model
from ...jobs.jobs import LONGEST_DELAY_S, LONGEST_TIMEOUT_S, MAX_NOTE
from ...jobs.payload import unpacked
from ...values import jsonable
from .common import Cursor, Data, Input, Limit, Output, ScriptKey
from .outcomes import User

JobKey = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S", description="A job's id.")]
Reason = Annotated[str, Meta(min_length=1, max_length=MAX_NOTE, description="Why; kept with the job.")]
_Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S")]
_Delay = Annotated[float, Meta(ge=0, le=LONGEST_DELAY_S)]
_Many = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class JobFilters(Input, kw_only=True):
    """Which jobs to list; a filter left out lets all through.

    Attributes:
        state: ``dead`` are the dead letters.
        script: A script's name or id.
        kind: What asked for them.
    """

    state: job_model.JobState | None = None
    script: ScriptKey | None = None
    kind: job_model.JobKind | None = None
    cursor: Cursor | None = None
    limit: Limit = 100


class Job(Output, kw_only=True):
    """A piece of background work, in short.

    Attributes:
        script: The script's name; null if it was deleted.
        kind: What asked for it: a schedule, a committed transaction, or a call.
        due_at: When it may start, or start again.
        attempt: How many tries were begun.
        failed: How many of them failed.
        lost: How many of them ended with their process.
        owner: The node that runs it.
        progress: From 0 to 1, as the script tells.
        note: What the script said last about its progress.
        reason: Why it failed last, or was skipped or cancelled.
    """

    id: str
    script_id: str
    script: str | None
    kind: job_model.JobKind
    state: job_model.JobState
    event: str | None
    user: str | None
    priority: int
    created_at: datetime
    due_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    attempt: int
    failed: int
    lost: int
    max_attempts: int
    owner: str | None
    progress: float
    note: str | None
    reason: str | None


class JobPage(Output, kw_only=True):
    """Jobs, newest first.

    Attributes:
        next_cursor: Where the next page begins; null on the last.
    """

    items: list[Job]
    next_cursor: str | None


class JobStep(Output, kw_only=True):
    """One recorded host call of a durable job.

    Attributes:
        number: Its place, from 0.
        name: The function and a digest of its arguments.
        error: The code it failed with; null if it did not.
    """

    number: int
    name: str
    error: str | None


class JobDetail(Job, kw_only=True):
    """One job with all that is known of it.

    Attributes:
        run_id: The run that its last try is on record by.
        params: What the script sees as ``params``.
        steps: The recorded host calls of a durable job, in order.
    """

    run_id: str
    backoff_s: float
    backoff_limit_s: float
    timeout_s: float | None
    params: Any
    steps: list[JobStep]


class NewJob(Input, kw_only=True):
    """A script to run in the background.

    Attributes:
        script: Its name or id.
        params: What it sees as ``params``.
        delay_s: Seconds to wait first.
        id: Names the job: if there is one of that id, it is the answer, and nothing is added.
        priority: Higher runs first among the tenant's jobs.
        order_by: Jobs with the same text run one after the other, in the order in which they were added.
        attempts: How often it is tried in all.
        backoff_s: Seconds to the second try; each further wait is twice as long.
        backoff_limit_s: The longest wait, in seconds.
        timeout_s: Seconds that one try may take; the limit of the script's profile if left out.
    """

    script: ScriptKey
    params: Data | None = None
    delay_s: _Delay = 0.0
    id: _Name | None = None
    priority: Annotated[int, Meta(ge=-1_000_000, le=1_000_000)] = 0
    order_by: _Name | None = None
    attempts: Annotated[int, Meta(ge=1, le=100)] = 5
    backoff_s: _Delay = 10.0
    backoff_limit_s: _Delay = 3600.0
    timeout_s: Annotated[float, Meta(ge=0.001, le=LONGEST_TIMEOUT_S)] | None = None
    user: User | None = None


class Cancellation(Input, kw_only=True):
    """A job that is not to run, or to run on."""

    reason: Reason = "cancelled"


class JobCounts(Output, kw_only=True):
    """How many of the tenant's jobs there are in each state."""

    waiting: int = 0
    ready: int = 0
    running: int = 0
    succeeded: int = 0
    dead: int = 0
    cancelled: int = 0
    skipped: int = 0


class JobLimit(Output, kw_only=True):
    """How much may run over all processes together.

    Attributes:
        script_id: The script that it is for; null for all jobs of the tenant.
        running: At once; null for any number.
        per_minute: Started within a minute; null for any number.
    """

    script_id: str | None
    running: int | None
    per_minute: int | None


class JobLimits(Output, kw_only=True):
    """The tenant's limits."""

    items: list[JobLimit]


class NewJobLimit(Input, kw_only=True):
    """Limits, in place of those before; both left out lift them.

    Attributes:
        script: The script that they are for; all jobs of the tenant if left out.
        running: At once.
        per_minute: Started within a minute.
    """

    script: ScriptKey | None = None
    running: _Many | None = None
    per_minute: _Many | None = None
    reason: Annotated[str, Meta(max_length=2000, description="Why; kept in the audit log.")] | None = None


class Node(Output, kw_only=True):
    """A process that takes jobs.

    Attributes:
        id: New with each start.
        name: Host and process number.
        seen_at: When it last said that it lives, by the store's clock.
        slots: How many jobs it runs at once.
    """

    id: str
    name: str
    started_at: datetime
    seen_at: datetime
    slots: int


class Nodes(Output, kw_only=True):
    """The processes that take jobs."""

    items: list[Node]


class Trouble(Output, kw_only=True):
    """What keeps the process that answers from the store; null where nothing does.

    Attributes:
        jobs: Its worker's trouble.
        scheduler: Its scheduler's trouble.
    """

    jobs: str | None
    scheduler: str | None


def job_out(job: job_model.Job, script: str | None) -> Job:
    """Returns a job in short; ``script`` is the name of its script."""
    return Job(**_short(job, script))


def detail_out(job: job_model.Job, script: str | None, steps: list[JobStep]) -> JobDetail:
    """Returns a job with all that is known of it."""
    return JobDetail(
        **_short(job, script), run_id=job.run_id, backoff_s=job.backoff_s, backoff_limit_s=job.backoff_limit_s,
        timeout_s=job.timeout_s, params=jsonable(unpacked(job.payload).get("params")), steps=steps,
    )  # fmt: skip


def _short(job: job_model.Job, script: str | None) -> dict[str, Any]:
    names = (name for name in Job.__struct_fields__ if name != "script")
    return {"script": script, **{name: getattr(job, name) for name in names}}
