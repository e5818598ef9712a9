"""From the runs of a chain to the one outcome of a fire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine import RunResult
from ..errors import AlloyError
from ..model import RunStatus
from ..outcome import Details, Outcome, ScriptRun, Told
from ..ports import EntityAdapter
from .view import View

if TYPE_CHECKING:
    from .execution import Execution


class Fold:
    """Adds up the runs of a chain to one outcome."""

    def __init__(self, record: Any, adapter: EntityAdapter, view: View) -> None:
        self._record = record
        self._view = view
        self._more = Details(adapter.merged)
        self._status = RunStatus.CONTINUE
        self._fuel = 0

    def add(self, execution: Execution, result: RunResult, run: ScriptRun) -> bool:
        """Returns whether the chain ends with this result."""
        more = self._more
        more.runs += (run,)
        more.logs += result.logs
        more.lost_logs += result.lost_logs
        more.effects += result.effects
        self._fuel += result.fuel
        if result.status is RunStatus.FAILED:
            assert result.error is not None
            return self.add_error(execution.name, result.error, execution.closed)
        if result.status is RunStatus.REJECTED:
            self._status = RunStatus.REJECTED
            more.reason, more.details, more.rejected_by = result.reason, result.details, execution.name
            return True
        if result.value is not None:
            more.value = result.value
        return False

    def absorb(self, outcome: Outcome) -> None:
        """Adds the outcome of a script that went the short way and did not end the chain."""
        more = self._more
        more.runs += outcome.runs
        more.logs += outcome.logs
        more.lost_logs += outcome.lost_logs
        more.tolerated += outcome.tolerated
        self._fuel += outcome.fuel
        if outcome.value is not None:
            more.value = outcome.value

    def add_error(self, name: str, error: AlloyError, closed: bool) -> bool:
        """Returns whether the failure of script ``name`` ends the chain: it does if its policy is closed."""
        error.details.setdefault("script", name)
        if not closed:
            self._more.tolerated += (error,)
            return False
        self._status = RunStatus.FAILED
        self._more.error, self._more.rejected_by = error, name
        return True

    def outcome(self) -> Outcome:
        """Returns the sum; a rejected or failed chain changes nothing."""
        changes = self._view.changes if self._status is RunStatus.CONTINUE else {}
        return Told(self._status, changes, self._fuel, self._record, self._more)


def failure(error: AlloyError, record: Any) -> Outcome:
    """Returns the outcome of a fire that failed before any script ran."""
    more = Details()
    more.error = error
    return Told(RunStatus.FAILED, {}, 0, record, more)
