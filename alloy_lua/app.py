"""The facade: an `Alloy` wires stores, bridges, engine and runner. The one module that sees everything below."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from . import checks
from .access.acting import require
from .access.services import AccessServices
from .background import Background
from .bridges.entities import EntityBridge
from .engine import COMPILER, Engine, Program
from .engine.program import digest
from .errors import AlloyError, ScriptError
from .events import Phase, parse_event
from .functions import host_function, modules_of
from .hooking import Hooking
from .hostapi import HostFunction, HostModule, Param
from .isolation import REQUIRED, Isolation, Protection, isolation_named, required_protections
from .lifecycle import Scripts, runnable_revision
from .limits import Limits, profile
from .model import DEFAULT_TENANT, Run, Script
from .outcome import Outcome, Untouched
from .ports import EntityAdapter, Store
from .routes import Route, Routes
from .run_filters import run_query
from .runner.context import AMBIENT, Ambient, acting, surroundings
from .runner.fast import Plan
from .runner.fold import Fold, failure
from .runner.health import BreakerPolicy, HealthBoard, Vitals
from .runner.ids import RunIds
from .runner.plans import Plans, no_scripts
from .runner.recorder import FLUSH_SECONDS, Recorder, Recording, retention
from .runner.registry import HookRegistry
from .runner.runner import Execution
from .runner.upkeep import Upkeep
from .runner.view import View
from .safe_mode import bypassed
from .services import Services
from .settings import Settings
from .stats import ScriptStats, stats_of
from .stores import open_store

if TYPE_CHECKING:
    from .bridges.data import Data
    from .findings import Finding

F = TypeVar("F", bound=Callable[..., Any])
POLL_SECONDS = 1.0
POLL_RANGE = (0.01, 86_400.0)
_ambient = AMBIENT.get
_new = object.__new__


class _Core:
    """Engine, registry and runner over one set of host functions; made anew when a function is added."""

    def __init__(self, alloy: Alloy, modules: tuple[HostModule, ...]) -> None:
        self.engine = Engine(modules, *alloy._isolation)
        self.registry = HookRegistry(self.engine, alloy._live_source, alloy._vitals)
        self.runner = alloy._new_runner(self.engine, self.registry, alloy._recorder, alloy._ids)


class Alloy(AccessServices, Services, Background):
    """Scripts, their store, and the engine that runs them. Safe to use from any number of threads.

    Args:
        url: Where scripts and runs live: None (in memory), ``sqlite:///file.db``, ``postgresql://…``, ``mysql://…``.
        recording: What is kept of runs; see `Recording`.
        breaker: When a script that keeps failing is held back.
        poll_seconds: How often to look for changes made by other processes.
        keep_runs_days: Runs older than this are removed, None to keep all.
        keep_runs: How many runs are kept, None to keep all.
        migrate: Whether to bring the database's schema up to date.
        settings: What secrets, outgoing requests and key-value spaces may use; None for the defaults.
        token_key: What API tokens are hashed with, at least 32 characters; None for a key kept in the store.
        isolation: Where scripts run: ``"thread"``, in this process, or ``"process"``, in worker processes.
        protections: What has to hold worker processes in; see `Alloy.protection`.

    Raises:
        ConfigError: The URL is wrong, its driver is not installed, or a protection is not to be had.
        StoreError: The database cannot be reached.
    """

    def __init__(
        self, url: str | None = None, *, recording: Recording | None = None, breaker: BreakerPolicy | None = None,
        poll_seconds: float = POLL_SECONDS, keep_runs_days: float | None = None, keep_runs: int | None = 1_000_000,
        migrate: bool = True, settings: Settings | None = None, token_key: str | None = None,
        isolation: Isolation = "thread", protections: Iterable[str] = REQUIRED,
    ) -> None:  # fmt: skip
        self._equip(settings)
        kept = Recording() if recording is None else checks.instance(Recording, recording, "recording")
        policy = BreakerPolicy() if breaker is None else checks.instance(BreakerPolicy, breaker, "breaker")
        poll = checks.number(poll_seconds, "poll_seconds", *POLL_RANGE)
        self._retention = retention(keep_runs_days, keep_runs)
        checks.boolean(migrate, "migrate")
        self._isolation = isolation_named(isolation), required_protections(protections)
        self.store: Store = open_store(url)
        if migrate:
            self.store.migrate()
        self._token_key = token_key
        self._ids = RunIds()
        self._recorder = Recorder(self.store, kept)
        self._board = HealthBoard(policy)
        self._functions: list[HostFunction] = []
        self._data: Data | None = None
        self._core_made: _Core | None = None
        self._lock = threading.RLock()
        self._counter = -1
        self.entities = EntityBridge(lambda: self._plans.forget())
        self._plans = Plans(lambda: self._core.runner, self.entities)
        self._hooking = Hooking(lambda: self._core.registry, self._plans, self._recorder.keep, self._ids.fresh)
        self.bound, self.quiet, self.bypass = self._hooking.bound, self._hooking.quiet, self._hooking.bypass
        self.routes = Routes(self.store.iter_active)
        self.scripts = Scripts(
            self.store, check=lambda source: self._core.engine.compile(source), digest=digest, compiler=COMPILER,
            changed=self.refresh, health=lambda script: self._vitals(script).seen_unstored(),
            reset_breaker=self._reset_breaker,
        )  # fmt: skip
        self._upkeep = Upkeep([(FLUSH_SECONDS, self._write_behind), (poll, self._poll), (60.0, self._prune)])
        if isolation == "process":
            try:
                self.protection()  # what cannot be had is said now, not by the first fire
            except AlloyError:
                self.close()
                raise

    # -- firing --------------------------------------------------------------------------------------------------
    def fire(
        self, event: str, entity: Any = None, before: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None, user: str | None = None, tenant: str | None = None,
        dry_run: bool = False, run_id: str | None = None,
    ) -> Outcome:  # fmt: skip
        """Returns what the scripts bound to ``event`` made of ``entity``.

        Never raises for what a script did: see `Outcome.raise_for_status`.

        Args:
            event: ``<entity>.<hook>`` or ``topic.<name>``.
            entity: The record: a mapping, dataclass, attrs or pydantic object, or peewee model. It is not changed.
            before: The fields as they were, on update and delete.
            params: What scripts see as ``params``.
            user: Who acts; None for the surrounding `context`'s.
            tenant: Whose scripts run; None for the surrounding `context`'s.
            dry_run: Report effects, do not make them, record nothing.
            run_id: The id of this run; the same id and input give the same result.

        Raises:
            ValidationError: The event name or an argument is wrong.
        """
        if before is None and params is None and run_id is None and dry_run is False and _ambient() is None:
            try:
                plans = self._plans
                plan = plans.by_event[event] if tenant is None else plans.by_tenant[tenant, event]
            except (KeyError, TypeError):
                plan = self._plan(event, tenant)
            if plan is no_scripts and type(entity) is dict and user is None:  # most events: no call for these
                untouched = _new(Untouched)
                untouched._record = entity
                return untouched
            if plan is not None and (user is None or checks.is_name(user)):
                outcome = plan(entity, user)
                if outcome is not None:
                    return outcome
        return self._fire(event, entity, before, params, acting(user, tenant, dry_run), run_id)

    def _fire(
        self, event: str, entity: Any, before: Mapping[str, Any] | None, params: Mapping[str, Any] | None,
        ambient: Ambient, run_id: str | None,
    ) -> Outcome:  # fmt: skip
        parsed = parse_event(event)
        record = {} if entity is None else entity
        adapter = self.entities.adapter_for(record, parsed.entity_type)
        previous = self._previous(before, parsed.entity_type)
        given, identity = checks.mapping(params, "params"), checks.optional_name(run_id, "run_id")
        self._start()
        return self._core.runner.fire(parsed, record, adapter, ambient, before=previous, params=given, run_id=identity)

    async def fire_async(self, event: str, entity: Any = None, **options: Any) -> Outcome:
        """Returns what `fire` returns, without blocking the event loop.

        Short pure scripts on plain dicts run at once; anything else runs in a worker thread, in this task's context.
        """
        import asyncio

        found = self.fire_briefly(event, entity, **options)
        return found if isinstance(found, Outcome) else await asyncio.to_thread(found)

    def fire_briefly(
        self, event: str, entity: Any = None, before: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None, user: str | None = None, tenant: str | None = None,
        dry_run: bool = False, run_id: str | None = None,
    ) -> Outcome | Callable[[], Outcome]:  # fmt: skip
        """Returns what `fire` returns, if that takes well under a millisecond; else a call that returns it.

        For event loops: the call may block, so it is to be made in a thread. Takes what `fire` takes.
        """
        if before is None and params is None and run_id is None and dry_run is False and _ambient() is None:
            owner = DEFAULT_TENANT if tenant is None else tenant
            try:
                plan = self._plans.brief[owner, event]
            except (KeyError, TypeError):
                return partial(self._fire_first, event, entity, user, tenant)
            if plan is not None and (user is None or checks.is_name(user)):
                found = plan(entity, user)
                if found is not None:
                    return found
        return partial(self.fire, event, entity, before, params, user, tenant, dry_run, run_id)

    def _fire_first(self, event: str, entity: Any, user: str | None, tenant: str | None) -> Outcome:
        outcome = self.fire(event, entity, user=user, tenant=tenant)
        self._plans.make_brief(event, tenant or DEFAULT_TENANT)
        return outcome

    def fire_many(
        self, event: str, entities: Iterable[Any], *, before: Iterable[Mapping[str, Any] | None] | None = None,
        user: str | None = None, tenant: str | None = None, params: Mapping[str, Any] | None = None,
        dry_run: bool = False,
    ) -> list[Outcome]:  # fmt: skip
        """Returns one outcome for each record, in order: the same as `fire` on each, in fewer crossings.

        ``before``, one for each record, makes them go one by one.
        """
        records = checks.items(entities, "entities", "a list of records")
        checks.mapping(params, "params")
        ambient = acting(user, tenant, dry_run)
        self._check_records(records, parse_event(event).entity_type)
        previous = [None] * len(records) if before is None else checks.items(before, "before", "a list of records")
        if len(previous) != len(records):
            raise checks.wrong("before", previous, f"a list of {len(records)} records, as many as entities")
        if before is None and params is None and not dry_run and ambient.cascade is None:
            batch = self._plans.batch(event, ambient.tenant)
            if batch is not None:
                self._start()
                return batch.fire(records, ambient.user)
        if len(records) > 1 and self._data is not None and params is None and ambient.cascade is None:
            from .runner.together import fire_together, reads_together

            core = self._core
            if reads_together(core.registry.chain(ambient.tenant, event), core.engine.hosts.contextual):
                return fire_together(
                    lambda n: self._fire(event, records[n], previous[n], None, ambient, None), len(records)
                )
        pairs = zip(records, previous, strict=True)
        return [self._fire(event, record, old, params, ambient, None) for record, old in pairs]

    # -- running by hand -----------------------------------------------------------------------------------------
    def run(
        self, name: str, params: Mapping[str, Any] | None = None, *, entity: Any = None,
        before: Mapping[str, Any] | None = None, dry_run: bool = False, revision: int | None = None,
        user: str | None = None, tenant: str | None = None, run_id: str | None = None,
    ) -> Outcome:  # fmt: skip
        """Returns what running a stored script came to.

        Args:
            name: Its name or id.
            params: What it sees as ``params``.
            entity: What it sees as ``entity``, if anything.
            before: What it sees as ``before``.
            dry_run: Report effects, do not make them, record nothing; any script may be tried.
            revision: The revision to try in a dry run; None for the live one, or the draft if none is live.
            user: Who acts.
            tenant: Whose script it is.
            run_id: The id of this run.

        Raises:
            NotFound: The tenant has no such script.
            ValidationError: The script is not active, or is bound to events only, and this is no dry run.
            CompileError: The revision does not compile.
        """
        ambient, identity = acting(user, tenant, dry_run), checks.optional_name(run_id, "run_id")
        require("scripts.try" if ambient.dry_run else "scripts.run", ambient.tenant)
        script = self.store.get_script(ambient.tenant, checks.name(name, "script name"))
        number = runnable_revision(script, dry_run, revision)
        reason = None if ambient.dry_run else self._core.registry.bypass_reason(script)
        if reason is not None:
            return failure(bypassed(script, reason), entity)
        program = self._core.engine.compile(self.store.get_revision(script.tenant, script.id, number).source)
        execution = Execution(
            replace(script, live_revision=number), program, profile(script.limits), frozenset(script.capabilities),
            Phase.MANUAL, trigger="manual", run_id=identity or self._ids.fresh(),
            vitals=None if ambient.dry_run else self._vitals(script),
        )  # fmt: skip
        return self._perform(execution, ambient, entity, before, params)

    def answer(
        self, route: Route, params: Mapping[str, Any], *, user: str | None = None, run_id: str | None = None
    ) -> Outcome:
        """Returns what the script of an api trigger answered; it runs in the phase ``api``.

        Args:
            route: What `routes` matched.
            params: The request, which the script sees as ``params``.
            user: Who calls; the script's ``run_as`` goes before it.
            run_id: The id of this run.

        Raises:
            ScriptError: It is held back after repeated failures (``breaker_open``) or by safe mode (``bypassed``).
        """
        script = route.script
        reason = self._core.registry.bypass_reason(script)
        if reason is not None:
            raise bypassed(script, reason)
        vitals = self._vitals(script)
        if not vitals.may_run():
            vitals.skipped += 1
            raise ScriptError(f"script {script.name} is held back after repeated failures", code="breaker_open")
        ambient, identity = acting(script.run_as or user, script.tenant, False), checks.optional_name(run_id, "run_id")
        program = self._core.engine.compile(self._live_source(script))
        execution = Execution(
            script, program, profile(script.limits), frozenset(script.capabilities), Phase.API, trigger="api",
            run_id=identity or self._ids.fresh(), vitals=vitals,
        )  # fmt: skip
        return self._perform(execution, ambient, None, None, params)

    def evaluate(
        self, source: str, *, entity: Any = None, before: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None, limits: Limits | str = "default", capabilities: Iterable[str] = (),
        user: str | None = None, tenant: str | None = None, dry_run: bool = False, run_id: str | None = None,
    ) -> Outcome:  # fmt: skip
        """Returns what running ``source`` once came to: the sandbox itself, without store or record.

        Args:
            source: Lua text.
            entity: What it sees as ``entity``; it may write it.
            before: What it sees as ``before``.
            params: What it sees as ``params``.
            limits: Its budget, or the name of a profile.
            capabilities: What it may call beyond pure helpers.
            user: Who acts.
            tenant: Whose data it is.
            dry_run: Report effects, do not make them.
            run_id: The id of this run.
        """
        budget = limits if isinstance(limits, Limits) else profile(limits)
        ambient = acting(user, tenant, dry_run)
        require("scripts.try" if ambient.dry_run else "scripts.run", ambient.tenant)
        identity = checks.optional_name(run_id, "run_id") or self._ids.fresh()
        grants, text = checks.capabilities(capabilities), checks.text(source, "source")
        try:
            program = self._core.engine.compile(text)
        except AlloyError as error:
            return failure(error, entity)
        execution = Execution(None, program, budget, grants, Phase.MANUAL, trigger="evaluate", run_id=identity)
        return self._perform(execution, ambient, entity, before, params)

    def _perform(
        self, execution: Execution, ambient: Ambient, entity: Any, before: Mapping[str, Any] | None,
        params: Mapping[str, Any] | None,
    ) -> Outcome:  # fmt: skip
        record = {} if entity is None else entity
        adapter = self.entities.adapter_for(record, what="entity")
        view = View(record, adapter)
        previous, given = self._previous(before, None), checks.mapping(params, "params")
        self._start()
        if execution.vitals is not None:
            execution.vitals.count()
            self._recorder.tally.runs += 1
        fold = Fold(record, adapter, view)
        result, run = self._core.runner.perform(
            execution, ambient, view if entity is not None else None, previous, given
        )
        fold.add(execution, result, run)
        return fold.outcome()

    # -- platform functions and context ---------------------------------------------------------------------------
    def function(
        self, name: str, *, capability: str | None = None, phases: Iterable[str] | None = None, effect: bool = False,
        params: Iterable[Param] | None = None, doc: str | None = None, cost: int = 20,
    ) -> Callable[[F], F]:  # fmt: skip
        """Returns a decorator that lets scripts call a Python function as ``module.function``.

        Args:
            name: The name scripts use, such as ``crm.lookup``.
            capability: The grant a script needs, None for any script.
            phases: The phases it may be called in, None for all.
            effect: Whether it changes the outside world: a dry run reports the call instead of making it.
            params: Its parameters, None to take them from the function's signature.
            doc: What it returns, None for the first line of its docstring.
            cost: Fuel for one call.
        """

        def add(call: F) -> F:
            found = host_function(
                name, call, capability=capability, phases=phases, effect=effect, params=params, doc=doc, cost=cost
            )
            with self._lock:
                functions = [f for f in self._functions if f.name != name] + [found]
                modules_of(functions, self._modules())
                self._functions = functions
                replaced, self._core_made = self._core_made, None
                self._plans.forget()
            if replaced is not None:
                replaced.engine.close()
            return call

        return add

    def context(
        self, *, user: str | None = None, tenant: str | None = None, dry_run: bool = False, trace: str | None = None
    ) -> AbstractContextManager[None]:
        """Returns a context manager inside which fires and runs act for ``user`` and ``tenant`` in ``trace``."""
        return surroundings(acting(user, tenant, dry_run, trace))

    def hooked(
        self, write: str, *, previous: Callable[[Any], Any] | None = None, many: bool = False
    ) -> Callable[[F], F]:
        """Returns a decorator that runs hooks around a function which writes its first argument.

        Args:
            write: What it does: ``order.create``, ``order.update``, ``order.delete``.
            previous: Returns the record as it is stored, given the one to write; called if a hook looks at it.
            many: Whether the first argument is a list of records.
        """
        from .bridges.functions import hooked

        return hooked(self, write, previous=previous, many=many)

    def unit_of_work(self) -> AbstractContextManager[Any]:
        """Returns a context manager that holds on_commit hooks of `hooked` functions back until it ends."""
        from .bridges.functions import unit_of_work

        return unit_of_work()

    def actor(self) -> tuple[str | None, str, str | None]:
        """Returns user, tenant and trace as the surrounding `context` says."""
        around = acting(None, None, False)
        return around.user, around.tenant, around.trace

    @property
    def data(self) -> Data:
        """The data of the platform that scripts may use with ``db``; bridges add to it."""
        with self._lock:
            if self._data is None:
                from .bridges.data import Data

                self._data = Data()
                self._functions = [*self._functions, *self._data.functions()]
                self._core_made = None
                self._plans.forget()
            return self._data

    def host_functions(self) -> tuple[HostModule, ...]:
        """Returns all modules that scripts can call, the platform's own included."""
        return modules_of(self._functions, self._modules())

    def protection(self) -> tuple[Protection, ...]:
        """Returns what holds the worker processes in and what does not; nothing where scripts run in this process."""
        return self._core.engine.protection()

    def compile(self, source: str) -> Program:
        """Returns what is known of a source after compiling it: the fields it reads and writes, what it mentions.

        Raises:
            CompileError: With line and column.
        """
        return self._core.engine.compile(checks.text(source, "source"))

    def report(self, source: str, on: str) -> list[Finding]:
        """Returns what is doubtful in a source as a script on event ``on``, as far as its entity's schema is known.

        Raises:
            CompileError: With line and column.
            ValidationError: ``on`` is no event.
        """
        from .findings import findings

        event = parse_event(on)
        self.compile(source)
        schema = self.entities.schemas.get(event.entity_type)
        return [] if schema is None else findings(source, event, schema)

    def stubs(self) -> str:
        """Returns a stub file for the Lua language server: the known entities and all that scripts can call."""
        from .stubs import render

        return render(self.host_functions(), self.entities.schemas)

    def new_run_id(self) -> str:
        """Returns an id for a run that is about to be made."""
        return self._ids.fresh()

    # -- records ---------------------------------------------------------------------------------------------------
    def runs(self, *, tenant: str = DEFAULT_TENANT, **filters: Any) -> Sequence[Run]:
        """Returns recorded runs, newest first; ``filters`` are the fields of `RunQuery`.

        Raises:
            ValidationError: A filter is unknown, or its value wrong.
        """
        require("runs.read", checks.name(tenant, "tenant"))
        return self.store.list_runs(run_query(tenant, filters))

    def stats(self, *, tenant: str | None = None) -> list[ScriptStats]:
        """Returns what each active script did in this process, in order of name."""
        checks.optional_name(tenant, "tenant")
        found = []
        for script in self.store.iter_active():
            if tenant is None or script.tenant == tenant:
                found.append(stats_of(script, self._vitals(script)))
        return sorted(found, key=lambda s: (s.tenant, s.name))

    def recording_lost(self) -> dict[str, int]:
        """Returns how many runs were not kept: sampled out on purpose, and dropped because the store failed."""
        kept, dropped = self._recorder.kept, self._recorder.dropped
        return {"sampled_out": max(0, self._board.runs() - kept - dropped), "dropped": dropped}

    def flush(self) -> None:
        """Writes all runs and health counts collected so far."""
        self._recorder.flush()
        deltas = self._board.take()
        if deltas:
            self.store.add_health(deltas)

    def refresh(self) -> None:
        """Takes up what is in the store now; called after every write and when another process wrote."""
        with self._lock:
            self._counter = self.store.change_counter()
            self._refresh_services()
            if self._core_made is not None:
                self._core_made.registry.load(self.store.iter_active(), self.safe_mode.lookup())
            self._plans.forget()
            self.routes.forget()
        self._refresh_background()

    def close(self) -> None:
        """Writes what is pending and stops everything; safe to call twice."""
        self._close_background()
        self._upkeep.stop()
        self._close_services()
        try:
            self.flush()
            self._flush_access()
        finally:
            core = self._core_made
            if core is not None:
                core.engine.close()
            self.store.close()

    def __enter__(self) -> Alloy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- inside ----------------------------------------------------------------------------------------------------
    @property
    def _core(self) -> _Core:
        core = self._core_made
        if core is None:
            with self._lock:
                core = self._core_made
                if core is None:
                    core = _Core(self, self.host_functions())
                    self._counter = self.store.change_counter()
                    core.registry.load(self.store.iter_active(), self.safe_mode.lookup())
                    self._core_made = core
        return core

    def _modules(self) -> tuple[HostModule, ...]:
        return (*super()._modules(), *self._background_modules())

    def _start(self) -> None:
        self._upkeep.start()

    def _plan(self, event: str, tenant: str | None) -> Plan | None:
        checks.optional_name(tenant, "tenant")
        self._start()
        return self._plans.make(event, tenant)

    def _check_records(self, records: list[Any], entity_type: str) -> None:
        """Returns None if each record has an adapter: a wrong one stops a batch before any script has run."""
        kinds = set(map(type, records)) - {dict, type(None)}
        for record in records if kinds else ():
            if type(record) in kinds:
                self.entities.adapter_for(record, entity_type)
                kinds.discard(type(record))

    def _previous(self, before: Any, entity_type: str | None) -> Mapping[str, Any] | None:
        if before is None:
            return None
        adapter: EntityAdapter = self.entities.adapter_for(before, entity_type, "before")
        return adapter.fields(before)

    def _vitals(self, script: Script) -> Vitals:
        return self._board.of(script.tenant, script.id, self._plans.forget, script.name)

    def _reset_breaker(self, script: Script) -> None:
        self._vitals(script).reset()
        self._plans.forget()

    def _live_source(self, script: Script) -> str:
        return self.store.get_revision(script.tenant, script.id, script.live_revision or script.draft_revision).source

    def _each_minute(self, call: Callable[[], object]) -> None:
        self._upkeep.add(60.0, call)
        self._start()

    def _write_behind(self) -> None:
        self.flush()

    def _poll(self) -> None:
        if self.store.change_counter() != self._counter or self.safe_mode.over():
            self.refresh()

    def _prune(self) -> None:
        self._prune_services()
        days, keep = self._retention
        older_than = datetime.now(UTC) - timedelta(days=days) if days is not None else None
        if older_than is not None or keep is not None:
            self.store.prune_runs(older_than=older_than, keep=keep)
