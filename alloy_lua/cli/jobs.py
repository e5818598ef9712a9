"""The commands under ``jobs``, and ``worker``: background work."""

from __future__ import annotations

import argparse
import signal
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..job_model import Job, JobKind, JobState
from .options import (
    Commands,
    add_command,
    add_database,
    count,
    database_of,
    json_object,
    name_text,
    number,
    values,
    whole,
)
from .reply import FAILED, OK, Reply, pairs, visible
from .session import existing, script_names
from .tables import table

if TYPE_CHECKING:
    from .. import Alloy

STOP_SECONDS = 30.0


def register(commands: Commands) -> None:
    """Adds the commands to the parser."""
    help = "list, add, cancel, repeat and limit background jobs"
    own = commands.add_parser("jobs", help=help, description=f"{help[0].upper()}{help[1:]}.").add_subparsers(
        required=True, metavar="COMMAND"
    )
    listing = add_command(own, "list", _list, "list jobs, newest first")
    listing.add_argument("--state", choices=values(JobState), help="only these")
    listing.add_argument("--script", metavar="NAME", help="only this script's")
    listing.add_argument("--kind", choices=values(JobKind), help="only those asked for so")
    dead = add_command(own, "dead", _dead, "list the dead letters: jobs that failed as often as they may")
    for parser in (listing, dead):
        parser.add_argument("--before", metavar="ID", help="go on behind this one")
        parser.add_argument("--limit", type=count, default=20, help="at most so many (default: %(default)s)")
        add_database(parser)
    for name, call, what in (
        ("show", _show, "show one job, and the steps of a durable one"),
        ("run", _run, "run a waiting job now, in this process, and tell how it ended"),
        ("cancel", _cancel, "cancel a job; one that runs is not repeated"),
        ("again", _again, "try a dead or cancelled job again"),
    ):
        parser = add_command(own, name, call, what)
        parser.add_argument("job", metavar="ID")
        if name == "cancel":
            parser.add_argument("--reason", default="cancelled", help="why (default: %(default)s)")
        add_database(parser)
    _register_adding(own)
    limit = add_command(own, "limit", _limit, "limit the jobs of a tenant or script; without a number, lift the limit")
    limit.add_argument("--script", metavar="NAME", help="only this script's")
    limit.add_argument("--running", type=count, metavar="N", help="at once, over all processes")
    limit.add_argument("--per-minute", type=count, metavar="N", help="started within a minute")
    for parser in (
        limit,
        add_command(own, "limits", _limits, "list what limits the tenant's jobs"),
        add_command(own, "counts", _counts, "count the tenant's jobs by state"),
        add_command(own, "nodes", _nodes, "list the processes that take jobs"),
    ):
        add_database(parser)
    _register_worker(commands)


def _register_adding(own: Commands) -> None:
    add = add_command(own, "add", _add, "have a worker run a script")
    add.add_argument("name", metavar="NAME", help="the script's name or id")
    add.add_argument("--params", type=json_object, metavar="JSON|@FILE", help="parameters: a JSON object, @file, or @-")
    add.add_argument("--delay", dest="delay_s", type=number, metavar="SECONDS", help="wait so long first")
    add.add_argument("--id", help="names the job: if there is one of that id, none is added")
    add.add_argument("--priority", type=whole, metavar="N", help="higher runs first (default: 0)")
    add.add_argument("--order-by", metavar="TEXT", help="jobs with the same text run one after the other")
    add.add_argument("--attempts", type=count, metavar="N", help="tries in all (default: 5)")
    add.add_argument(
        "--backoff", dest="backoff_s", type=number, metavar="SECONDS", help="to the second try (default: 10)"
    )
    add.add_argument("--timeout", dest="timeout_s", type=number, metavar="SECONDS", help="for one try")
    add.add_argument("--user", type=name_text, help="who acts")
    add_database(add)


def _register_worker(commands: Commands) -> None:
    worker = add_command(commands, "worker", _worker, "run background jobs and schedules until stopped")
    worker.add_argument("--slots", type=count, default=4, metavar="N", help="jobs at once (default: %(default)s)")
    worker.add_argument(
        "--silent", type=number, default=15.0, metavar="SECONDS",
        help="take over the jobs of a process not seen for so long (default: %(default)s)",
    )  # fmt: skip
    worker.add_argument("--no-schedules", action="store_true", help="leave schedules to other processes")
    add_database(worker)


def _list(arguments: argparse.Namespace) -> Reply:
    names = ("state", "script", "kind", "before", "limit")
    with existing(database_of(arguments)) as alloy:
        found = alloy.jobs.list(tenant=arguments.tenant, **{name: getattr(arguments, name) for name in names})
        return _listed(alloy, found, "no jobs", arguments.tenant)


