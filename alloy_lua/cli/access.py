"""The commands under ``tokens`` and ``tenants``: who may use the service, and what each tenant asks for."""

from __future__ import annotations

import argparse
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..access_model import Role, Tenant, Token
from .options import Commands, add_author, add_command, add_url, count, database_of, moment, name_text, values
from .reply import Reply, compact, visible
from .session import existing, on_made
from .tables import table

if TYPE_CHECKING:
    from .. import Alloy


def register(commands: Commands) -> None:
    """Adds the commands to the parser."""
    tokens = _group(commands, "tokens", "make, list and revoke API tokens")
    create = add_command(tokens, "create", _create, "make an API token and show it, this once")
    create.add_argument("name", type=name_text, metavar="NAME", help="who will use it")
    create.add_argument("--role", choices=values(Role), required=True, help="what it may do")
    reach = create.add_mutually_exclusive_group(required=True)
    reach.add_argument("--tenant", action="append", help="where it may do it; repeatable")
    reach.add_argument("--all-tenants", action="store_true", help="it may do it everywhere")
    create.add_argument("--scope", action="append", metavar="NAME", help="hold it to this permission; repeatable")
    create.add_argument("--expires", type=moment, metavar="TIME", help="when it ends (default: never)")
    listing = add_command(tokens, "list", _list, "list API tokens, revoked ones too")
    listing.add_argument("--after", metavar="ID", help="go on behind this one")
    listing.add_argument("--limit", type=count, default=100, help="at most so many (default: %(default)s)")
    revoke = add_command(tokens, "revoke", _revoke, "have a token taken no more")
    revoke.add_argument("id", metavar="ID")
    revoke.add_argument("--reason", help="why")
    for parser in (create, listing, revoke):
        add_url(parser)
    for parser in (create, revoke):
        add_author(parser, "who does it")
    _register_tenants(commands)


def _register_tenants(commands: Commands) -> None:
    tenants = _group(commands, "tenants", "list tenants and change their settings")
    listing = add_command(tenants, "list", _tenants, "list the tenants that have scripts or settings")
    listing.add_argument("--after", metavar="NAME", help="go on behind this one")
    listing.add_argument("--limit", type=count, default=100, help="at most so many (default: %(default)s)")
    update = add_command(tenants, "update", _update, "change a tenant's settings")
    update.add_argument("name", type=name_text, metavar="NAME")
    update.add_argument("--review", choices=("required", "optional"), help="whether scripts run unreviewed")
    update.add_argument("--reason", help="why")
    add_author(update, "who does it")
    for parser in (listing, update):
        add_url(parser)


def _group(commands: Commands, name: str, help: str) -> Commands:
    parser = commands.add_parser(name, help=help, description=f"{help[0].upper()}{help[1:]}.")
    return parser.add_subparsers(required=True, metavar="COMMAND")


def _create(arguments: argparse.Namespace) -> Reply:
    return on_made(database_of(arguments), lambda alloy: _created(alloy, arguments))


def _created(alloy: Alloy, arguments: argparse.Namespace) -> Reply:
    made = alloy.tokens.create(
        arguments.name, arguments.role, tenants=None if arguments.all_tenants else arguments.tenant,
        scopes=arguments.scope, expires_at=arguments.expires,
    )  # fmt: skip
    note = f"token {made.token.id} for {visible(made.token.name)}; its text is kept nowhere and not shown again:"
    return Reply(_data(made.token) | {"secret": made.secret}, [note, made.secret])


def _list(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        found = alloy.tokens.list(after=arguments.after, limit=arguments.limit)
    header = ("id", "name", "role", "tenants", "scopes", "made", "last used", "ends", "revoked")
    return Reply([_data(token) for token in found], table(header, map(_row, found)) if found else ["no tokens"])


def _row(token: Token) -> tuple[str, ...]:
    return (
        token.id, token.name, token.role.value, _names(token.tenants), _names(token.scopes), _day(token.created_at),
        _day(token.last_used_at), _day(token.expires_at), _day(token.revoked_at),
    )  # fmt: skip


def _names(names: tuple[str, ...] | None) -> str:
    return "all" if names is None else ", ".join(names)


def _day(at: datetime | None) -> str:
    return "-" if at is None else at.isoformat(sep=" ", timespec="minutes")[:16]


def _data(token: Token) -> dict[str, Any]:
    """Returns what may be shown of a token: all but the digest of its text."""
    data = token._asdict()
    del data["digest"]
    return data


def _revoke(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        token = alloy.tokens.revoke(arguments.id, reason=arguments.reason)
    return Reply(_data(token), [visible(f"token {token.id} of {token.name}: revoked")])


def _tenants(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        found = alloy.tenants.list(after=arguments.after, limit=arguments.limit)
    return Reply([tenant._asdict() for tenant in found], [_line(tenant) for tenant in found] or ["no tenants"])


def _update(arguments: argparse.Namespace) -> Reply:
    settings: dict[str, Any] = {}
    if arguments.review is not None:
        settings["review_required"] = arguments.review == "required"

    def work(alloy: Alloy) -> Reply:
        tenant = alloy.tenants.update(arguments.name, reason=arguments.reason, **settings)
        return Reply(tenant._asdict(), [_line(tenant)])

    return on_made(database_of(arguments), work)


def _line(tenant: Tenant) -> str:
    return visible(f"{tenant.name}: {compact(tenant.settings)}")
