"""What the handlers of one service share, and what each call knows."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NamedTuple

from aiohttp import web

from ..access_model import Actor
from ..app import Alloy
from ..errors import Unauthenticated, ValidationError
from .actor import Authenticator, TokenAuthenticator
from .by_hand import ByHand
from .endpoint import Endpoint, Lane
from .errors import ApiError
from .firing import Firing
from .options import ApiOptions
from .rates import Rates
from .workers import Workers

_ETAG = re.compile(r'"(\d{1,10})"')


class Service:
    """One service: the facade it serves, its options and its threads.

    Attributes:
        stopping: Set once the service is shutting down.
    """

    def __init__(self, alloy: Alloy, options: ApiOptions, authenticator: Authenticator | None) -> None:
        self.alloy = alloy
        self.options = options
        self.endpoints: tuple[Endpoint, ...] = ()
        self.stopping = asyncio.Event()
        self.streams = 0
        self.loop: asyncio.AbstractEventLoop | None = None
        self._gauged = False
        self.lanes = {
            Lane.STORE: Workers("store", options.store_workers, options.max_waiting),
            Lane.SCRIPTS: Workers("script", options.script_workers, options.max_waiting),
        }
        self.trace = _tracing() if alloy.settings["tracing"] else None
        self.firing = Firing(alloy, self.lanes)
        self.by_hand = ByHand()
        self.rates = Rates()
        self.authenticator: Authenticator = authenticator or TokenAuthenticator(self)
        self._prefix = os.urandom(4).hex()
        self._next = itertools.count(1).__next__

    def request_id(self) -> str:
        """Returns a new id for a call."""
        return f"{self._prefix}{self._next():08x}"

    def actor_of(self, request: web.Request) -> Actor | Awaitable[Actor]:
        """Returns who sent a request, or how to find out.

        Raises:
            Unauthenticated: It is not known.
            RateLimited: They call too often.
        """
        found = self.authenticator(request)
        return self._admitted(found) if isinstance(found, Actor | None) else self._found(found)

    async def _found(self, finding: Awaitable[Actor | None]) -> Actor:
        return self._admitted(await finding)

    def _admitted(self, actor: Actor | None) -> Actor:
        if actor is None:
            raise Unauthenticated("token: missing; wanted the header Authorization: Bearer <token>")
        self.rates.take((actor.token_id or actor.name,), self.options.requests_per_second, 1.0)
        return actor

    @contextmanager
    def stream(self) -> Iterator[None]:
        """Counts an open live tail inside the block.

        Raises:
            ApiError: There are too many.
        """
        if self.streams >= self.options.max_streams:
            raise ApiError("overloaded", f"{self.streams} live tails are open", headers={"Retry-After": "10"})
        self.streams += 1
        try:
            yield
        finally:
            self.streams -= 1

    def add_gauges(self) -> None:
        """Adds the service's own numbers to the metrics, once."""
        if not self._gauged:
            self._gauged = True
            gauge = self.alloy.metrics.gauge
            waiting = {(lane.value,): workers for lane, workers in self.lanes.items()}
            gauge(
                "alloy_http_waiting", "Calls that wait for a thread.",
                lambda: {labels: workers.waiting for labels, workers in waiting.items()}, ("pool",),
            )  # fmt: skip
            gauge("alloy_http_streams", "Live tails that are open.", lambda: self.streams)
            gauge("alloy_http_tasks", "Tasks of the event loop.", lambda: len(asyncio.all_tasks(self.loop)))

    def drain(self) -> None:
        """Ends what would never end by itself: live tails; readiness says no from now on."""
        self.stopping.set()

    def cancel_runs(self) -> None:
        """Ends the runs that calls wait for; they come to ``cancelled`` within moments. Jobs are the worker's."""
        for run in self.alloy.running():
            if run.job is None:
                self.alloy.cancel(run.run_id)

    def close(self) -> None:
        """Lets the calls under way finish."""
        for workers in self.lanes.values():
            workers.close()


def _tracing() -> Callable[[Any], AbstractContextManager[None]]:
    from ..tracing import incoming

    return incoming


class Call(NamedTuple):
    """One call under way: who calls, for which tenant, and what came with it."""

    service: Service
    endpoint: Endpoint
    request: web.Request
    actor: Actor | None
    tenant: str
    request_id: str

    @property
    def headers(self) -> Mapping[str, str]:
        """The request's headers."""
        return self.request.headers

    @property
    def path(self) -> str:
        """The request's path."""
        return self.request.path

    @property
    def remote(self) -> str | None:
        """The address the request came from."""
        return self.request.remote

    @property
    def alloy(self) -> Alloy:
        """The facade."""
        return self.service.alloy

    @property
    def author(self) -> str:
        """The caller's name, as writes are signed with it."""
        return self.actor.name if self.actor is not None else "anonymous"

    def as_actor(self, reason: str | None = None) -> AbstractContextManager[None]:
        """Returns a context manager inside which the facade's calls are checked and logged as the caller's own."""
        if self.actor is None:
            return nullcontext()
        return self.alloy.acting(
            self.actor, via="api", address=self.remote, request_id=self.request_id, reason=reason or None
        )

    @property
    def expected_version(self) -> int | None:
        """The version that ``If-Match`` names; None if any will do.

        Raises:
            ValidationError: It is no version's tag.
        """
        given = self.headers.get("If-Match")
        if given is None or given.strip() == "*":
            return None
        found = _ETAG.fullmatch(given.strip())
        if found is None or int(found[1]) > 2**31 - 1:
            raise ValidationError(f'If-Match: got {given[:100]!r}, wanted the ETag of the script, such as "3"')
        return int(found[1])


SERVICE: web.AppKey[Service] = web.AppKey("alloy_service", Service)
