"""The commands ``backtest`` and ``tapes``: recorded runs, and what a revision would make of them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, NotFound
from .bulk import Bar
from .options import Commands, add_command, add_database, count, database_of, event_name, number, threshold
from .reply import FAILED, OK, Reply, visible
from .session import existing, script_names
from .tables import table

if TYPE_CHECKING:
    from ..replay.report import Report


def register(commands: Commands) -> None:
    """Adds the commands to the parser."""
    backtest = add_command(commands, "backtest", _backtest, "run a revision and the live one over the same records")
    backtest.add_argument("name", metavar="NAME", help="the script's name or id")
    backtest.add_argument(
        "--records", metavar="FILE", help="JSON lines, - for stdin, Parquet or CSV; else the recorded runs"
    )
    backtest.add_argument("--revision", type=count, metavar="N", help="the candidate (default: the draft)")
    backtest.add_argument("--baseline", type=count, metavar="N", help="compare with it (default: the live revision)")
    backtest.add_argument("--on", type=event_name, metavar="EVENT", help="fire the records on this event")
    backtest.add_argument("--days", type=number, default=7.0, help="how old runs may be (default: %(default)s)")
    backtest.add_argument("--limit", type=count, help="at most so many (default: 1000 recorded runs, a whole file)")
    backtest.add_argument(
        "--at-most", action="append", type=threshold, default=[], metavar="NAME=VALUE",
        help="exit with 1 if it differs more, such as changed=0.05; repeatable",
    )  # fmt: skip
    add_database(backtest)
    _register_tapes(commands)


def _register_tapes(commands: Commands) -> None:
    help = "record runs, look at them, replay them"
    own = commands.add_parser("tapes", help=help, description=f"{help[0].upper()}{help[1:]}.").add_subparsers(
        required=True, metavar="COMMAND"
    )
    record = add_command(own, "record", _record, "record the runs of a script from now on")
    record.add_argument("name", metavar="NAME", nargs="?", help="its name or id; else all scripts without a rule")
    record.add_argument("--share", type=number, default=1.0, help="how many of them (default: %(default)s)")
    record.add_argument("--days", type=number, default=7.0, help="keep them so long (default: %(default)s)")
    record.add_argument("--keep", type=count, default=10_000, help="keep so many (default: %(default)s)")
    stop = add_command(own, "stop", _stop, "record no more runs of a script")
    stop.add_argument("name", metavar="NAME", nargs="?", help="its name or id; else the rule for all scripts")
    listing = add_command(own, "list", _list, "list recorded runs, newest first")
    listing.add_argument("--script", metavar="NAME", help="only this script's")
    listing.add_argument("--limit", type=count, default=20, help="at most so many (default: %(default)s)")
    replay = add_command(own, "replay", _replay, "run a recorded run again, without effects, and say what differs")
    replay.add_argument("run", metavar="RUN")
    replay.add_argument("--revision", type=count, metavar="N", help="run this one (default: the one that ran)")
    for parser in (record, stop, listing, replay):
        add_database(parser)


def _backtest(arguments: argparse.Namespace) -> Reply:
    from ..replay.backtests import LIMIT, MOST
    from ..replay.tally import thresholds_in

    names = ("revision", "baseline", "on", "days", "limit", "tenant")
    given = {name: getattr(arguments, name) for name in names}
    given["limit"] = arguments.limit or (LIMIT if arguments.records is None else MOST)
    thresholds = thresholds_in({"newly_failing": None, **dict(arguments.at_most)})
    records, total = (None, None) if arguments.records is None else _records(arguments.records)
    bar = Bar(sys.stderr, total)
    with existing(database_of(arguments)) as alloy:
        try:
            report = alloy.backtests.run(arguments.name, records, progress=bar.show, **given)
        finally:
            bar.clear()
    problems = thresholds.passed_by(report.tally)
    if arguments.at_most and report.tally.records < thresholds.records:
        problems = [f"records: {report.tally.records}, wanted at least {thresholds.records}"]
    lines = [visible(line) for line in [*report.lines(), *(f"too much: {each}" for each in problems)]]
    data = report.as_dict() | {"problems": problems}
    return Reply(data, lines, FAILED if problems else OK, warnings=_doubts(report))


def _doubts(report: Report) -> list[str]:
    """Returns why a back-test says little: nothing was recorded, or both sides are the same."""
    found = []
    if report.source == "tapes" and not report.tally.records:
        found.append(
            f"no runs of {report.script} were recorded in that time, so nothing was compared; "
            f"to record them: alloy-lua tapes record {report.script}"
        )
    if report.revision == report.baseline:
        found.append(f"revision {report.revision} was compared with itself; --revision and --baseline name others")
    return found


def _records(path: str) -> tuple[Iterator[Any], int | None]:
    """Returns the records of a file, and how many there are if that is known."""
    if Path(path).suffix.lower() not in (".parquet", ".csv"):
        from ..replay.cases import json_lines

        return json_lines(_lines(path)), None
    from ..tables.spec import arrow

    arrow()
    from ..tables.files import open_table
    from ..tables.rows import records_of

    source = open_table(Path(path))
    return (record for batch in source.reader for record in records_of(batch)), source.rows


def _lines(path: str) -> Iterator[str]:
    if path == "-":
        yield from sys.stdin
        return
    try:
        with Path(path).open(encoding="utf-8-sig") as file:
            yield from file
    except FileNotFoundError:
        raise NotFound(f"file {path}: no such file") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"file {path}: can't be read: {error}") from None


def _record(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        rule = alloy.tapes.record(
            arguments.name, share=arguments.share, keep_days=arguments.days, keep=arguments.keep,
            tenant=arguments.tenant,
        )  # fmt: skip
    whose = arguments.name or "all scripts"
    said = f"recording {rule.share:.0%} of the runs of {whose}; kept {rule.keep_days:g} days, {rule.keep:,} runs"
    return Reply(rule._asdict(), [visible(said)])


def _stop(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        there = alloy.tapes.stop(arguments.name, tenant=arguments.tenant)
    return Reply({"stopped": there}, ["stopped" if there else "nothing was recorded"])


def _list(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        found = alloy.tapes.list(arguments.script, limit=arguments.limit, tenant=arguments.tenant)
        names = script_names(alloy, [tape.script_id for tape in found], arguments.tenant)
    rows = [
        (tape.run_id, tape.recorded_at.isoformat(sep=" ", timespec="seconds")[:19], names[tape.script_id])
        for tape in found
    ]
    data = [tape._asdict() | {"body": None} for tape in found]
    return Reply(data, table(("run", "recorded", "script"), rows) if rows else ["no tapes"])


def _replay(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        found = alloy.tapes.replay(arguments.run, revision=arguments.revision, tenant=arguments.tenant)
    lines = [f"run {found.run_id} on revision {found.revision}: {'the same' if found.same else 'differs'}"]
    lines += [f"  {name}: {then!r} -> {now!r}" for name, (then, now) in found.differences.items()]
    lines += [f"  {divergence}" for divergence in found.divergences]
    return Reply(found.as_dict(), [visible(line) for line in lines], OK if found.same else FAILED)