def _dead(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        found = alloy.jobs.dead(tenant=arguments.tenant, before=arguments.before, limit=arguments.limit)
        return _listed(alloy, found, "no dead letters", arguments.tenant)


def _listed(alloy: Alloy, found: Sequence[Job], none: str, tenant: str) -> Reply:
    names = script_names(alloy, [job.script_id for job in found], tenant)
    header = ("id", "created", "script", "kind", "state", "try", "why")
    return Reply(found, table(header, [_row(job, names[job.script_id]) for job in found]) if found else [none])


def _row(job: Job, script: str) -> tuple[str, ...]:
    created = job.created_at.isoformat(sep=" ", timespec="seconds")[:19]
    why = job.reason or (f"{job.progress:.0%} {job.note or ''}".strip() if job.progress else "")
    return (job.id, created, script, job.kind, job.state, str(job.attempt), why)


def _show(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        job = alloy.jobs.get(arguments.job, tenant=arguments.tenant)
        steps = alloy.jobs.steps(arguments.job, tenant=arguments.tenant)
    told = [f"  step {step.number}: {step.name}" + (f" ({step.error})" if step.error else "") for step in steps]
    return Reply({"job": job, "steps": [step._asdict() for step in steps]}, [*job_lines(job), *map(visible, told)])


def _run(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        job = alloy.jobs.run_one(arguments.job, tenant=arguments.tenant)
    return Reply(job, job_lines(job), ended(job))


def _cancel(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        job = alloy.jobs.cancel(arguments.job, arguments.reason, tenant=arguments.tenant)
    return Reply(job, job_lines(job))


def _again(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        job = alloy.jobs.again(arguments.job, tenant=arguments.tenant)
    return Reply(job, job_lines(job))


def _add(arguments: argparse.Namespace) -> Reply:
    names = ("delay_s", "id", "priority", "order_by", "attempts", "backoff_s", "timeout_s", "user")
    given = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    with existing(database_of(arguments)) as alloy:
        job = alloy.jobs.enqueue(arguments.name, arguments.params, tenant=arguments.tenant, **given)
    return Reply(job, job_lines(job))


def _limit(arguments: argparse.Namespace) -> Reply:
    names = ("tenant", "script", "running", "per_minute")
    with existing(database_of(arguments)) as alloy:
        alloy.jobs.limit(**{name: getattr(arguments, name) for name in names})
    return _limits(arguments)


def _limits(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        found = alloy.jobs.limits(tenant=arguments.tenant)
    rows = [(one.script_id or "all", *("any" if n is None else str(n) for n in one.limits)) for one in found]
    data = [{"script_id": one.script_id, **one.limits._asdict()} for one in found]
    return Reply(data, table(("script", "running", "per minute"), rows) if rows else ["no limits"])


def _counts(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        found = alloy.jobs.counts(tenant=arguments.tenant)
    counts = {state.value: found.get(state, 0) for state in JobState}
    return Reply(counts, pairs({state: str(number) for state, number in counts.items()}))


def _nodes(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        found = alloy.jobs.nodes()
    rows = [
        (node.id, node.name, node.seen_at.isoformat(sep=" ", timespec="seconds"), str(node.slots)) for node in found
    ]
    return Reply(found, table(("id", "process", "seen", "slots"), rows) if rows else ["no nodes"])


def _worker(arguments: argparse.Namespace) -> Reply:
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    with existing(database_of(arguments), migrate=True) as alloy:
        alloy.jobs.start(arguments.slots, silent_s=arguments.silent)
        if not arguments.no_schedules:
            alloy.scheduler.start()
        stop.wait()
        alloy.scheduler.stop()
        done = alloy.jobs.stop(STOP_SECONDS)
    if done:
        return Reply({"stopped": True}, ["stopped"])
    return Reply({"stopped": False}, [f"jobs went on for more than {STOP_SECONDS:g} s; others take them"], FAILED)


def ended(job: Job) -> int:
    """Returns the exit code for a job that was run."""
    return OK if job.state is JobState.SUCCEEDED else FAILED


def job_lines(job: Job) -> list[str]:
    """Returns what people want to know of a job."""
    facts = {
        "script": job.script_id,
        "kind": f"{job.kind} {job.event or ''}".strip(),
        "state": job.state.value,
        "tries": f"{job.attempt} begun, {job.failed} failed, {job.lost} lost; at most {job.max_attempts}",
        "created": job.created_at.isoformat(),
        "due": job.due_at.isoformat(),
        "started": job.started_at.isoformat() if job.started_at else "",
        "finished": job.finished_at.isoformat() if job.finished_at else "",
        "node": job.owner or "",
        "user": job.user or "",
        "progress": f"{job.progress:.0%} {job.note or ''}".strip() if job.progress or job.note else "",
        "why": job.reason or "",
    }
    return [f"job {visible(job.id)}", *pairs({name: visible(text) for name, text in facts.items() if text})]
