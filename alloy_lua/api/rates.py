"""How often callers may call: a token bucket each, kept as one time, as in the generic cell rate algorithm."""

from __future__ import annotations

import math
from time import monotonic

from ..errors import RateLimited

MAX_CALLERS = 20_000


class Rates:
    """Limits calls by key. For one event loop: it is not safe for threads."""

    def __init__(self) -> None:
        self._full_at: dict[tuple[str, ...], float] = {}

    def take(self, key: tuple[str, ...], count: float, seconds: float) -> None:
        """Returns None if ``key`` may call once more: ``count`` times in ``seconds``, all at once if need be.

        Raises:
            RateLimited: It may not; the details say how long to wait.
        """
        now = monotonic()
        step = seconds / count
        full_at = max(self._full_at.get(key, now), now) + step
        if full_at - now > seconds:
            wait = max(1, math.ceil(full_at - now - seconds))
            raise RateLimited(f"too many calls; wanted a wait of {wait} s", details={"retry_after": wait})
        if len(self._full_at) >= MAX_CALLERS:
            self._full_at = {known: at for known, at in self._full_at.items() if at > now}
            if len(self._full_at) >= MAX_CALLERS:
                self._full_at.clear()
        self._full_at[key] = full_at
