"""From an endpoint's declaration to the handler that aiohttp calls: who, what, where to run it, what to answer."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from aiohttp import web

from ..access import roles
from ..access_model import Actor
from ..errors import AlloyError, PermissionDenied, ValidationError
from ..logs import REQUEST_ID as LOGGED_ID
from ..model import DEFAULT_TENANT
from .decoding import Decoder, check_json, read_body
from .endpoint import ANY_TOKEN, Endpoint
from .errors import INTERNAL, ApiError, from_http, reply_of
from .headers import REQUEST_ID, USUAL, request_id_of, secure
from .idempotent import key_of, once
from .reply import JSON, Reply, to_json
from .service import Call, Service

TENANT = "Alloy-Tenant"
_AS_SENT = "%/:@!$&'()*+,;=[]"
_log = logging.getLogger("alloy_lua.api")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def handler_of(endpoint: Endpoint, service: Service) -> Handler:
    """Returns the aiohttp handler of an endpoint."""
    decoder = Decoder(endpoint)
    options = service.options
    most = options.max_batch_body if endpoint.batch else options.max_body

    async def handle(request: web.Request) -> web.StreamResponse:
        actor = None
        if endpoint.permission is not None:
            found = service.actor_of(request)
            actor = found if isinstance(found, Actor) else await found
        call = _call_of(request, endpoint, service, actor)
        body = None
        if endpoint.body is not None:
            body = await read_body(request, most, options.body_seconds)
            if body:
                check_json(request)
            elif endpoint.body_optional:
                body = b"{}"
        arguments = decoder.arguments(request, body)
        key = key_of(request) if endpoint.mutates else None
        if key is None:
            return await _answer(call, arguments)
        return await once(call, key, bytes(body or b""), functools.partial(_answer, call, arguments))

    return handle


async def _answer(call: Call, arguments: dict[str, Any]) -> web.StreamResponse:
    endpoint = call.endpoint
    lane = call.service.lanes.get(endpoint.lane)
    if lane is not None:
        return await lane.run(_whole, endpoint, call, arguments)
    answer = await endpoint.call(call, **arguments)
    return answer if isinstance(answer, web.StreamResponse) else _response(endpoint, answer)


def _whole(endpoint: Endpoint, call: Call, arguments: dict[str, Any]) -> web.Response:
    """Returns a plain handler's response, encoded in the same thread."""
    with call.as_actor(getattr(arguments.get("body"), "reason", None)):
        return _response(endpoint, endpoint.call(call, **arguments))


def _response(endpoint: Endpoint, answer: Any) -> web.Response:
    reply = answer if isinstance(answer, Reply) else Reply(answer)
    return response_of(reply, endpoint.usual)


def response_of(reply: Reply, usual: int) -> web.Response:
    """Returns the response that a reply stands for."""
    status = reply.status or usual
    if reply.body is None:
        return web.Response(status=status, headers=reply.headers)
    body = reply.body if isinstance(reply.body, bytes) else to_json(reply.body)
    headers = USUAL.copy()
    if reply.media != JSON:
        headers["Content-Type"] = reply.media
    if reply.headers:
        headers.update(reply.headers)
    return web.Response(status=status, headers=headers, body=body)


def _call_of(request: web.Request, endpoint: Endpoint, service: Service, actor: Actor | None) -> Call:
    """Returns the call, if its caller may make it."""
    tenant = DEFAULT_TENANT
    if actor is not None:
        if endpoint.tenant:
            tenant = _tenant_of(request, actor)
        _check_allowed(actor, endpoint, tenant)
    return Call(service, endpoint, request, actor, tenant, request[REQUEST_ID])


def _check_allowed(actor: Actor, endpoint: Endpoint, tenant: str) -> None:
    """Returns None if the actor may call the endpoint, in this tenant or in any or in all, as the endpoint says."""
    assert endpoint.permission is not None
    if endpoint.permission == ANY_TOKEN:
        return
    where = tenant if endpoint.tenant else None
    if endpoint.anywhere and actor.tenants:
        where = next(iter(actor.tenants))
    check_held(actor, endpoint.permission, where)


def check_held(actor: Actor, permission: str, tenant: str | None) -> None:
    """Returns None if `roles.check` does; what it refuses because of the scopes alone names the scope that is missing.

    Raises:
        NotFound, PermissionDenied: as `roles.check`.
    """
    try:
        roles.check(actor, permission, tenant)
    except PermissionDenied as error:
        if roles.at_least(actor.role, roles.PERMISSIONS[permission]) and not roles.covers(actor.scopes, permission):
            held = sorted(actor.scopes or ())
            error.details = {"permission": permission, "scopes": held, "wanted_scope": permission}
        raise


def _tenant_of(request: web.Request, actor: Actor) -> str:
    """Returns the tenant that a call is for: the one it names, or the only one its caller has."""
    given = request.headers.get(TENANT)
    if given is None:
        if actor.tenants is None:
            return DEFAULT_TENANT
        if len(actor.tenants) == 1:
            return next(iter(actor.tenants))
        raise ValidationError(f"{TENANT}: missing; wanted one of {', '.join(sorted(actor.tenants))}")
    if not given.strip() or len(given) > 200:
        raise ValidationError(f"{TENANT}: wanted 1 to 200 characters")
    return given


def guarded(service: Service, handler: Handler) -> Handler:
    """Returns ``handler`` with what is around all of them: errors get their one shape, responses their headers.

    Every route is wrapped in it, those for unknown paths and methods too: quicker than a middleware, and the same
    for a service that is mounted in another application.
    """

    async def handle(request: web.Request) -> web.StreamResponse:
        request[REQUEST_ID] = request_id = request_id_of(request) or service.request_id()
        LOGGED_ID.set(request_id)
        try:
            if service.trace is None:
                response = await handler(request)
            else:
                with service.trace(request.headers):
                    response = await handler(request)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            response = response_of(reply_of(_told(error, request), request_id), 500)
        if not response.prepared:
            response.headers["X-Request-Id"] = request_id
            secure(response.headers)
        if _log.isEnabledFor(logging.INFO):
            _log.info(
                "%s %s %d", request.method, logged_path(request), response.status, extra=_facts(request, response)
            )
        return response

    return handle


def logged_path(request: web.Request) -> str:
    """Returns the path as it was sent, still percent-encoded and without its query.

    Decoded, it could end the log's line and begin another, or speak to the terminal that shows it. What a client sends
    unencoded beyond ASCII is encoded here.
    """
    return quote(request.raw_path.partition("?")[0], safe=_AS_SENT, errors="surrogateescape")


def _facts(request: web.Request, response: web.StreamResponse) -> dict[str, Any]:
    """Returns what the log says of a call, besides its request id."""
    return {
        "method": request.method, "path": logged_path(request), "status": response.status, "address": request.remote,
        "tenant": request.headers.get(TENANT),
    }  # fmt: skip


def _told(error: Exception, request: web.Request) -> AlloyError:
    """Returns the error that callers are told; a fault of the service is logged and not told."""
    if isinstance(error, AlloyError):
        return error
    if isinstance(error, web.HTTPException):
        return from_http(error)
    _log.exception("request %s: %s %s failed", request[REQUEST_ID], request.method, logged_path(request))
    return ApiError("internal_error", INTERNAL)
