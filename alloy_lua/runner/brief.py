"""The short way for an event loop, which no script may hold up: runs on a small budget, made anew if it is too small.

A pure script has no effects, so a run that used up the small budget can be thrown away and made anew, in a thread and
with the script's own budget; nobody can tell. What has run already of a chain is not run again: its rest is handed
over.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..engine.engine import result_of
from ..events import Event
from ..outcome import Outcome
from ..ports import EntityAdapter
from .fast import SHORT_FUEL, FastWay
from .registry import Binding
from .runner import Runner

BRIEF_FUEL = SHORT_FUEL

Work = Callable[[], Outcome]
BriefPlan = Callable[[Any, "str | None"], "Outcome | Work | None"]
"""Takes the record and the user; returns the outcome, what is left to do for it in a thread, or None if nothing ran."""


class BriefWay(FastWay):
    """A fast way with little fuel, on runtimes that no thread but that of an event loop uses."""

    def __init__(
        self, runner: Runner, binding: Binding, event: Event, tenant: str, adapter: EntityAdapter,
        demote: Callable[[], None],
    ) -> None:  # fmt: skip
        super().__init__(runner, binding, event, tenant, adapter, demote)
        assert runner.engine.loop_pool is not None
        self.pool = runner.engine.loop_pool
        self.limits = binding.limits.with_(fuel=min(binding.limits.fuel, BRIEF_FUEL))

    def warm_up(self) -> None:
        """Loads the script into the runtime, which takes longer than running it."""
        runtime = self.pool.take_seat()
        try:
            self.driver_in(runtime)
        finally:
            self.pool.leave_seat(runtime)

    def settle(
        self, packed: str | bytes, record: Any, user: str | None, started: float, took: float, number: int = 0
    ) -> Outcome | None:
        """Returns what `FastWay.settle` does; None if the small budget was too small."""
        result = result_of(packed, self.limits)
        out_of_fuel = result.error is not None and result.error.code == "fuel_exhausted"
        if out_of_fuel and self.limits.fuel < self.binding.limits.fuel:
            self._demote()
            return None
        return self._finish(result, record, user, started, took, number)
