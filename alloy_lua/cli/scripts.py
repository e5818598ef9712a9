"""The commands under ``scripts``: the life of stored scripts."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import CompileError
from ..model import (
    ApiTrigger,
    AtTrigger,
    CronTrigger,
    EventTrigger,
    FailurePolicy,
    Health,
    Revision,
    Script,
    Status,
    Trigger,
)
from . import reviews
from .execute import located
from .importing import import_scripts
from .options import (
    Commands,
    add_author,
    add_command,
    add_database,
    add_limits,
    count,
    database_of,
    event_name,
    name_text,
    trigger_text,
    values,
    whole,
)
from .reply import Reply, pairs, visible
from .session import existing, on_made, source_text
from .tables import table

if TYPE_CHECKING:
    from .. import Alloy

MOVES = {
    "pause": "stop a script from running until it is resumed",
    "resume": "let a paused or disabled script run again",
    "disable": "switch a script off",
    "archive": "keep a script for the record only",
    "restore": "make a draft of an archived script",
}


POLICIES = (
    ("overlap", "POLICY", "a tick while an earlier run goes on: skip, queue or parallel"),
    ("misfire", "POLICY", "ticks that were missed: skip, latest, all, or 'all 20' for as many at most"),
    ("jitter", "SECONDS", "start up to so many seconds late"),
    ("attempts", "N", "try a scheduled run, or one on commit, so often in all"),
    ("backoff", "SECONDS", "wait so long before the second try; '10 3600' names the longest wait, too"),
)


def register(commands: Commands) -> None:
    """Adds the commands to the parser."""
    help = "list, write, activate and import stored scripts"
    own = commands.add_parser("scripts", help=help, description=f"{help[0].upper()}{help[1:]}.").add_subparsers(
        required=True, metavar="COMMAND"
    )
    _register_reading(own)
    _register_writing(own)
    for name, what in MOVES.items():
        _add(own, name, _mover(name), what)
    activate = _add(own, "activate", _activate, "make a revision the one that runs")
    activate.add_argument("--revision", type=count, metavar="N", help="which (default: the newest)")
    reviews.register(own)
    rollback = _add(own, "rollback", _rollback, "make an earlier revision the one that runs")
    rollback.add_argument("revision", type=count, metavar="REVISION")


def _register_reading(own: Commands) -> None:
    listing = add_command(own, "list", _list, "list scripts in order of name")
    listing.add_argument("--status", choices=values(Status), help="only these")
    listing.add_argument("--event", type=event_name, help="only those that this event runs")
    listing.add_argument("--tag", help="only those with this tag")
    listing.add_argument("--text", help="only those with this text in name or description")
    listing.add_argument("--after", metavar="NAME", help="go on behind this one")
    listing.add_argument("--limit", type=count, default=100, help="at most so many (default: %(default)s, most: 1000)")
    add_database(listing)
    show = _add(own, "show", _show, "show a script's settings, health and text", author=False)
    show.add_argument("--revision", type=count, metavar="N", help="whose text (default: the newest)")
    _add(own, "revisions", _revisions, "list a script's revisions, oldest first", author=False)


def _register_writing(own: Commands) -> None:
    create = _add(own, "create", _create, "store a new script")
    create.add_argument("file", metavar="FILE", help="its Lua text; - for standard input")
    create.add_argument("--activate", action="store_true", help="run it at once")
    _add_settings(create)
    update = _add(own, "update", _update, "store a new text or new settings; what runs changes by activate")
    update.add_argument("file", metavar="FILE", nargs="?", help="its new Lua text; - for standard input")
    update.add_argument("--rename", dest="name_", metavar="NEW", help="its new name")
    update.add_argument("--activate", action="store_true", help="run the new text at once")
    update.add_argument("--expected-version", type=count, metavar="N", help="refuse if somebody changed it since")
    _add_settings(update)
    _add(own, "delete", _delete, "remove a script that is not active, with its revisions")
    importing = add_command(own, "import", _import, "store a file or a folder of files, with what is at their top")
    importing.add_argument("path", metavar="FILE|DIR")
    importing.add_argument("--activate", action="store_true", help="run them at once")
    add_author(importing)
    importing.add_argument("--message", default="", help="why")
    add_database(importing)


def _add(
    own: Commands, name: str, call: Callable[[argparse.Namespace], Reply], help: str, *, author: bool = True
) -> argparse.ArgumentParser:
    parser = add_command(own, name, call, help)
    parser.add_argument("name", metavar="NAME", help="its name" if name == "create" else "the script's name or id")
    add_database(parser)
    if author:
        add_author(parser)
    return parser


def _add_settings(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("settings", "they go before what the file says at its top")
    group.add_argument(
        "--on",
        action="append",
        type=trigger_text("on"),
        metavar="EVENT",
        help="run on this event, or 'event(field, …)'; repeatable",
    )
    group.add_argument(
        "--cron",
        action="append",
        type=trigger_text("cron"),
        metavar="EXPRESSION",
        help="run on a schedule, such as '0 6 * * * UTC'",
    )
    group.add_argument(
        "--at", action="append", type=trigger_text("at"), metavar="TIME", help="run at this time; repeatable"
    )
    for name, metavar, what in POLICIES:
        group.add_argument(f"--{name}", metavar=metavar, help=what)
    group.add_argument(
        "--api", action="append", type=trigger_text("api"), metavar="'METHOD /PATH'", help="run when this is called"
    )
    group.add_argument("--manual", action="append_const", const="yes", help="let people run it by name")
    group.add_argument("--priority", type=whole, metavar="N", help="lower runs first (default: 100)")
    group.add_argument(
        "--on-failure", dest="failure_policy", choices=values(FailurePolicy), help="closed stops the operation"
    )
    group.add_argument("--run-as", type=name_text, metavar="USER", help="who its own actions count as")
    group.add_argument("--description", help="what it is for")
    group.add_argument("--tag", action="append", metavar="WORD", help="a word to find it by; repeatable")
    add_limits(group)  # type: ignore[arg-type]  # a group adds arguments as a parser does
    parser.add_argument("--message", default="", help="why")


def _list(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        found = alloy.scripts.list(
            tenant=arguments.tenant, status=arguments.status, event=arguments.event, text=arguments.text,
            after=arguments.after, limit=arguments.limit, tag=arguments.tag,
        )  # fmt: skip
    header = ("name", "status", "live", "draft", "priority", "runs on")
    rows = [
        (
            s.name,
            s.status.value,
            str(s.live_revision or "-"),
            str(s.draft_revision),
            str(s.priority),
            _triggers(s.triggers),
        )
        for s in found
    ]
    return Reply(found, table(header, rows) if rows else ["no scripts"])


def _triggers(triggers: Sequence[Trigger]) -> str:
    return visible(", ".join(map(_trigger, triggers))) or "nothing"


def _trigger(trigger: Trigger) -> str:
    match trigger:
        case EventTrigger(event=event, fields=fields):
            return f"{event}({', '.join(fields)})" if fields else event
        case CronTrigger(expression=expression, timezone=timezone):
            return f"cron {expression} {timezone}"
        case ApiTrigger(path=path, method=method):
            return f"{method} {path}"
        case AtTrigger(at=at):
            return f"at {at.isoformat(sep=' ', timespec='seconds')}"
        case _:
            return "manual"


def _show(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        script = alloy.scripts.get(arguments.name, tenant=arguments.tenant)
        revision = alloy.scripts.revision(script.id, arguments.revision, tenant=arguments.tenant)
        health = alloy.scripts.health(script.id, tenant=arguments.tenant)
    text = visible(revision.source.rstrip("\n"), keep="\t\n")
    lines = [f"{script.name} ({script.status}, version {script.version})", *pairs(_facts(script, health)), ""]
    return Reply(
        {"script": script, "health": health, "revision": revision}, [*lines, f"-- revision {revision.number}", text]
    )


def _facts(script: Script, health: Health) -> dict[str, str]:
    facts = {
        "id": script.id,
        "description": visible(script.description),
        "runs on": _triggers(script.triggers),
        "priority": str(script.priority),
        "limits": script.limits,
        "capabilities": ", ".join(script.capabilities),
        "on failure": script.failure_policy.value,
        "run as": visible(script.run_as or ""),
        "tags": ", ".join(script.tags),
        "revisions": f"live {script.live_revision or '-'}, draft {script.draft_revision}",
        "updated": f"{script.updated_at.isoformat(timespec='seconds')} by {visible(script.updated_by)}",
        "runs": f"{health.runs} ({health.changed} changed, {health.rejected} rejected, {health.failed} failed)",
        "breaker": health.breaker.value,
        "last error": visible(f"{health.last_error_code}: {health.last_error}") if health.last_error_code else "",
    }
    return {name: text for name, text in facts.items() if text}


def _revisions(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        script = alloy.scripts.get(arguments.name, tenant=arguments.tenant)
        found: Sequence[Revision] = alloy.scripts.revisions(script.id, tenant=arguments.tenant)
    marks = {script.draft_revision: "draft", script.live_revision: "live"}
    rows = [
        (
            str(r.number),
            marks.get(r.number, ""),
            r.created_at.isoformat(timespec="seconds"),
            r.author,
            r.sha256[:12],
            r.message,
        )
        for r in found
    ]
    return Reply(found, table(("revision", "", "written", "by", "sha256", "message"), rows))


def _create(arguments: argparse.Namespace) -> Reply:
    source = source_text(arguments.file)
    settings = _settings(arguments, source)
    _keep_policies(arguments, settings)

    def work(alloy: Alloy) -> Reply:
        script = alloy.scripts.create(
            arguments.name, source, status="active" if arguments.activate else "draft", tenant=arguments.tenant,
            author=arguments.author, message=arguments.message, **settings,
        )  # fmt: skip
        return _written(script, _doubts(alloy, arguments.file, source))

    return on_made(database_of(arguments), work)


def _update(arguments: argparse.Namespace) -> Reply:
    source = source_text(arguments.file) if arguments.file else None
    settings = _settings(arguments, source or "")
    if arguments.name_:
        settings["name"] = arguments.name_
    with existing(database_of(arguments)) as alloy:
        write = {"tenant": arguments.tenant, "author": arguments.author}
        _keep_policies(arguments, settings, alloy.scripts.get(arguments.name, tenant=arguments.tenant).triggers)
        if arguments.activate and source is not None:
            alloy.compile(source)
        script = alloy.scripts.update(
            arguments.name, source, expected_version=arguments.expected_version, message=arguments.message,
            **write, **settings,
        )  # fmt: skip
        if arguments.activate:
            script = alloy.scripts.activate(script.id, **write)
        doubts = [] if source is None else _doubts(alloy, arguments.file, source)
    return _written(script, doubts)


def _doubts(alloy: Alloy, file: str, source: str) -> list[str]:
    """Returns a warning of a text that is stored, since a draft may be anything, and does not compile."""
    try:
        alloy.compile(source)
    except CompileError as error:
        return [f"{located(file, error)}; it is stored as a draft, but cannot be activated"]
    return []


def _settings(arguments: argparse.Namespace, source: str) -> dict[str, Any]:
    """Returns the settings that the options give, before those at the top of the file."""
    from ..script_files.front_matter import has_front_matter, parse_front_matter, read_triggers

    settings = parse_front_matter(source, arguments.file).settings() if has_front_matter(source) else {}
    for name in ("priority", "failure_policy", "run_as", "description", "limits"):
        if getattr(arguments, name) is not None:
            settings[name] = getattr(arguments, name)
    if arguments.capability is not None:
        settings["capabilities"] = arguments.capability
    if arguments.tag is not None:
        settings["tags"] = arguments.tag
    given = [(key, value) for key in ("on", "cron", "at", "api", "manual") for value in getattr(arguments, key) or ()]
    if given:
        settings["triggers"] = [trigger for key, value in given for trigger in read_triggers(key, value, "options")]
    return settings


def _keep_policies(arguments: argparse.Namespace, settings: dict[str, Any], stored: Sequence[Trigger] = ()) -> None:
    """Puts what the options say of all schedules into the triggers: those of the settings, else those ``stored``."""
    from ..script_files.front_matter import with_policies

    lines = {name: getattr(arguments, name) for name, _, _ in POLICIES if getattr(arguments, name) is not None}
    if lines:
        settings["triggers"] = with_policies(settings.get("triggers", stored), lines, "options")


def _mover(move: str) -> Callable[[argparse.Namespace], Reply]:
    def call(arguments: argparse.Namespace) -> Reply:
        with existing(database_of(arguments)) as alloy:
            change = getattr(alloy.scripts, move)
            return _written(change(arguments.name, tenant=arguments.tenant, author=arguments.author))

    return call


def _activate(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        return _written(
            alloy.scripts.activate(arguments.name, arguments.revision, tenant=arguments.tenant, author=arguments.author)
        )


def _rollback(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        return _written(
            alloy.scripts.rollback(arguments.name, arguments.revision, tenant=arguments.tenant, author=arguments.author)
        )


def _delete(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        alloy.scripts.delete(arguments.name, tenant=arguments.tenant)
    return Reply({"deleted": arguments.name}, [visible(f"{arguments.name}: deleted")])


def _written(script: Script, warnings: Sequence[str] = ()) -> Reply:
    live = f"live revision {script.live_revision}" if script.live_revision else "never activated"
    line = f"{script.name}: {script.status}, {live}, draft {script.draft_revision}, version {script.version}"
    return Reply(script, [line], warnings=warnings)


def _import(arguments: argparse.Namespace) -> Reply:
    def work(alloy: Alloy) -> Reply:
        return import_scripts(
            alloy, arguments.path, activate=arguments.activate, tenant=arguments.tenant, author=arguments.author,
            message=arguments.message,
        )  # fmt: skip

    return on_made(database_of(arguments), work)
