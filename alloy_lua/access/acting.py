"""Who acts: set around a call by whoever knows (API, command line, host), asked by the services that check and log.

Without an actor, a call is the host's own: it may do everything and is logged under the author it names. Loaded with
the package: what only an actor needs is imported when there is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from .. import checks

if TYPE_CHECKING:
    from ..access_model import Actor

SYSTEM = "system"
MAX_REASON = 2_000


class Acting:
    """An actor, and where its call came from."""

    __slots__ = ("actor", "address", "reason", "request_id", "via")

    def __init__(self, actor: Actor, via: str, address: str | None, request_id: str | None, reason: str | None) -> None:
        self.actor = actor
        self.via = via
        self.address = address
        self.request_id = request_id
        self.reason = reason


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
    from ..access_model import Actor

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
        from . import roles

        roles.check(around.actor, permission, tenant)


def who(author: str | None = None) -> str:
    """Returns the name that a change is kept under: the actor's, else ``author``, else that of the host itself."""
    around = ACTING.get()
    if around is not None:
        return around.actor.name
    return SYSTEM if author is None else checks.name(author, "author")
