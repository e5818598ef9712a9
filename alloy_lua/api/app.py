"""Makes the aiohttp application: every declared endpoint a route, and routes that say no to everything else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from ..app import Alloy
from .actor import Authenticator
from .dispatch import Handler, guarded, handler_of
from .errors import ApiError
from .options import ApiOptions
from .reference import reference_pages
from .script_calls import PATH, script_handler
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
    app = web.Application(client_max_size=service.options.max_batch_body)
    app[SERVICE] = service
    for path, methods in _routes(service).items():
        resource = app.router.add_resource(path)
        for method, handler in methods.items():
            resource.add_route(method, guarded(service, handler))
        if "*" not in methods:
            resource.add_route("*", guarded(service, _refusing(", ".join(sorted(methods)))))
    # Any path, one with a line break in it too: what no route matches is answered by aiohttp, in its own shape.
    app.router.add_route("*", r"/{path:[\s\S]*}", guarded(service, _missing))
    app.cleanup_ctx.append(_service)
    return app


def _routes(service: Service) -> dict[str, dict[str, Handler]]:
    """Returns all handlers by path and method."""
    routes: dict[str, dict[str, Handler]] = {}
    for group in GROUPS:
        for endpoint in group.endpoints:
            routes.setdefault(PREFIX + endpoint.path, {})[endpoint.method] = handler_of(endpoint, service)
    for path, page in reference_pages(GROUPS).items():
        routes[PREFIX + path] = {"GET": page}
    routes["/"] = {"GET": _to_reference}
    routes["/metrics"] = routes[f"{PREFIX}/metrics"]  # where Prometheus looks by itself
    routes[PATH] = {"*": script_handler(service)}
    return routes


def _refusing(methods: str) -> Handler:
    async def refuse(request: web.Request) -> web.StreamResponse:
        raise ApiError("method_not_allowed", f"this path knows {methods} only", headers={"Allow": methods})

    return refuse


async def _to_reference(request: web.Request) -> web.StreamResponse:
    # Relative, so that it is right wherever the service is mounted.
    return web.Response(status=302, headers={"Location": f"{PREFIX[1:]}/reference"})


async def _missing(request: web.Request) -> web.StreamResponse:
    raise ApiError("not_found", "no such path")


async def _service(app: web.Application) -> AsyncIterator[None]:
    service = app[SERVICE]
    service.loop = asyncio.get_running_loop()
    yield
    service.drain()
    await service.by_hand.drain(service.options.drain_seconds)
    service.cancel_runs()
    await asyncio.to_thread(service.close)
