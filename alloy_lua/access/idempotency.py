"""Idempotency keys: a call that is sent twice is carried out once, and answered twice.

After the IETF draft "The Idempotency-Key HTTP Header Field": the same key with another request is refused, a second
one while the first is under way is refused for the moment, and one after it gets the first one's response.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from .. import checks
from ..access_model import IdempotentCall
from ..errors import Conflict
from ..ports import Store
from .acting import current, who

KEEP = timedelta(hours=24)
HOLD_SECONDS = 60.0


class Idempotency:
    """The calls of the last 24 hours by idempotency key.

    Args:
        store: Where they are kept.
        now: Returns the time.
    """

    def __init__(self, store: Store, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._store = store
        self._now = now

    def begin(
        self, key: str, method: str, path: str, body: bytes, *, hold_seconds: float = HOLD_SECONDS,
        caller: str | None = None,
    ) -> IdempotentCall:  # fmt: skip
        """Returns the call to carry out, if its ``status`` is None, or else the response to give once more.

        Whoever carries it out ends it with `finish`, or with `release` if it failed in a way that may be tried again.

        Args:
            key: What the client calls it. Each actor has keys of its own.
            method: The HTTP method.
            path: The path with its query.
            body: The body as it came.
            hold_seconds: How long the call may take. If its process dies, it can be made again after that time.
            caller: Who calls, if nobody acts.

        Raises:
            Conflict: The key was used for another request (``idempotency_mismatch``), or the same request is under
                way (``in_progress``; ``details["retry_after"]`` says how long to wait).
        """
        now = self._now()
        hold = timedelta(seconds=checks.number(hold_seconds, "hold_seconds", 0.1, 3600))
        call = IdempotentCall(
            _caller(caller), checks.name(key, "idempotency key"), _fingerprint(method, path, body), uuid.uuid4().hex,
            now, now + hold,
        )  # fmt: skip
        found = self._store.idempotency.claim(call, now=now, forget_before=now - KEEP)
        if found.fingerprint != call.fingerprint:
            raise Conflict(
                f"idempotency key {checks.shown(key)}: was used for another request", code="idempotency_mismatch",
                details={"key": key, "used_at": found.created_at.isoformat()},
            )  # fmt: skip
        if found.status is None and found.claim != call.claim:
            raise Conflict(
                f"idempotency key {checks.shown(key)}: its first request is under way", code="in_progress",
                details={"key": key, "retry_after": 1},
            )  # fmt: skip
        return found

    def finish(self, call: IdempotentCall, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> bool:
        """Returns whether the response was kept; it was not if the call took longer than it was held."""
        return self._store.idempotency.finish(
            call._replace(status=status, headers=tuple((str(n), str(v)) for n, v in headers), body=bytes(body))
        )

    def release(self, call: IdempotentCall) -> None:
        """Lets the call be made again: it failed, and changed nothing."""
        self._store.idempotency.release(call)

    def prune(self) -> int:
        """Returns how many calls it forgot: those older than 24 hours."""
        return self._store.idempotency.prune(older_than=self._now() - KEEP)


def _caller(stranger: str | None) -> str:
    """Returns who calls: a token by its id, since people of two tenants may have the same name."""
    actor = current()
    if actor is None and stranger is not None:
        return f"stranger:{stranger}"
    if actor is None or actor.token_id is None:
        return f"name:{who()}"
    return f"token:{actor.token_id}"


def _fingerprint(method: str, path: str, body: bytes) -> str:
    parts = (method.upper().encode(), path.encode("utf-8", "surrogatepass"), sha256(body).digest())
    return sha256(b"\n".join(parts)).hexdigest()
