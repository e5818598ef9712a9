"""Replies that are sent piece by piece, as fast as the caller takes them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from aiohttp import web

from .endpoint import Lane
from .headers import SECURITY
from .service import Call

LINES = 500
STALL_SECONDS = 30.0


async def begin(call: Call, media: str, headers: Mapping[str, str]) -> web.StreamResponse:
    """Returns a response whose headers were sent."""
    response = web.StreamResponse(
        headers={**SECURITY, "X-Request-Id": call.request_id, "Content-Type": media, **headers}
    )
    await response.prepare(call.request)
    return response


async def lines_of(
    call: Call, lines: Callable[[], Iterator[str]], media: str, headers: Mapping[str, str]
) -> web.StreamResponse:
    """Returns a response made of lines, which are read in a thread, some hundred at a time."""
    workers = call.service.lanes[Lane.STORE]

    def start() -> tuple[Iterator[str], str]:
        with call.as_actor():
            found = lines()
            return found, "".join(islice(found, LINES))

    rest, piece = await workers.run(start)  # what is wrong with the request is said before the first byte
    response = await begin(call, media, headers)
    while piece:
        async with asyncio.timeout(STALL_SECONDS):
            await response.write(piece.encode("utf-8", "backslashreplace"))
        piece = await workers.run(lambda: "".join(islice(rest, LINES)))
    await response.write_eof()
    return response
