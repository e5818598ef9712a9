"""Outgoing HTTP on a background event loop: addresses vetted and pinned, redirects checked, time and size bounded.

aiohttp is imported, and the loop's thread started, by the first request. A connection goes to an address that was
vetted for it: the resolver that aiohttp connects by refuses what must not be reached, and nothing is looked up twice.
"""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError
from contextlib import suppress
from time import monotonic
from typing import NamedTuple

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from ...errors import CapabilityDenied, HostError
from ...forking import after_fork
from ...hostapi import Cancellation
from .addresses import address_of, refusal

IDEMPOTENT = frozenset(("GET", "HEAD", "OPTIONS", "PUT", "DELETE"))
RETRIED = frozenset((429, 502, 503, 504))
REDIRECTS = frozenset((301, 302, 303, 307, 308))
MAX_REDIRECTS = 5
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
PER_HOST = 20
CHUNK = 65_536
CLOSE_SECONDS = 5.0

Lookup = Callable[[str, int], Awaitable[list[str]]]


class Request(NamedTuple):
    """One request of a script.

    Attributes:
        method: In upper case.
        url: Where to.
        headers: By name, as sent.
        body: None for none.
        confidential: Names of headers that hold secrets, in lower case: they never leave the first origin.
        body_is_secret: Whether the body holds a secret, and so never leaves the first origin.
        retries: How often to try again; only idempotent requests are.
        redirects: How many redirects to follow.
        deadline: When its time is over, in seconds of `time.monotonic`.
        most_bytes: The largest body of the response.
        check: Returns whether a method and URL may go to private addresses; raises if it may not go at all.
        tally: Called before each request that is sent; raises if there were too many.
    """

    method: str
    url: URL
    headers: dict[str, str]
    body: bytes | None
    confidential: frozenset[str]
    body_is_secret: bool
    retries: int
    redirects: int
    deadline: float
    most_bytes: int
    check: Callable[[str, URL], bool]
    tally: Callable[[], None]

    @property
    def idempotent(self) -> bool:
        """Whether sending it twice does no harm: by its method, or because it carries a key that says so."""
        return self.method in IDEMPOTENT or any(name.lower() == "idempotency-key" for name in self.headers)


class Response(NamedTuple):
    """What came back; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes
    url: str


class _TryAgain(Exception):
    """A failure, or an answer, after which an idempotent request may be sent once more."""

    def __init__(self, found: HostError | Response, after: float = 0.0) -> None:
        super().__init__(str(found))
        self.found = found
        self.after = after


class _Vetted(AbstractResolver):
    """Resolves names for aiohttp's connector, and refuses addresses that must not be reached."""

    def __init__(self, lookup: Lookup, private: bool) -> None:
        self._lookup = lookup
        self._private = private

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._lookup(host, port)
        return [
            ResolveResult(
                hostname=host, host=vetted(host, text, self._private), port=port, proto=0,
                family=socket.AF_INET6 if ":" in text else socket.AF_INET, flags=socket.AI_NUMERICHOST,
            )
            for text in found
        ]  # fmt: skip

    async def close(self) -> None:
        return None


def vetted(host: str, text: str, private: bool) -> str:
    """Returns the address ``text`` of ``host``.

    Raises:
        CapabilityDenied: It must not be reached. One bad address condemns a name: its owner can choose which is used.
    """
    address = address_of(text)
    reason = "unknown" if address is None else refusal(address, private=private)
    if reason is not None:
        raise CapabilityDenied(
            f"http: {host} has a {reason} address, which scripts may not reach", code="egress_denied"
        )
    return text


