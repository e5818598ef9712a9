"""The one shape of all errors, and the one table from error codes to HTTP statuses."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import web

from ..errors import AlloyError
from .reply import Reply, plain, to_json
from .wire.common import ErrorInfo, ErrorReply

STATUS_OF = {
    "malformed_json": 400, "malformed_request": 400,
    "unauthenticated": 401,
    "permission_denied": 403, "capability_denied": 403, "review_required": 403, "backtest_required": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "request_timeout": 408,
    "conflict": 409, "in_progress": 409,
    "stale_version": 412,
    "body_too_large": 413,
    "unsupported_media_type": 415,
    "validation_error": 422, "invalid_value": 422, "compile_error": 422, "idempotency_mismatch": 422,
    "rejected": 422,
    "rate_limited": 429,
    "internal_error": 500, "config_error": 500, "script_failed": 500,
    "bad_reply": 502,
    "overloaded": 503, "breaker_open": 503, "bypassed": 503, "store_error": 503,
    "quota_exceeded": 507,
}  # fmt: skip
"""The status of each error code; codes that are not listed are faults of the service."""
RETRY_AFTER = {"overloaded": 1, "store_error": 1, "breaker_open": 10, "bypassed": 10}
"""Seconds after which it makes sense to call again, by error code."""
INTERNAL = "something went wrong inside; the request id finds it in the service's log"

_CODE_OF_STATUS = {
    400: "malformed_request", 401: "unauthenticated", 403: "permission_denied", 404: "not_found",
    405: "method_not_allowed", 408: "request_timeout", 413: "body_too_large",
    415: "unsupported_media_type", 431: "malformed_request",
}  # fmt: skip


class ApiError(AlloyError):
    """A refusal of the service itself; ``headers`` go with the reply."""

    def __init__(self, code: str, message: str, *, headers: Mapping[str, str] | None = None, **facts: Any) -> None:
        super().__init__(message, code=code, details=facts)
        self.headers = headers or {}


def code_of(error: AlloyError) -> str:
    """Returns the code that callers see: a conflict over a version that they named is told from other conflicts."""
    return "stale_version" if error.code == "conflict" and "expected" in error.details else error.code


def status_of(error: AlloyError) -> int:
    """Returns the HTTP status of an error."""
    return STATUS_OF.get(code_of(error), 500)


def info_of(error: AlloyError, request_id: str | None = None) -> ErrorInfo:
    """Returns an error as callers see it."""
    return ErrorInfo(
        code=code_of(error), message=plain(error.message), request_id=request_id, details=plain(error.details),
        line=error.line, column=error.column, traceback=[plain(frame) for frame in error.traceback],
    )  # fmt: skip


def reply_of(error: AlloyError, request_id: str) -> Reply:
    """Returns the reply for an error."""
    headers = dict(error.headers) if isinstance(error, ApiError) else {}
    if error.code == "unauthenticated":
        headers["WWW-Authenticate"] = 'Bearer realm="alloy-lua"'
    wait = error.details.get("retry_after", RETRY_AFTER.get(error.code))
    if wait is not None:
        headers.setdefault("Retry-After", str(wait))
    return Reply(ErrorReply(error=info_of(error, request_id)), status_of(error), headers)


def from_http(error: web.HTTPException) -> ApiError:
    """Returns the error for one that the HTTP library raised: no such path, no such method, a body too large."""
    code = _CODE_OF_STATUS.get(error.status, "internal_error" if error.status >= 500 else "malformed_request")
    headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
    if code == "not_found":
        return ApiError(code, "no such path")
    if code == "method_not_allowed":
        return ApiError(code, f"this path knows {headers.get('Allow', 'other methods')} only", headers=headers)
    return ApiError(code, HTTPStatus(error.status).phrase.lower(), headers=headers)


def body_of(error: AlloyError, request_id: str) -> bytes:
    """Returns the JSON of an error."""
    return to_json(reply_of(error, request_id).body)
