"""Several pure scripts on one event, each run the short way, each seeing the changes of those before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..model import RunStatus
from ..outcome import Chained, Details, Outcome, Told
from .fast import Plan
from .recorder import Tally

Rest = Callable[[dict[str, Any], "str | None", Sequence[Outcome]], Outcome]
"""Takes the record, the user and the outcomes so far; goes on the general way with the scripts that are left."""


def chain_plan(plans: Sequence[Plan], rest: Rest, tally: Tally) -> Plan:
    """Returns the plan that runs ``plans`` in order.

    A script whose fields hold what only crosses packed hands over to the general way, and so do those after it.
    """

    def plan(record: Any, user: str | None) -> Outcome | None:
        if type(record) is not dict:
            return None
        current = record
        done: list[Outcome] = []
        for step in plans:
            outcome = step(current, user)
            if outcome is None:
                return rest(record, user, done) if done else None
            done.append(outcome)
            if outcome.status is not RunStatus.CONTINUE:
                break
            if outcome.changes:
                current = {**current, **outcome.changes}
        tally.fires += 1
        tally.runs += len(done)
        return combined(record, done)

    return plan


def combined(record: Any, done: Sequence[Outcome]) -> Outcome:
    """Returns the outcomes of a chain as one; a rejected or failed chain changes nothing."""
    last = done[-1]
    changes: dict[str, Any] = {}
    fuel = 0
    for outcome in done:
        changes.update(outcome.changes)
        fuel += outcome.fuel
    if last.status is not RunStatus.CONTINUE:
        changes = {}
    if any(outcome.eventful for outcome in done):
        return Told(last.status, changes, fuel, record, _details(done))
    return Chained(changes, fuel, record, done)


def _details(done: Sequence[Outcome]) -> Details:
    told, last = Details(), done[-1]
    for outcome in done:
        told.runs += outcome.runs
        told.logs += outcome.logs
        told.lost_logs += outcome.lost_logs
        told.effects += outcome.effects
        told.tolerated += outcome.tolerated
        told.value = outcome.value if outcome.value is not None else told.value
    told.reason, told.details = last.reason, last.details
    told.rejected_by, told.error = last.rejected_by, last.error
    return told
