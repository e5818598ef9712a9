"""One live tail: asks the store for runs that it has not sent yet, so that it sees those of every process."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from time import monotonic

from aiohttp import web

from ..errors import NotFound
from ..model import Run
from .endpoint import Lane
from .reply import to_json
from .service import Call
from .streams import STALL_SECONDS, begin
from .wire.runs import TailFilters, detail_out

OVERLAP = timedelta(seconds=10)
PAGE = 500
PING_SECONDS = 15.0


class Tail:
    """What one caller follows.

    A run is recorded when it is over, so runs turn up a while after they started: each look goes back by `OVERLAP`
    and leaves out what was sent before.

    Args:
        call: Who follows.
        filters: Which runs.
    """

    POLL_SECONDS = 0.5

    def __init__(self, call: Call, filters: TailFilters) -> None:
        self._call = call
        self._filters = {name: getattr(filters, name) for name in filters.__struct_fields__ if name != "script"}
        self._script = filters.script
        self._sent: dict[str, datetime] = {}
        self._since = datetime.now(UTC)
        self._last_write = monotonic()

    async def begin(self) -> web.StreamResponse:
        """Returns the response, begun; from here on `send` is called again and again."""
        workers = self._call.service.lanes[Lane.STORE]
        resumed = await workers.run(self._start, self._call.headers.get("Last-Event-ID"))
        response = await begin(self._call, "text/event-stream; charset=utf-8", {})
        await self._write(response, b": here\n\n" if resumed else b"event: reset\ndata: {}\n\n")
        return response

    async def send(self, response: web.StreamResponse) -> None:
        """Sends what is new; a comment now and then if nothing is, so that nobody thinks the connection dead."""
        found = await self._call.service.lanes[Lane.STORE].run(self._new)
        for text in found:
            await self._write(response, text)
        if not found and monotonic() - self._last_write > PING_SECONDS:
            await self._write(response, b": ping\n\n")

    async def _write(self, response: web.StreamResponse, text: bytes) -> None:
        async with asyncio.timeout(STALL_SECONDS):
            await response.write(text)
        self._last_write = monotonic()

    def _start(self, last: str | None) -> bool:
        """Returns whether the tail goes on behind the run with the id ``last``; it does if there was none."""
        if self._script is not None:
            with self._call.as_actor():
                self._filters["script_id"] = self._call.alloy.scripts.get(self._script, tenant=self._call.tenant).id
        if last is not None:
            try:
                self._since = self._call.alloy.store.get_run(self._call.tenant, last).started_at
                self._sent[last] = self._since
                return True
            except NotFound:
                pass
        for run in self._runs():
            self._sent[run.id] = run.started_at
        return last is None

    def _new(self) -> list[bytes]:
        found = [run for run in self._runs() if run.id not in self._sent]
        found.sort(key=lambda run: (run.started_at, run.id))
        for run in found:
            self._sent[run.id] = run.started_at
        if found:
            self._since = max(self._since, found[-1].started_at)
        kept = self._since - OVERLAP
        self._sent = {name: at for name, at in self._sent.items() if at >= kept}
        return [b"id: %s\nevent: run\ndata: %s\n\n" % (run.id.encode(), to_json(detail_out(run, []))) for run in found]

    def _runs(self) -> list[Run]:
        """Returns the runs since the last look, the overlap included."""
        found: list[Run] = []
        before = None
        while True:
            page = self._call.alloy.runs(
                tenant=self._call.tenant, **self._filters, since=self._since - OVERLAP, before=before, limit=PAGE
            )
            found += page
            if len(page) < PAGE or len(found) >= 20 * PAGE:
                return found
            before = page[-1].id
