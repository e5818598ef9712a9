"""Runs the service as a process of its own: listens, answers until it is told to stop, then lets calls finish."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable
from typing import Any

from aiohttp import web

from ..errors import ConfigError
from .errors import ApiError, body_of
from .headers import SECURITY
from .options import ApiOptions
from .service import SERVICE

GRACE_SECONDS = 3.0  # after the drain limit, for runs to be cancelled and their replies to be sent


class _Connection(web.RequestHandler):
    """A connection whose errors below the application (no HTTP, headers too long) have the shape of all errors."""

    __slots__ = ()

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Returns the response to what was no HTTP request; the connection ends with it."""
        code, said = ("malformed_request", "not a valid HTTP request")
        if status >= 500:
            self.log_exception("Error handling request", exc_info=exc)
            code, said = "internal_error", "something went wrong inside"
        body = body_of(ApiError(code, said), "none")
        response = web.Response(status=status, body=body, content_type="application/json", headers=SECURITY)
        response.force_close()
        return response


def connections(server: web.Server) -> Callable[[], web.RequestHandler]:
    """Returns the factory of a server's connections; aiohttp has no other way to have them made of another class."""

    def connect() -> web.RequestHandler:
        made = server()
        made.__class__ = _Connection
        return made

    return connect


class Server:
    """A service that listens.

    Args:
        app: What `create_app` made.
        host: The address to listen on.
        port: The port; 0 for any free one.
    """

    def __init__(self, app: web.Application, host: str, port: int) -> None:
        options: ApiOptions = app[SERVICE].options
        self._service = app[SERVICE]
        self._runner = web.AppRunner(
            app, access_log=None, keepalive_timeout=options.idle_seconds,
            shutdown_timeout=options.drain_seconds + GRACE_SECONDS, max_line_size=16_384, max_field_size=16_384,
            lingering_time=2.0,
        )  # fmt: skip
        self._host = host
        self._port = port
        self._listener: asyncio.Server | None = None

    async def start(self) -> int:
        """Listens, and returns the port.

        Raises:
            ConfigError: The address cannot be had.
        """
        await self._runner.setup()
        server = self._runner.server
        assert server is not None
        loop = asyncio.get_running_loop()
        try:
            self._listener = await loop.create_server(connections(server), self._host, self._port, backlog=512)
        except OSError as error:
            await self._runner.cleanup()
            raise ConfigError(f"cannot listen on {self._host}:{self._port}: {error.strerror or error}") from None
        port: int = self._listener.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        """Takes no more connections, waits for calls under way; their runs are cancelled at the drain limit."""
        self._service.drain()
        if self._listener is not None:
            self._listener.close()
        seconds = self._service.options.drain_seconds
        limit = asyncio.get_running_loop().call_later(seconds, self._service.cancel_runs)
        try:
            await self._runner.cleanup()
        finally:
            limit.cancel()


def calm_collector() -> None:
    """Has the cyclic garbage collector leave alone what was made at the start, and look less often at the rest.

    For a process that only serves: a batch makes thousands of objects that live for a moment and are in no cycle.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


async def serve(
    make_app: Callable[[], web.Application], host: str, port: int, ready: Callable[[int], Any] = lambda port: None
) -> None:
    """Runs the service until SIGINT or SIGTERM.

    Args:
        make_app: Calls `create_app`, inside the loop that is to run it.
        host: The address to listen on.
        port: The port; 0 for any free one.
        ready: Called with the port once it listens.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    server = Server(make_app(), host, port)
    port = await server.start()
    calm_collector()
    ready(port)
    try:
        await stop.wait()
    finally:
        await server.stop()
