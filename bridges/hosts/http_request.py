"""From what a script passes to ``http`` to a request: options read and checked, secrets opened, the answer scrubbed."""

from __future__ import annotations

import base64
import hmac
import re
from time import monotonic
from typing import Any

from yarl import URL

from ...errors import HostError
from ...hostapi import HostCall
from ...values import Secret
from .arguments import as_table, from_bytes, shown, wrong
from .http_client import MAX_REDIRECTS, HttpClient, Request
from .http_module import Check, HttpLimits, Outgoing
from .json_module import encode

OPTIONS = (
    "auth", "bearer", "body", "headers", "json", "query", "redirects", "retries", "sign", "timeout",
)  # fmt: skip
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
ALGORITHMS = ("sha256", "sha512", "sha1")
MAX_RETRIES = 5
RETRIES = 2
MAX_URL = 8_192
MAX_HEADERS = 50
MAX_HEADER = 8_192

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\U0010ffff]*")
# Those that decide how a message is framed or where it goes are the client's own.
_RESERVED = frozenset(
    [
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ]
)


def exchange(
    client: HttpClient, call: HostCall, method: Any, url: Any, options: dict[str, Any], check: Check,
    limits: HttpLimits, outgoing: Outgoing,
) -> dict[str, Any]:  # fmt: skip
    """Returns the response to a script's request, as the script sees it.

    Raises:
        InvalidValue: An option is wrong.
        HostError: The request failed.
        CapabilityDenied: It leads where it may not.
    """
    request, derived = request_of(call, method, url, options, check, limits)
    request.check(request.method, request.url)  # what is refused starts no thread
    with outgoing(request.method, request.url.host or "", request.headers):
        answer = client.send(request, call.cancellation)

    def clean(data: bytes) -> bytes:
        for text in derived:
            data = data.replace(text.encode(), b"[secret]")
        return data

    headers = {
        name: from_bytes(clean(value.encode("utf-8", "surrogateescape"))) for name, value in answer.headers.items()
    }
    return {
        "status": answer.status,
        "ok": 200 <= answer.status < 300,
        "headers": headers,
        "body": from_bytes(clean(answer.body)),
        "url": answer.url,
    }


def request_of(
    call: HostCall, method: Any, url: Any, options: dict[str, Any], check: Check, limits: HttpLimits
) -> tuple[Request, list[str]]:
    """Returns the request that a script asks for, and texts in it that were made of secrets."""
    given = as_table("http", options, OPTIONS)
    if method not in METHODS:
        raise wrong("http", method, f"one of {', '.join(METHODS)} as method")
    headers, confidential = _headers(given.get("headers"))
    derived: list[str] = []
    _credentials(given, headers, confidential, derived)
    body, body_is_secret = _body(given, headers)
    _sign(given.get("sign"), body or b"", headers)

    def count() -> None:
        call.counts["http"] = number = call.counts.get("http", 0) + 1
        if number > limits.requests:
            raise HostError(
                f"http: this run has made {limits.requests} requests, which is the most", code="quota_exceeded"
            )

    def allowed(asked: str, to: URL) -> bool:
        return check(call.tenant, asked, to.scheme, to.raw_host or "", to.port or 0, to.raw_path)

    seconds = _between(given, "timeout", limits.seconds, 0.001, limits.seconds)
    return Request(
        method, _url(url, given.get("query")), headers, body, frozenset(confidential), body_is_secret,
        int(_between(given, "retries", RETRIES, 0, MAX_RETRIES)),
        int(_between(given, "redirects", MAX_REDIRECTS, 0, MAX_REDIRECTS)),
        min(monotonic() + seconds, call.deadline), limits.response_bytes, allowed, count,
    ), derived  # fmt: skip


def _url(url: Any, query: Any) -> URL:
    if not isinstance(url, str) or len(url) > MAX_URL:
        raise wrong("http", url, f"a URL as text of at most {MAX_URL} characters")
    try:
        found = URL(url).with_fragment(None)
        if query is not None:
            found = found.update_query({name: _text(value, "query") for name, value in _named(query, "query").items()})
    except (ValueError, TypeError):
        raise wrong("http", url, "a URL such as https://api.example.com/v1/rate") from None
    if (
        found.scheme not in ("http", "https")
        or not found.raw_host
        or found.user is not None
        or found.password is not None
    ):
        raise wrong("http", url, "a URL such as https://api.example.com/v1/rate, without user and password")
    return found


