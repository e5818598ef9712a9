"""Who acts: set around a call by whoever knows (API, command line, host), asked by the services that check and log.

Without an actor, a call is the host's own: it may do everything and is logged under the author it names.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, NamedTuple

from .. import checks
from ..access_model import Actor, AuditEntry
from . import roles

SYSTEM = "system"


class Acting(NamedTuple):
    """An actor, and where its call came from."""

    actor: Actor
    via: str = "python"
    address: str | None = None
    request_id: str | None = None
    reason: str | None = None


ACTING: ContextVar[Acting | None] = ContextVar("alloy_lua_acting", default=None)


@contextmanager
def acting(
    actor: Actor, *, via: str = "python", address: str | None = None, request_id: str | None = None,
    reason: str | None = None,
) -> Iterator[None]:  # fmt: skip
    """Has every call inside the block checked against the rights of ``actor`` and logged under its name.

    Args:
        actor: Who acts.
        via: Through what: ``api``, ``cli`` or ``python``.
        address: The network address it comes from.
        request_id: The HTTP request.
        reason: Why, where a call has no message of its own.
    """
    checks.instance(Actor, actor, "actor")
    given = Acting(
        actor,
        checks.choice(via, "via", ("api", "cli", "python")),
        checks.optional_name(address, "address"),
        checks.optional_name(request_id, "request_id"),
        None if reason is None else checks.text(reason, "reason", MAX_REASON),
    )
    token = ACTING.set(given)
    try:
        yield
    finally:
        ACTING.reset(token)


MAX_REASON = 2_000


def current() -> Actor | None:
    """Returns who acts, None for the host itself."""
    around = ACTING.get()
    return None if around is None else around.actor


def require(permission: str, tenant: str | None) -> None:
    """Returns None if whoever acts has ``permission`` in ``tenant``; None stands for all tenants together.

    Raises:
        NotFound, PermissionDenied: as `roles.check`.
    """
    around = ACTING.get()
    if around is not None:
        roles.check(around.actor, permission, tenant)


def who(author: str | None = None) -> str:
    """Returns the name that a change is kept under: the actor's, else ``author``, else that of the host itself."""
    around = ACTING.get()
    if around is not None:
        return around.actor.name
    return SYSTEM if author is None else checks.name(author, "author")


def entry(
    action: str, *, tenant: str | None, object_id: str, name: str, author: str | None = None, before: str | None = None,
    after: str | None = None, reason: str | None = None, details: dict[str, Any] | None = None,
) -> AuditEntry:  # fmt: skip
    """Returns the audit entry of a change made now by whoever acts.

    Args:
        action: ``<kind>.<verb>``.
        tenant: Whose object it is.
        object_id: Which object.
        name: What people call it.
        author: Who, if nobody acts.
        before: The digest of its state so far.
        after: The digest of its new state.
        reason: Why; None for the reason that `acting` was given.
        details: Further facts, JSON-like.
    """
    around = ACTING.get()
    via, address, request_id, why, token_id = "python", None, None, None, None
    if around is not None:
        via, address, request_id, why = around.via, around.address, around.request_id, around.reason
        token_id = around.actor.token_id
    return AuditEntry(
        datetime.now(UTC), who(author), action, tenant, action.partition(".")[0], object_id, name, before, after,
        reason or why, details, via, address, request_id, token_id,
    )  # fmt: skip
