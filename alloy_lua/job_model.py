"""The records of background work: jobs, the nodes that run them, limits. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple


class JobState(StrEnum):
    """Where a job is.

    It waits for its time, is ready, runs, and ends in one of the others. Skipped is a tick that was left out
    because an earlier one's run went on; dead is a job that failed as often as it may.
    """

    WAITING = "waiting"
    READY = "ready"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    DEAD = "dead"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


OPEN = frozenset({JobState.WAITING, JobState.READY, JobState.RUNNING})


class JobKind(StrEnum):
    """What asked for a job: a schedule, a committed transaction, a call of ``enqueue``, or a back-test."""

    CRON = "cron"
    COMMIT = "commit"
    QUEUE = "queue"
    BACKTEST = "backtest"


@dataclass(frozen=True)
class Job:
    """One piece of background work: a script to run, with what it is given, how, and how far it got.

    Attributes:
        id: Unique within the tenant; a second job of the same id is not stored.
        tenant: Whose job it is.
        script_id: The script to run.
        kind: What asked for it.
        event: The event it is about, for ``commit``.
        payload: Packed input: entity, before, params.
        user: Who acts.
        priority: Higher is taken first among the jobs of one tenant.
        lane: Jobs of one lane run one after the other, by ``position``; None for no such order.
        position: Place in the lane.
        skip_if_busy: Whether it is left out if its lane has an unfinished job when it is stored.
        max_attempts: How often it is tried in all.
        backoff_s: Seconds to the second try; each further wait is twice as long.
        backoff_limit_s: The longest wait, in seconds.
        timeout_s: Seconds that one try may take, None for the script's own limit.
        created_at: When it was stored.
        due_at: When it may start, or start again.
        state: Where it is.
        attempt: How many tries were begun.
        failed: How many of them failed, since somebody last set it going again.
        lost: How many of them ended with their process, since then.
        owner: The node that runs it.
        started_at: When the last try began.
        finished_at: When it ended.
        cancel: Whether somebody asked to stop it while it ran.
        progress: From 0 to 1, as the script tells.
        note: What the script said last about its progress.
        reason: Why it failed last, or was skipped or cancelled.
    """

    id: str
    tenant: str
    script_id: str
    kind: JobKind
    created_at: datetime
    due_at: datetime
    event: str | None = None
    payload: str = ""
    user: str | None = None
    priority: int = 0
    lane: str | None = None
    position: int = 0
    skip_if_busy: bool = False
    max_attempts: int = 1
    backoff_s: float = 10
    backoff_limit_s: float = 3600
    timeout_s: float | None = None
    state: JobState = JobState.READY
    attempt: int = 0
    failed: int = 0
    lost: int = 0
    owner: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    cancel: bool = False
    progress: float = 0.0
    note: str | None = None
    reason: str | None = None

    @property
    def run_id(self) -> str:
        """The id of the run that the last try is on record by."""
        return self.id if self.attempt <= 1 else f"{self.id}~{self.attempt}"


class JobEnd(NamedTuple):
    """How a try ended: in a state to stay in, or WAITING to go on at ``due_at``; ``parked`` if it did not fail."""

    state: JobState
    reason: str | None = None
    due_at: datetime | None = None
    parked: bool = False


class Step(NamedTuple):
    """One recorded host call of a durable run.

    Attributes:
        number: Its place, from 0.
        name: The function and a digest of its arguments.
        error: The code it failed with, None if it did not.
        text: The packed answer, or the message it failed with.
    """

    number: int
    name: str
    error: str | None
    text: str


class JobQuery(NamedTuple):
    """Which jobs to list, newest first; None means any. ``before`` is the id of the last job of the page before."""

    tenant: str
    state: JobState | None = None
    script_id: str | None = None
    kind: JobKind | None = None
    before: str | None = None
    limit: int = 100


class JobLimits(NamedTuple):
    """How much of the jobs of a tenant, or of one of its scripts, may run; None means any number.

    Attributes:
        running: At once, over all nodes.
        per_minute: Started within a minute, over all nodes.
    """

    running: int | None = None
    per_minute: int | None = None


class JobLimit(NamedTuple):
    """Limits and what they are for: ``script_id`` None for all jobs of the tenant."""

    tenant: str
    script_id: str | None
    limits: JobLimits


class Backlog(NamedTuple):
    """What there is to do.

    Attributes:
        counts: How many jobs wait, are ready, run, or are dead.
        first_due: When the first of those that wait or are ready may start, or might have.
    """

    counts: dict[JobState, int]
    first_due: datetime | None


class OutboxRow(NamedTuple):
    """What a platform wrote in its transaction; ``seq`` counts up."""

    seq: int
    id: str
    body: str


@dataclass(frozen=True)
class Node:
    """A process that takes jobs.

    Attributes:
        id: New with each start.
        name: Host and process number, for people.
        started_at: When it started.
        seen_at: When it last said that it lives, by the store's clock.
        slots: How many jobs it runs at once.
    """

    id: str
    name: str
    started_at: datetime
    seen_at: datetime
    slots: int

    def as_dict(self) -> dict[str, Any]:
        """Returns the node as plain data."""
        return {"id": self.id, "name": self.name, "started_at": self.started_at, "seen_at": self.seen_at,
                "slots": self.slots}  # fmt: skip
