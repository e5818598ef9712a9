"""The commands that compile and run: ``check``, ``run`` and ``fire``."""

from __future__ import annotations

import argparse
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import AlloyError, ValidationError
from ..model import EventTrigger, RunStatus
from .options import Commands, add_command, add_database, add_limits, add_record, database_of, event_name
from .platform import add_platform, platform
from .reply import FAILED, OK, REJECTED, Reply, compact, pairs, visible
from .session import existing, in_memory, source_text

if TYPE_CHECKING:
    from .. import Alloy, Outcome

CODES = {RunStatus.CONTINUE: OK, RunStatus.REJECTED: REJECTED, RunStatus.FAILED: FAILED}


def register(commands: Commands) -> None:
    """Adds the commands to the parser."""
    check = add_command(commands, "check", check_files, "compile files and say what they use")
    check.add_argument("files", nargs="+", metavar="FILE", help="a Lua file, - for standard input")
    add_platform(check)

    run = add_command(commands, "run", run_script, "run a file, or a stored script by name")
    run.add_argument("script", metavar="FILE|NAME", help="an existing .lua file (no database is used), or a name")
    add_record(run)
    add_limits(run)
    add_database(run)

    fire = add_command(commands, "fire", fire_event, "fire an event and show what its scripts made of the record")
    fire.add_argument("event", type=event_name, metavar="EVENT", help="such as order.before_create")
    fire.add_argument(
        "--file", action="append", metavar="FILE", help="fire this Lua file instead of stored scripts; repeatable"
    )
    add_record(fire)
    add_database(fire)


@dataclass(frozen=True, slots=True)
class _Checked:
    """What became of one file."""

    data: dict[str, Any]
    lines: list[str]
    error: AlloyError | None = None


def check_files(arguments: argparse.Namespace) -> Reply:
    """Returns the static report of each file: what it uses and what may be slow, or what is wrong with it."""
    with closing(platform(arguments.platform)) as alloy:
        checked = [_check(alloy, path) for path in arguments.files]
    failed = any(found.error for found in checked)
    return Reply(
        [found.data for found in checked],
        [text for found in checked for text in found.lines],
        FAILED if failed else OK,
    )


def _check(alloy: Alloy, path: str) -> _Checked:
    from ..script_files.front_matter import parse_front_matter

    try:
        text = source_text(path)
        program = alloy.compile(text)
        settings = parse_front_matter(text, path)
    except AlloyError as error:
        return _Checked({"file": path, "ok": False, "error": error.as_dict()}, [located(path, error)], error)
    events = dict.fromkeys(each.event for each in settings.triggers if isinstance(each, EventTrigger))
    found = list(dict.fromkeys(finding for event in events for finding in alloy.report(text, event)))
    modules = sorted(module.name for module in alloy.host_functions() if module.name in program.mentions)
    report = _report(alloy, text)
    data = {
        "file": path, "ok": True, "reads": program.reads, "writes": program.writes, "modules": modules,
        "capabilities": settings.capabilities, "triggers": settings.triggers, **report,
        "fields": [finding._asdict() for finding in found],
    }  # fmt: skip
    lines = {
        "reads": _fields(program.reads),
        "writes": _fields(program.writes),
        "modules": ", ".join(modules) or "none",
        "capabilities": ", ".join(settings.capabilities) or "none",
    }
    doubtful = [visible(f"{path}:{each.line}:{each.column}: warning: {each.message}") for each in found]
    return _Checked(data, [visible(f"{path}: ok"), *doubtful, *pairs(lines), *_warnings(path, report)])


def _report(alloy: Alloy, text: str) -> dict[str, list[dict[str, Any]]]:
    """Returns what the text tells of slow patterns and of loops around host calls."""
    from ..engine.lexer import tokens
    from ..engine.report import WIDE, host_loops_of, patterns_of

    source = text.encode()
    found = tokens(source)
    calls = {f.name for module in alloy.host_functions() for f in module.functions if f.call is not None}
    return {
        "patterns": [use._asdict() for use in patterns_of(source, found) if use.degree > WIDE],
        "host_loops": [loop._asdict() for loop in host_loops_of(source, found, calls)],
    }


