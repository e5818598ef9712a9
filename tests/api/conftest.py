"""What the tests of the HTTP service share: a real server on a random port, and clients with tokens of each role."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from alloy_lua import Alloy
from alloy_lua.api import ApiOptions, create_app
from alloy_lua.api.server import Server
from alloy_lua.secrets import new_key
from alloy_lua.settings import Settings

ROLES = ("viewer", "author", "reviewer", "operator", "admin")


class Answer(NamedTuple):
    """A reply as tests look at it."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def code(self) -> str:
        """The code of the error that it is."""
        found: str = self.json["error"]["code"]
        return found


class Client:
    """Sends requests to a service with one token."""

    def __init__(self, url: str, token: str | None = None, **headers: str) -> None:
        self.url = url
        self.headers = {**headers, **({"Authorization": f"Bearer {token}"} if token else {})}

    def __call__(self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str) -> Answer:
        """Returns the reply to a request; header names are given with ``_`` for ``-``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        if data is not None:
            named.setdefault("Content-Type", "application/json")
        at = path if path.startswith("/x/") or not path.startswith("/") else "/api/v1" + path
        request = urllib.request.Request(self.url + at, data=data, method=method, headers={**self.headers, **named})
        try:
            with urllib.request.urlopen(request, timeout=20) as reply:
                return Answer(reply.status, reply.headers, reply.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read().decode())

    def get(self, path: str, **headers: str) -> Answer:
        return self("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self("POST", path, body, **headers)


class Running:
    """A service in a thread of its own, on a random port of the loopback interface."""

    def __init__(self, alloy: Alloy, options: ApiOptions | None = None, **more: Any) -> None:
        self.alloy = alloy
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.server = self.call(self._made(options, more))
        self.port: int = self.call(self.server.start())
        self.url = f"http://127.0.0.1:{self.port}"

    async def _made(self, options: ApiOptions | None, more: dict[str, Any]) -> Server:
        return Server(create_app(self.alloy, options=options, **more), "127.0.0.1", 0)

    def call(self, work: Any) -> Any:
        """Returns what a coroutine returns in the service's loop."""
        future: Future[Any] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return future.result(30)

    def client(self, role: str = "admin", tenant: str | None = None, **options: Any) -> Client:
        """Returns a client with a new token."""
        made = self.alloy.tokens.create(f"{role}-{tenant or 'all'}", role, tenants=tenant, **options)
        return Client(self.url, made.secret)

    def stop(self) -> None:
        with contextlib.suppress(Exception):
            self.call(self.server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


Serve = Callable[..., Running]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts services over a SQLite file, and stops them."""
    started: list[Running] = []

    def start(options: ApiOptions | None = None, *, url: str | None = None, **more: Any) -> Running:
        started.append(Running(Alloy(url or f"sqlite:///{tmp_path / 'api.db'}"), options, **more))
        return started[-1]

    yield start
    for running in started:
        running.stop()
        running.alloy.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One service for the tests of a module, which use scripts of their own names."""
    settings = Settings({"secrets_key": new_key()})
    with Alloy(f"sqlite:///{tmp_path_factory.mktemp('api') / 'api.db'}", settings=settings) as alloy:
        running = Running(alloy)
        yield running
        running.stop()


@pytest.fixture(scope="module")
def admin(service: Running) -> Client:
    return service.client("admin")
