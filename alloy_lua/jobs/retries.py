"""What becomes of a job after a try: done, tried again later, or dead. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from ..job_model import Job, JobEnd, JobState
from ..model import RunStatus
from ..outcome import Outcome

MAX_REASON = 2_000


def wait_before(job: Job) -> timedelta:
    """Returns how long to wait after the failure that follows ``job.failed`` earlier ones."""
    doublings = min(job.failed, 64)
    return timedelta(seconds=min(job.backoff_limit_s, job.backoff_s * 2.0**doublings))


def end_of(job: Job, outcome: Outcome, now: datetime) -> JobEnd:
    """Returns how the try of ``job`` ended: a rejection is an answer and is not tried again, a failure is."""
    if outcome.status is RunStatus.CONTINUE:
        return JobEnd(JobState.SUCCEEDED)
    if outcome.status is RunStatus.REJECTED:
        return JobEnd(JobState.DEAD, f"rejected: {outcome.reason}"[:MAX_REASON])
    error = outcome.error
    return failed(job, "failed" if error is None else f"{error.code}: {error.message}", now)


def failed(job: Job, reason: str, now: datetime) -> JobEnd:
    """Returns how a try that failed for ``reason`` ended."""
    if job.failed + 1 >= job.max_attempts:
        return JobEnd(JobState.DEAD, reason[:MAX_REASON])
    return JobEnd(JobState.WAITING, reason[:MAX_REASON], now + wait_before(job))
