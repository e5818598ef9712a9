"""How often an address may fail to show a good token: a token bucket for each, in memory.

Kept as the generic cell rate algorithm keeps it (ITU-T I.371): one time for each address, the one at which its bucket
is full again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from time import monotonic

from ..forking import after_fork

MAX_ADDRESSES = 10_000


class FailureLimit:
    """Counts failures by address. Safe to use from any thread.

    Args:
        burst: How many failures in a row an address has.
        seconds: How long it takes to get one of them back.
        clock: Returns monotonic seconds.
    """

    def __init__(self, burst: int = 10, seconds: float = 6.0, clock: Callable[[], float] = monotonic) -> None:
        self._burst = burst
        self._seconds = seconds
        self._clock = clock
        self._full_at: dict[str, float] = {}
        self._renew()
        after_fork(self._renew)

    def _renew(self) -> None:
        self._lock = threading.Lock()

    def wait(self, address: str | None) -> float:
        """Returns for how many seconds ``address`` may not try, 0 if it may."""
        full_at = self._full_at.get(_network(address))
        if full_at is None:
            return 0.0
        return max(0.0, full_at - self._clock() - (self._burst - 1) * self._seconds)

    def count(self, address: str | None) -> None:
        """Takes one try from ``address``."""
        network = _network(address)
        with self._lock:
            now = self._clock()
            full_at = max(self._full_at.pop(network, now), now) + self._seconds
            if len(self._full_at) >= MAX_ADDRESSES:
                self._forget(now)
            # At most one try below empty: failures that go on do not shut an address out for ever.
            self._full_at[network] = min(full_at, now + self._burst * self._seconds)

    def _forget(self, now: float) -> None:
        """Drops full buckets, or else the one that was used longest ago."""
        kept = {network: at for network, at in self._full_at.items() if at > now}
        if len(kept) >= MAX_ADDRESSES:
            del kept[next(iter(kept))]
        self._full_at = kept


def _network(address: str | None) -> str:
    """Returns what is counted together: one IPv4 address, or the /64 that one IPv6 host has to itself."""
    if address is None or ":" not in address:
        return address or ""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return parsed.packed[:8].hex()
    return str(getattr(parsed, "ipv4_mapped", parsed))
