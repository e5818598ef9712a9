"""Runs: what scripts did, and running one by hand."""

from __future__ import annotations

from typing import Any

from ...errors import AlloyError, NotFound
from ...model import Run as StoredRun
from ..cursors import cursor_of, key_of
from ..endpoint import Group, Lane
from ..reply import Reply
from ..service import Call
from ..wire.common import ScriptKey
from ..wire.outcomes import DryRun, Outcome, RunByHand, outcome_out
from ..wire.runs import ExcerptLine, RunDetail, RunFilters, RunKey, RunPage, RunState, detail_out, run_out

GROUP = Group("runs", "What scripts did, and running one by hand.")
AROUND = 3


@GROUP.get("/runs", "runs.read", RunPage)
def list_runs(call: Call, query: RunFilters) -> RunPage:
    """List recorded runs, newest first.

    Of runs that went well some may be left out, as the recording settings say; rejected and failed ones never are.
    """
    filters: dict[str, Any] = {
        name: getattr(query, name) for name in query.__struct_fields__ if name not in ("script", "cursor", "limit")
    }
    if query.script is not None:
        try:
            filters["script_id"] = call.alloy.scripts.get(query.script, tenant=call.tenant).id
        except NotFound:
            filters["script_id"] = query.script  # its runs stay on record when a script is deleted
    found = call.alloy.runs(tenant=call.tenant, **filters, before=key_of(query.cursor), limit=query.limit + 1)
    page = found[: query.limit]
    return RunPage(
        items=[run_out(run) for run in page],
        next_cursor=cursor_of(page[-1].id) if len(found) > len(page) else None,
    )


@GROUP.get("/runs/{run}", "runs.read", RunDetail)
def get_run(call: Call, run: RunKey) -> RunDetail:
    """Read a run: log lines, what it changed or returned, the error with the lines around it."""
    found = call.alloy.store.get_run(call.tenant, run)
    return detail_out(found, _excerpt(call, found))


@GROUP.post("/scripts/{script}/dry-run", "scripts.try", Outcome, lane=Lane.SCRIPTS, mutates=False, example={})
def dry_run(call: Call, script: ScriptKey, body: DryRun) -> Outcome:
    """Try a script: effects are reported instead of made, and nothing is recorded."""
    given = {name: getattr(body, name) for name in ("entity", "before", "params", "revision")}
    found = call.alloy.run(script, tenant=call.tenant, user=body.user or call.author, dry_run=True, **given)
    return outcome_out(found)


@GROUP.post(
    "/scripts/{script}/run", "scripts.run", Outcome, replies={202: RunState}, example={"params": {"day": "2026-03-01"}}
)
async def run_script(call: Call, script: ScriptKey, body: RunByHand) -> Reply:
    """Run a script by hand; it must be active and have a manual, cron or api trigger.

    With ``wait`` false the reply is 202 at once, and the run's state is read from where ``Location`` says.
    """
    return await call.service.by_hand.run(call, script, body)


@GROUP.get("/runs/{run}/state", "runs.read", RunState)
async def run_state(call: Call, run: RunKey) -> RunState:
    """Say whether a run that was begun without waiting for it is done, and what it came to.

    Known for an hour, in the process that took the call; after that, read the run.
    """
    return call.service.by_hand.state(call.tenant, run)


def _excerpt(call: Call, run: StoredRun) -> list[ExcerptLine]:
    """Returns the lines around the one that a run failed at; none if the text is gone."""
    if run.error_line is None or run.revision < 1:
        return []
    try:
        source = call.alloy.store.get_revision(call.tenant, run.script_id, run.revision).source
    except AlloyError:
        return []
    lines = source.splitlines()
    first = max(1, run.error_line - AROUND)
    return [
        ExcerptLine(number=number, text=text[:500], here=number == run.error_line)
        for number, text in enumerate(lines[first - 1 : run.error_line + AROUND], first)
    ]
