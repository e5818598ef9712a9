"""What goes with the runs of a script that is recorded, or that has another revision on trial."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..bridges.reads import TRIAL
from ..engine import RunResult
from ..outcome import ScriptRun
from ..runner.context import Ambient
from ..runner.execution import Execution
from ..runner.runner import Runner
from ..runner.view import View
from .calls import Taping
from .rerun import Ran, beside
from .tape import ending_of, taped_input

if TYPE_CHECKING:
    from .deck import TapeDeck, TapingRule
    from .trial import Trial

_log = logging.getLogger("alloy_lua.replay")


class ScriptWatch:
    """The `Watch` of one script.

    Args:
        deck: Takes the tapes.
        rule: Which runs are recorded, None for none.
        trial: The revision on trial, None if there is none.
    """

    def __init__(self, deck: TapeDeck, rule: TapingRule | None, trial: Trial | None) -> None:
        self._deck = deck
        self._rule = rule
        self._trial = trial

    def perform(
        self, runner: Runner, execution: Execution, ambient: Ambient, view: View | None,
        before: Mapping[str, Any] | None, params: Mapping[str, Any] | None,
    ) -> tuple[RunResult, ScriptRun]:  # fmt: skip
        """Returns what the run came to, after recording it and running the other revision on the same input."""
        rule = self._rule if self._rule is not None and self._rule.takes(execution.origin) else None
        trial = self._trial if self._trial is not None and self._trial.takes(execution, ambient, view) else None
        if rule is None and trial is None:
            return runner.perform_unwatched(execution, ambient, view, before, params)
        now = execution.now = execution.now or datetime.now(UTC)
        if trial is not None and trial.goes_first:
            assert execution.script is not None
            execution.script = replace(execution.script, live_revision=trial.revision)
            execution.program = trial.candidate
        tape = None if rule is None else taped_input(execution, ambient, view, before, params, now)
        untouched = None if view is None else _copy(view)
        taping = execution.journal = Taping(runner.engine.hosts, execution.journal)
        result, run = runner.perform_unwatched(execution, ambient, view, before, params)
        waits = TRIAL.get()
        if waits is not None and waits.given_up:  # it starts again: as if it had not been
            return result, run
        if rule is not None and tape is not None:
            self._deck.keep(rule, execution, tape._replace(calls=taping.calls, ending=ending_of(result)))
        if trial is not None:
            effects = taping.effects()
            if runner.vault is not None:
                effects = runner.vault.scrub(ambient.tenant, effects)
            first = Ran(result, effects, [], [], run.duration_us)
            try:
                other = beside(
                    runner, execution, trial.other, trial.other_revision, ambient, untouched, before, params,
                    taping.calls,
                )  # fmt: skip
                trial.observe(execution, first, other)
            except Exception:  # what is only tried must not fail the run
                _log.exception("script %s: the other revision could not be run", execution.name)
        return result, run


def _copy(view: View) -> View:
    copy = View(view.record, view.adapter)
    copy.changes = dict(view.changes)
    return copy
