"""Runs a revision on something that has been run already: nothing is counted, recorded or changed by it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from ..bridges.entities import EntityBridge
from ..bridges.reads import TRIAL
from ..engine import Program, RunResult
from ..errors import ScriptError
from ..events import Phase, parse_event
from ..jobs.journal import Diverged
from ..limits import profile
from ..model import RunStatus, Script
from ..runner.context import Ambient, Cascade
from ..runner.execution import Execution
from ..runner.runner import Runner
from ..runner.view import View
from .calls import NOT_MADE, Divergence, Playback
from .tape import TapedCall, TapedRun

DIVERGED = "diverged"


class Ran(NamedTuple):
    """What a revision came to.

    Attributes:
        result: Its status, changes, value, error, fuel.
        effects: The calls with effects that it would have made.
        divergences: Where its host calls are not those on the tape.
        made: Reads that it made itself.
        took_us: How long it took, in microseconds.
    """

    result: RunResult
    effects: list[dict[str, Any]]
    divergences: list[Divergence]
    made: list[TapedCall]
    took_us: int

    @property
    def diverged(self) -> bool:
        """Whether it ended because its tape did not go on as it did: what it would have come to is not known."""
        asked = any(each.kind != NOT_MADE for each in self.divergences)
        return self.result.status is RunStatus.FAILED and asked


def rerun(
    runner: Runner, execution: Execution, ambient: Ambient, view: View | None, before: Mapping[str, Any] | None,
    params: Mapping[str, Any] | None, calls: Iterable[TapedCall], *, reads: bool,
) -> Ran:  # fmt: skip
    """Returns what ``execution`` comes to with its host calls answered from ``calls``; see `Playback` for ``reads``."""
    playback = Playback(runner.engine.hosts, calls, reads=reads)
    execution.journal, execution.vitals = playback, None
    token = TRIAL.set(None)
    try:
        result, run = runner.perform_unwatched(execution, ambient._replace(dry_run=True), view, before, params)
        took, unmade = run.duration_us, [] if reads else playback.unmade()
    except Diverged as error:
        result = RunResult(RunStatus.FAILED, 0, error=ScriptError(str(error), code=DIVERGED))
        took, unmade = 0, []  # it ended before it could make them
    finally:
        TRIAL.reset(token)

    def scrubbed(value: Any) -> Any:
        return value if runner.vault is None else runner.vault.scrub(ambient.tenant, value)

    divergences = [each._replace(arguments=scrubbed(each.arguments)) for each in playback.divergences + unmade]
    return Ran(result, scrubbed(playback.effects), divergences, playback.made, took)


def rerun_tape(
    runner: Runner, entities: EntityBridge, script: Script, program: Program, taped: TapedRun,
    calls: Iterable[TapedCall] | None = None, *, reads: bool = False,
) -> Ran:  # fmt: skip
    """Returns what a program of ``script`` comes to on what is on tape; ``calls`` answer its host calls instead."""
    event = None if taped.event is None else parse_event(taped.event)
    limits = profile(script.limits)
    cascade = None
    if taped.fuel is not None:
        cascade = Cascade(limits)
        cascade.fuel = taped.fuel
    execution = Execution(
        script, program, limits, frozenset(script.capabilities), Phase(taped.phase), trigger=taped.trigger,
        run_id=taped.run_id, event=event, attempt=taped.attempt, now=taped.now,
    )  # fmt: skip
    view = None
    if taped.entity is not None:
        view = View(taped.entity, entities.adapter_for(taped.entity, event.entity_type if event else None))
    ambient = Ambient(taped.user, script.tenant, cascade=cascade, trace=taped.trace)
    answers = taped.calls if calls is None else calls
    return rerun(runner, execution, ambient, view, taped.before, taped.params, answers, reads=reads)


def beside(
    runner: Runner, execution: Execution, program: Program, revision: int, ambient: Ambient, view: View | None,
    before: Mapping[str, Any] | None, params: Mapping[str, Any] | None, calls: Iterable[TapedCall],
) -> Ran:  # fmt: skip
    """Returns what another revision comes to beside ``execution``, which has made ``calls``; its reads are made."""
    script = execution.script
    assert script is not None
    other = Execution(
        replace(script, live_revision=revision), program, execution.limits, execution.grants, execution.phase,
        trigger=execution.trigger, run_id=execution.run_id, event=execution.event, attempt=execution.attempt,
        origin=execution.origin, now=execution.now,
    )  # fmt: skip
    apart = ambient._replace(cascade=None, caller=None)
    return rerun(runner, other, apart, view, before, params, calls, reads=True)
