"""The queue as platforms see it: enqueue, look, cancel, try again; and the worker of this process."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from .. import checks
from ..access.acting import current, require
from ..access.trail import entry
from ..access_model import AuditEntry
from ..errors import ValidationError
from ..forking import after_fork
from ..job_model import Job, JobKind, JobLimit, JobLimits, JobQuery, JobState, Node, Step
from ..job_ports import JobStore
from ..model import DEFAULT_TENANT, Script
from ..outcome import Outcome
from .current import CURRENT
from .payload import packed
from .tally import Tally
from .worker import Worker

ATTEMPTS, BACKOFF_S, BACKOFF_LIMIT_S = 5, 10.0, 3600.0
LONGEST_DELAY_S = 366 * 86_400.0
LONGEST_TIMEOUT_S = 3600.0
MOST_SLOTS = 256
MAX_NOTE = 500


class Jobs:
    """Background work of all tenants; each call works within one.

    Args:
        store: Where jobs live.
        script: Returns a tenant's script by name or id.
        perform: Runs a job's script and returns what it came to.
        started: Called when the worker starts.
        interrupt: Ends the run of a job, if it is under way in this process.

    Attributes:
        tally: What became of the tries in this process.
    """

    def __init__(
        self,
        store: Callable[[], JobStore],
        script: Callable[[str, str], Script],
        perform: Callable[[Job], Outcome],
        started: Callable[[], None] = lambda: None,
        interrupt: Callable[[Job], object] = lambda job: None,
    ) -> None:
        self._store = store
        self._script = script
        self._perform = perform
        self._worker: Worker | None = None
        self._lock = threading.Lock()
        self._started = started
        self._interrupt = interrupt
        self.tally = Tally()
        after_fork(self._forget_worker)

    def _forget_worker(self) -> None:
        self._worker, self._lock, self.tally = None, threading.Lock(), Tally()

    # -- asking for work -----------------------------------------------------------------------------------------
    def enqueue(
        self, script: str, params: Mapping[str, Any] | None = None, *, delay_s: float = 0, id: str | None = None,
        priority: int = 0, order_by: str | None = None, attempts: int = ATTEMPTS, backoff_s: float = BACKOFF_S,
        backoff_limit_s: float = BACKOFF_LIMIT_S, timeout_s: float | None = None, user: str | None = None,
        tenant: str = DEFAULT_TENANT,
    ) -> Job:  # fmt: skip
        """Returns the job that runs a stored script in the background.

        On the audit log if somebody acts; what the platform itself enqueues is not.

        Args:
            script: Its name or id.
            params: What it sees as ``params``.
            delay_s: Seconds to wait first.
            id: Names the job; if the tenant has one of that id, that one is returned and nothing is added.
            priority: Higher runs first among the tenant's jobs.
            order_by: Jobs with the same text run one after the other, in the order in which they were enqueued.
            attempts: How often it is tried in all.
            backoff_s: Seconds to the second try; each further wait is twice as long.
            backoff_limit_s: The longest wait, in seconds.
            timeout_s: Seconds that one try may take, None for the limit of the script's profile.
            user: Who acts.
            tenant: Whose script it is.

        Raises:
            NotFound: The tenant has no such script.
            InvalidValue: ``params`` cannot be given to a script.
        """
        require("jobs.write", checks.name(tenant, "tenant"))
        return self.put(
            script, params, delay_s=delay_s, id=id, priority=priority, order_by=order_by, attempts=attempts,
            backoff_s=backoff_s, backoff_limit_s=backoff_limit_s, timeout_s=timeout_s, user=user, tenant=tenant,
            audited=current() is not None,
        )  # fmt: skip

    def put(
        self, script: str, params: Mapping[str, Any] | None = None, *, delay_s: float = 0, id: str | None = None,
        priority: int = 0, order_by: str | None = None, attempts: int = ATTEMPTS, backoff_s: float = BACKOFF_S,
        backoff_limit_s: float = BACKOFF_LIMIT_S, timeout_s: float | None = None, user: str | None = None,
        tenant: str = DEFAULT_TENANT, audited: bool = False,
    ) -> Job:  # fmt: skip
        """Returns what `enqueue` returns, whoever acts: a script's own grants say whether it may ask."""
        found = self._script(tenant, checks.name(script, "script"))
        now = datetime.now(UTC)
        delay = timedelta(seconds=checks.number(delay_s, "delay_s", 0, LONGEST_DELAY_S))
        name = checks.optional_name(id, "id") or uuid.uuid4().hex
        order = checks.optional_name(order_by, "order_by")
        job = Job(
            name, tenant, found.id, JobKind.QUEUE, now, now + delay,
            payload=packed(params=checks.mapping(params, "params")), user=checks.optional_name(user, "user"),
            priority=checks.whole_number(priority, "priority", -1_000_000, 1_000_000),
            lane=None if order is None else f"queue:{tenant}:{order}", position=int(now.timestamp() * 1e6),
            max_attempts=checks.whole_number(attempts, "attempts", 1, 100),
            backoff_s=checks.number(backoff_s, "backoff_s", 0, LONGEST_DELAY_S),
            backoff_limit_s=checks.number(backoff_limit_s, "backoff_limit_s", 0, LONGEST_DELAY_S),
            timeout_s=None if timeout_s is None else checks.number(timeout_s, "timeout_s", 0.001, LONGEST_TIMEOUT_S),
            state=JobState.WAITING if delay else JobState.READY,
        )  # fmt: skip
        audit = _enqueued(job, found) if audited else None
        return job if self.add([job], audit=audit) == [True] else self._store().get(tenant, name)

    def add(self, jobs: Sequence[Job], *, audit: AuditEntry | None = None) -> list[bool]:
        """Returns, for each job, whether it is new; this process's worker looks for them at once."""
        new = self._store().add(jobs, audit=audit)
        if any(new):
            self.wake()
        return new

    # -- looking -------------------------------------------------------------------------------------------------
    def get(self, id: str, *, tenant: str = DEFAULT_TENANT) -> Job:
        """Returns one job.

        Raises:
            NotFound: The tenant has none of that id.
        """
        require("jobs.read", checks.name(tenant, "tenant"))
        return self._store().get(tenant, checks.name(id, "job"))

    def steps(self, id: str, *, tenant: str = DEFAULT_TENANT) -> Sequence[Step]:
        """Returns the recorded host calls of a durable job, in order.

        Raises:
            NotFound: The tenant has no job of that id.
        """
        return self._store().steps(self.get(id, tenant=tenant))

    def list(
        self, *, tenant: str = DEFAULT_TENANT, state: str | None = None, script: str | None = None,
        kind: str | None = None, before: str | None = None, limit: int = 100,
    ) -> Sequence[Job]:  # fmt: skip
        """Returns the tenant's jobs, newest first, behind the one with the id ``before``."""
        require("jobs.read", checks.name(tenant, "tenant"))
        return self._store().matching(
            JobQuery(
                tenant,
                None if state is None else checks.one_of(JobState, state, "state"),
                None if script is None else self._script(tenant, checks.name(script, "script")).id,
                None if kind is None else checks.one_of(JobKind, kind, "kind"),
                checks.optional_name(before, "before"),
                checks.whole_number(limit, "limit", 1, 1000),
            )
        )

    def dead(self, *, tenant: str = DEFAULT_TENANT, before: str | None = None, limit: int = 100) -> Sequence[Job]:
        """Returns the dead letters: jobs that failed as often as they may, newest first, behind the one ``before``."""
        return self.list(tenant=tenant, state="dead", before=before, limit=limit)

    def counts(self, *, tenant: str | None = None) -> Mapping[JobState, int]:
        """Returns how many jobs there are in each state, of one tenant or of all."""
        require("jobs.read", checks.optional_name(tenant, "tenant"))
        return self._store().counts(tenant)

    def nodes(self) -> Sequence[Node]:
        """Returns the processes that take jobs."""
        require("jobs.read", None)
        return self._store().nodes()

    # -- changing ------------------------------------------------------------------------------------------------
    def cancel(self, id: str, reason: str = "cancelled", *, tenant: str = DEFAULT_TENANT) -> Job:
        """Returns the job: cancelled, or to be soon if it runs; its run ends within seconds.

        Raises:
            NotFound: The tenant has none of that id.
            Conflict: It has ended.
        """
        text = checks.text(reason, "reason", MAX_NOTE)
        require("jobs.write", checks.name(tenant, "tenant"))
        name = checks.name(id, "job")
        audit = entry("job.cancel", tenant=tenant, object_id=name, name=name, reason=text)
        return self._store().cancel(tenant, name, text, datetime.now(UTC), audit=audit)

    def again(self, id: str, *, tenant: str = DEFAULT_TENANT) -> Job:
        """Returns a dead or cancelled job, ready to be tried as often as at first.

        Raises:
            NotFound: The tenant has none of that id.
            Conflict: It is neither dead nor cancelled.
        """
        require("jobs.write", checks.name(tenant, "tenant"))
        name = checks.name(id, "job")
        audit = entry("job.again", tenant=tenant, object_id=name, name=name)
        job = self._store().again(tenant, name, datetime.now(UTC), audit=audit)
        self.wake()
        return job

    def limit(
        self, *, tenant: str = DEFAULT_TENANT, script: str | None = None, running: int | None = None,
        per_minute: int | None = None,
    ) -> None:  # fmt: skip
        """Limits how many jobs of a tenant, or of one of its scripts, run at once and start within a minute.

        Both None lift the limit. Limits hold over all nodes together.
        """
        require("jobs.write", checks.name(tenant, "tenant"))
        found = None if script is None else self._script(tenant, checks.name(script, "script"))
        limits = JobLimits(
            None if running is None else checks.whole_number(running, "running"),
            None if per_minute is None else checks.whole_number(per_minute, "per_minute"),
        )
        limited = JobLimit(tenant, None if found is None else found.id, limits)
        name = tenant if found is None else found.name
        audit = entry(
            "job.limit", tenant=tenant, object_id=limited.script_id or tenant, name=name, details=limits._asdict()
        )
        self._store().set_limits(limited, audit=audit)

    def limits(self, *, tenant: str | None = None) -> Sequence[JobLimit]:
        """Returns the limits that are set, of one tenant or of all."""
        require("jobs.read", checks.optional_name(tenant, "tenant"))
        return self._store().limits(tenant)

    def prune(self, before: datetime) -> int:
        """Returns how many jobs it removed: those that ended before this time, dead letters excepted."""
        return self._store().prune(checks.aware_time(before, "before"))

    def progress(self, fraction: float, note: str | None = None) -> bool:
        """Takes down how far the job under way is; returns False if no job is, or it was given to another node."""
        job = CURRENT.get()
        share = checks.number(fraction, "progress", 0, 1)
        said = None if note is None else checks.text(note, "note", MAX_NOTE)
        return job is not None and self._store().progress(job, share, said)

    # -- working -------------------------------------------------------------------------------------------------
    def start(self, slots: int = 4, *, silent_s: float = 15.0) -> None:
        """Starts this process's worker, if it does not run yet.

        Args:
            slots: How many jobs run at once.
            silent_s: Seconds after which a node that is not seen counts as gone, and its jobs as lost.
        """
        checks.whole_number(slots, "slots", 1, MOST_SLOTS)
        checks.number(silent_s, "silent_s", 0.2, 3600)
        with self._lock:
            if self._worker is None:
                self._worker = Worker(self._store(), self._perform, slots, silent_s, self._interrupt, self.tally)
                self._worker.start()
        self._started()

    def stop(self, timeout_s: float = 30.0) -> bool:
        """Stops the worker; returns whether all jobs under way ended within ``timeout_s`` seconds."""
        with self._lock:
            worker, self._worker = self._worker, None
        return worker is None or worker.stop(checks.number(timeout_s, "timeout_s", 0, 86_400))

    @property
    def trouble(self) -> str | None:
        """What keeps this process's worker from the store, None if nothing does; it goes on when that is over."""
        worker = self._worker
        return None if worker is None else worker.trouble

    def wake(self) -> None:
        """Has this process's worker look for jobs now."""
        worker = self._worker
        if worker is not None:
            worker.wake()

    def run_one(self, id: str, *, tenant: str = DEFAULT_TENANT) -> Job:
        """Returns a job after running it in this thread, whatever its time.

        Raises:
            NotFound: The tenant has none of that id.
            ValidationError: It does not wait to be run.
        """
        require("jobs.write", checks.name(tenant, "tenant"))
        store = self._store()
        worker = Worker(store, self._perform, 1, tally=self.tally)
        worker.beat()
        try:
            job = store.claim_one(tenant, checks.name(id, "job"), worker.id, datetime.now(UTC))
            if job is None:
                found = self.get(id, tenant=tenant)
                raise ValidationError(f"job {id!r}: is {found.state}, wanted waiting or ready")
            worker.run(job)
        finally:
            store.leave(worker.id)
        return self.get(id, tenant=tenant)


def _enqueued(job: Job, script: Script) -> AuditEntry:
    """Returns the audit entry of a new job."""
    details = {"script": script.name, "due_at": job.due_at.isoformat(), "priority": job.priority}
    return entry("job.enqueue", tenant=job.tenant, object_id=job.id, name=job.id, details=details)
