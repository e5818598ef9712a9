"""Background jobs: looked at, added, cancelled, tried again; limits, and the processes that run them."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from ... import job_model
from ...errors import NotFound
from ..cursors import cursor_of, key_of
from ..endpoint import Group
from ..reply import Reply
from ..service import Call
from ..wire.fill import filled
from ..wire.jobs import (
    Cancellation,
    Job,
    JobCounts,
    JobDetail,
    JobFilters,
    JobKey,
    JobLimit,
    JobLimits,
    JobPage,
    JobStep,
    NewJob,
    NewJobLimit,
    Node,
    Nodes,
    Trouble,
    detail_out,
    job_out,
)
from ..wire.lifecycle import Move

GROUP = Group("jobs", "Background jobs, and the processes that run them.")
NEW = {"script": "send-mail", "params": {"to": "ann@example.org"}, "delay_s": 60}
LIMIT = {"running": 8, "per_minute": 600}


@GROUP.get("/jobs", "jobs.read", JobPage)
def list_jobs(call: Call, query: JobFilters) -> JobPage:
    """List the tenant's jobs, newest first.

    The dead letters are those of the state ``dead``.
    """
    found = call.alloy.jobs.list(
        tenant=call.tenant, state=query.state, script=query.script, kind=query.kind, before=key_of(query.cursor),
        limit=query.limit + 1,
    )  # fmt: skip
    page = found[: query.limit]
    names = _names(call, page)
    return JobPage(
        items=[job_out(job, names[job.script_id]) for job in page],
        next_cursor=cursor_of(page[-1].id) if len(found) > len(page) else None,
    )


@GROUP.post("/jobs", "jobs.write", Job, status=201, example=NEW)
def enqueue_job(call: Call, body: NewJob) -> Reply:
    """Have a worker run a script in the background.

    With an ``id`` that the tenant has already, that job is the answer.
    """
    given = {name: getattr(body, name) for name in body.__struct_fields__ if name != "user"}
    job = call.alloy.jobs.enqueue(**given, user=body.user or call.author, tenant=call.tenant)
    return Reply(_job(call, job), headers={"Location": f"{call.path}/{quote(job.id, safe='')}"})


@GROUP.get("/jobs/{job}", "jobs.read", JobDetail)
def get_job(call: Call, job: JobKey) -> JobDetail:
    """Read a job: how far it is, how it ended, and the steps of a durable one."""
    found = call.alloy.jobs.get(job, tenant=call.tenant)
    steps = [filled(JobStep, step) for step in call.alloy.jobs.steps(job, tenant=call.tenant)]
    return detail_out(found, _names(call, [found])[found.script_id], steps)


@GROUP.post("/jobs/{job}/cancel", "jobs.write", Job, errors=(409,), example={"reason": "not needed"})
def cancel_job(call: Call, job: JobKey, body: Cancellation) -> Job:
    """Cancel a job; one that runs ends within seconds, and is not tried again."""
    return _job(call, call.alloy.jobs.cancel(job, body.reason, tenant=call.tenant))


@GROUP.post("/jobs/{job}/again", "jobs.write", Job, errors=(409,), example={"reason": "the mail server is back"})
def repeat_job(call: Call, job: JobKey, body: Move) -> Job:
    """Try a dead or cancelled job again, as often as at first."""
    return _job(call, call.alloy.jobs.again(job, tenant=call.tenant))


@GROUP.get("/job-counts", "jobs.read", JobCounts)
def count_jobs(call: Call) -> JobCounts:
    """Count the tenant's jobs by state."""
    found = call.alloy.jobs.counts(tenant=call.tenant)
    return JobCounts(**{state.value: count for state, count in found.items()})


@GROUP.get("/job-limits", "jobs.read", JobLimits)
def list_job_limits(call: Call) -> JobLimits:
    """List what limits the tenant's jobs."""
    return JobLimits(items=[_limit(found) for found in call.alloy.jobs.limits(tenant=call.tenant)])


@GROUP.put("/job-limits", "jobs.write", JobLimits, example=LIMIT)
def limit_jobs(call: Call, body: NewJobLimit) -> JobLimits:
    """Limit the jobs of the tenant, or of one of its scripts, over all processes together."""
    call.alloy.jobs.limit(tenant=call.tenant, script=body.script, running=body.running, per_minute=body.per_minute)
    return list_job_limits(call)


@GROUP.get("/nodes", "jobs.read", Nodes, tenant=False)
def list_nodes(call: Call) -> Nodes:
    """List the processes that take jobs, of all tenants."""
    return Nodes(items=[filled(Node, node) for node in call.alloy.jobs.nodes()])


@GROUP.get("/trouble", "jobs.read", Trouble, tenant=False)
def show_trouble(call: Call) -> Trouble:
    """Say what keeps the worker and the scheduler of the process that answers from the store."""
    return Trouble(jobs=call.alloy.jobs.trouble, scheduler=call.alloy.scheduler.trouble)


def _job(call: Call, job: job_model.Job) -> Job:
    return job_out(job, _names(call, [job])[job.script_id])


def _names(call: Call, jobs: Iterable[job_model.Job]) -> dict[str, str | None]:
    """Returns the names of the jobs' scripts by their ids; None for those that are deleted."""
    return {script_id: _name(call, script_id) for script_id in {job.script_id for job in jobs}}


def _name(call: Call, script_id: str) -> str | None:
    try:
        return call.alloy.store.get_script(call.tenant, script_id).name
    except NotFound:
        return None


def _limit(found: job_model.JobLimit) -> JobLimit:
    return JobLimit(script_id=found.script_id, **found.limits._asdict())
