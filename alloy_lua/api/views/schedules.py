"""Schedules: when scripts run by the clock, and running one now."""

from __future__ import annotations

from typing import cast
from urllib.parse import quote

from ...model import AtTrigger, CronTrigger
from ..endpoint import Group
from ..reply import Reply
from ..service import Call
from ..wire import triggers
from ..wire.common import ScriptKey
from ..wire.jobs import Job, job_out
from ..wire.schedules import Preview, PreviewQuery, RunNow, Schedule, ScheduleFilters, Schedules

GROUP = Group("schedules", "When scripts run by the clock.")


@GROUP.get("/schedules", "jobs.read", Schedules)
def list_schedules(call: Call, query: ScheduleFilters) -> Schedules:
    """List schedules with their next times."""
    found = call.alloy.scheduler.upcoming(query.script, query.count, tenant=call.tenant, after=query.after)
    return Schedules(
        items=[Schedule(script=each.script, trigger=_clock(each.trigger), times=list(each.ticks)) for each in found]
    )


@GROUP.get("/schedules/preview", "jobs.read", Preview)
def preview_schedule(call: Call, query: PreviewQuery) -> Preview:
    """Show the next times of a cron expression; it need not be any script's."""
    times = call.alloy.scheduler.preview(query.expression, query.count, timezone=query.timezone, after=query.after)
    return Preview(times=list(times))


@GROUP.post("/schedules/{script}/run", "jobs.write", Job, status=201, example={"reason": "last night's was lost"})
def run_schedule(call: Call, script: ScriptKey, body: RunNow) -> Reply:
    """Add a job that runs a scheduled script now, besides its times."""
    job = call.alloy.scheduler.run_now(script, tenant=call.tenant, user=body.user)
    name = call.alloy.store.get_script(call.tenant, job.script_id).name
    root = call.path.partition("/schedules/")[0]
    return Reply(job_out(job, name), headers={"Location": f"{root}/jobs/{quote(job.id, safe='')}"})


def _clock(trigger: CronTrigger | AtTrigger) -> triggers.CronTrigger | triggers.AtTrigger:
    return cast("triggers.CronTrigger | triggers.AtTrigger", triggers.trigger_out(trigger))
