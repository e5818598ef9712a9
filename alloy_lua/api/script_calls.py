"""Script endpoints: calls of ``/x/{tenant}/{path}`` are answered by scripts with an api trigger."""

from __future__ import annotations

import functools
import logging
from typing import Any

import msgspec
from aiohttp import web

from ..access_model import Actor
from ..errors import AlloyError, ConfigError, NotFound
from ..model import RunStatus
from ..outcome import Outcome
from ..routes import Match, Route
from ..values import jsonable
from .decoding import decoded, read_body
from .dispatch import Handler, check_held
from .endpoint import Endpoint, Lane
from .errors import INTERNAL, ApiError
from .headers import REQUEST_ID, SECURITY
from .idempotent import key_of, once
from .reply import JSON, to_json
from .service import Call, Service
from .signatures import check_signature

MUTATING = ("POST", "PUT", "PATCH", "DELETE")
PATH = r"/x/{tenant}/{path:[\s\S]*}"
POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
_SENT = (
    "content-type", "cache-control", "etag", "location", "link", "retry-after", "content-disposition",
    "content-language", "vary", "last-modified",
)  # fmt: skip
_KEPT_BACK = frozenset(("x-request-id", *(name.lower() for name in SECURITY)))
_log = logging.getLogger("alloy_lua.api")
_ANY = msgspec.json.Decoder(Any)
_ENDPOINT = Endpoint(
    method="*", path="/x/{tenant}/{path}", tag="x", permission="scripts.run", call=lambda call: None, path_types={},
    query=None, body=None, replies={200: None}, errors=(), lane=Lane.SCRIPTS, tenant=True, mutates=False,
    versioned=False, batch=False, anywhere=False, keeps_secret=False, more_media=(), example=None,
)  # fmt: skip


def script_handler(service: Service) -> Handler:
    """Returns the aiohttp handler of all script endpoints."""

    async def handle(request: web.Request) -> web.StreamResponse:
        tenant, path = request.match_info["tenant"], "/" + request.match_info["path"]
        match = await service.lanes[Lane.STORE].run(service.alloy.routes.match, tenant, request.method, path)
        route = _route_of(match)
        actor = await _actor_of(request, service, route)
        caller = actor.name if actor is not None else request.remote or ""
        service.rates.take(("x", route.script.id, route.trigger.path, caller), route.trigger.per_minute, 60.0)
        body = bytes(await read_body(request, service.options.max_body, service.options.body_seconds))
        call = Call(service, _ENDPOINT, request, actor, tenant, request[REQUEST_ID])
        if route.trigger.auth == "hmac":
            await service.lanes[Lane.STORE].run(_check_signed, call, route, body)
        params = _params(request, route, match.variables, body)
        make = functools.partial(service.lanes[Lane.SCRIPTS].run, _answer, call, route, params)
        key = key_of(request) if request.method in MUTATING else None
        if key is None:
            return await make()
        return await once(call, key, body, make, caller=_stranger(request, route), keep=None)

    return handle


def _stranger(request: web.Request, route: Route) -> str:
    """Returns whose idempotency keys count for a call without a token: all that sign with a secret are one caller."""
    if route.trigger.auth == "hmac":
        return f"{route.script.tenant} {route.trigger.secret}"
    return request.remote or ""


def _route_of(match: Match) -> Route:
    if match.route is not None:
        return match.route
    if match.methods:
        raise ApiError(
            "method_not_allowed", f"this path knows {', '.join(match.methods)} only",
            headers={"Allow": ", ".join(match.methods)},
        )  # fmt: skip
    raise NotFound("no such path")


async def _actor_of(request: web.Request, service: Service, route: Route) -> Actor | None:
    """Returns who calls, where the route wants to know."""
    if route.trigger.auth != "token":
        return None
    found = service.actor_of(request)
    actor = found if isinstance(found, Actor) else await found
    check_held(actor, "scripts.run", route.script.tenant)
    return actor


def _check_signed(call: Call, route: Route, body: bytes) -> None:
    try:
        secret = call.alloy.secrets.open(call.tenant, route.trigger.secret or "")
    except (ConfigError, NotFound) as error:
        # Anybody can get here: what the secret is called and what ails it is for the log only.
        _log.error("request %s: script %r: %s", call.request_id, route.script.name, error.message)
        raise ApiError("internal_error", INTERNAL) from None
    check_signature(call, secret, body)


