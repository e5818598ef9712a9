"""The commands under ``rollout``: a revision on real traffic, as a shadow or a canary."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from .options import Commands, add_author, add_command, add_database, count, database_of, name_text, number, threshold
from .reply import Reply, pairs, visible
from .session import existing

if TYPE_CHECKING:
    from .. import Alloy


def register(commands: Commands) -> None:
    """Adds the commands to the parser."""
    help = "try a revision on real traffic, beside the live one or in its place"
    own = commands.add_parser("rollout", help=help, description=f"{help[0].upper()}{help[1:]}.").add_subparsers(
        required=True, metavar="COMMAND"
    )
    for name, what in (
        ("shadow", "run a revision beside the live one, with its effects discarded"),
        ("canary", "run a revision in place of the live one, for some records or users"),
    ):
        parser = add_command(own, name, _begin, what)
        parser.set_defaults(mode=name)
        parser.add_argument("name", metavar="NAME", help="the script's name or id")
        parser.add_argument("--revision", type=count, metavar="N", help="the candidate (default: the draft)")
        parser.add_argument("--percent", type=number, metavar="P", help="for so many records of 100")
        parser.add_argument("--user", action="append", type=name_text, help="for this user's runs; repeatable")
        parser.add_argument(
            "--at-most", action="append", type=threshold, default=[], metavar="NAME=VALUE",
            help="end it if it differs more, such as newly_failing=0.01; repeatable",
        )  # fmt: skip
        add_author(parser, "who begins it")
        add_database(parser)
    show = add_command(own, "show", _show, "show the newest rollout of a script and what has come of it")
    stop = add_command(own, "stop", _stop, "end a rollout")
    stop.add_argument("--reason", default="stopped", help="why (default: %(default)s)")
    add_author(stop, "who ends it")
    for parser in (show, stop):
        parser.add_argument("name", metavar="NAME", help="the script's name or id")
        add_database(parser)


def _begin(arguments: argparse.Namespace) -> Reply:
    given = dict(arguments.at_most)
    if arguments.percent is not None:
        given["percent"] = arguments.percent
    with existing(database_of(arguments)) as alloy:
        begin = getattr(alloy.rollouts, arguments.mode)
        begin(arguments.name, arguments.revision, users=arguments.user, tenant=arguments.tenant, **given)
        return _reply(alloy, arguments)


def _show(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        return _reply(alloy, arguments)


def _stop(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        alloy.rollouts.stop(arguments.name, arguments.reason, tenant=arguments.tenant)
        return _reply(alloy, arguments)


def _reply(alloy: Alloy, arguments: argparse.Namespace) -> Reply:
    found = alloy.rollouts.get(arguments.name, tenant=arguments.tenant)
    rollout, tally = found.rollout, found.tally
    name = alloy.scripts.get(arguments.name, tenant=arguments.tenant).name
    users = "" if rollout.users is None else f", users {', '.join(rollout.users)}"
    facts = {
        "state": rollout.state.value + (f": {rollout.reason}" if rollout.reason else ""),
        "candidate": f"revision {rollout.revision}, {rollout.live} is live",
        "takes": f"{rollout.percent:g}% of the records{users}",
        "records": f"{tally.records:,}",
        **{name.replace("_", " "): f"{number:,}" for name, number in tally.counts.items() if number},
        "fuel": f"{tally.live_fuel:,} -> {tally.candidate_fuel:,}",
        "time": f"{tally.live_us / 1000:,.0f} ms -> {tally.candidate_us / 1000:,.0f} ms",
    }
    lines = [f"{rollout.mode} of script {name}"]
    lines += pairs({name: visible(text) for name, text in facts.items()})
    for one in found.examples:
        told = "; ".join(f"{name} {was!r} -> {now!r}" for name, (was, now) in one["fields"].items())
        lines.append(visible(f"{one['kind']}, {one['record']}: {told}"))
    data = {"rollout": rollout.body(), "tally": tally, "examples": found.examples}
    return Reply(data, lines)
