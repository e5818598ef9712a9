"""Who calls: an authenticator finds the actor of a request. By default it is whoever the API token belongs to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from hashlib import blake2b
from time import monotonic
from typing import TYPE_CHECKING

from aiohttp import web

from ..access_model import Actor
from .endpoint import Lane

if TYPE_CHECKING:
    from .service import Service

Authenticator = Callable[[web.Request], "Actor | Awaitable[Actor | None] | None"]
"""Returns who sent a request, None if that is not known. A host application can pass its own to `create_app`."""

KEEP_SECONDS = 0.5
MAX_KEPT = 10_000


class TokenAuthenticator:
    """Finds the actor of ``Authorization: Bearer <token>``.

    What was found is kept for half a second, so that most calls never leave the event loop.

    Args:
        service: Whose tokens count.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._kept: dict[bytes, tuple[float, Actor]] = {}

    def __call__(self, request: web.Request) -> Actor | Awaitable[Actor] | None:
        """Returns who sent the request, or how to find out; None if it shows no token."""
        kind, _, text = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or not text:
            return None
        digest = blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).digest()
        kept = self._kept.get(digest)
        if kept is not None and monotonic() - kept[0] < KEEP_SECONDS:
            return kept[1]
        return self._find(digest, text, request.remote)

    async def _find(self, digest: bytes, text: str, address: str | None) -> Actor:
        self._kept.pop(digest, None)
        tokens = self._service.alloy.tokens
        actor: Actor = await self._service.lanes[Lane.STORE].run(lambda: tokens.authenticate(text, address=address))
        if len(self._kept) >= MAX_KEPT:
            self._kept.clear()
        self._kept[digest] = (monotonic(), actor)
        return actor
