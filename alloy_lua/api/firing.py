"""Fires from the event loop: at once where that is short, else in a thread."""

from __future__ import annotations

from ..app import Alloy
from ..outcome import Outcome as Result
from .endpoint import Lane
from .wire.outcomes import Fire, Outcome, outcome_out
from .workers import Workers


class Firing:
    """Fires events.

    Args:
        alloy: The facade.
        lanes: The service's threads.
    """

    def __init__(self, alloy: Alloy, lanes: dict[Lane, Workers]) -> None:
        self._alloy = alloy
        self._workers = lanes[Lane.SCRIPTS]

    async def fire(self, body: Fire, tenant: str, user: str) -> Outcome:
        """Returns what the scripts bound to an event made of a record."""
        found = self._alloy.fire_briefly(
            body.event, body.entity, body.before, body.params, user, tenant, body.dry_run, body.run_id
        )
        if not isinstance(found, Result):
            found = await self._workers.run(found)
        return outcome_out(found)