async def system_lookup(host: str, port: int) -> list[str]:
    """Returns the addresses that the system knows for ``host``."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(item[4][0]) for item in found))


class HttpClient:
    """Sends requests from any thread; the sending itself happens on one loop in a thread of its own.

    Args:
        lookup: Finds the addresses of a name.
        trust: What certificates are checked against; None for the system's authorities.
    """

    def __init__(self, lookup: Lookup = system_lookup, trust: ssl.SSLContext | None = None) -> None:
        self._lookup = lookup
        self._trust = trust
        self._reset()
        after_fork(self._reset)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self.in_flight = 0

    def send(self, request: Request, cancellation: Cancellation) -> Response:
        """Returns the response to a request, sent with its redirects and retries; waits for it off the GIL.

        Raises:
            HostError: It failed, or the run was cancelled (code ``http_error``).
            CapabilityDenied: It, or a redirect, leads where it may not.
        """
        left = request.deadline - monotonic()
        if left <= 0:
            raise _failed("no time is left for a request")
        future = asyncio.run_coroutine_threadsafe(self._exchange(request), self._running())
        cancellation.add(future.cancel)
        self.in_flight += 1
        try:
            return future.result(left + 1)
        except CancelledError:
            raise _failed("the run was cancelled") from None
        except TimeoutError:
            raise _failed("no answer in the time there was") from None
        finally:
            self.in_flight -= 1
            cancellation.remove(future.cancel)
            future.cancel()

    def close(self) -> None:
        """Ends what is under way, closes connections and the thread; safe to call twice."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return
        with suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(self._shut(), loop).result(CLOSE_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(CLOSE_SECONDS)
        loop.close()

    # -- the loop ------------------------------------------------------------------------------------------------
    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="alloy-http", daemon=True)
                self._thread.start()
            return self._loop

    async def _shut(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for session in self._sessions.values():
            await session.close()
        self._sessions = {}

    def _session(self, private: bool) -> aiohttp.ClientSession:
        """Returns the session for public addresses, or the one that may reach private ones: they share nothing."""
        session = self._sessions.get(private)
        if session is None:
            connector = aiohttp.TCPConnector(
                resolver=_Vetted(self._lookup, private), use_dns_cache=False, limit_per_host=PER_HOST,
                ssl=True if self._trust is None else self._trust,
            )  # fmt: skip
            session = self._sessions[private] = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, auto_decompress=False,
                headers={"User-Agent": "alloy-lua", "Accept-Encoding": "identity"},
            )  # fmt: skip
        return session

    # -- one request ---------------------------------------------------------------------------------------------
    async def _exchange(self, request: Request) -> Response:
        tries = request.retries if request.idempotent else 0
        for attempt in range(tries + 1):
            try:
                return await self._follow(request)
            except _TryAgain as failure:
                pause = max(failure.after, FIRST_PAUSE * 2**attempt * random.uniform(0.5, 1.0))
                in_time = pause <= LONGEST_PAUSE and monotonic() + pause < request.deadline
                if attempt == tries or not in_time:
                    if isinstance(failure.found, Response):
                        return failure.found
                    raise failure.found from None
            await asyncio.sleep(pause)
        raise AssertionError("unreachable")

    async def _follow(self, request: Request) -> Response:
        for _ in range(request.redirects + 1):
            response = await self._hop(request)
            location = response.headers.get("location")
            if request.redirects == 0 or response.status not in REDIRECTS or location is None:
                if response.status in RETRIED:
                    raise _TryAgain(response, _retry_after(response))
                return response
            request = redirected(request, response.status, location)
        raise _failed(f"more than {request.redirects} redirects")

    async def _hop(self, request: Request) -> Response:
        url = request.url
        private = request.check(request.method, url)
        literal = address_of(url.raw_host or "")
        if literal is not None:  # aiohttp asks no resolver about these
            vetted(str(literal), str(literal), private)
        request.tally()
        timeout = aiohttp.ClientTimeout(total=max(0.001, request.deadline - monotonic()))
        try:
            async with self._session(private).request(
                request.method, url, headers=request.headers, data=request.body, allow_redirects=False, timeout=timeout
            ) as answer:
                headers: dict[str, str] = {}
                for name, value in answer.headers.items():
                    known = headers.get(name.lower())
                    headers[name.lower()] = value if known is None else f"{known}, {value}"
                return Response(answer.status, headers, await _body(answer, request.most_bytes), str(url))
        except TimeoutError:
            raise _failed(f"{url.host} gave no answer in the time there was") from None
        except aiohttp.ClientConnectorCertificateError:
            raise _failed(f"{url.host} has no certificate that can be trusted") from None
        except aiohttp.ClientSSLError:
            raise _failed(f"{url.host} speaks no TLS that can be trusted") from None
        except aiohttp.ClientConnectorDNSError:
            raise _TryAgain(_failed(f"{url.host} has no address")) from None
        except aiohttp.ClientConnectorError:
            raise _TryAgain(_failed(f"{url.host} refused the connection")) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _TryAgain(_failed(f"{url.host} broke off the exchange ({type(error).__name__})")) from None


def redirected(request: Request, status: int, location: str) -> Request:
    """Returns the request that a redirect asks for (RFC 9110, section 15.4).

    What holds a secret, and credentials of any kind, stay with the origin that the script named.

    Raises:
        HostError: It leads nowhere, or would take a secret body to another origin.
    """
    try:
        url = request.url.join(URL(location)).with_fragment(None)
    except ValueError:
        raise _failed("a redirect leads to no URL") from None
    if url.scheme not in ("http", "https") or not url.raw_host or url.user is not None or url.password is not None:
        raise _failed("a redirect leads to no URL that can be followed")
    method, body, headers = request.method, request.body, request.headers
    if (status == 303 and method != "HEAD") or (status in (301, 302) and method == "POST"):
        method, body = "GET", None
        headers = {name: value for name, value in headers.items() if name.lower() != "content-type"}
    if url.origin() != request.url.origin():
        if body is not None and request.body_is_secret:
            raise _failed(f"a redirect would take a secret to {url.host}")
        kept = request.confidential | {"authorization", "cookie", "proxy-authorization"}
        headers = {name: value for name, value in headers.items() if name.lower() not in kept}
    return request._replace(method=method, body=body, headers=headers, url=url)


async def _body(answer: aiohttp.ClientResponse, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in answer.content.iter_chunked(CHUNK):
        size += len(part)
        if size > most:
            raise _failed(f"the response has more than {most} bytes")
        parts.append(part)
    return b"".join(parts)


def _retry_after(response: Response) -> float:
    text = response.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdecimal() and len(text) < 8 else 0.0


def _failed(reason: str) -> HostError:
    return HostError(f"http: {reason}", code="http_error")
