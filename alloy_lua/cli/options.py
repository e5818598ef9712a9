"""Arguments that several commands share, and how their texts are read."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from ..checks import shown
from ..errors import AlloyError
from ..events import parse_event
from ..limits import PROFILES
from ..model import DEFAULT_TENANT
from .reply import Reply

Command = Callable[[argparse.Namespace], Reply]
Commands = Any  # argparse does not name the type of add_subparsers' result

DATABASE_VARIABLE = "ALLOY_DATABASE"
TOKEN_KEY_VARIABLE = "ALLOY_TOKEN_KEY"
DEFAULT_DATABASE = "sqlite:///alloy.db"


def add_command(commands: Commands, name: str, call: Command, help: str, **options: Any) -> argparse.ArgumentParser:
    """Returns the parser of a new command that ``call`` answers; it knows ``--json`` already."""
    text = f"{help[0].upper()}{help[1:]}."
    parser: argparse.ArgumentParser = commands.add_parser(name, help=help, description=text, **options)
    parser.set_defaults(call=call)
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def add_author(parser: argparse.ArgumentParser, what: str = "who writes") -> None:
    """Adds ``--author``."""
    parser.add_argument("--author", type=name_text, default="cli", help=f"{what} (default: %(default)s)")


def add_database(parser: argparse.ArgumentParser) -> None:
    """Adds ``--database`` and ``--tenant``."""
    add_url(parser)
    parser.add_argument("--tenant", default=DEFAULT_TENANT, help="whose scripts (default: %(default)s)")


def add_url(parser: argparse.ArgumentParser) -> None:
    """Adds ``--database``."""
    parser.add_argument(
        "--database",
        metavar="URL",
        help=f"where stored scripts and runs are (else ${DATABASE_VARIABLE}, else {DEFAULT_DATABASE})",
    )


def add_record(parser: argparse.ArgumentParser) -> None:
    """Adds what a script is given: the record, the record as it was, parameters, user, and whether to only try."""
    for name, what in (
        ("entity", "the record"),
        ("before", "the record as it was, on update and delete"),
        ("params", "parameters"),
    ):
        parser.add_argument(
            f"--{name}", type=json_object, metavar="JSON|@FILE", help=f"{what}: a JSON object, @file, or @- for stdin"
        )
    parser.add_argument("--user", type=name_text, help="who acts")
    parser.add_argument("--dry-run", action="store_true", help="report effects and record nothing")


def add_limits(parser: argparse.ArgumentParser) -> None:
    """Adds ``--limits`` and ``--capability``."""
    parser.add_argument("--limits", choices=tuple(PROFILES), help="the budget of a run")
    parser.add_argument(
        "--capability", action="append", metavar="NAME", help="what it may call beyond pure helpers; repeatable"
    )


def database_of(arguments: argparse.Namespace) -> str:
    """Returns the URL of the database that holds the stored scripts."""
    return arguments.database or os.environ.get(DATABASE_VARIABLE) or DEFAULT_DATABASE


def json_object(text: str) -> dict[str, Any]:
    """Returns the JSON object in ``text``, in the file ``@path``, or on standard input (``@-``)."""
    try:
        found = json.loads(_content(text) if text.startswith("@") else text)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"file {text[1:]!r}: {error.strerror or error}") from None
    except RecursionError:
        raise argparse.ArgumentTypeError("got JSON that is nested too deeply, wanted fewer levels") from None
    except ValueError as error:
        raise argparse.ArgumentTypeError(f'not JSON: {error}; wanted an object such as {{"total": 12.5}}') from None
    if not isinstance(found, dict):
        raise argparse.ArgumentTypeError(f"got a JSON {_json_type(found)}, wanted an object")
    return found


def _content(text: str) -> str:
    if text == "@-":
        return sys.stdin.read()
    return Path(text[1:]).read_text(encoding="utf-8-sig")


def _json_type(value: Any) -> str:
    if value is None:
        return "null"
    return {bool: "boolean", str: "string", list: "list"}.get(type(value), "number")


def event_name(text: str) -> str:
    """Returns ``text`` if it names an event."""
    try:
        return parse_event(text).name
    except AlloyError as error:
        raise argparse.ArgumentTypeError(error.message) from None


def trigger_text(key: str) -> Callable[[str], str]:
    """Returns what passes on a text that means a trigger, as `read_triggers` takes it behind ``key``."""

    def read(text: str) -> str:
        from ..script_files.front_matter import read_triggers

        try:
            read_triggers(key, text, "options")
        except AlloyError as error:
            raise argparse.ArgumentTypeError(error.message.removeprefix(f"options:1: {key}: ")) from None
        return text

    return read


def name_text(text: str) -> str:
    """Returns ``text`` if it can name a user or an author."""
    if not text.strip() or len(text) > 200:
        raise argparse.ArgumentTypeError(f"got {len(text)} characters, wanted 1 to 200")
    return text


def values(kind: type[StrEnum]) -> tuple[str, ...]:
    """Returns the texts that an option may be, as messages and help are to show them."""
    return tuple(each.value for each in kind)


def whole(text: str) -> int:
    """Returns the whole number in ``text``."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"got {shown(text)}, wanted a whole number") from None


def number(text: str) -> float:
    """Returns the number in ``text``."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise argparse.ArgumentTypeError(f"got {shown(text)}, wanted a number")
    return found


def count(text: str) -> int:
    """Returns the whole number of at least 1 in ``text``."""
    if not (text.isascii() and text.isdecimal() and 1 <= len(text) <= 9 and int(text)):
        raise argparse.ArgumentTypeError(f"got {text!r}, wanted a whole number of at least 1")
    return int(text)


def moment(text: str) -> datetime:
    """Returns the time in ``text``, which is UTC where no offset is given."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"got {text!r}, wanted a time such as 2026-03-01T12:00:00Z") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def threshold(text: str) -> tuple[str, float]:
    """Returns the name and the number in a text such as ``changed=0.05``."""
    name, _, value = text.partition("=")
    try:
        return name.strip(), int(value) if name.strip() == "records" else float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"got {text!r}, wanted a name and a number such as changed=0.05") from None
