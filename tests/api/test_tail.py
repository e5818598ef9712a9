"""The live tail: runs as they are recorded, filters, and going on where it was cut off."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alloy_lua.api import ApiOptions

from .conftest import Client, Running, Serve

HOOK = "log.info('saw ' .. entity.n) if entity.n < 0 then abort('negative') end"


@contextmanager
def following(client: Client, query: str = "", **headers: str) -> Iterator[Iterator[tuple[str, str, Any]]]:
    """Gives (event, id, data) of each event of a tail, its opening comment read."""
    port = int(client.url.rpartition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("GET", f"/api/v1/tail{query}", headers={**client.headers, **named})
    reply = connection.getresponse()
    assert reply.status == 200 and reply.headers["Content-Type"].startswith("text/event-stream")
    assert reply.headers["X-Content-Type-Options"] == "nosniff"

    def events() -> Iterator[tuple[str, str, Any]]:
        found: dict[str, str] = {}
        while line := reply.readline().decode():
            if line == "\n":
                if "event" in found:
                    yield found["event"], found.get("id", ""), json.loads(found["data"])
                found = {}
            elif not line.startswith(":"):
                name, _, text = line.rstrip("\n").partition(": ")
                found[name] = text

    first = reply.readline()
    assert first in (b": here\n", b"event: reset\n")
    try:
        yield events()
    finally:
        connection.close()


def hooked(running: Running) -> None:
    running.alloy.scripts.create("watch", HOOK, on="thing.before_create", status="active")


def fire(running: Running, *numbers: int) -> None:
    for number in numbers:
        running.alloy.fire("thing.before_create", {"n": number, "id": f"t{number}"})
    running.alloy.flush()


def test_runs_are_told_as_they_are_recorded_and_the_tail_goes_on(serve: Serve) -> None:
    running = serve()
    hooked(running)
    client = running.client("viewer")
    fire(running, 1)
    with following(client) as events:
        fire(running, 2, 3)
        seen = [next(events), next(events)]
    assert [(event, run["entity_id"]) for event, _, run in seen] == [("run", "t2"), ("run", "t3")]
    assert seen[0][2]["logs"] == [{"level": "info", "message": "saw 2"}]
    fire(running, 4)
    with following(client, Last_Event_ID=seen[-1][1]) as events:
        fire(running, 5)
        later = []
        while "t5" not in later:
            later.append(next(events)[2]["entity_id"])
    assert later.index("t4") < later.index("t5") and "t3" not in later


def test_only_what_was_asked_for_is_told(serve: Serve) -> None:
    running = serve()
    hooked(running)
    with following(running.client("viewer"), "?status=rejected&script=watch") as events:
        fire(running, 1, -2, 3, -4)
        assert [next(events)[2]["entity_id"] for _ in range(2)] == ["t-2", "t-4"]


def test_tails_are_counted_and_end_when_the_service_stops(serve: Serve) -> None:
    running = serve(ApiOptions(max_streams=1))
    client = running.client("viewer")
    with following(client) as events:
        assert client.get("/tail").code == "overloaded"
        running.call(running.server.stop())
        assert list(events) == []
