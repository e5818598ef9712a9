"""Who calls: the actor that an authenticator finds for a request, and the roles that endpoints ask for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import IntEnum
from typing import NamedTuple

from aiohttp import web


class Role(IntEnum):
    """What somebody may do; each role may do what those before it may."""

    VIEWER = 1
    AUTHOR = 2
    REVIEWER = 3
    OPERATOR = 4
    ADMIN = 5


class Actor(NamedTuple):
    """Somebody who calls the service.

    Attributes:
        name: What records call them.
        role: What they may do.
        tenants: Whose data they may do it on; None for every tenant's.
        scopes: What a token is limited to, such as ``scripts:read``; None for all that the role allows.
        token_id: The token they showed, if it was one.
    """

    name: str
    role: Role
    tenants: frozenset[str] | None = None
    scopes: frozenset[str] | None = None
    token_id: str | None = None


Authenticator = Callable[[web.Request], "Actor | None | Awaitable[Actor | None]"]
"""Returns who sent a request, None if that is not known. A host application can pass its own to `create_app`."""
