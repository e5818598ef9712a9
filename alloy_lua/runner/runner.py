"""Runs scripts: one by one through their breaker and limits, and in chains when an event is fired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

from ..bridges.reads import TRIAL
from ..engine import CallState, Engine, Program, RunInput, RunResult
from ..errors import AlloyError, LimitExceeded, RecursionLimit
from ..events import Event, Phase
from ..hostapi import Cancellation, HostCall, Vault
from ..model import Run, RunStatus
from ..outcome import Details, Outcome, ScriptRun, Told
from ..ports import EntityAdapter
from ..values import jsonable
from .context import Ambient, Cascade, surroundings
from .execution import Execution
from .fold import Fold, failure
from .health import held_back
from .ids import RunIds, seed_of
from .recorder import Recorder
from .registry import Binding, HookRegistry
from .running import Running
from .view import View
from .watch import Watches


class Runner:
    """Runs scripts on the engine, keeps them to their rules, and puts what happened on record."""

    traced = False

    def __init__(
        self, engine: Engine, registry: HookRegistry, recorder: Recorder, ids: RunIds, running: Running | None = None,
        vault: Vault | None = None,
    ) -> None:  # fmt: skip
        self.watches: Watches = {}
        self.engine = engine
        self.registry = registry
        self.recorder = recorder
        self.ids = ids
        self.running = running or Running()
        self.vault = vault

    # -- firing --------------------------------------------------------------------------------------------------
    def fire(
        self, event: Event, record: Any, adapter: EntityAdapter, ambient: Ambient, *,
        before: Mapping[str, Any] | None = None, params: Mapping[str, Any] | None = None, run_id: str | None = None,
        done: Sequence[Outcome] = (),
    ) -> Outcome:  # fmt: skip
        """Returns what the scripts bound to ``event`` made of ``record``, run in order, each seeing the changes of
        those before it. The first that rejects, or fails under a closed policy, ends the chain. ``done`` are the
        outcomes of the first scripts, where those have run already."""
        chain = self.registry.chain(ambient.tenant, event.name)
        view = View(record, adapter)
        if not chain:
            return Told(RunStatus.CONTINUE, {}, 0, record, Details())
        try:
            inside = ambient.entered(event.name, event.entity_type, adapter.identity(record))
        except RecursionLimit as error:
            return failure(error, record)
        fold = Fold(record, adapter, view)
        for outcome in done:
            view.changes.update(outcome.changes)
            fold.absorb(outcome)
        tally = self.recorder.tally
        tally.fires += 1
        tally.runs += len(done)
        for place, binding in enumerate(chain[len(done) :], len(done)):
            if binding.bypass is not None:
                self._bypass(binding, event, ambient, view)
                continue
            if binding.fields and before is not None and not self._watched_changed(binding, before, view):
                continue
            if not binding.vitals.may_run():
                stop = self._skip(binding, fold)
            else:
                own_id = self._run_id(binding, run_id, place)
                tally.runs += 1
                stop = self._run_binding(binding, event, view, inside, fold, before, params, own_id)
            if stop:
                break
        return fold.outcome()

    def _bypass(self, binding: Binding, event: Event, ambient: Ambient, view: View) -> None:
        """Puts on record that safe mode kept a script from running."""
        vitals = binding.vitals
        vitals.skipped += 1
        execution = Execution(
            binding.script, None, binding.limits, binding.grants, event.phase, trigger="event", event=event,
            run_id=self.ids.text(vitals.serial, vitals.count()), vitals=vitals, closed=binding.closed,
        )  # fmt: skip
        vitals.unused += 1
        result = RunResult(RunStatus.BYPASSED, 0)
        result.reason = binding.bypass
        identity, now = view.adapter.identity(view.record), datetime.now(UTC)
        if not ambient.dry_run:
            self.recorder.note(lambda: run_record(execution, result, ambient, identity, now, 0))

    @staticmethod
    def _skip(binding: Binding, fold: Fold) -> bool:
        """Returns whether the chain ends because this script's breaker is open."""
        binding.vitals.skipped += 1
        name = binding.script.name
        return fold.add_error(name, held_back(name), binding.closed)

    def _run_id(self, binding: Binding, given: str | None, place: int) -> str:
        number = binding.vitals.count()
        if given is None:
            return self.ids.text(binding.vitals.serial, number)
        return f"{given}.{place}" if place else given

    @staticmethod
    def _watched_changed(binding: Binding, before: Mapping[str, Any], view: View) -> bool:
        return any(before.get(name) != view.get(name) for name in binding.fields)

    def _run_binding(
        self, binding: Binding, event: Event, view: View, ambient: Ambient, fold: Fold,
        before: Mapping[str, Any] | None, params: Mapping[str, Any] | None, run_id: str,
    ) -> bool:  # fmt: skip
        """Returns whether the chain ends here."""
        vitals = binding.vitals
        script = binding.script
        try:
            program = binding.program
        except AlloyError as error:
            vitals.note_failure(error)
            fold.add_error(script.name, error, binding.closed)
            return binding.closed
        execution = Execution(
            script, program, binding.limits, binding.grants, event.phase,
            trigger="event", run_id=run_id, event=event, vitals=vitals, closed=binding.closed,
        )  # fmt: skip
        result, run = self.perform(execution, ambient, view, before, params)
        return fold.add(execution, result, run)

    # -- one run -------------------------------------------------------------------------------------------------
    def perform(
        self, execution: Execution, ambient: Ambient, view: View | None,
        before: Mapping[str, Any] | None = None, params: Mapping[str, Any] | None = None,
    ) -> tuple[RunResult, ScriptRun]:  # fmt: skip
        """Returns the result of one run, its changes accepted by ``view``, counted and on record."""
        watch = self.watches.get(execution.script.id) if self.watches and execution.script is not None else None
        if watch is None or ambient.dry_run:
            return self.perform_unwatched(execution, ambient, view, before, params)
        return watch.perform(self, execution, ambient, view, before, params)

    def perform_unwatched(
        self, execution: Execution, ambient: Ambient, view: View | None,
        before: Mapping[str, Any] | None = None, params: Mapping[str, Any] | None = None,
    ) -> tuple[RunResult, ScriptRun]:  # fmt: skip
        """Returns what `perform` returns, whatever goes with the runs of the script."""
        started = perf_counter()
        cascade = ambient.cascade or Cascade(execution.limits)
        now = execution.now or datetime.now(UTC)
        try:
            result = self._run(execution, ambient, view, before, params, cascade, now)
        except AlloyError as error:
            result = RunResult(RunStatus.FAILED, 0, error=error)
        cascade.fuel -= result.fuel
        if ambient.caller is not None:
            ambient.caller.spent += result.fuel
        took = int((perf_counter() - started) * 1e6)
        return result, self.finish(execution, result, ambient, view, now, took)

    def finish(
        self, execution: Execution, result: RunResult, ambient: Ambient, view: View | None, now: datetime, took: int
    ) -> ScriptRun:
        """Returns the summary of a run that is over, its changes accepted by ``view``, counted and on record.

        A value that the entity cannot take turns ``result`` into a failure.
        """
        script = execution.script
        if result.status is RunStatus.CONTINUE and view is not None:
            writes = execution.phase is Phase.BEFORE or execution.trigger != "event"
            result.assigned = result.changes
            try:
                result.changes = view.accept(result.changes if writes else {})
            except AlloyError as error:
                result.status, result.error, result.changes = RunStatus.FAILED, error, {}
        trial = TRIAL.get()
        if trial is not None and trial.given_up:  # it starts again: as if it had not been
            if execution.vitals is not None:
                execution.vitals.unused += 1
            return ScriptRun(execution.run_id, execution.name, 0, result.status, result.fuel, took)
        self._count(execution, result, took)
        if not ambient.dry_run and script is not None:
            self._record(execution, result, ambient, view, now, took)
        revision = script.live_revision or 0 if script is not None else 0
        return ScriptRun(execution.run_id, execution.name, revision, result.status, result.fuel, took)

    def _run(
        self, execution: Execution, ambient: Ambient, view: View | None, before: Mapping[str, Any] | None,
        params: Mapping[str, Any] | None, cascade: Cascade, now: datetime,
    ) -> RunResult:  # fmt: skip
        program = execution.program
        assert program is not None
        mentions = program.mentions
        given = RunInput(execution.limits)
        if program.random:
            given.seed = seed_of(execution.origin)
        if view is not None:
            given.entity = view.fields(program.reads)
            given.read_only = execution.trigger == "event" and execution.phase is not Phase.BEFORE
        if before is not None and ("before" in mentions or "changed" in mentions):
            given.before = before
        if "params" in mentions:
            given.params = params or {}
        if "ctx" in mentions:
            given.context = _context(execution, ambient, now)
        if ambient.cascade is not None:
            given.fuel, given.seconds = max(0, cascade.fuel), cascade.seconds_left()
            if given.fuel == 0 or given.seconds == 0:
                code = "fuel_exhausted" if given.fuel == 0 else "deadline_exceeded"
                raise LimitExceeded("the cascade this run belongs to has used up its budget", code=code)
        given.cancellation = self.running.enter(execution, ambient)
        try:
            if not mentions.isdisjoint(self.engine.hosts.contextual):
                return self._run_with_host(execution, program, ambient, given, cascade, now)
            return self.engine.run(program, given)
        finally:
            self.running.leave(execution, ambient, given.cancellation)

    def _run_with_host(
        self, execution: Execution, program: Program, ambient: Ambient, given: RunInput, cascade: Cascade,
        now: datetime,
    ) -> RunResult:  # fmt: skip
        call = HostCall(
            run_id=execution.origin, tenant=ambient.tenant, user=ambient.user, phase=execution.phase,
            event=execution.event.name if execution.event else None, script_name=execution.name, now=now,
            dry_run=ambient.dry_run, depth=ambient.depth, grants=execution.grants, deadline=cascade.deadline,
            cancellation=given.cancellation or Cancellation(), trace=ambient.trace,
        )  # fmt: skip
        given.state = state = CallState(call, execution.grants, self.vault)
        state.journal = execution.journal
        inner = Ambient(
            ambient.user, ambient.tenant, ambient.dry_run, cascade, max(1, ambient.depth), ambient.keys,
            execution.run_id, state, ambient.trace,
        )  # fmt: skip
        fuel_before = cascade.fuel
        with surroundings(inner):
            result = self.engine.run(program, given)
        cascade.fuel = fuel_before  # what nested fires took has been charged to this run as well: count it once
        if self.vault is not None and self.vault.hides(ambient.tenant):
            _scrub(result, self.vault, ambient.tenant)
        return result

    def _count(self, execution: Execution, result: RunResult, took: int) -> None:
        vitals = execution.vitals
        if vitals is None:
            return
        vitals.fuel += result.fuel
        vitals.durations.append(took)
        if result.status is RunStatus.FAILED:
            assert result.error is not None
            vitals.note_failure(result.error)
            return
        if result.status is RunStatus.REJECTED:
            vitals.rejected += 1
        elif result.changes:
            vitals.changed += 1
        vitals.succeeded()

    def _record(
        self, execution: Execution, result: RunResult, ambient: Ambient, view: View | None, now: datetime, took: int
    ) -> None:
        identity = view.adapter.identity(view.record) if view is not None else None

        def make() -> Run:
            return run_record(execution, result, ambient, identity, now, took)

        if result.status is RunStatus.CONTINUE:
            self.recorder.note(make)
        else:
            self.recorder.keep(make)


