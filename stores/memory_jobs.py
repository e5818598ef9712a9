"""Background work in dictionaries: for one process, and the model for the stores in databases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import Any

from ..access_model import AuditEntry
from ..job_model import OPEN, Backlog, Job, JobEnd, JobLimit, JobLimits, JobQuery, JobState, Node, Step
from .job_rows import BUSY, LOST, no_job, wrong_state
from .rows import micros

Name = tuple[str, str]
MINUTE = timedelta(minutes=1)


class MemoryJobs:
    """A `JobStore` that lives as long as its object; see the protocol for what each method promises.

    ``log`` puts an audit entry, if there is one, on the log.
    """

    def __init__(self, log: Callable[[AuditEntry | None], None]) -> None:
        self._lock = RLock()
        self._log = log
        self._jobs: dict[Name, Job] = {}
        self._nodes: dict[str, Node] = {}
        self._limits: dict[tuple[str, str | None], JobLimits] = {}
        self._marks: dict[str, datetime] = {}
        self._steps: dict[Name, list[Step]] = {}
        self._last_tenant = ""

    def clock(self) -> datetime:
        return datetime.now(UTC)

    # -- jobs --------------------------------------------------------------------------------------------------
    def add(self, jobs: Sequence[Job], *, audit: AuditEntry | None = None) -> list[bool]:
        for job in jobs:
            micros("job created_at", job.created_at)
            micros("job due_at", job.due_at)
        with self._lock:
            new = [self._add(job) for job in jobs]
            if any(new):
                self._log(audit)
            return new

    def _add(self, job: Job) -> bool:
        if (job.tenant, job.id) in self._jobs:
            return False
        if job.skip_if_busy and any(other.lane == job.lane for other in self._open()):
            job = replace(job, state=JobState.SKIPPED, finished_at=job.created_at, reason=BUSY)
        self._jobs[job.tenant, job.id] = job
        return True

    def claim(self, node: str, slots: int, now: datetime) -> list[Job]:
        with self._lock:
            for job in self._in(JobState.WAITING):
                if job.due_at <= now:
                    self._put(replace(job, state=JobState.READY))
            taken: list[Job] = []
            while len(taken) < slots:
                choices = [job for job in self._in(JobState.READY) if self._allowed(job, now)]
                if not choices:
                    break
                taken.append(self._start(min(choices, key=self._turn()), node, now))
                self._last_tenant = taken[-1].tenant
            return taken

    def _turn(self) -> Callable[[Job], tuple[Any, ...]]:
        running = Counter(job.tenant for job in self._in(JobState.RUNNING))
        last = self._last_tenant
        return lambda job: (
            running[job.tenant], job.tenant <= last, job.tenant, -job.priority, job.due_at, job.position, job.id
        )  # fmt: skip

    def _allowed(self, job: Job, now: datetime) -> bool:
        if job.lane is not None:
            place = (job.position, job.id)
            if any(other.lane == job.lane and (other.position, other.id) < place for other in self._open()):
                return False
        return all(self._room(job, script, now) for script in (None, job.script_id))

    def _room(self, job: Job, script: str | None, now: datetime) -> bool:
        limits = self._limits.get((job.tenant, script))
        if limits is None:
            return True
        own = [o for o in self._jobs.values() if o.tenant == job.tenant and script in (None, o.script_id)]
        running = sum(other.state is JobState.RUNNING for other in own)
        begun = sum(other.started_at is not None and other.started_at > now - MINUTE for other in own)
        return (limits.running is None or running < limits.running) and (
            limits.per_minute is None or begun < limits.per_minute
        )

    def _start(self, job: Job, node: str, now: datetime) -> Job:
        started = replace(job, state=JobState.RUNNING, owner=node, attempt=job.attempt + 1, started_at=now)
        return self._put(started)

    def claim_one(self, tenant: str, job_id: str, node: str, now: datetime) -> Job | None:
        with self._lock:
            job = self._jobs.get((tenant, job_id))
            if job is None or job.state not in (JobState.WAITING, JobState.READY):
                return None
            return self._start(job, node, now)

    def end(self, job: Job, end: JobEnd, now: datetime) -> bool:
        with self._lock:
            current = self._mine(job)
            if current is None:
                return False
            tried = end.state is JobState.DEAD or (end.state is JobState.WAITING and not end.parked)
            state, failed = end.state, current.failed + tried
            if current.cancel and state is not JobState.SUCCEEDED:
                state, failed = JobState.CANCELLED, current.failed
            ended = replace(current, state=state, reason=end.reason, owner=None, failed=failed)
            if state is JobState.WAITING:
                self._put(replace(ended, due_at=end.due_at or now))
            else:
                self._put(replace(ended, finished_at=now))
            return True

    def progress(self, job: Job, progress: float, note: str | None) -> bool:
        with self._lock:
            current = self._mine(job)
            if current is not None:
                self._put(replace(current, progress=progress, note=note))
            return current is not None

    def cancel(self, tenant: str, job_id: str, reason: str, now: datetime, *, audit: AuditEntry | None = None) -> Job:
        with self._lock:
            job = self.get(tenant, job_id)
            if job.state not in OPEN:
                raise wrong_state(job, "a job that has not ended")
            asked = replace(job, cancel=True, reason=reason)
            if job.state is not JobState.RUNNING:
                asked = replace(asked, state=JobState.CANCELLED, finished_at=now)
            self._log(audit)
            return self._put(asked)

    def again(self, tenant: str, job_id: str, now: datetime, *, audit: AuditEntry | None = None) -> Job:
        with self._lock:
            job = self.get(tenant, job_id)
            if job.state not in (JobState.DEAD, JobState.CANCELLED):
                raise wrong_state(job, "dead or cancelled")
            fresh = replace(job, state=JobState.READY, due_at=now, finished_at=None, cancel=False, failed=0, lost=0)
            self._log(audit)
            return self._put(replace(fresh, progress=0.0, note=None))

    def held(self, node: str) -> list[Job]:
        with self._lock:
            return [job for job in self._in(JobState.RUNNING) if job.owner == node]

    def get(self, tenant: str, job_id: str) -> Job:
        job = self._jobs.get((tenant, job_id))
        if job is None:
            raise no_job(tenant, job_id)
        return job

    def matching(self, query: JobQuery) -> list[Job]:
        with self._lock:
            found = [job for job in self._jobs.values() if _matches(job, query)]
            if query.before is not None:
                last = self._jobs.get((query.tenant, query.before))
                found = [job for job in found if last is not None and _age(job) < _age(last)]
        return sorted(found, key=_age, reverse=True)[: max(query.limit, 0)]

    def counts(self, tenant: str | None = None) -> dict[JobState, int]:
        with self._lock:
            return dict(Counter(job.state for job in self._jobs.values() if tenant in (None, job.tenant)))

    def backlog(self) -> Backlog:
        with self._lock:
            counts = {state: len(self._in(state)) for state in (*OPEN, JobState.DEAD)}
            due = [job.due_at for state in (JobState.WAITING, JobState.READY) for job in self._in(state)]
            return Backlog(counts, min(due, default=None))

    def next_due(self) -> datetime | None:
        with self._lock:
            return min((job.due_at for job in self._in(JobState.WAITING)), default=None)

    def prune(self, before: datetime) -> int:
        micros("before", before)
        with self._lock:
            old = [
                name for name, job in self._jobs.items()
                if job.state not in OPEN and job.state is not JobState.DEAD
                and job.finished_at is not None and job.finished_at < before
            ]  # fmt: skip
            for name in old:
                del self._jobs[name]
                self._steps.pop(name, None)
            return len(old)

    # -- steps -------------------------------------------------------------------------------------------------
    def steps(self, job: Job) -> list[Step]:
        with self._lock:
            return list(self._steps.get((job.tenant, job.id), ()))

    def record(self, job: Job, step: Step) -> bool:
        with self._lock:
            current, steps = self._mine(job), self._steps.setdefault((job.tenant, job.id), [])
            if current is None or current.cancel or any(other.number == step.number for other in steps):
                return False
            steps.append(step)
            return True

    def forget_step(self, job: Job, step: Step) -> None:
        with self._lock:
            steps = self._steps.get((job.tenant, job.id), [])
            steps[:] = [other for other in steps if other.number != step.number]

    # -- nodes -------------------------------------------------------------------------------------------------
    def beat(self, node: Node) -> None:
        with self._lock:
            self._nodes[node.id] = replace(node, seen_at=self.clock())

    def nodes(self) -> list[Node]:
        with self._lock:
            return [self._nodes[name] for name in sorted(self._nodes)]

    def leave(self, node: str) -> None:
        with self._lock:
            self._nodes.pop(node, None)
            for job in self._in(JobState.RUNNING):
                if job.owner == node:
                    self._free(job)

    def reap(self, silent: timedelta, most_lost: int, now: datetime) -> list[Job]:
        with self._lock:
            limit = self.clock() - silent
            self._nodes = {name: node for name, node in self._nodes.items() if node.seen_at >= limit}
            lost = [job for job in self._in(JobState.RUNNING) if job.owner not in self._nodes]
            for job in lost:
                if job.lost >= most_lost:
                    dead = replace(job, state=JobState.DEAD, owner=None, lost=job.lost + 1)
                    self._put(replace(dead, reason=LOST, finished_at=now))
                else:
                    self._free(job)
            return lost

    def _free(self, job: Job) -> None:
        state = JobState.CANCELLED if job.cancel else JobState.READY
        self._put(replace(job, state=state, owner=None, lost=job.lost + (not job.cancel)))

    # -- limits and marks ----------------------------------------------------------------------------------------
    def set_limits(self, limit: JobLimit, *, audit: AuditEntry | None = None) -> None:
        with self._lock:
            self._limits.pop((limit.tenant, limit.script_id), None)
            if limit.limits != JobLimits():
                self._limits[limit.tenant, limit.script_id] = limit.limits
            self._log(audit)

    def limits(self, tenant: str | None = None) -> list[JobLimit]:
        with self._lock:
            found = [JobLimit(*name, limits) for name, limits in self._limits.items() if tenant in (None, name[0])]
        return sorted(found, key=lambda limit: (limit.tenant, limit.script_id or ""))

    def mark(self, name: str) -> datetime | None:
        return self._marks.get(name)

    def set_mark(self, name: str, at: datetime) -> None:
        micros("mark", at)
        with self._lock:
            self._marks[name] = max(at, self._marks.get(name, at))

    # -- parts -------------------------------------------------------------------------------------------------
    def _put(self, job: Job) -> Job:
        self._jobs[job.tenant, job.id] = job
        return job

    def _in(self, state: JobState) -> list[Job]:
        return [job for job in self._jobs.values() if job.state is state]

    def _open(self) -> list[Job]:
        return [job for job in self._jobs.values() if job.state in OPEN]

    def _mine(self, job: Job) -> Job | None:
        current = self._jobs.get((job.tenant, job.id))
        same = current is not None and (current.owner, current.attempt) == (job.owner, job.attempt)
        return current if same and current is not None and current.state is JobState.RUNNING else None


def _age(job: Job) -> tuple[datetime, str]:
    return job.created_at, job.id


def _matches(job: Job, query: JobQuery) -> bool:
    return (
        job.tenant == query.tenant
        and query.state in (None, job.state)
        and query.script_id in (None, job.script_id)
        and query.kind in (None, job.kind)
    )