def _warnings(path: str, report: dict[str, list[dict[str, Any]]]) -> list[str]:
    lines = [
        f"{path}:{use['line']}: pattern {use['pattern']!r} may take time with the power {use['degree']} "
        "of the text's length"
        for use in report["patterns"]
    ]
    lines += [
        f"{path}:{loop['call_line']}: {loop['function']} is called in the loop of line {loop['line']}, "
        "which has no bound"
        for loop in report["host_loops"]
    ]
    return [visible(line) for line in lines]


def _fields(names: tuple[str, ...] | None) -> str:
    if names is None:
        return "any field (entity is used as a whole)"
    return ", ".join(names) or "none"


def located(path: str, error: AlloyError) -> str:
    """Returns the error as editors and terminals link it: ``file:line:column: message``.

    One that has no place in the file has its code there: ``file: not_found: message``.
    """
    if error.message.startswith(f"{path}:"):
        return visible(error.message)
    if error.line is None:
        return visible(f"{path}: {error.code}: {error.message.removeprefix(f'file {path}: ')}")
    place = ":".join(str(part) for part in (path, error.line, error.column) if part is not None)
    return visible(f"{place}: {error.message}")


def run_script(arguments: argparse.Namespace) -> Reply:
    """Returns what running a file or a stored script came to."""
    given = {name: getattr(arguments, name) for name in ("entity", "before", "params", "user", "tenant", "dry_run")}
    name = arguments.script
    if name.endswith(".lua"):
        source = source_text(name)
        with in_memory() as alloy:
            limits, capabilities = arguments.limits or "default", arguments.capability or ()
            return outcome_reply(alloy.evaluate(source, limits=limits, capabilities=capabilities, **given))
    if arguments.limits or arguments.capability:
        raise ValidationError(
            f"script {name}: a stored script has limits and capabilities of its own; see scripts update"
        )
    with existing(database_of(arguments)) as alloy:
        return outcome_reply(alloy.run(name, **given))


def fire_event(arguments: argparse.Namespace) -> Reply:
    """Returns what the event's scripts made of the record."""
    given = {name: getattr(arguments, name) for name in ("entity", "before", "params", "user", "tenant", "dry_run")}
    if arguments.file:
        with in_memory() as alloy:
            for path in arguments.file:
                bind(alloy, path, arguments.event, arguments.tenant)
            return outcome_reply(alloy.fire(arguments.event, **given))
    with existing(database_of(arguments)) as alloy:
        return outcome_reply(alloy.fire(arguments.event, **given))


def bind(alloy: Alloy, path: str, event: str, tenant: str) -> None:
    """Binds a file as its front matter says, and to ``event`` if that names no event."""
    from ..script_files.front_matter import parse_front_matter

    script = parse_front_matter(source_text(path), Path(path).name)
    settings = script.settings()
    if not script.events:
        settings["triggers"] = (EventTrigger(event),)
    alloy.scripts.create(script.name, script.source, status="active", tenant=tenant, **settings)


def outcome_reply(outcome: Outcome) -> Reply:
    """Returns the outcome as an answer; an error also goes to stderr."""
    errors = [] if outcome.error is None else [outcome.error]
    return Reply(outcome.as_dict(), _outcome_lines(outcome), CODES[outcome.status], errors)


def _outcome_lines(outcome: Outcome) -> list[str]:
    count = len(outcome.runs)
    lines = [f"{outcome.status.value} ({count} script{'' if count == 1 else 's'}, fuel {outcome.fuel})"]
    if outcome.rejected_by and any(run.revision for run in outcome.runs):
        lines.append(f"by: {outcome.rejected_by}")
    if outcome.reason is not None:
        lines.append(f"reason: {visible(outcome.reason)}")
    if outcome.details is not None:
        lines.append(f"details: {compact(outcome.details)}")
    if outcome.changes:
        lines += ["changes:", *pairs({visible(name): compact(new) for name, new in outcome.changes.items()})]
    if outcome.value is not None:
        lines.append(f"value: {compact(outcome.value)}")
    lines += [f"not made (dry run): {compact(effect)}" for effect in outcome.effects]
    lines += [f"let pass: {visible(error.code)}: {visible(error.message)}" for error in outcome.tolerated]
    for line in outcome.logs:
        data = f" {compact(line.data)}" if line.data is not None else ""
        lines.append(f"{line.level}: {visible(line.message)}{data}")
    if outcome.lost_logs:
        lines.append(f"log lines beyond the limit, not kept: {outcome.lost_logs}")
    return lines