def _params(request: web.Request, route: Route, variables: dict[str, str], body: bytes) -> dict[str, Any]:
    """Returns the request as the script sees it."""
    query: dict[str, Any] = {}
    for name in request.query:
        values = request.query.getall(name)
        query[name] = values[0] if len(values) == 1 else values
    headers = {name: request.headers[name] for name in route.trigger.headers if name in request.headers}
    return {
        "method": request.method, "path": request.path, "params": variables, "query": query, "headers": headers,
        "body": _body(request, body),
    }  # fmt: skip


def _body(request: web.Request, body: bytes) -> Any:
    if not body:
        return None
    kind = request.content_type
    if kind == JSON or kind.endswith("+json"):
        return decoded(_ANY, body)
    if kind.startswith("text/") or kind == "application/x-www-form-urlencoded":
        try:
            return body.decode()
        except UnicodeDecodeError:
            raise ApiError("malformed_request", "body: got bytes that are not UTF-8, wanted text") from None
    raise ApiError("unsupported_media_type", f"Content-Type: got {kind!r}, wanted JSON or text")


def _answer(call: Call, route: Route, params: dict[str, Any]) -> web.Response:
    with call.as_actor():
        outcome = call.alloy.answer(route, params, user=call.actor.name if call.actor is not None else None)
    headers = {"Content-Security-Policy": POLICY}
    if outcome.runs:
        headers["Alloy-Run-Id"] = outcome.runs[0].id
    if outcome.status is RunStatus.CONTINUE:
        return _response(outcome.value, headers)
    raise _refusal(outcome, headers)


def _refusal(outcome: Outcome, headers: dict[str, str]) -> AlloyError:
    """Returns what callers learn of a script that rejected or failed: its reason, but not how it is made."""
    if outcome.status is RunStatus.REJECTED:
        details = jsonable(outcome.details)
        facts = details if isinstance(details, dict) else {} if details is None else {"details": details}
        error = ApiError("rejected", str(jsonable(outcome.reason) or "rejected"), headers=headers)
        error.details = facts
        return error
    return ApiError("script_failed", "the script behind this path failed; its run says how", headers=headers)


def _response(value: Any, headers: dict[str, str]) -> web.Response:
    """Returns the response that a script's value stands for: nil, or a table of status, headers and body.

    Raises:
        ApiError: It stands for none.
    """
    if value is None:
        return web.Response(status=204, headers=headers)
    if not isinstance(value, dict) or not value or set(value) - {"status", "headers", "body"}:
        raise _misfit("wanted nil or a table with status, headers and body", headers)
    status = value.get("status", 200)
    if isinstance(status, bool) or not isinstance(status, int | float) or not 200 <= status <= 599 or status % 1:
        raise _misfit("status: wanted a whole number from 200 to 599", headers)
    given = _headers(value.get("headers"), headers)
    body = value.get("body")
    if isinstance(body, str | bytes):
        given.setdefault("Content-Type", "text/plain; charset=utf-8")
        return web.Response(
            status=int(status), headers=given, body=body.encode("utf-8", "replace") if isinstance(body, str) else body
        )
    if body is None:
        return web.Response(status=int(status), headers=given)
    given.setdefault("Content-Type", JSON)
    return web.Response(status=int(status), headers=given, body=to_json(jsonable(body)))


def _headers(given: Any, headers: dict[str, str]) -> dict[str, str]:
    found = dict(headers)
    if given in (None, [], {}):
        return found
    if not isinstance(given, dict):
        raise _misfit("headers: wanted a table of names and texts", headers)
    for name, value in given.items():
        known = isinstance(name, str) and (name.lower() in _SENT or _own(name.lower()))
        text = str(value) if isinstance(value, str | int | float) else None
        if not known or text is None or not text.isprintable() or not name.isascii() or not text.isascii():
            raise _misfit(f"header {str(name)[:50]!r}: may not be sent", headers)
        found[name.title()] = text
    return found


def _own(name: str) -> bool:
    return name.startswith("x-") and name not in _KEPT_BACK


def _misfit(why: str, headers: dict[str, str]) -> ApiError:
    return ApiError("bad_reply", f"the script behind this path answered what is no reply: {why}", headers=headers)
