"""Headers that every response has, and the id that names a call."""

from __future__ import annotations

import re

from aiohttp import web
from multidict import CIMultiDict

REQUEST_ID: web.RequestKey[str] = web.RequestKey("alloy_request_id", str)
SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Server": "alloy-lua",
}
USUAL = CIMultiDict({"Content-Type": "application/json", **SECURITY})
"""What most responses have; to be copied."""

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def secure(headers: CIMultiDict[str]) -> None:
    """Adds the headers of `SECURITY`; a response's own stay as they are."""
    if "X-Frame-Options" not in headers:  # else it has them all
        for name, value in SECURITY.items():
            headers.setdefault(name, value)


def request_id_of(request: web.Request) -> str | None:
    """Returns the id that the caller gave the call in ``X-Request-Id``, if it is a safe one."""
    given = request.headers.get("X-Request-Id")
    return given if given is not None and _ID.fullmatch(given) else None
