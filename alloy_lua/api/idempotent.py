"""Calls with an ``Idempotency-Key``: carried out once, answered as often as they are sent."""

from __future__ import annotations

import functools
import re
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from ..access_model import IdempotentCall
from ..errors import ValidationError
from .endpoint import Lane
from .errors import STATUS_OF, ApiError, body_of

if TYPE_CHECKING:
    from .service import Call

HEADER = "Idempotency-Key"
KEPT_HEADERS = ("Content-Type", "ETag", "Location")
HOLD_SECONDS = 120.0
_KEY = re.compile(r"[A-Za-z0-9._:-]{1,200}")


def key_of(request: web.Request) -> str | None:
    """Returns the key of a request, if it has one.

    Raises:
        ValidationError: It is no key.
    """
    given = request.headers.get(HEADER)
    if given is not None and not _KEY.fullmatch(given):
        raise ValidationError(f"{HEADER}: wanted 1 to 200 letters, digits, '.', '_', ':' or '-'")
    return given


async def once(
    call: Call, key: str, body: bytes, make: Callable[[], Awaitable[web.StreamResponse]], *,
    caller: str | None = None, keep: Iterable[str] | None = KEPT_HEADERS,
) -> web.StreamResponse:  # fmt: skip
    """Returns the response that ``make`` returns, or returned when the call was first sent.

    Replies to calls that went wrong are not kept: they changed nothing, and may be sent again.

    Args:
        call: The call.
        key: What the client calls it.
        body: Its body.
        make: Carries it out.
        caller: Who calls, if it shows no token.
        keep: The headers that are kept, None for all.
    """
    store = call.service.lanes[Lane.STORE]
    path = f"{call.request.path_qs} {call.tenant}"
    begin = functools.partial(call.alloy.idempotency.begin, hold_seconds=HOLD_SECONDS, caller=caller)
    found = await store.run(_as_actor, call, begin, key, call.request.method, path, body)
    if found.status is not None:
        return _again(found)
    try:
        response = await make()
    except BaseException:
        await store.run(_as_actor, call, call.alloy.idempotency.release, found)
        raise
    if response.status >= 500:
        await store.run(_as_actor, call, call.alloy.idempotency.release, found)
        return response
    status, headers, kept = _kept(call, response, response.headers if keep is None else keep)
    await store.run(_as_actor, call, call.alloy.idempotency.finish, found, status, headers, kept)
    return response


def _as_actor(call: Call, work: Callable[..., Any], *arguments: Any) -> Any:
    with call.as_actor():
        return work(*arguments)


def _kept(call: Call, response: web.StreamResponse, names: Iterable[str]) -> tuple[int, list[tuple[str, str]], bytes]:
    """Returns what is given once more; a reply with a secret in it never is."""
    if call.endpoint.keeps_secret:
        said = ApiError("conflict", "this call was made before; its reply held a secret, which is told once")
        return STATUS_OF["conflict"], [("Content-Type", "application/json")], body_of(said, call.request_id)
    headers = [(name, response.headers[name]) for name in names if name in response.headers]
    body = response.body if isinstance(response, web.Response) else b""
    return response.status, headers, body if isinstance(body, bytes) else b""


def _again(found: IdempotentCall) -> web.Response:
    assert found.status is not None
    headers = {**dict(found.headers), "Idempotent-Replayed": "true"}
    return web.Response(status=found.status, headers=headers, body=found.body or None)
