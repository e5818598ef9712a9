"""Hooks that run once a platform's transaction has committed: the row is written in that very transaction."""

from __future__ import annotations

import base64
import logging
import threading
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from time import monotonic
from typing import Any, NamedTuple

from ..errors import AlloyError
from ..forking import after_fork
from ..job_model import Job, JobKind, OutboxRow
from ..job_ports import OutboxStore
from ..model import EventTrigger, Script
from ..values import pack, unpack
from .jobs import Jobs
from .payload import MAX_BYTES, packed

MOST_AT_ONCE = 200
POLL_SECONDS = 0.2
EAGER_SECONDS = 0.004  # between looks while a transaction of this process may be about to commit
EAGER_GROWTH = 1.2
PLACES = 1024  # positions between two rows: one for each script of a chain
TROUBLE_SECONDS = 1.0

_log = logging.getLogger("alloy_lua.outbox")


class Commit(NamedTuple):
    """An event to handle once its transaction has committed."""

    tenant: str
    user: str | None
    event: str
    entity_type: str
    identity: str | None
    entity: Mapping[str, Any]
    before: Mapping[str, Any] | None
    params: Mapping[str, Any] | None


Chain = Callable[[str, str], list[tuple[Script, EventTrigger]]]


class Outbox:
    """Takes events into transactions, and what has committed to the jobs.

    Args:
        store: Where the rows are, once it is needed.
        jobs: Runs the scripts.
        chain: Returns the scripts of a tenant's event in order, as they are in the store now.
    """

    def __init__(self, store: Callable[[], OutboxStore], jobs: Jobs, chain: Chain) -> None:
        self._store = store
        self._jobs = jobs
        self._chain = chain
        self._renew()
        after_fork(self._renew)

    def _renew(self) -> None:
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._eager_since = float("-inf")

    def add(self, commit: Commit, execute: Callable[[str], Any]) -> str:
        """Returns the id of the row that it has had ``execute`` write.

        Raises:
            InvalidValue: A value of the record cannot be given to a script.
        """
        body = base64.b64encode(pack(list(commit), limit=MAX_BYTES, what=commit.event)).decode()
        name = uuid.uuid4().hex
        execute(self._store().statement(name, body))
        self._eager_since = monotonic()
        self._wake.set()
        return name

    def drain(self) -> int:
        """Returns how many rows it made jobs of. Doing one twice, or in two processes at once, does no harm."""
        store, total = self._store(), 0
        while rows := store.first(MOST_AT_ONCE):
            jobs = [job for row in rows for job in self._jobs_of(row)]
            if jobs:
                self._jobs.add(jobs)
            store.remove(rows)
            total += len(rows)
            if len(rows) < MOST_AT_ONCE:
                break
        return total

    def _jobs_of(self, row: OutboxRow) -> list[Job]:
        commit = Commit(*unpack(base64.b64decode(row.body)))
        now = datetime.now(UTC)
        payload = packed(entity=commit.entity, before=commit.before, params=commit.params)
        of = f"{commit.tenant}:{commit.entity_type}:{commit.identity}"
        return [
            Job(
                f"commit:{row.id}:{script.id}", commit.tenant, script.id, JobKind.COMMIT, now, now, event=commit.event,
                payload=payload, user=commit.user, lane=f"commit:{of}:{script.id}" if commit.identity else None,
                position=row.seq * PLACES + place, max_attempts=trigger.attempts, backoff_s=trigger.backoff_s,
                backoff_limit_s=trigger.backoff_limit_s,
            )
            for place, (script, trigger) in enumerate(self._chain(commit.tenant, commit.event))
            if _concerns(trigger, commit)
        ]  # fmt: skip

    # -- running -------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Starts looking for committed rows in a thread of its own."""
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, name="alloy-outbox", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stops looking; safe to call twice."""
        thread, self._thread = self._thread, None
        self._stop.set()
        self._wake.set()
        if thread is not None:
            thread.join(timeout=30)

    def _run(self) -> None:
        wait = POLL_SECONDS
        seen = self._eager_since
        while not self._stop.is_set():
            self._wake.clear()
            if self._eager_since != seen:
                seen, wait = self._eager_since, EAGER_SECONDS
            try:
                self.drain()
            except AlloyError as error:
                _log.warning("outbox: %s", error)
                wait = TROUBLE_SECONDS
            except Exception:
                _log.exception("outbox: unexpected failure")
                wait = TROUBLE_SECONDS
            self._wake.wait(wait)
            wait = min(POLL_SECONDS, wait * EAGER_GROWTH)


def _concerns(trigger: EventTrigger, commit: Commit) -> bool:
    before = commit.before
    if not trigger.fields or before is None:
        return True
    return any(before.get(name) != commit.entity.get(name) for name in trigger.fields)
