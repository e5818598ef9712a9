"""The runs under way in this process, and how one of them is cancelled."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from ..forking import after_fork
from ..hostapi import Cancellation
from .context import Ambient

if TYPE_CHECKING:
    from .execution import Execution


class RunningRun(NamedTuple):
    """A run under way, for how many seconds it has been, and the job it belongs to, if any."""

    run_id: str
    tenant: str
    script: str
    event: str | None
    seconds: float
    job: str | None = None


class Running:
    """The runs of this process that go the general way: those on the short way are over before anyone could ask.

    A run inside another one, such as that of a hook fired by a host function, is cancelled with it.
    """

    def __init__(self) -> None:
        self._runs: dict[str, tuple[Cancellation, Execution, str, float]] = {}
        after_fork(self._forget)

    def _forget(self) -> None:
        self._runs = {}

    def enter(self, execution: Execution, ambient: Ambient) -> Cancellation:
        """Returns how a run is cancelled that is under way from now on, until `leave`."""
        cancellation = Cancellation()
        caller = ambient.caller
        if caller is not None:
            caller.call.cancellation.add(cancellation.cancel)
        self._runs[execution.run_id] = (cancellation, execution, ambient.tenant, monotonic())
        return cancellation

    def leave(self, execution: Execution, ambient: Ambient, cancellation: Cancellation) -> None:
        """Takes note that a run is over."""
        self._runs.pop(execution.run_id, None)
        caller = ambient.caller
        if caller is not None:
            caller.call.cancellation.remove(cancellation.cancel)

    def cancel(self, run_id: str, tenant: str | None = None) -> bool:
        """Returns whether a run of that id, and of ``tenant`` if given, was under way here; it ends within moments."""
        found = self._runs.get(run_id)
        if found is None or tenant not in (None, found[2]):
            return False
        found[0].cancel()
        return True

    def under_way(self, tenant: str | None = None) -> list[RunningRun]:
        """Returns the runs under way, those of ``tenant`` if given, the longest first."""
        now = monotonic()
        found = [
            RunningRun(run_id, owner, run.name, run.event.name if run.event else None, now - since, run.job)
            for run_id, (_, run, owner, since) in list(self._runs.items())
            if tenant in (None, owner)
        ]
        return sorted(found, key=lambda run: -run.seconds)
