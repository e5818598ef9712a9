"""Makes the aiohttp application: every declared endpoint a route, one guard around all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from ..app import Alloy
from .actor import Authenticator
from .dispatch import guard_of, handler_of
from .options import ApiOptions
from .reference import add_reference
from .script_calls import add_script_calls
from .service import SERVICE, Service
from .views import GROUPS

PREFIX = "/api/v1"


def create_app(
    alloy: Alloy, *, authenticator: Authenticator | None = None, options: ApiOptions | None = None
) -> web.Application:
    """Returns the service as an aiohttp application, to be run or mounted in another (``add_subapp``).

    Args:
        alloy: The facade it serves; closing it is up to the caller.
        authenticator: Says who sends a request; None to go by API tokens.
        options: Caps, time limits and sizes; None for the defaults.
    """
    service = Service(alloy, options or ApiOptions(), authenticator)
    app = web.Application(middlewares=[guard_of(service)], client_max_size=service.options.max_batch_body)
    app[SERVICE] = service
    for group in GROUPS:
        for endpoint in group.endpoints:
            handle = handler_of(endpoint, service)
            app.router.add_route(endpoint.method, PREFIX + endpoint.path, handle)
            if endpoint.path == "/metrics":  # where Prometheus looks by itself
                app.router.add_route("GET", "/metrics", handle)
    add_reference(app, GROUPS, PREFIX)
    add_script_calls(app, service)
    app.cleanup_ctx.append(_service)
    return app


async def _service(app: web.Application) -> AsyncIterator[None]:
    app[SERVICE].loop = asyncio.get_running_loop()
    yield
    app[SERVICE].drain()
    await app[SERVICE].by_hand.drain()
    await asyncio.to_thread(app[SERVICE].close)
