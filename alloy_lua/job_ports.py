"""What background work asks of a store. Implemented in ``stores``, used by ``jobs`` and ``scheduler``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from .access_model import AuditEntry
from .job_model import Backlog, Job, JobEnd, JobLimit, JobQuery, JobState, Node, OutboxRow, Step


class JobStore(Protocol):
    """Where jobs and nodes live. Every method is safe to call from any thread and from several processes at once.

    A method that takes ``audit`` writes that entry in the same transaction as the change, or neither.
    """

    def clock(self) -> datetime:
        """Returns the time by the store's own clock, which all nodes share."""

    # -- jobs --------------------------------------------------------------------------------------------------
    def add(self, jobs: Sequence[Job], *, audit: AuditEntry | None = None) -> list[bool]:
        """Writes the jobs in one transaction; returns, for each, whether it is new. ``audit`` is for one that is.

        A job whose id the tenant has already is left out: however many processes add it, it is there once.
        One with ``skip_if_busy`` whose lane has an unfinished job is stored as skipped.
        """

    def claim(self, node: str, slots: int, now: datetime) -> list[Job]:
        """Returns up to ``slots`` ready jobs, running on ``node`` from now on; no other node gets them.

        The tenants with the fewest running jobs come first; within a tenant priority decides, then time. A job
        behind an unfinished one of its lane, or beyond a limit, stays.
        """

    def claim_one(self, tenant: str, job_id: str, node: str, now: datetime) -> Job | None:
        """Returns the job, running on ``node`` from now on, if it was waiting or ready; None if not."""

    def end(self, job: Job, end: JobEnd, now: datetime) -> bool:
        """Returns whether the try of ``job`` ended so: not if it was given to another node meanwhile.

        A job that was to be cancelled, and is not done, ends as cancelled whatever ``end`` says.
        """

    def progress(self, job: Job, progress: float, note: str | None) -> bool:
        """Returns whether the progress was noted: not if ``job`` was given to another node meanwhile."""

    def cancel(self, tenant: str, job_id: str, reason: str, now: datetime, *, audit: AuditEntry | None = None) -> Job:
        """Returns the job: cancelled, or about to be if it runs.

        Raises:
            NotFound: The tenant has no such job.
            Conflict: It has ended.
        """

    def again(self, tenant: str, job_id: str, now: datetime, *, audit: AuditEntry | None = None) -> Job:
        """Returns a job that was dead or cancelled, ready to be tried anew.

        Raises:
            NotFound: The tenant has no such job.
            Conflict: It is neither dead nor cancelled.
        """

    def held(self, node: str) -> list[Job]:
        """Returns the jobs that run on ``node``."""

    def get(self, tenant: str, job_id: str) -> Job:
        """Returns one job.

        Raises:
            NotFound: The tenant has no such job.
        """

    def matching(self, query: JobQuery) -> list[Job]:
        """Returns the matching jobs, newest first (by creation, then id)."""

    def counts(self, tenant: str | None = None) -> dict[JobState, int]:
        """Returns how many jobs there are in each state that has any."""

    def backlog(self) -> Backlog:
        """Returns what there is to do, of all tenants; costs nothing for jobs that are done."""

    def next_due(self) -> datetime | None:
        """Returns when the first waiting job may start, None if none waits."""

    def prune(self, before: datetime) -> int:
        """Returns how many jobs it removed: those that ended before this time, except dead ones."""

    # -- steps of durable runs -----------------------------------------------------------------------------------
    def steps(self, job: Job) -> list[Step]:
        """Returns the steps of a job in order."""

    def record(self, job: Job, step: Step) -> bool:
        """Returns whether the step was written: not if ``job`` was cancelled or given to another node meanwhile."""

    def forget_step(self, job: Job, step: Step) -> None:
        """Removes a step."""

    # -- nodes -------------------------------------------------------------------------------------------------
    def beat(self, node: Node) -> None:
        """Writes the node, seen now by the store's clock."""

    def nodes(self) -> list[Node]:
        """Returns the nodes in order of id."""

    def leave(self, node: str) -> None:
        """Removes the node and gives up the jobs it had."""

    def reap(self, silent: timedelta, most_lost: int, now: datetime) -> list[Job]:
        """Returns the jobs that it took from nodes not seen for ``silent``, and forgets those nodes.

        They are ready again; a job lost more than ``most_lost`` times is dead.
        """

    # -- limits and marks ----------------------------------------------------------------------------------------
    def set_limits(self, limit: JobLimit, *, audit: AuditEntry | None = None) -> None:
        """Writes the limits of a tenant or script; limits of None twice remove them."""

    def limits(self, tenant: str | None = None) -> list[JobLimit]:
        """Returns all limits, those of one tenant or of all."""

    def mark(self, name: str) -> datetime | None:
        """Returns the time kept by this name."""

    def set_mark(self, name: str, at: datetime) -> None:
        """Keeps a time by this name; an earlier one never replaces a later one."""


class OutboxStore(Protocol):
    """The rows that platforms write in their own transactions."""

    def statement(self, id: str, body: str) -> str:
        """Returns the SQL that writes a row, complete; ``id`` is hexadecimal and ``body`` Base64."""

    def first(self, count: int) -> list[OutboxRow]:
        """Returns the first rows that have committed, in the order they were written."""

    def remove(self, rows: Sequence[OutboxRow]) -> None:
        """Removes rows; those that are gone already are no error."""
