"""The commands for operators: ``secrets``, ``egress``, ``safe-mode`` and ``settings``."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from ..egress import METHODS
from ..secrets import new_key
from ..settings import load
from .options import Command, Commands, add_command, add_database, database_of, event_name, name_text, number
from .reply import Reply
from .session import existing
from .tables import table


def register(commands: Commands) -> None:
    """Adds the commands to the parser."""
    own = _group(commands, "secrets", "keep texts that scripts use and never see")
    setting = _add(own, "set", _set_secret, "store a secret; its text comes from standard input")
    setting.add_argument("name", metavar="NAME")
    _add_author(setting)
    _add(own, "list", _list_secrets, "list secrets, without their texts")
    _add(own, "delete", _delete_secret, "remove a secret").add_argument("name", metavar="NAME")
    add_command(own, "new-key", _new_key, "print a fresh key for ALLOY_SECRETS_KEY")

    own = _group(commands, "egress", "decide where scripts may send requests")
    allow = _add(own, "allow", _allow, "put a URL on the allow-list")
    allow.add_argument("url", metavar="URL", help="a pattern such as https://api.example.com/v1/*")
    allow.add_argument(
        "--method",
        action="append",
        choices=METHODS,
        metavar="METHOD",
        help="what may be sent (default: GET); repeatable",
    )
    allow.add_argument("--private", action="store_true", help="also if its address is private or loopback")
    _add_author(allow)
    _add(own, "list", _list_egress, "list what is allowed")
    _add(own, "remove", _remove_egress, "take a URL off the allow-list").add_argument("url", metavar="URL")

    own = _group(commands, "safe-mode", "keep scripts from running for a while, on every node")
    bypass = _add(own, "set", _bypass, "bypass a script, an event, a tenant or everything", tenant=False)
    bypass.add_argument("--reason", required=True, help="why")
    bypass.add_argument("--script", metavar="NAME", help="one script")
    bypass.add_argument("--event", type=event_name, help="one event")
    bypass.add_argument("--tenant", type=name_text, help="whose; alone: all scripts of this tenant")
    bypass.add_argument("--everything", action="store_true", help="all scripts of all tenants")
    bypass.add_argument("--seconds", type=number, metavar="N", help="how long (default: until it is cleared)")
    _add_author(bypass)
    _add(own, "list", _list_bypasses, "list what is bypassed")
    _add(own, "clear", _clear, "end a bypass").add_argument("id", metavar="ID", help="as list shows it")

    settings = add_command(commands, "settings", _settings, "show all settings and where each comes from")
    settings.add_argument("--config", metavar="FILE", help="a TOML file (else $ALLOY_CONFIG)")


def _group(commands: Commands, name: str, help: str) -> Commands:
    parser = commands.add_parser(name, help=help, description=f"{help[0].upper()}{help[1:]}.")
    return parser.add_subparsers(required=True, metavar="COMMAND")


def _add(own: Commands, name: str, call: Command, help: str, tenant: bool = True) -> argparse.ArgumentParser:
    parser = add_command(own, name, call, help)
    add_database(parser) if tenant else parser.add_argument("--database", metavar="URL", help="which database")
    return parser


def _add_author(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--author", type=name_text, default="cli", help="who does this (default: %(default)s)")


# -- secrets -----------------------------------------------------------------------------------------------------
def _set_secret(arguments: argparse.Namespace) -> Reply:
    text = sys.stdin.read().removesuffix("\n")
    with existing(database_of(arguments), migrate=True) as alloy:
        alloy.secrets.set(arguments.name, text, tenant=arguments.tenant, by=arguments.author)
    return Reply({"name": arguments.name}, [f"secret {arguments.name} is stored"])


def _list_secrets(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        found = alloy.secrets.list(tenant=arguments.tenant)
    rows = [(one.name, one.updated_at.isoformat(timespec="seconds"), one.updated_by) for one in found]
    return Reply([one._asdict() for one in found], table(("name", "set", "by"), rows) if rows else ["no secrets"])


def _delete_secret(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        alloy.secrets.delete(arguments.name, tenant=arguments.tenant)
    return Reply({"name": arguments.name}, [f"secret {arguments.name} is removed"])


def _new_key(arguments: argparse.Namespace) -> Reply:
    key = new_key()
    return Reply({"key": key}, [key])


# -- egress ------------------------------------------------------------------------------------------------------
def _allow(arguments: argparse.Namespace) -> Reply:
    methods = arguments.method or ["GET"]
    with existing(database_of(arguments), migrate=True) as alloy:
        rule = alloy.egress.allow(
            arguments.url, methods, private=arguments.private, tenant=arguments.tenant, by=arguments.author
        )
    return Reply(rule._asdict(), [f"{', '.join(rule.methods)} {rule.url} is allowed"])


def _list_egress(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        found = alloy.egress.list(tenant=arguments.tenant)
    rows = [(one.url, ", ".join(one.methods), "yes" if one.private else "no", one.updated_by) for one in found]
    header = ("url", "methods", "private", "by")
    return Reply([one._asdict() for one in found], table(header, rows) if rows else ["nothing is allowed"])


def _remove_egress(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        alloy.egress.remove(arguments.url, tenant=arguments.tenant)
    return Reply({"url": arguments.url}, [f"{arguments.url} is not allowed any more"])


# -- safe mode ---------------------------------------------------------------------------------------------------
def _bypass(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments), migrate=True) as alloy:
        made = alloy.safe_mode.set(
            arguments.reason, script=arguments.script, event=arguments.event, tenant=arguments.tenant,
            everything=arguments.everything, seconds=arguments.seconds, by=arguments.author,
        )  # fmt: skip
    return Reply(made._asdict(), [f"{made.id} is bypassed; to end it: alloy-lua safe-mode clear '{made.id}'"])


def _list_bypasses(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        found = alloy.safe_mode.list()
    rows = [
        (one.id, one.until.isoformat(timespec="seconds") if one.until else "cleared", one.by, one.reason)
        for one in found
    ]
    header = ("id", "until", "by", "reason")
    return Reply([one._asdict() for one in found], table(header, rows) if rows else ["nothing is bypassed"])


def _clear(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        alloy.safe_mode.clear(arguments.id)
    return Reply({"id": arguments.id}, [f"{arguments.id} runs again"])


# -- settings ----------------------------------------------------------------------------------------------------
def _settings(arguments: argparse.Namespace) -> Reply:
    found = load(arguments.config)
    shown: dict[str, Any] = found.shown()
    rows = [(name, "" if value is None else str(value), found.sources[name]) for name, value in shown.items()]
    data = {name: {"value": value, "source": found.sources[name]} for name, value in shown.items()}
    return Reply(data, table(("setting", "value", "from"), rows))
