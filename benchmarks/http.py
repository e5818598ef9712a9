"""The HTTP service against a bare aiohttp handler, over loopback, by a closed loop of clients on raw sockets."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .hooks import CHANGES, EVENT, LUA, RECORD
from .paired import Pair, claim

ROUNDS = 9
SECONDS = 1.0
CLIENTS = 16
BATCH = 1_000
SLOW_EVENT = "slow.before_create"
SLOW = "local t = 0 for i = 1, entity.turns do t = t + math.sin(i) end entity.t = t"
SLOW_SECONDS = 0.050
LAG_CLIENTS = 8
LAG_SECONDS = 8.0
BEAT = 0.002


# -- servers, each in a process of its own -----------------------------------------------------------------------
def bare(told: Any) -> None:
    """Serves a handler that parses the request and returns the JSON that the service replies with."""
    from aiohttp import web

    reply = {
        "status": "continue", "fuel": 5, "changes": CHANGES,
        "runs": [{
            "id": "1a20749809dc277b517e400001000000001", "script": "h1", "revision": 1, "status": "continue",
            "fuel": 5, "duration_us": 3,
        }],
    }  # fmt: skip

    async def handle(request: web.Request) -> web.Response:
        await request.json()
        return web.json_response(reply)

    async def main() -> None:
        app = web.Application()
        app.router.add_post("/api/v1/fire", handle)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        told.put((runner.addresses[0][1], "none"))
        await asyncio.Event().wait()

    asyncio.run(main())


def service(told: Any, folder: str, beat: bool = False) -> None:
    """Serves the service with a token; with a beat, tells the lag of its loop every second."""
    from alloy_lua import Alloy
    from alloy_lua.api import ApiOptions, create_app
    from alloy_lua.api.server import Server, calm_collector

    with Alloy(f"sqlite:///{folder}/bench.db") as alloy:
        alloy.scripts.create("h1", LUA, on=EVENT, status="active")
        alloy.scripts.create("slow", SLOW, on=SLOW_EVENT, status="active", limits="relaxed")
        turns = _turns_of(alloy)
        token = alloy.tokens.create("bench", "operator").secret

        async def main() -> None:
            server = Server(create_app(alloy, options=ApiOptions(requests_per_second=10**6)), "127.0.0.1", 0)
            port = await server.start()
            calm_collector()  # as `alloy-lua serve` does
            told.put((port, token, turns))
            if not beat:
                await asyncio.Event().wait()
            lags: list[float] = []
            while True:
                asked = time.perf_counter()
                await asyncio.sleep(BEAT)
                lags.append(time.perf_counter() - asked - BEAT)
                if len(lags) >= 500:
                    told.put(lags)
                    lags = []

        asyncio.run(main())


def _turns_of(alloy: Any) -> int:
    """Returns how many turns of the slow hook's loop take `SLOW_SECONDS` here."""
    turns = 1_000_000
    times = []
    for _ in range(5):
        started = time.perf_counter()
        alloy.fire(SLOW_EVENT, {"turns": turns})
        times.append(time.perf_counter() - started)
    return int(turns * SLOW_SECONDS / min(times))


@contextmanager
def serving(target: Callable[..., None], *given: Any) -> Iterator[tuple[Any, Any]]:
    """Gives what the server tells first (port, token, …) and the queue of what it tells later."""
    context = multiprocessing.get_context("spawn")
    told = context.Queue()
    process = context.Process(target=target, args=(told, *given), daemon=True)
    process.start()
    try:
        yield told.get(timeout=30), told
    finally:
        process.terminate()
        process.join(10)


# -- the load ----------------------------------------------------------------------------------------------------
def load(port: int, path: str, body: Any, token: str, clients: int = CLIENTS, seconds: float = SECONDS) -> float:
    """Returns the requests a second that ``clients`` get answered, each sending its next when it has the last reply."""
    data = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    return asyncio.run(_load(port, head.encode() + data, clients, seconds))


async def _load(port: int, request: bytes, clients: int, seconds: float) -> float:
    started = time.perf_counter()
    counts = await asyncio.gather(*(_client(port, request, started + seconds) for _ in range(clients)))
    return sum(counts) / (time.perf_counter() - started)


async def _client(port: int, request: bytes, until: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**26)
    count = 0
    while time.perf_counter() < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        at = head.lower().index(b"content-length:") + 15
        await reader.readexactly(int(head[at : head.index(b"\r", at)]))
        count += 1
    writer.close()
    return count


# -- claims ------------------------------------------------------------------------------------------------------
def throughput() -> Iterator[Pair]:
    """HTTP: fires a second of hook H1 and of batches"""
    fire = {"event": EVENT, "entity": RECORD}
    many = {"event": EVENT, "entities": [RECORD] * BATCH}
    with tempfile.TemporaryDirectory() as folder, serving(bare) as (plain, _), serving(service, folder) as (own, _):
        rates: dict[str, list[float]] = {"bare": [], "fire": [], "many": []}
        for round_number in range(ROUNDS + 1):
            found = {
                "bare": load(plain[0], "/api/v1/fire", fire, plain[1]),
                "fire": load(own[0], "/api/v1/fire", fire, own[1]),
                "many": load(own[0], "/api/v1/fire-many", many, own[1], clients=4) * BATCH,
            }
            if round_number:  # the first warms up
                for name, rate in found.items():
                    rates[name].append(rate)
    yield claim(
        "POST /fire of H1 / bare handler", rates["fire"], rates["bare"], at_least=0.7, unit=1, unit_name="requests/s"
    )
    yield claim(
        f"fire-many of {BATCH} / single fires", rates["many"], rates["fire"], at_least=20, unit=1,
        unit_name="records/s",
    )  # fmt: skip


def lag() -> Iterator[Pair]:
    """HTTP: how long the event loop keeps others waiting"""
    with tempfile.TemporaryDirectory() as folder, serving(service, folder, True) as (own, told):
        port, token, turns = own
        body = {"event": SLOW_EVENT, "entity": {"turns": turns}}
        load(port, "/api/v1/fire", body, token, clients=LAG_CLIENTS, seconds=1.0)
        while not told.empty():
            told.get()
        rate = load(port, "/api/v1/fire", body, token, clients=LAG_CLIENTS, seconds=LAG_SECONDS)
        lags: list[float] = []
        while not told.empty():
            lags += told.get()
    found = sorted(1000 * one for one in lags)
    p99 = found[int(len(found) * 0.99)]
    yield Pair(
        f"loop lag p99 in ms, {LAG_CLIENTS} clients firing a 50 ms hook", p99, found[len(found) // 2], found[-1],
        "at most 20", p99 <= 20, f"{rate:.0f} fires/s; median {statistics.median(found):.2f} ms",
    )  # fmt: skip


GROUPS = (throughput, lag)
