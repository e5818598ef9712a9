"""The live tail: recorded runs and their log lines as server-sent events."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from aiohttp import web

from ...errors import StoreError
from ..endpoint import Group, Media
from ..service import Call
from ..tail import Tail
from ..wire.runs import TailFilters

GROUP = Group("tail", "What scripts do, as they do it.")


@GROUP.get("/tail", "runs.read", Media("text/event-stream", "Events called run, one for each recorded run."))
async def tail_runs(call: Call, query: TailFilters) -> web.StreamResponse:
    """Follow runs as they are recorded, by whatever process, each with its log lines.

    Each event's id is its run's. With ``Last-Event-ID`` the tail goes on where it was cut off; runs of the last
    seconds before may then come twice. An event called ``reset`` says that this was not possible.
    """
    service = call.service
    with service.stream():
        tail = Tail(call, query)
        response = await tail.begin()
        try:
            while not service.stopping.is_set():
                with suppress(StoreError):  # it goes on where it was once the store is back
                    await tail.send(response)
                await asyncio.sleep(Tail.POLL_SECONDS)
        except (ConnectionError, TimeoutError):
            pass  # the caller has gone, or does not read
    return response
