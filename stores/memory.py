"""The store in dictionaries: for tests, for platforms that keep scripts elsewhere, and the model for the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from heapq import nlargest, nsmallest
from threading import RLock
from typing import TYPE_CHECKING, NoReturn

from ..errors import ConfigError
from ..model import Health, Revision, Run, Script, Status
from ..ports import Documents, KeyValues, RunQuery, ScriptQuery
from . import refusals
from .memory_services import MemoryDocuments, MemoryKeyValues
from .rows import HEALTH_COUNTS, check_revision, check_script, events_of, fits_hooks, folded, micros
from .urls import MEMORY_URL

if TYPE_CHECKING:
    from ..access_model import AuditEntry
    from .memory_access import MemoryAccess, MemoryAudit, MemoryIdempotency, MemoryReviews, MemoryTenants, MemoryTokens
    from .memory_jobs import MemoryJobs
    from .memory_tapes import MemoryTapes


class MemoryStore:
    """A `Store` that lives as long as its object; see the protocol for what each method promises.

    Runs stay until ``prune_runs`` takes them.
    """

    url = MEMORY_URL

    def __init__(self) -> None:
        self._lock = RLock()
        self._scripts: dict[str, Script] = {}
        self._ids: dict[tuple[str, str], str] = {}
        self._revisions: dict[str, dict[int, Revision]] = {}
        self._health: dict[str, Health] = {}
        self._runs: dict[tuple[str, str], Run] = {}
        self._changes = 0
        self.documents: Documents = MemoryDocuments(self._count_change, self._log)
        self.kv: KeyValues = MemoryKeyValues(self._log)
        self._access_made: MemoryAccess | None = None
        self._jobs_made: MemoryJobs | None = None
        self._tapes_made: MemoryTapes | None = None

    @property
    def outbox(self) -> NoReturn:
        """There are no transactions here to write it in."""
        raise ConfigError("outbox: got a store in memory, wanted the database that the platform's transactions are in")

    @property
    def jobs(self) -> MemoryJobs:
        """Made, and its module loaded, at the first use."""
        with self._lock:
            if self._jobs_made is None:
                from .memory_jobs import MemoryJobs

                self._jobs_made = MemoryJobs(self._log)
            return self._jobs_made

    @property
    def tapes(self) -> MemoryTapes:
        """Made, and its module loaded, at the first use."""
        with self._lock:
            if self._tapes_made is None:
                from .memory_tapes import MemoryTapes

                self._tapes_made = MemoryTapes()
            return self._tapes_made

    # -- access control ------------------------------------------------------------------------------------------
    @property
    def tokens(self) -> MemoryTokens:
        return self._access().tokens

    @property
    def tenants(self) -> MemoryTenants:
        return self._access().tenants

    @property
    def reviews(self) -> MemoryReviews:
        return self._access().reviews

    @property
    def audit(self) -> MemoryAudit:
        return self._access().audit

    @property
    def idempotency(self) -> MemoryIdempotency:
        return self._access().idempotency

    def _access(self) -> MemoryAccess:
        """Made, and its module loaded, at the first use."""
        with self._lock:
            if self._access_made is None:
                from .memory_access import MemoryAccess

                self._access_made = MemoryAccess(
                    self._lock, changed=self._count_change, has_script=lambda *which: self._own(*which) is not None,
                    with_scripts=lambda: {script.tenant for script in self._scripts.values()},
                )  # fmt: skip
            return self._access_made

    # -- schema --------------------------------------------------------------------------------------------------
    def migrate(self) -> list[str]:
        return []

    def pending_migrations(self) -> list[str]:
        return []

    def close(self) -> None:
        return None

    # -- scripts ---------------------------------------------------------------------------------------------
    def add_script(self, script: Script, revision: Revision, *, audit: AuditEntry | None = None) -> None:
        check_script(script)
        check_revision(script, revision)
        with self._lock:
            self._check_new(script)
            self._log(audit)
            self._scripts[script.id] = script
            self._ids[script.tenant, script.name] = script.id
            self._revisions[script.id] = {revision.number: revision}
            self._count_change()

    def get_script(self, tenant: str, key: str) -> Script:
        with self._lock:
            script = self._own(tenant, self._ids.get((tenant, key), key))
        if script is None:
            raise refusals.no_script(tenant, key)
        return script

    def list_scripts(self, query: ScriptQuery) -> list[Script]:
        with self._lock:
            found = [script for script in self._scripts.values() if _script_matches(script, query)]
        return nsmallest(query.limit, found, key=lambda script: script.name)

    def save_script(
        self, script: Script, *, expected_version: int, revision: Revision | None = None,
        audit: AuditEntry | None = None,
    ) -> Script:  # fmt: skip
        check_script(script)
        if revision is not None:
            check_revision(script, revision)
        with self._lock:
            current = self._current(script.tenant, script.id, expected_version)
            self._check_name(script)
            revisions = self._revisions[script.id]
            if revision is not None and revision.number in revisions:
                raise refusals.revision_exists(script.id, revision.number)
            self._log(audit)
            if revision is not None:
                revisions[revision.number] = revision
            del self._ids[current.tenant, current.name]
            self._ids[script.tenant, script.name] = script.id
            saved = self._scripts[script.id] = replace(script, version=expected_version + 1)
            self._count_change()
            return saved

    def delete_script(
        self, tenant: str, script_id: str, *, expected_version: int, audit: AuditEntry | None = None
    ) -> None:
        with self._lock:
            script = self._current(tenant, script_id, expected_version)
            self._log(audit)
            self.reviews.forget(script_id)
            del self._scripts[script_id], self._ids[tenant, script.name], self._revisions[script_id]
            self._health.pop(script_id, None)
            self._count_change()

    def get_revision(self, tenant: str, script_id: str, number: int) -> Revision:
        with self._lock:
            found = self._own_revisions(tenant, script_id).get(number)
        if found is None:
            raise refusals.no_revision(script_id, number)
        return found

    def list_revisions(self, tenant: str, script_id: str) -> list[Revision]:
        with self._lock:
            revisions = self._own_revisions(tenant, script_id)
            return [revisions[number] for number in sorted(revisions)]

    def iter_active(self) -> Iterator[Script]:
        with self._lock:
            found = [script for script in self._scripts.values() if script.status is Status.ACTIVE]
        return iter(sorted(found, key=lambda script: (script.tenant, script.name)))

    def change_counter(self) -> int:
        return self._changes

    # -- health ----------------------------------------------------------------------------------------------
    def get_health(self, tenant: str, script_id: str) -> Health:
        with self._lock:
            health = self._health.get(script_id) if self._own(tenant, script_id) else None
        return health or Health(script_id)

    def add_health(self, deltas: Sequence[Health]) -> None:
        with self._lock:
            for delta in deltas:
                if delta.script_id in self._scripts:
                    stored = self._health.get(delta.script_id) or Health(delta.script_id)
                    self._health[delta.script_id] = _health_sum(stored, delta)

    # -- runs ------------------------------------------------------------------------------------------------
    def add_runs(self, runs: Sequence[Run]) -> None:
        for run in runs:
            micros("run started_at", run.started_at)
        with self._lock:
            for run in runs:
                self._runs.setdefault((run.tenant, run.id), run)

    def get_run(self, tenant: str, run_id: str) -> Run:
        with self._lock:
            run = self._runs.get((tenant, run_id))
        if run is None:
            raise refusals.no_run(tenant, run_id)
        return run

    def list_runs(self, query: RunQuery) -> list[Run]:
        with self._lock:
            found = self._matching(query)
            if query.before is not None:
                last = self._runs.get((query.tenant, query.before))
                found = [run for run in found if last and _age(run) < _age(last)]
        return nlargest(query.limit, found, key=_age)

    def count_runs(self, query: RunQuery) -> int:
        with self._lock:
            return len(self._matching(query))

    def prune_runs(self, *, older_than: datetime | None = None, keep: int | None = None) -> int:
        _check_times(older_than=older_than)
        with self._lock:
            newest_first = sorted(self._runs.items(), key=lambda item: _age(item[1]), reverse=True)
            kept = newest_first if keep is None else newest_first[: max(keep, 0)]
            if older_than is not None:
                kept = [item for item in kept if item[1].started_at >= older_than]
            self._runs = dict(kept)
            return len(newest_first) - len(kept)

    # -- parts -------------------------------------------------------------------------------------------------
    def _count_change(self) -> None:
        with self._lock:
            self._changes += 1

    def _log(self, entry: AuditEntry | None) -> None:
        if entry is not None:
            self.audit.add(entry)

    def _own(self, tenant: str, script_id: str) -> Script | None:
        script = self._scripts.get(script_id)
        return script if script is not None and script.tenant == tenant else None

    def _own_revisions(self, tenant: str, script_id: str) -> dict[int, Revision]:
        return self._revisions[script_id] if self._own(tenant, script_id) else {}

    def _current(self, tenant: str, script_id: str, expected_version: int) -> Script:
        script = self._own(tenant, script_id)
        if script is None:
            raise refusals.no_script(tenant, script_id)
        if script.version != expected_version:
            raise refusals.stale(script_id, expected_version, script.version, script.updated_by, script.updated_at)
        return script

    def _check_new(self, script: Script) -> None:
        self._check_name(script)
        holder = self._scripts.get(script.id)
        if holder is None:
            return
        if holder.tenant == script.tenant:
            what = "name" if holder.name == script.name else "id"
            raise refusals.taken(what, getattr(script, what), holder.updated_by, holder.updated_at)
        raise refusals.taken_elsewhere(script.id)

    def _check_name(self, script: Script) -> None:
        holder = self._scripts.get(self._ids.get((script.tenant, script.name), script.id))
        if holder is not None and holder.id != script.id:
            raise refusals.taken("name", script.name, holder.updated_by, holder.updated_at)

    def _matching(self, query: RunQuery) -> list[Run]:
        _check_times(since=query.since, until=query.until)
        return [run for run in self._runs.values() if _run_matches(run, query)]


def _age(run: Run) -> tuple[datetime, str]:
    return run.started_at, run.id


def _check_times(**times: datetime | None) -> None:
    for name, at in times.items():
        if at is not None:
            micros(name, at)


def _script_matches(script: Script, query: ScriptQuery) -> bool:
    return (
        script.tenant == query.tenant
        and query.status in (None, script.status)
        and (query.event is None or query.event in events_of(script))
        and (query.after is None or script.name > query.after)
        and (query.hooks is None or any(fits_hooks(event, query.hooks) for event in events_of(script)))
        and (query.tag is None or query.tag in script.tags)
        and (query.text is None or folded(query.text) in folded(script.name, script.description))
    )


def _run_matches(run: Run, query: RunQuery) -> bool:
    return (
        run.tenant == query.tenant
        and query.script_id in (None, run.script_id)
        and query.revision in (None, run.revision)
        and query.event in (None, run.event)
        and query.entity_type in (None, run.entity_type)
        and query.entity_id in (None, run.entity_id)
        and query.status in (None, run.status)
        and (query.since is None or run.started_at >= query.since)
        and (query.until is None or run.started_at < query.until)
        and (query.min_duration_us is None or run.duration_us >= query.min_duration_us)
    )


def _health_sum(stored: Health, delta: Health) -> Health:
    counts = {name: getattr(stored, name) + getattr(delta, name) for name in HEALTH_COUNTS}
    total = replace(stored, **counts, breaker=delta.breaker, opened_at=delta.opened_at)
    if delta.last_error_code is None and delta.last_error is None and delta.last_error_at is None:
        return total
    return replace(
        total,
        last_error_code=delta.last_error_code,
        last_error=delta.last_error,
        last_error_at=delta.last_error_at,
    )