def _scrub(result: RunResult, vault: Vault, tenant: str) -> None:
    """Takes the texts of opened secrets out of what a run made; scripts never see them, but may have been given one."""
    for name in ("changes", "value", "reason", "details", "effects"):
        setattr(result, name, vault.scrub(tenant, getattr(result, name)))
    result.logs = tuple(
        line._replace(message=vault.scrub(tenant, line.message), data=vault.scrub(tenant, line.data))
        for line in result.logs
    )
    if result.error is not None:
        result.error.message = vault.scrub(tenant, result.error.message)
        result.error.args = (result.error.message,)


def _context(execution: Execution, ambient: Ambient, now: datetime) -> dict[str, Any]:
    event = execution.event
    return {
        "run_id": execution.origin,
        "phase": execution.phase.value,
        "event": event.name if event else None,
        "entity_type": event.entity_type if event else None,
        "operation": event.operation if event else None,
        "user": ambient.user,
        "tenant": ambient.tenant,
        "trace": ambient.trace,
        "now": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "attempt": execution.attempt,
        "dry_run": ambient.dry_run and execution.journal is None,  # one that is replayed sees what it saw
    }


def run_record(
    execution: Execution, result: RunResult, ambient: Ambient, identity: str | None, now: datetime, took: int
) -> Run:
    """Returns the record of one run of a stored script."""
    script, error = execution.script, result.error
    assert script is not None
    return Run(
        id=execution.run_id,
        tenant=script.tenant,
        script_id=script.id,
        script_name=script.name,
        revision=script.live_revision or 0,
        trigger=execution.trigger,
        event=execution.event.name if execution.event else None,
        phase=execution.phase.value,
        entity_type=execution.event.entity_type if execution.event else None,
        entity_id=identity,
        user=ambient.user,
        status=result.status,
        started_at=now,
        duration_us=took,
        fuel=result.fuel,
        memory_bytes=result.memory_bytes,
        reason=jsonable(result.reason),
        details=jsonable(result.details),
        error_code=error.code if error else None,
        error_message=error.message if error else None,
        error_line=error.line if error else None,
        traceback=error.traceback if error else (),
        changes=jsonable(result.changes) if result.changes else None,
        value=jsonable(result.value),
        logs=tuple(line._replace(message=jsonable(line.message), data=jsonable(line.data)) for line in result.logs),
        lost_logs=result.lost_logs,
        parent_id=ambient.run_id,
        depth=ambient.depth,
    )
