"""Running a script without an event: by hand, for a request, or a text that is in no store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from . import checks
from .access.acting import require
from .errors import AlloyError
from .events import Phase
from .lifecycle import runnable_revision
from .limits import Limits, profile
from .outcome import Outcome
from .runner.context import Ambient, acting
from .runner.execution import Execution
from .runner.fold import Fold, failure
from .runner.health import Vitals, held_back
from .runner.ids import RunIds
from .runner.view import View
from .safe_mode import bypassed

if TYPE_CHECKING:
    from .bridges.entities import EntityBridge
    from .model import Script
    from .ports import Store
    from .routes import Route
    from .runner.recorder import Recorder


class ByHand:
    """The part of the facade that runs one script at a time.

    Attributes:
        store: Where scripts live.
        entities: How records are read.
    """

    store: Store
    entities: EntityBridge
    _core: Any
    _ids: RunIds
    _recorder: Recorder
    _vitals: Callable[[Script], Vitals]
    _live_source: Callable[[Script], str]
    _previous: Callable[[Any, str | None], Mapping[str, Any] | None]
    _start: Callable[[], None]

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
        vitals = self._admitted(script)
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
        grants, text, core = checks.capabilities(capabilities), checks.text(source, "source"), self._core
        try:
            program = core.engine.compile(text)
        except AlloyError as error:
            return failure(error, entity)
        execution = Execution(None, program, budget, grants, Phase.MANUAL, trigger="evaluate", run_id=identity)
        return self._perform(execution, ambient, entity, before, params)

    def _admitted(self, script: Script, event: str | None = None) -> Vitals:
        """Returns the vitals of a script that may run.

        Raises:
            ScriptError: Its breaker is open (``breaker_open``), or safe mode holds it back (``bypassed``).
        """
        reason = self._core.registry.bypass_reason(script, event)
        if reason is not None:
            raise bypassed(script, reason)
        vitals = self._vitals(script)
        if not vitals.may_run():
            vitals.skipped += 1
            raise held_back(script.name)
        return vitals

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
