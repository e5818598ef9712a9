"""The facade: an `Alloy` wires stores, bridges, engine and runner. The one module that wires everything below."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from . import checks
from .access.acting import require
from .access.services import AccessServices
from .background import Background
from .bridges.entities import EntityBridge
from .by_hand import ByHand
from .engine import COMPILER, Engine, Program
from .engine.program import digest
from .errors import AlloyError, ConfigError
from .events import parse_event
from .firing import Firing
from .forking import after_fork
from .functions import host_function, modules_of
from .hooking import Hooking
from .hostapi import HostFunction, HostModule, Param
from .isolation import REQUIRED, Isolation, Protection, isolation_named, required_protections
from .lifecycle import Scripts
from .model import DEFAULT_TENANT, Run, Script
from .over_tables import OverTables
from .ports import Store
from .replaying import Replaying
from .routes import Routes
from .run_filters import run_query
from .runner.context import acting, surroundings
from .runner.health import BreakerPolicy, HealthBoard, Vitals
from .runner.ids import RunIds
from .runner.plans import Plans
from .runner.recorder import FLUSH_SECONDS, Recorder, Recording, retention
from .runner.registry import HookRegistry
from .runner.upkeep import Upkeep
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


class _Core:
    """Engine, registry and runner over one set of host functions; made anew when a function is added."""

    def __init__(self, alloy: Alloy, modules: tuple[HostModule, ...]) -> None:
        self.engine = Engine(modules, *alloy._isolation)
        self.registry = HookRegistry(self.engine, alloy._live_source, alloy._vitals)
        self.runner = alloy._new_runner(self.engine, self.registry, alloy._recorder, alloy._ids)


class Alloy(Firing, ByHand, OverTables, AccessServices, Services, Replaying, Background):
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
        self._closed = False
        self._unlock()
        after_fork(self._unlock)
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
        self._flush_replaying()

    def refresh(self) -> None:
        """Takes up what is in the store now; called after every write and when another process wrote."""
        with self._lock:
            self._counter = self.store.change_counter()
            self._refresh_services()
            if self._core_made is not None:
                self._load(self._core_made)
            self._plans.forget()
            self.routes.forget()
        self._refresh_background()

    def close(self) -> None:
        """Writes what is pending and stops everything; safe to call twice. Nothing can be fired or run afterwards."""
        self._close_background()
        self._upkeep.stop()
        self._close_services()
        try:
            self.flush()
            self._flush_access()
        finally:
            with self._lock:
                core, self._core_made, self._closed = self._core_made, None, True
                self._plans.forget()
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
                if self._closed:
                    raise ConfigError("this Alloy is closed", code="closed")
                if core is None:
                    core = _Core(self, self.host_functions())
                    self._counter = self.store.change_counter()
                    self._load(core)
                    self._core_made = core
        return core

    def _load(self, core: _Core) -> None:
        core.registry.load(self.store.iter_active(), self.safe_mode.lookup())
        core.runner.watches = self._watches(core.runner)

    def _modules(self) -> tuple[HostModule, ...]:
        return (*super()._modules(), *self._background_modules())

    def _start(self) -> None:
        self._upkeep.start()

    def _unlock(self) -> None:
        """Makes the lock; in a forked child anew, since another thread of the parent may have held it."""
        self._lock = threading.RLock()

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
        self._prune_replaying()
        days, keep = self._retention
        older_than = datetime.now(UTC) - timedelta(days=days) if days is not None else None
        if older_than is not None or keep is not None:
            self.store.prune_runs(older_than=older_than, keep=keep)
