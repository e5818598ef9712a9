"""The commands under ``schedule``: when scripts run by the clock."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from ..model import CronTrigger
from .jobs import ended, job_lines
from .options import Commands, add_command, add_database, count, database_of, moment, name_text
from .reply import Reply
from .session import existing, in_memory
from .tables import table

if TYPE_CHECKING:
    from ..scheduler.scheduler import Upcoming


def register(commands: Commands) -> None:
    """Adds the commands to the parser."""
    help = "list schedules, preview them, and run a scheduled script now"
    own = commands.add_parser("schedule", help=help, description=f"{help[0].upper()}{help[1:]}.").add_subparsers(
        required=True, metavar="COMMAND"
    )
    listing = add_command(own, "list", _list, "list the schedules of active scripts, the next to run first")
    add_database(listing)
    preview = add_command(own, "preview", _preview, "show the next times of a cron expression or a script")
    what = preview.add_mutually_exclusive_group(required=True)
    what.add_argument("expression", nargs="?", metavar="EXPRESSION", help="such as '30 6 * * 1-5' or @hourly")
    what.add_argument("--script", metavar="NAME", help="a stored script's schedules")
    preview.add_argument("--timezone", default="UTC", metavar="ZONE", help="an IANA name (default: %(default)s)")
    preview.add_argument("--count", type=count, default=5, metavar="N", help="how many times (default: %(default)s)")
    preview.add_argument("--after", type=moment, metavar="TIME", help="those later than this (default: now)")
    add_database(preview)
    run = add_command(own, "run", _run, "run a scheduled script now, in this process, and tell how it ended")
    run.add_argument("name", metavar="NAME", help="the script's name or id")
    run.add_argument("--user", type=name_text, help="who acts")
    add_database(run)


def _list(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        found = alloy.scheduler.upcoming(tenant=arguments.tenant)
    rows = [(each.script, _what(each), _shown(each.ticks), _policies(each)) for each in found]
    header = ("script", "schedule", "next", "policies")
    return Reply([_data(each) for each in found], table(header, rows) if rows else ["no schedules"])


def _preview(arguments: argparse.Namespace) -> Reply:
    if arguments.script is None:
        with in_memory() as alloy:
            times = alloy.scheduler.preview(
                arguments.expression, arguments.count, timezone=arguments.timezone, after=arguments.after
            )
        return Reply(list(times), [_time(time) for time in times])
    with existing(database_of(arguments)) as alloy:
        found = alloy.scheduler.upcoming(
            arguments.script, arguments.count, tenant=arguments.tenant, after=arguments.after
        )
    lines = [line for each in found for line in (_what(each), *(f"  {_time(time)}" for time in each.ticks))]
    return Reply([_data(each) for each in found], lines or ["no schedules"])


def _run(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        job = alloy.scheduler.run_now(arguments.name, tenant=arguments.tenant, user=arguments.user)
        done = alloy.jobs.run_one(job.id, tenant=arguments.tenant)
    return Reply(done, job_lines(done), ended(done))


def _what(each: Upcoming) -> str:
    trigger = each.trigger
    if isinstance(trigger, CronTrigger):
        return f"cron {trigger.expression} {trigger.timezone}"
    return f"at {_time(trigger.at)}"


def _policies(each: Upcoming) -> str:
    trigger = each.trigger
    parts = [f"overlap {trigger.overlap}"] if isinstance(trigger, CronTrigger) else []
    if isinstance(trigger, CronTrigger) and trigger.jitter_s:
        parts.append(f"jitter {trigger.jitter_s:g} s")
    return ", ".join([*parts, f"misfire {trigger.misfire}", f"attempts {trigger.attempts}"])


def _shown(ticks: Sequence[datetime]) -> str:
    return _time(ticks[0]) if ticks else "never"


def _time(time: datetime) -> str:
    return time.isoformat(sep=" ", timespec="seconds")


def _data(each: Upcoming) -> dict[str, object]:
    return {"script": each.script, "trigger": each.trigger, "ticks": each.ticks}
