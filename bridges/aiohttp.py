"""A middleware for aiohttp: hooks know who asks, for which tenant, and by which request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from aiohttp import web

from ..errors import Rejected
from .writes import field_errors

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Ask = Callable[[web.Request], str | None]
Middleware = Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]


class Acting(Protocol):
    """What the middleware needs of an `Alloy`."""

    def context(
        self, *, user: str | None = None, tenant: str | None = None, trace: str | None = None
    ) -> AbstractContextManager[Any]:
        """Returns a context manager inside which fires act for a user and a tenant."""


def hook_context(
    alloy: Acting, *, user: Ask | None = None, tenant: Ask | None = None, trace: Ask | None = None,
    rejections: int | None = 422,
) -> Middleware:  # fmt: skip
    """Returns a middleware that runs each handler in the context of its request.

    Args:
        alloy: Whose hooks the handlers fire.
        user: Returns who asks, such as ``lambda request: request.get("user")``; None for nobody.
        tenant: Returns whose data it is about, None for the default tenant.
        trace: Returns the id of the request, None for its ``traceparent`` or ``X-Request-ID`` header.
        rejections: The status of a JSON answer to a rejected write, None to let the error through.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        about = {
            "user": user(request) if user is not None else None,
            "tenant": tenant(request) if tenant is not None else None,
            "trace": trace(request) if trace is not None else trace_of(request),
        }
        with alloy.context(**about):
            try:
                return await handler(request)
            except Rejected as rejection:
                if rejections is None:
                    raise
                body = {"error": {**rejection.as_dict(), "fields": field_errors(rejection)}}
                return web.json_response(body, status=rejections)

    return middleware


def trace_of(request: web.Request) -> str | None:
    """Returns the trace id of a W3C ``traceparent`` header, or the ``X-Request-ID``; None if there is neither."""
    parts = request.headers.get("traceparent", "").split("-")
    if len(parts) == 4 and len(parts[1]) == 32:
        return parts[1]
    return request.headers.get("X-Request-ID", "")[:200] or None
