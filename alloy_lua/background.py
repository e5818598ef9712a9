"""What an Alloy offers of background work: each service is made, and its module loaded, at its first use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from . import checks
from .errors import ScriptError
from .events import Phase, parse_event
from .job_model import JobKind
from .limits import profile
from .model import EventTrigger, Script, Status
from .runner.context import Ambient, acting
from .runner.execution import Execution
from .runner.ids import RunIds
from .runner.running import Running

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .bridges.entities import EntityBridge
    from .hostapi import HostModule
    from .job_model import Job
    from .jobs.jobs import Jobs
    from .jobs.journal import Journal
    from .jobs.outbox import Outbox
    from .outcome import Outcome
    from .ports import Store
    from .runner.health import Vitals
    from .scheduler.scheduler import Scheduler

KEEP_DAYS = 7.0
KEPT_SOURCES = 256
KEPT_SCRIPTS = 10_000
MEMORY = "memory://"


class Background:
    """The part of the facade that runs scripts later, or by the clock.

    Attributes:
        store: Where jobs live.
    """

    store: Store
    entities: EntityBridge
    _core: Any
    _ids: RunIds
    _running: Running
    _start: Callable[[], None]
    _poll: Callable[[], None]
    _each_minute: Callable[[Callable[[], object]], None]
    _previous: Callable[[Any, str | None], Mapping[str, Any] | None]
    _admitted: Callable[[Script, str | None], Vitals]
    _perform: Callable[..., Outcome]
    _run_backtest: Callable[[Job], Outcome]

    @cached_property
    def jobs(self) -> Jobs:
        """The background jobs."""
        from .jobs.jobs import Jobs

        made = Jobs(
            lambda: self.store.jobs, self._known_script, self._run_job,
            self._start_outbox, lambda job: self._running.cancel(job.run_id, job.tenant),
        )  # fmt: skip
        self._each_minute(lambda: made.prune(datetime.now(UTC) - timedelta(days=KEEP_DAYS)))
        return made

    @cached_property
    def scheduler(self) -> Scheduler:
        """The schedules of scripts with cron and at triggers."""
        from .scheduler.scheduler import Scheduler

        return Scheduler(self.store, self.jobs, self._start)

    def fire_on_commit(
        self, execute: Callable[[str], Any], event: str, entity: Any, before: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None, user: str | None = None, tenant: str | None = None,
    ) -> str:  # fmt: skip
        """Returns the id of an outbox row, written in the caller's transaction: the scripts of ``event`` run in the
        background if, and only if, that transaction commits.

        For one record, the runs of a script follow the order of the commits. They are tried again when they fail.

        Args:
            execute: Runs a complete SQL statement in the transaction, on the database of this Alloy's store:
                peewee's ``db.execute_sql``, SQLAlchemy's ``connection.exec_driver_sql``, a DB-API cursor's ``execute``.
            event: ``<entity>.on_commit``.
            entity: The record as it will be committed.
            before: The fields as they were, on update and delete.
            params: What scripts see as ``params``.
            user: Who acts; None for the surrounding `context`'s.
            tenant: Whose scripts run; None for the surrounding `context`'s.

        Raises:
            ValidationError: The event is none that happens on commit.
            InvalidValue: A value of the record cannot be given to a script.
            ConfigError: The store is not in a database.
        """
        from .jobs.outbox import Commit

        parsed, ambient = parse_event(event), acting(user, tenant, False)
        if parsed.phase is not Phase.ON_COMMIT:
            raise checks.wrong("event", event, "one that happens on commit, such as order.on_commit")
        if ambient.dry_run:
            return ""
        adapter = self.entities.adapter_for(entity, parsed.entity_type)
        commit = Commit(
            ambient.tenant, ambient.user, event, parsed.entity_type, adapter.identity(entity), adapter.fields(entity),
            self._previous(before, parsed.entity_type), checks.mapping(params, "params"),
        )  # fmt: skip
        return self._outbox.add(commit, execute)

    # -- inside --------------------------------------------------------------------------------------------------
    @cached_property
    def _outbox(self) -> Outbox:
        from .jobs.outbox import Outbox

        return Outbox(lambda: self.store.outbox, self.jobs, self._commit_chain)

    def _start_outbox(self) -> None:
        if self.store.url != MEMORY:
            self._outbox.start()
        self._start()

    def _commit_chain(self, tenant: str, event: str) -> list[tuple[Script, EventTrigger]]:
        self._poll()
        names = (event, parse_event(event).wildcard)
        scripts = [binding.script for binding in self._core.registry.chain(tenant, event)]
        return [(script, next(t for t in script.triggers if getattr(t, "event", "") in names)) for script in scripts]

    def _background_modules(self) -> tuple[HostModule, ...]:
        from .jobs.host import durable_modules, queue_module

        return queue_module(lambda: self.jobs), *durable_modules()

    def _known_script(self, tenant: str, name: str) -> Script:
        """Returns a script as it was when this process last took up changes: a second ago, at most."""
        self._start()
        known = self._known_scripts
        script = known.get((tenant, name))
        if script is None:
            script = self.store.get_script(tenant, name)
            if len(known) < KEPT_SCRIPTS:
                known[tenant, name] = script
        return script

    @cached_property
    def _known_scripts(self) -> dict[tuple[str, str], Script]:
        return {}

    def _refresh_background(self) -> None:
        self._known_scripts = {}
        made = self.__dict__.get("scheduler")
        if made is not None:
            made.refresh()

    def _close_background(self) -> None:
        for name in ("scheduler", "_outbox", "jobs"):
            made = self.__dict__.get(name)
            if made is not None:
                made.stop()

    @cached_property
    def _source_of(self) -> Callable[[str, str, int], str]:
        """Returns the text of a revision, which never changes: those used last are kept."""
        return lru_cache(KEPT_SOURCES)(lambda *revision: self.store.get_revision(*revision).source)

    def _run_job(self, job: Job) -> Outcome:
        """Returns what one try of a job came to.

        Raises:
            AlloyError: The script is gone, not active, held back, or does not compile.
        """
        from .jobs.journal import Ended
        from .jobs.payload import unpacked

        if job.kind is JobKind.BACKTEST:
            return self._run_backtest(job)
        script = self.store.get_script(job.tenant, job.script_id)
        if script.status is not Status.ACTIVE or script.live_revision is None:
            raise ScriptError(f"script {script.name}: is {script.status}, wanted active", code="not_active")
        vitals = self._admitted(script, job.event)
        journal = self._journal(job, script)
        number = script.live_revision if journal is None else journal.revision
        source = self._source_of(script.tenant, script.id, number)
        script = replace(script, live_revision=number)
        given, limits = unpacked(job.payload), profile(script.limits)
        if job.timeout_s is not None:
            limits = replace(limits, deadline_ms=max(1, int(job.timeout_s * 1000)))
        execution = Execution(
            script, self._core.engine.compile(source), limits, frozenset(script.capabilities), _PHASES[job.kind],
            trigger=_TRIGGERS[job.kind], run_id=job.run_id, vitals=vitals,
            attempt=job.attempt if journal is None else 1, origin=job.id, journal=journal,
            now=None if journal is None else journal.started_at,
            event=None if job.event is None else parse_event(job.event),
        )  # fmt: skip
        ambient = Ambient(job.user or script.run_as, job.tenant)
        try:
            outcome = self._perform(execution, ambient, given.get("entity"), given.get("before"), given.get("params"))
        except Ended:
            vitals.succeeded()  # as far as it came
            raise
        if journal is not None and outcome.error is not None:
            journal.forget_failure()
        return outcome

    def _journal(self, job: Job, script: Script) -> Journal | None:
        """Returns the journal of a durable run, None for a script that is not granted it."""
        from .jobs.host import DURABLE
        from .jobs.journal import Journal

        if DURABLE not in script.capabilities:
            return None
        return Journal(self.store.jobs, job, lambda: datetime.now(UTC), script.live_revision or 0)


_PHASES = {"cron": Phase.SCHEDULED, "commit": Phase.ON_COMMIT, "queue": Phase.MANUAL}
_TRIGGERS = {"cron": "cron", "commit": "event", "queue": "queue"}
