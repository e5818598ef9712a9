"""What an Alloy offers of recorded runs: each service is made, and its module loaded, at its first use."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .replay.kinds import ROLLOUT, TAPING

if TYPE_CHECKING:
    from .bridges.entities import EntityBridge
    from .job_model import Job
    from .jobs.jobs import Jobs
    from .model import Script
    from .outcome import Outcome
    from .ports import Store
    from .replay.backtests import Backtests
    from .replay.deck import TapeDeck
    from .replay.rollouts import Rollouts
    from .runner.health import Vitals
    from .runner.runner import Runner
    from .runner.watch import Watches
    from .secrets import Secrets


class Replaying:
    """The part of the facade that records runs and runs them again.

    Attributes:
        store: Where tapes live.
    """

    store: Store
    entities: EntityBridge
    refresh: Callable[[], None]
    _core: Any
    _vitals: Callable[[Script], Vitals]

    if TYPE_CHECKING:

        @property
        def secrets(self) -> Secrets: ...
        @property
        def jobs(self) -> Jobs: ...

    @cached_property
    def tapes(self) -> TapeDeck:
        """Runs recorded with their input and host calls, and replaying them: see `TapeDeck`."""
        from .replay.deck import TapeDeck

        return TapeDeck(self.store, lambda: self._core.runner, self.entities, self.secrets, self.refresh)

    @cached_property
    def backtests(self) -> Backtests:
        """Trying a revision beside the live one over records: see `Backtests`."""
        from .replay.backtests import Backtests

        return Backtests(self.store, lambda: self._core.runner, self.entities, lambda: self.jobs)

    @cached_property
    def rollouts(self) -> Rollouts:
        """Revisions on real traffic, as shadows and canaries: see `Rollouts`."""
        from .replay.rollouts import Rollouts

        return Rollouts(self.store, lambda: self._core.runner, self.refresh, self._vitals)

    # -- inside ----------------------------------------------------------------------------------------------------
    def _watches(self, runner: Runner) -> Watches:
        """Returns what goes with the runs of scripts, by script; on most platforms nothing does."""
        documents = self.store.documents
        if not documents.of_kind(TAPING) and not documents.of_kind(ROLLOUT):
            return {}
        from .replay.watch import ScriptWatch

        found, rules, trials = {}, self.tapes.lookup(), self.rollouts.trials(runner.engine.compile)
        for script in self.store.iter_active():
            rule = rules.get((script.tenant, script.id)) or rules.get((script.tenant, None))
            trial = trials.get(script.id)
            if trial is not None and trial.rollout.live != script.live_revision:
                trial = None  # another revision is live: there is nothing to compare it with
            if rule is not None or trial is not None:
                found[script.id] = ScriptWatch(self.tapes, rule, trial)
        return found

    def _run_backtest(self, job: Job) -> Outcome:
        return self.backtests.work(job)

    def _flush_replaying(self) -> None:
        if "tapes" in self.__dict__:
            self.tapes.flush()
        if "rollouts" in self.__dict__:
            self.rollouts.flush()

    def _prune_replaying(self) -> None:
        self.tapes.prune()  # whoever recorded them
