"""Turns ticks into jobs: one heap and one thread in each process, and deterministic ids between them."""

from __future__ import annotations

import itertools
import logging
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from .. import checks
from ..access.acting import current, require
from ..access.trail import entry
from ..errors import StoreError, ValidationError
from ..forking import after_fork
from ..job_model import Job, JobKind, JobState
from ..jobs.jobs import Jobs
from ..jobs.payload import packed
from ..model import DEFAULT_TENANT, AtTrigger, CronTrigger, Overlap
from ..ports import Store
from .agenda import Agenda, Tick
from .cron import Cron
from .schedule import Schedule, schedules_of

MARK = "scheduler"
MARK_SECONDS = 5.0
MARGIN = timedelta(seconds=3 * MARK_SECONDS)  # what another process has started may be offered again: ids tell
TROUBLE_SECONDS = 1.0
MOST_AT_ONCE = 500  # schedules in one transaction
MOST_PREVIEW = 1000

_log = logging.getLogger("alloy_lua.scheduler")


class Upcoming(NamedTuple):
    """A schedule and its next ticks."""

    script: str
    trigger: CronTrigger | AtTrigger
    ticks: tuple[datetime, ...]


class Scheduler:
    """The schedules of all tenants. Any number of processes may run one on the same store: each tick starts once.

    Args:
        store: Where scripts and jobs live.
        jobs: Gets a job for each tick.
        started: Called at the start, so that edits made elsewhere are noticed.

    Attributes:
        trouble: What keeps it from the store, None if nothing does; it goes on when that is over.
    """

    def __init__(self, store: Store, jobs: Jobs, started: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self._jobs = jobs
        self._started = started
        self._renew()
        after_fork(self._renew)

    def _renew(self) -> None:
        self._agenda = Agenda()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._stale = True
        self._marked: datetime | None = None
        self._loaded = False
        self.trouble: str | None = None

    # -- running -------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Starts ticking in a thread of its own; the jobs are run by workers, here or elsewhere."""
        with self._lock:
            if self._thread is not None:
                return
            self._stop.clear()
            self._stale = True
            self._loaded = False
            self._thread = threading.Thread(target=self._run, name="alloy-scheduler", daemon=True)
            self._thread.start()
        self._started()

    def stop(self) -> None:
        """Stops ticking; safe to call twice."""
        with self._lock:
            thread, self._thread = self._thread, None
        self._stop.set()
        self._wake.set()
        if thread is not None:
            thread.join(timeout=30)

    def refresh(self) -> None:
        """Has the schedules read again, because a script was written."""
        self._stale = True
        self._wake.set()

    def tick(self, now: datetime) -> int:
        """Starts what is due at ``now``; returns how many jobs are new.

        Raises:
            StoreError: The store failed; what was due is offered again at the next call.
        """
        if self._stale:
            self._load()
        started = 0
        while ticks := self._agenda.take(now, MOST_AT_ONCE):
            many = Counter(tick.schedule.key for tick in ticks)
            try:
                started += sum(self._jobs.add([_job(tick, now, alone=many[tick.schedule.key] == 1) for tick in ticks]))
            except StoreError:
                self._agenda.give_back(ticks)
                raise
        if self._marked is None or now - self._marked >= timedelta(seconds=MARK_SECONDS):
            self._store.jobs.set_mark(MARK, now)
            self._marked = now
        return started

    def _load(self) -> None:
        self._stale = False
        try:
            scripts = [script for script in self._store.iter_active() if any(map(_by_clock, script.triggers))]
            mark = None if self._loaded else self._store.jobs.mark(MARK)
        except StoreError:
            self._stale = True
            raise
        changed = {script.id: script.updated_at for script in scripts}

        def since(schedule: Schedule) -> datetime:
            at = changed[schedule.script_id]
            return at if mark is None else max(at, mark - MARGIN)

        self._agenda.load((schedule for script in scripts for schedule in schedules_of(script)), since)
        self._loaded = True

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            try:
                self.tick(datetime.now(UTC))
                wait = self._seconds_to_next()
                self.trouble = None
            except StoreError as error:
                if self.trouble is None:
                    _log.warning("scheduler: %s", error)
                self.trouble, wait = error.message, TROUBLE_SECONDS
            except Exception:
                _log.exception("scheduler: unexpected failure")
                wait = TROUBLE_SECONDS
            self._wake.wait(wait)

    def _seconds_to_next(self) -> float:
        due = self._agenda.next_due()
        if due is None:
            return MARK_SECONDS
        return max(0.0, min(MARK_SECONDS, (due - datetime.now(UTC)).total_seconds()))

    # -- looking -------------------------------------------------------------------------------------------------
    def preview(
        self, expression: str, count: int = 10, *, timezone: str = "UTC", after: datetime | None = None
    ) -> Sequence[datetime]:
        """Returns the next ``count`` times of a cron expression, in its zone, later than ``after`` (None: now).

        Raises:
            ValidationError: The expression or the zone is wrong.
        """
        checks.whole_number(count, "count", 1, MOST_PREVIEW)
        Cron(expression, timezone)
        schedule = Schedule("", "", "", "", CronTrigger(expression, timezone))
        return _next(schedule, count, after)

    def upcoming(
        self, name: str | None = None, count: int = 1, *, tenant: str = DEFAULT_TENANT, after: datetime | None = None
    ) -> Sequence[Upcoming]:
        """Returns the schedules of a tenant's active scripts, or of the script ``name``, active or not, each with its
        next ``count`` ticks; the soonest first.

        Raises:
            NotFound: The tenant has no such script.
        """
        require("jobs.read", checks.name(tenant, "tenant"))
        checks.whole_number(count, "count", 1, MOST_PREVIEW)
        if name is None:
            scripts = [script for script in self._store.iter_active() if script.tenant == tenant]
        else:
            scripts = [self._store.get_script(tenant, checks.name(name, "script"))]
        found = [
            Upcoming(script.name, schedule.trigger, tuple(_next(schedule, count, after)))
            for script in scripts
            for schedule in schedules_of(script)
        ]
        return sorted(found, key=lambda each: (not each.ticks, each.ticks, each.script))

    def run_now(self, name: str, *, tenant: str = DEFAULT_TENANT, user: str | None = None) -> Job:
        """Returns the job that runs a scheduled script now, besides its times.

        Raises:
            NotFound: The tenant has no such script.
            ValidationError: The script has no schedule.
        """
        require("jobs.write", checks.name(tenant, "tenant"))
        script = self._store.get_script(tenant, checks.name(name, "script"))
        found = schedules_of(script)
        if not found:
            raise ValidationError(f"script {script.name}: has no schedule; wanted a cron or at trigger")
        now = datetime.now(UTC)
        job = replace(
            _job(Tick(found[0], now), now, alone=True), id=f"now:{uuid.uuid4().hex}", lane=None, skip_if_busy=False,
            user=checks.optional_name(user, "user"),
        )  # fmt: skip
        audit = None
        if current() is not None:
            audit = entry("schedule.run", tenant=tenant, object_id=script.id, name=script.name, details={"job": job.id})
        self._jobs.add([job], audit=audit)
        return job


def _by_clock(trigger: object) -> bool:
    return isinstance(trigger, CronTrigger | AtTrigger)


def _next(schedule: Schedule, count: int, after: datetime | None) -> list[datetime]:
    from zoneinfo import ZoneInfo

    moment = datetime.now(UTC) if after is None else checks.aware_time(after, "after")
    zone = ZoneInfo(getattr(schedule.trigger, "timezone", "UTC"))
    return [tick.astimezone(zone) for tick in itertools.islice(schedule.upcoming(moment), count)]


def _job(tick: Tick, now: datetime, *, alone: bool) -> Job:
    """Returns the job of a tick; one of several that are made up for together waits for those before it."""
    schedule, trigger = tick.schedule, tick.schedule.trigger
    overlap = trigger.overlap if isinstance(trigger, CronTrigger) else Overlap.PARALLEL
    return Job(
        tick.id, schedule.tenant, schedule.script_id, JobKind.CRON, now, now,
        payload=packed(params={"scheduled_at": tick.at.isoformat().replace("+00:00", "Z")}),
        lane=None if overlap is Overlap.PARALLEL else f"cron:{schedule.key}", position=int(tick.at.timestamp() * 1e6),
        skip_if_busy=overlap is Overlap.SKIP and alone, max_attempts=trigger.attempts, backoff_s=trigger.backoff_s,
        backoff_limit_s=trigger.backoff_limit_s, state=JobState.READY,
    )  # fmt: skip
