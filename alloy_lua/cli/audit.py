"""The commands under ``audit``: list, export and verify the audit log."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import Any

from ..access_model import AuditEntry
from .options import Commands, add_command, add_url, count, database_of, moment
from .reply import FAILED, Reply
from .session import existing
from .tables import table


def register(commands: Commands) -> None:
    """Adds the commands to the parser."""
    help = "list, export and verify the log of who did what"
    own = commands.add_parser("audit", help=help, description=f"{help[0].upper()}{help[1:]}.").add_subparsers(
        required=True, metavar="COMMAND"
    )
    listing = add_command(own, "list", _list, "list entries, newest first")
    listing.add_argument("--before", type=count, metavar="SEQ", help="go on behind this one")
    listing.add_argument("--limit", type=count, default=20, help="at most so many (default: %(default)s, most: 1000)")
    export = add_command(own, "export", _export, "print all entries, newest first, for other programs")
    export.add_argument("--format", choices=("jsonl", "csv"), default="jsonl", help="default: %(default)s")
    for parser in (listing, export):
        parser.add_argument("--tenant", help="only of this tenant's objects")
        parser.add_argument("--actor", metavar="NAME", help="only what this one did")
        parser.add_argument("--action", metavar="NAME", help="only this, such as script.activate")
        parser.add_argument("--object", dest="object_id", metavar="ID", help="only what was done to this object")
        parser.add_argument("--since", type=moment, metavar="TIME", help="only at or after this time")
        parser.add_argument("--until", type=moment, metavar="TIME", help="only before this time")
        add_url(parser)
    verify = add_command(own, "verify", _verify, "check that no entry was changed or taken out")
    add_url(verify)


def _filters(arguments: argparse.Namespace, *more: str) -> dict[str, Any]:
    return {
        name: getattr(arguments, name) for name in ("tenant", "actor", "action", "object_id", "since", "until", *more)
    }


def _list(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        found = alloy.audit.list(**_filters(arguments, "before", "limit"))
    header = ("seq", "when", "who", "did", "to", "tenant", "via", "why")
    return Reply([e._asdict() for e in found], table(header, map(_row, found)) if found else ["no entries"])


def _row(entry: AuditEntry) -> tuple[str, ...]:
    when = entry.at.isoformat(sep=" ", timespec="seconds")[:19]
    return (
        str(entry.seq), when, entry.actor, entry.action, entry.name, entry.tenant or "-", entry.via, entry.reason or "",
    )  # fmt: skip


def _export(arguments: argparse.Namespace) -> Reply:
    alloy = existing(database_of(arguments))
    if arguments.json:
        with alloy:
            return Reply([json.loads(line) for line in alloy.audit.export("jsonl", **_filters(arguments))], [])
    lines = alloy.audit.export(arguments.format, **_filters(arguments))

    def printed() -> Iterator[str]:
        # A log may be larger than memory: it is read page by page, while it is printed.
        with alloy:
            for line in lines:
                yield line.removesuffix("\n")

    return Reply(None, printed())


def _verify(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        found = alloy.audit.verify()
    if found.broken_at is None:
        return Reply(found._asdict(), [f"{found.entries} entries, all well; last hash {found.hash or '-'}"])
    return Reply(found._asdict(), [f"entry {found.broken_at} was changed or taken out"], FAILED)
