"""Runs jobs in threads of this process: takes them from the store, tells that it lives, takes over from the dead."""

from __future__ import annotations

import logging
import os
import socket
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep

from ..errors import AlloyError, StoreError
from ..job_model import Job, JobEnd, JobState, Node
from ..job_ports import JobStore
from ..outcome import Outcome
from .current import CURRENT
from .journal import Diverged, Parked, Taken
from .retries import end_of, failed
from .tally import Tally

POLL_SECONDS = 0.5
LINGER_SECONDS = 0.005  # for more slots to become free: a claim costs the same for one job as for many
BEAT_SECONDS = 2.0
SILENT_SECONDS = 15.0  # then a node counts as gone
MOST_LOST = 5  # a job that takes its process down so often is dead
TROUBLE_SECONDS = 1.0
SWITCHED_OFF = ("not_active", "bypassed")  # the codes of errors for a script that was switched off meanwhile

_log = logging.getLogger("alloy_lua.jobs")


class Worker:
    """One node of those that share the jobs of a store.

    Args:
        store: Where the jobs are.
        perform: Runs a job's script and returns what it came to.
        slots: How many jobs run at once.
        silent_s: Seconds after which other nodes that are not seen count as gone.
        interrupt: Ends the run of a job, if it is under way in this process.
        tally: Counts the tries.

    Attributes:
        trouble: What keeps it from the store, None if nothing does.
    """

    def __init__(
        self, store: JobStore, perform: Callable[[Job], Outcome], slots: int, silent_s: float = SILENT_SECONDS,
        interrupt: Callable[[Job], object] = lambda job: None, tally: Tally | None = None,
    ) -> None:  # fmt: skip
        self.id = uuid.uuid4().hex
        self.slots = slots
        self.trouble: str | None = None
        self._store = store
        self._perform = perform
        self._interrupt = interrupt
        self._tally = tally or Tally()
        self._silent = timedelta(seconds=silent_s)
        self._beat_s = min(BEAT_SECONDS, silent_s / 4)
        self._name = f"{socket.gethostname()}/{os.getpid()}"
        self._started = datetime.now(UTC)
        self._ahead = timedelta()  # the store's clock before ours
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._busy = 0
        self._in_hand: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(slots, thread_name_prefix="alloy-job")
        self._thread = threading.Thread(target=self._run, name="alloy-jobs", daemon=True)
        self._alive_since: float | None = None
        self._last_beat = float("-inf")

    def start(self) -> None:
        """Starts taking jobs."""
        self._thread.start()

    def wake(self) -> None:
        """Has the worker look for jobs now."""
        self._wake.set()

    def stop(self, timeout_s: float) -> bool:
        """Takes no more jobs and waits for those that run; returns whether all ended in time.

        What still runs then is given to others.
        """
        self._stop.set()
        self._wake.set()
        deadline = monotonic() + timeout_s
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        while self._busy and monotonic() < deadline:
            sleep(0.01)
        done = self._busy == 0
        self._pool.shutdown(wait=done, cancel_futures=True)
        try:
            self._store.leave(self.id)
        except AlloyError as error:
            _log.warning("node %s could not sign off: %s", self.id, error)
        return done

    # -- the loop ------------------------------------------------------------------------------------------------
    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            try:
                wait = self._step()
                self.trouble = None
            except StoreError as error:
                if self.trouble is None:
                    _log.warning("jobs: %s", error)
                self.trouble, self._alive_since, wait = error.message, None, TROUBLE_SECONDS
            except Exception:
                _log.exception("jobs: unexpected failure")
                wait = TROUBLE_SECONDS
            self._wake.wait(wait)

    def _step(self) -> float:
        """Returns how many seconds there is nothing to do for."""
        if monotonic() - self._last_beat >= self._beat_s:
            self.beat()
        if 0 < self.slots - self._busy < self.slots / 2:
            self._stop.wait(LINGER_SECONDS)
        free = self.slots - self._busy
        if free <= 0:
            return POLL_SECONDS
        jobs = self._store.claim(self.id, free, self._now())
        for job in jobs:
            with self._lock:
                self._busy += 1
                self._in_hand.add((job.tenant, job.id))
            self._pool.submit(self._work, job)
        if len(jobs) == free:
            return 0.0 if self.slots > self._busy else POLL_SECONDS
        due = self._store.next_due()
        return POLL_SECONDS if due is None else max(0.0, min(POLL_SECONDS, (due - self._now()).total_seconds()))

    def beat(self) -> None:
        """Says that this node lives, and looks whether others do."""
        self._store.beat(Node(self.id, self._name, self._started, self._started, self.slots))
        self._ahead = self._store.clock() - datetime.now(UTC)
        self._last_beat = monotonic()
        for job in self._store.held(self.id):
            if (job.tenant, job.id) not in self._in_hand:
                # Claimed by a commit whose answer was lost, or ended by one that never came through.
                self._store.end(job, JobEnd(JobState.WAITING, "given back", self._now(), parked=True), self._now())
            elif job.cancel:
                self._interrupt(job)
        if self._alive_since is None:
            self._alive_since = self._last_beat
        # After an outage of the store everybody looks dead: others are judged after a full span of one's own beats.
        if self._last_beat - self._alive_since >= self._silent.total_seconds():
            for job in self._store.reap(self._silent, MOST_LOST, self._now()):
                _log.warning("job %s of tenant %s was lost with its node %s", job.id, job.tenant, job.owner)

    def _now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    # -- one job ---------------------------------------------------------------------------------------------------
    def _work(self, job: Job) -> None:
        try:
            self.run(job)
        finally:
            with self._lock:
                self._busy -= 1
                self._in_hand.discard((job.tenant, job.id))
            self._wake.set()

    def run(self, job: Job) -> bool:
        """Runs a job that this node has claimed; returns whether its end was taken down."""
        self._tally.begin()
        token = CURRENT.set(job)
        try:
            end = self._attempt(job)
        finally:
            CURRENT.reset(token)
        kept = self._end(job, end)
        self._tally.end(end, kept=kept)
        return kept

    def _attempt(self, job: Job) -> JobEnd:
        try:
            return end_of(job, self._perform(job), self._now())
        except Parked as parked:
            return JobEnd(JobState.WAITING, str(parked), parked.wake, parked=True)
        except Taken:
            return JobEnd(JobState.CANCELLED, job.reason)
        except Diverged as error:
            return JobEnd(JobState.DEAD, f"diverged: {error}")
        except AlloyError as error:
            if error.code in SWITCHED_OFF:
                return JobEnd(JobState.CANCELLED, error.message)
            return failed(job, f"{error.code}: {error.message}", self._now())
        except Exception as error:
            _log.exception("job %s of tenant %s failed unexpectedly", job.id, job.tenant)
            return failed(job, f"internal_error: {type(error).__name__}", self._now())

    def _end(self, job: Job, end: JobEnd) -> bool:
        """The script has run: a store that is away is waited for, as long as the job is this node's."""
        deadline = monotonic() + self._silent.total_seconds()
        while True:
            try:
                kept = self._store.end(job, end, self._now())
            except StoreError as error:
                if monotonic() > deadline:
                    _log.error("the end of job %s could not be taken down: %s", job.id, error)
                    return False
                sleep(TROUBLE_SECONDS)
                continue
            if not kept:
                _log.warning("job %s was given to another node while it ran here", job.id)
            return kept
