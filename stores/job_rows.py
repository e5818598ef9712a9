"""Jobs to database rows and back. What a job is given and never changes is JSON text; what changes is in columns."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from ..errors import Conflict, NotFound, StoreError
from ..job_model import Job, JobKind, JobState, Node
from .rows import key, micros, moment, optional_key

Row = tuple[Any, ...]

JOB_COLUMNS = (
    "tenant", "id", "script_id", "kind", "created_at", "due_at", "priority", "lane", "position", "state", "attempt",
    "failed", "lost", "owner", "started_at", "finished_at", "cancel", "progress", "note", "reason", "body",
)  # fmt: skip
NODE_COLUMNS = ("id", "name", "started_at", "seen_at", "slots")
_BODY = (
    "id", "tenant", "script_id", "event", "payload", "user", "lane", "skip_if_busy", "max_attempts", "backoff_s",
    "backoff_limit_s", "timeout_s",
)  # fmt: skip
_ENCODE = json.JSONEncoder(separators=(",", ":")).encode
BUSY = "an earlier run of this schedule went on"
LOST = "the process that ran it is gone"
PROGRESS = 1_000_000  # progress is kept in millionths


def job_row(job: Job) -> Row:
    """Returns the values of `JOB_COLUMNS`."""
    return (
        key(job.tenant), key(job.id), key(job.script_id), job.kind.value, micros("job created_at", job.created_at),
        micros("job due_at", job.due_at), job.priority, optional_key(job.lane), job.position, job.state.value,
        job.attempt, job.failed, job.lost, optional_key(job.owner), _micros(job.started_at), _micros(job.finished_at),
        int(job.cancel), round(job.progress * PROGRESS), _text(job.note), _text(job.reason),
        _ENCODE({name: getattr(job, name) for name in _BODY}),
    )  # fmt: skip


def job_from_row(row: Row) -> Job:
    """Returns the job in a row of `JOB_COLUMNS`.

    Raises:
        StoreError: The row holds what no version of this code writes.
    """
    try:
        values = dict(zip(JOB_COLUMNS, row, strict=True))
        values |= json.loads(values.pop("body"))
        for name in ("created_at", "due_at", "started_at", "finished_at"):
            values[name] = None if values[name] is None else moment(values[name])
        for name in ("note", "reason"):
            values[name] = None if values[name] is None else json.loads(values[name])
        values |= {"kind": JobKind(values["kind"]), "state": JobState(values["state"])}
        values |= {"cancel": bool(values["cancel"]), "progress": values["progress"] / PROGRESS}
        return Job(**values)
    except (KeyError, TypeError, ValueError) as exc:
        raise StoreError(f"alloy_jobs: row {row[:2]!r} cannot be read: {type(exc).__name__}: {exc}") from exc


def reason_text(reason: str | None) -> str | None:
    """Returns the column of a reason or note, in any text a script can make."""
    return _text(reason)


def node_from_row(row: Row) -> Node:
    """Returns the node in a row of `NODE_COLUMNS`."""
    return Node(row[0], row[1], moment(row[2]), moment(row[3]), row[4])


def _micros(at: datetime | None) -> int | None:
    return None if at is None else micros("job time", at)


def _text(text: str | None) -> str | None:
    return None if text is None else _ENCODE(text)


# -- refusals ------------------------------------------------------------------------------------------------
def no_job(tenant: str, job_id: str) -> NotFound:
    """Returns the error for a job that the tenant does not have."""
    return NotFound(f"job {job_id!r}: tenant {tenant!r} has none of that id", details={"job": job_id})


def wrong_state(job: Job, wanted: str) -> Conflict:
    """Returns the error for what cannot be done to a job in its state."""
    return Conflict(f"job {job.id!r}: is {job.state}, wanted {wanted}", details={"job": job.id, "state": job.state})
