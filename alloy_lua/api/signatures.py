"""Signed requests: HMAC-SHA256 over the time, the method, the path and the raw body, each signature good once.

The header is ``Alloy-Signature: t=<unix seconds>,v1=<hex>``, over ``<t>.<METHOD>.<path and query>.<body>``.
"""

from __future__ import annotations

import hmac
import re
from hashlib import sha256
from time import time

from ..errors import Conflict, Unauthenticated
from .service import Call

HEADER = "Alloy-Signature"
WINDOW_SECONDS = 300
_FORM = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})")


def signature(secret: str, moment: int, method: str, path: str, body: bytes) -> str:
    """Returns the header's value for a request.

    Args:
        secret: What caller and service both know.
        moment: Unix seconds.
        method: The HTTP method.
        path: The path with its query, as it is sent.
        body: The raw body.
    """
    signed = b".".join((str(moment).encode(), method.encode(), path.encode(), body))
    return f"t={moment},v1={hmac.new(secret.encode(), signed, sha256).hexdigest()}"


def check_signature(call: Call, secret: str, body: bytes) -> None:
    """Returns None if the request is signed with ``secret``, is at most five minutes old or early, and is new.

    Raises:
        Unauthenticated: It is not; the message does not say which.
    """
    request = call.request
    form = _FORM.fullmatch(request.headers.get(HEADER, ""))
    if form is None:
        raise Unauthenticated(f"{HEADER}: missing or not of the form t=<unix seconds>,v1=<hex>")
    moment = int(form[1])
    wanted = signature(secret, moment, request.method, request.raw_path, body)
    if not hmac.compare_digest(wanted, form[0]) or abs(time() - moment) > WINDOW_SECONDS:
        raise Unauthenticated(f"{HEADER}: wrong, too old, or used before")
    try:
        call.alloy.idempotency.begin(
            f"signature:{form[2]}", request.method, request.raw_path, body, hold_seconds=2 * WINDOW_SECONDS
        )
    except Conflict:
        raise Unauthenticated(f"{HEADER}: wrong, too old, or used before") from None