def _headers(given: Any) -> tuple[dict[str, str], set[str]]:
    headers: dict[str, str] = {}
    confidential: set[str] = set()
    for name, value in _named(given, "headers").items():
        if not _NAME.fullmatch(name) or name.lower() in _RESERVED:
            raise wrong("http", name, "the name of a header that may be set")
        headers[name] = _header(name, _joined(value, f"header {name}"))
        if _holds_secret(value):
            confidential.add(name.lower())
    if len(headers) > MAX_HEADERS:
        raise wrong("http", f"{len(headers)} headers", f"at most {MAX_HEADERS}")
    return headers, confidential


def _header(name: str, text: str) -> str:
    if len(text) > MAX_HEADER or not _VALUE.fullmatch(text):
        raise wrong("http", f"header {name}", f"a value on one line of at most {MAX_HEADER} characters")
    return text


def _credentials(given: Any, headers: dict[str, str], confidential: set[str], derived: list[str]) -> None:
    if given.get("bearer") is not None:
        headers["Authorization"] = _header("Authorization", f"Bearer {_joined(given['bearer'], 'bearer')}")
        confidential.add("authorization")
    if given.get("auth") is not None:
        auth = as_table("http auth", given["auth"], ("user", "password"))
        pair = f"{_joined(auth.get('user', ''), 'user')}:{_joined(auth.get('password', ''), 'password')}"
        packed = base64.b64encode(pair.encode()).decode()
        headers["Authorization"] = f"Basic {packed}"
        confidential.add("authorization")
        if _holds_secret(given["auth"]):
            derived.append(packed)


def _body(given: Any, headers: dict[str, str]) -> tuple[bytes | None, bool]:
    body, data = given.get("body"), given.get("json")
    if body is not None and data is not None:
        raise wrong("http", "body and json", "only one of them")
    if data is not None:
        if not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = "application/json"
        return encode(_revealed(data)).encode(), _holds_secret(data)
    if body is None:
        return None, False
    if isinstance(body, bytes):
        return body, False
    return _joined(body, "body").encode(), _holds_secret(body)


def _sign(given: Any, body: bytes, headers: dict[str, str]) -> None:
    if given is None:
        return
    sign = as_table("http sign", given, ("secret", "header", "algorithm", "prefix"))
    algorithm, header = sign.get("algorithm", "sha256"), sign.get("header", "X-Signature")
    if algorithm not in ALGORITHMS:
        raise wrong("http sign", algorithm, f"one of {', '.join(ALGORITHMS)}")
    if not isinstance(header, str) or not _NAME.fullmatch(header) or header.lower() in _RESERVED:
        raise wrong("http sign", header, "the name of a header that may be set")
    key = _joined(sign.get("secret", ""), "sign.secret")
    if not key:
        raise wrong("http sign", None, "a secret")
    digest = hmac.new(key.encode(), body, algorithm).hexdigest()
    headers[header] = _header(header, _text(sign.get("prefix", ""), "sign.prefix") + digest)


# -- values ------------------------------------------------------------------------------------------------------
def _named(value: Any, what: str) -> dict[str, Any]:
    if value is None or value == []:
        return {}
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise wrong("http", value, f"{what} as a table of names and values")
    return value


def _text(value: Any, what: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, str | int | float):
        return str(value)
    raise wrong("http", value, f"{what} as text or number")


def _joined(value: Any, what: str) -> str:
    """Returns a text, a secret's text, or those of a list one after the other."""
    if isinstance(value, list):
        return "".join(_joined(part, what) for part in value)
    return value.reveal() if isinstance(value, Secret) else _text(value, what)


def _revealed(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, list):
        return [_revealed(inner) for inner in value]
    if isinstance(value, dict):
        return {name: _revealed(inner) for name, inner in value.items()}
    return value


def _holds_secret(value: Any) -> bool:
    if isinstance(value, list | dict):
        return any(map(_holds_secret, value.values() if isinstance(value, dict) else value))
    return isinstance(value, Secret)


def _between(given: Any, name: str, default: float, least: float, most: float) -> float:
    value = given.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise wrong("http", shown(value), f"{name} as a number from {least:g} to {most:g}")
    return float(value)


__all__ = ["OPTIONS", "exchange", "request_of"]
