"""Runs that people ask for: waited for, or begun and looked at later."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections import OrderedDict
from time import monotonic
from typing import TYPE_CHECKING

from ..errors import AlloyError, NotFound
from .endpoint import Lane
from .errors import info_of
from .reply import Reply
from .wire.outcomes import Outcome, RunByHand, outcome_out
from .wire.runs import RunState

if TYPE_CHECKING:
    from .service import Call

KEEP_SECONDS = 3600.0
MAX_KEPT = 1_000
_log = logging.getLogger("alloy_lua.api")


class ByHand:
    """The runs begun by hand in this process, under way and done."""

    def __init__(self) -> None:
        self._states: OrderedDict[tuple[str, str], tuple[float, RunState]] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, call: Call, script: str, body: RunByHand) -> Reply:
        """Returns the outcome of a run, or its state if it is not waited for."""
        work = functools.partial(_run, call, script, body)
        workers = call.service.lanes[Lane.SCRIPTS]
        if body.wait or body.dry_run:
            return Reply(await workers.run(work))
        # What is wrong with the request itself is said at once, not in the run's state.
        runnable = functools.partial(_check, call, script)
        await call.service.lanes[Lane.STORE].run(runnable)
        identity = body.run_id or call.alloy.new_run_id()
        state = RunState(id=identity, state="running")
        self._keep(call.tenant, state)
        body.run_id = identity
        task = asyncio.create_task(self._finish(call, work, identity))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        root = call.path.partition("/scripts/")[0]
        return Reply(state, 202, {"Location": f"{root}/runs/{identity}/state"})

    def state(self, tenant: str, run_id: str) -> RunState:
        """Returns the state of a run.

        Raises:
            NotFound: None of that id was begun here within the last hour.
        """
        found = self._states.get((tenant, run_id))
        if found is None:
            raise NotFound(f"run {run_id!r}: was not begun here, or too long ago", details={"run": run_id})
        return found[1]

    async def drain(self, seconds: float) -> None:
        """Waits for the runs under way, for so many seconds at most."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    async def _finish(self, call: Call, work: functools.partial[Outcome], identity: str) -> None:
        try:
            outcome = await call.service.lanes[Lane.SCRIPTS].run(work)
        except AlloyError as error:
            outcome = Outcome(status="failed", fuel=0, error=info_of(error))  # type: ignore[arg-type]
        except Exception:
            _log.exception("run %s failed", identity)
            outcome = Outcome(status="failed", fuel=0)  # type: ignore[arg-type]
        self._keep(call.tenant, RunState(id=identity, state="done", outcome=outcome))

    def _keep(self, tenant: str, state: RunState) -> None:
        states, now = self._states, monotonic()
        states[tenant, state.id] = (now, state)
        states.move_to_end((tenant, state.id))
        while states and (len(states) > MAX_KEPT or now - next(iter(states.values()))[0] > KEEP_SECONDS):
            states.popitem(last=False)


def _check(call: Call, script: str) -> None:
    from ..lifecycle import runnable_revision

    runnable_revision(call.alloy.scripts.get(script, tenant=call.tenant), False, None)


def _run(call: Call, script: str, body: RunByHand) -> Outcome:
    with call.as_actor():
        found = call.alloy.run(
            script, body.params, entity=body.entity, before=body.before, dry_run=body.dry_run,
            user=body.user or call.author, tenant=call.tenant, run_id=body.run_id,
        )  # fmt: skip
        return outcome_out(found)
