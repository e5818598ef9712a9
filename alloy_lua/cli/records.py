"""The commands that look at what is there: ``runs``, ``migrate`` and ``functions``."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterable
from typing import Any

from ..errors import NotFound
from ..hostapi import EVERY_PHASE, HostFunction
from ..model import Run, RunStatus
from .options import Commands, add_command, add_database, count, database_of, event_name, moment, values
from .reply import FAILED, OK, Reply, compact, pairs, visible
from .session import existing, in_memory
from .tables import table


def register(commands: Commands) -> None:
    """Adds the commands to the parser."""
    help = "list and show recorded runs"
    runs = commands.add_parser("runs", help=help, description=f"{help[0].upper()}{help[1:]}.").add_subparsers(
        required=True, metavar="COMMAND"
    )
    listing = add_command(runs, "list", _list, "list recorded runs, newest first")
    listing.add_argument("--script", metavar="NAME", help="only this script's")
    listing.add_argument("--event", type=event_name, help="only this event's")
    listing.add_argument("--status", choices=values(RunStatus), help="only those that ended so")
    listing.add_argument("--entity-type", metavar="TYPE", help="only on records of this type")
    listing.add_argument("--entity-id", metavar="ID", help="only on this record")
    listing.add_argument("--since", type=moment, metavar="TIME", help="only those that started at or after this time")
    listing.add_argument("--limit", type=count, default=20, help="at most so many (default: %(default)s)")
    add_database(listing)
    show = add_command(runs, "show", _show, "show one recorded run")
    show.add_argument("run", metavar="ID")
    add_database(show)

    migrate = add_command(commands, "migrate", _migrate, "bring a database's tables up to date")
    migrate.add_argument("--check", action="store_true", help="change nothing; exit 1 if there is something to do")
    add_database(migrate)

    functions = add_command(commands, "functions", _functions, "show what scripts can call")
    functions.add_argument(
        "name", nargs="?", metavar="NAME", help="a module, such as str, or a function, such as str.trim"
    )


def _list(arguments: argparse.Namespace) -> Reply:
    names = ("event", "status", "entity_type", "entity_id", "since", "limit")
    filters: dict[str, Any] = {name: getattr(arguments, name) for name in names}
    with existing(database_of(arguments)) as alloy:
        if arguments.script:
            filters["script_id"] = alloy.scripts.get(arguments.script, tenant=arguments.tenant).id
        found = alloy.runs(tenant=arguments.tenant, **filters)
    header = ("id", "started", "script", "what", "status", "µs", "fuel", "why")
    return Reply(found, table(header, map(_row, found)) if found else ["no runs"])


def _row(run: Run) -> tuple[str, ...]:
    why = run.reason or (f"{run.error_code}: {run.error_message}" if run.error_code else "")
    script = f"{run.script_name}@{run.revision}"
    started = run.started_at.isoformat(sep=" ", timespec="seconds")[:19]
    return (run.id, started, script, run.event or run.trigger, run.status, str(run.duration_us), str(run.fuel), why)


def _show(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        run = alloy.store.get_run(arguments.tenant, arguments.run)
    lines = [f"run {run.id}", *pairs(_facts(run))]
    for line in run.logs:
        lines.append(
            f"  {line.level}: {visible(line.message)}" + (f" {compact(line.data)}" if line.data is not None else "")
        )
    if run.lost_logs:
        lines.append(f"  log lines beyond the limit, not kept: {run.lost_logs}")
    return Reply(run, lines)


def _facts(run: Run) -> dict[str, str]:
    facts = {
        "script": f"{run.script_name} revision {run.revision}",
        "what": f"{run.trigger} {run.event or ''} in phase {run.phase}",
        "record": f"{run.entity_type or ''} {run.entity_id or ''}".strip(),
        "user": run.user or "",
        "status": run.status.value,
        "started": run.started_at.isoformat(),
        "cost": f"{run.duration_us} µs, fuel {run.fuel}, {run.memory_bytes} bytes",
        "reason": run.reason or "",
        "error": f"{run.error_code}: {run.error_message}" if run.error_code else "",
        "at": f"line {run.error_line}" if run.error_line else "",
        "parent": run.parent_id or "",
    }
    said = {"details": run.details, "changes": run.changes, "value": run.value}
    facts |= {name: compact(value) for name, value in said.items() if value not in (None, {})}
    return {name: visible(text) for name, text in facts.items() if text}


def _migrate(arguments: argparse.Namespace) -> Reply:
    from .. import Alloy

    url = database_of(arguments)
    if arguments.check:
        with existing(url) as alloy:
            names = alloy.store.pending_migrations()
        return Reply({"pending": names}, _steps("pending", names), FAILED if names else OK)
    with Alloy(url, migrate=False) as alloy:
        names = alloy.store.migrate()
    return Reply({"applied": names}, _steps("applied", names))


def _steps(word: str, names: Iterable[str]) -> list[str]:
    return [f"{word}: {name}" for name in names] or ["up to date"]


def _functions(arguments: argparse.Namespace) -> Reply:
    with in_memory() as alloy:
        modules = alloy.host_functions()
    name = arguments.name
    found = [(m, [f for f in m.functions if name in (None, m.name, f.name)]) for m in modules]
    chosen = [(module, functions) for module, functions in found if functions]
    if not chosen:
        known = [m.name for m in modules] + [f.name for m in modules for f in m.functions]
        near = difflib.get_close_matches(name, known, 3)
        hint = f"; did you mean {' or '.join(near)}?" if near else f"; modules are {', '.join(m.name for m in modules)}"
        raise NotFound(f"function {name!r}: scripts have none of that name{hint}")
    lines = [line for module, functions in chosen for line in _module(module.name, module.doc, functions, name)]
    return Reply([_data(function) for _, functions in chosen for function in functions], lines)


def _module(name: str, doc: str, functions: list[HostFunction], asked: str | None) -> list[str]:
    if asked is None:
        return [f"{name}: {doc}", *(f"  {function.signature()}" for function in functions)]
    return [line for function in functions for line in _described(function)]


def _described(function: HostFunction) -> list[str]:
    lines = [f"{function.signature()} -> {function.returns}", f"  {function.doc}"]
    if function.capability:
        lines.append(f"  needs capability {function.capability}")
    if function.phases != EVERY_PHASE:
        lines.append(f"  in phases {', '.join(sorted(function.phases))}")
    if function.example:
        lines.append(f"  example: {function.example}")
    return lines


def _data(function: HostFunction) -> dict[str, Any]:
    return {
        "name": function.name, "signature": function.signature(), "returns": function.returns, "doc": function.doc,
        "capability": function.capability, "phases": sorted(function.phases), "effect": function.effect,
        "cost": function.cost, "example": function.example,
    }  # fmt: skip
