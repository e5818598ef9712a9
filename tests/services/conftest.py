"""What the tests of the services share: a real HTTP server on the loopback, and an Alloy whose scripts may reach it."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from aiohttp import web

from alloy_lua import Alloy
from alloy_lua.bridges.hosts.http_client import HttpClient
from alloy_lua.secrets import new_key
from alloy_lua.settings import Settings

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """An HTTP server in a thread; ``handler`` answers everything, ``requests`` are those it got."""

    def __init__(self, trust: ssl.SSLContext | None = None) -> None:
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.handler: Handler = self._hello
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.port: int = asyncio.run_coroutine_threadsafe(self._open(trust), self._loop).result(10)

    async def _open(self, trust: ssl.SSLContext | None) -> int:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=trust)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def _hello(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text="hello")

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.requests.append((request.method, request.path_qs, dict(request.headers), body))
        return await self.handler(request)

    def answers(self, *answers: Any) -> None:
        """Has the server give these answers in turn, the last one from then on: functions of the request."""
        left = list(answers)

        async def handler(request: web.Request) -> web.StreamResponse:
            answer = left.pop(0) if len(left) > 1 else left[0]
            found: web.StreamResponse = answer(request)
            return found

        self.handler = handler

    def close(self) -> None:
        async def close() -> None:
            await self._runner.cleanup()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()  # answers that nobody waits for any more
            await asyncio.sleep(0.02)  # connections that were broken off need a turn of the loop to go

        asyncio.run_coroutine_threadsafe(close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


class Names:
    """A resolver of the test's own: what each name means, and how often it was asked."""

    def __init__(self) -> None:
        self.known: dict[str, list[str] | Callable[[], list[str]]] = {}
        self.asked: list[str] = []

    async def lookup(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        found = self.known.get(host)
        if found is None:
            raise OSError(f"no such host {host}")
        return found() if callable(found) else found


@pytest.fixture
def names() -> Names:
    return Names()


@pytest.fixture
def key() -> str:
    return new_key()


@pytest.fixture
def alloy(names: Names, key: str) -> Iterator[Alloy]:
    """An Alloy with a key for secrets, whose requests ask ``names``."""
    with Alloy(settings=Settings({"secrets_key": key})) as made:
        made.http_client = HttpClient(names.lookup)
        yield made


@pytest.fixture
def ask(alloy: Alloy) -> Callable[..., Any]:
    """Runs a script that may do all of this, and returns its outcome."""

    def run(source: str, **options: Any) -> Any:
        options.setdefault("capabilities", ["http", "secret", "kv"])
        options.setdefault("limits", "relaxed")
        return alloy.evaluate(source, **options)

    return run
