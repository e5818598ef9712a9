"""How scripts are doing: counters of each, and a breaker that stops one that keeps failing."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic

from ..checks import number, whole_number
from ..errors import AlloyError, ScriptError
from ..model import BreakerState, Health

MAX_FAILURES = 100_000
LONGEST = 365 * 86_400.0


@dataclass(frozen=True)
class BreakerPolicy:
    """When a breaker opens and probes.

    Attributes:
        failures: Failures within the window that open it; 0 switches breakers off.
        window_seconds: Length of the window.
        cooldown_seconds: How long it stays open before one probe run is let through.
    """

    failures: int = 20
    window_seconds: float = 60.0
    cooldown_seconds: float = 30.0

    def __post_init__(self) -> None:
        whole_number(self.failures, "failures", 0, MAX_FAILURES)
        number(self.window_seconds, "window_seconds", 0, LONGEST)
        number(self.cooldown_seconds, "cooldown_seconds", 0, LONGEST)


def held_back(name: str) -> ScriptError:
    """Returns the error of a run that the breaker of script ``name`` does not let through."""
    message = f"script {name} is held back after repeated failures"
    return ScriptError(message, code="breaker_open", details={"script": name})


class Vitals:
    """Counters since the last write to the store, and the breaker, of one script.

    ``count()`` counts a run and returns its number; ``serial`` tells the script apart in run ids. The other counters
    are bumped with plain ``+=``: CPython does not switch threads between its load and its store.
    """

    __slots__ = (
        "_counter", "_failures", "_lock", "_on_change", "_opened_at", "_policy", "_probing", "_taken", "changed",
        "count", "durations", "failed", "fuel", "last_error", "last_error_at", "name", "rejected", "script_id",
        "serial", "skipped", "state", "tenant", "totals", "unused",
    )  # fmt: skip

    def __init__(
        self, tenant: str, script_id: str, serial: int, policy: BreakerPolicy,
        on_change: Callable[[], None] = lambda: None, name: str = "",
    ) -> None:  # fmt: skip
        self.name = name
        self._on_change = on_change
        self._counter = itertools.count(1)
        self._taken = 0
        self.unused = 0  # numbers handed out for runs that then took another
        self.count = self._counter.__next__
        self.serial = serial
        self.tenant = tenant
        self.script_id = script_id
        self.changed = self.rejected = self.failed = self.skipped = self.fuel = 0
        self.totals = Health(script_id)
        self.durations: deque[int] = deque(maxlen=4096)
        self.state = BreakerState.CLOSED
        self.last_error: AlloyError | None = None
        self.last_error_at: datetime | None = None
        self._policy = policy
        self._failures: deque[float] = deque(maxlen=max(1, policy.failures))
        self._opened_at = 0.0
        self._probing = False
        self._lock = threading.Lock()

    def numbers(self, count: int) -> list[int]:
        """Returns the numbers of the next ``count`` runs, one after the other, counting them."""
        return list(itertools.islice(self._counter, count))  # in one go: no other thread gets in between

    @property
    def runs(self) -> int:
        """How many runs this process has counted."""
        return int(repr(self._counter)[6:-1]) - 1 - self.unused  # "count(7)": the one way to look without counting

    @property
    def closed(self) -> bool:
        """Whether the breaker lets everything through."""
        return self.state is BreakerState.CLOSED

    def may_run(self, now: Callable[[], float] = monotonic) -> bool:
        """Returns whether the breaker lets a run through; while half open, one at a time."""
        if self.state is BreakerState.CLOSED:
            return True
        with self._lock:
            if self.state is BreakerState.OPEN:
                if now() - self._opened_at < self._policy.cooldown_seconds:
                    return False
                self.state = BreakerState.HALF_OPEN
                self._probing = False
            if self.state is BreakerState.HALF_OPEN and self._probing:
                return False
            self._probing = self.state is BreakerState.HALF_OPEN
            return True

    def succeeded(self) -> None:
        """Closes a half-open breaker: the probe went well (a rejection is a success too)."""
        if self.state is not BreakerState.CLOSED:
            with self._lock:
                self.state = BreakerState.CLOSED
                self._probing = False
                self._failures.clear()
            self._on_change()

    def note_failure(self, error: AlloyError, now: Callable[[], float] = monotonic) -> bool:
        """Counts a failure; returns True if it opened the breaker."""
        self.failed += 1
        with self._lock:
            self.last_error, self.last_error_at = error, datetime.now(UTC)
            if not self._policy.failures:
                return False
            at = now()
            self._failures.append(at)
            reopened = self.state is BreakerState.HALF_OPEN
            full = len(self._failures) >= self._policy.failures
            within = at - self._failures[0] <= self._policy.window_seconds
            if reopened or (self.state is BreakerState.CLOSED and full and within):
                self.state = BreakerState.OPEN
                self._opened_at = at
                self._probing = False
                self._on_change()
                return True
            return False

    def reset(self) -> None:
        """Closes the breaker by hand."""
        with self._lock:
            self.state = BreakerState.CLOSED
            self._probing = False
            self._failures.clear()

    def take(self) -> Health | None:
        """Returns the counts since the last call as a delta to store; None if nothing happened."""
        runs, changed, rejected, failed, skipped, fuel = (
            self.runs - self._taken, self.changed, self.rejected, self.failed, self.skipped, self.fuel,
        )  # fmt: skip
        if not (runs or skipped):
            return None
        self._taken += runs
        self.changed -= changed
        self.rejected -= rejected
        self.failed -= failed
        self.skipped -= skipped
        self.fuel -= fuel
        total = self.totals
        delta = self._health(runs, changed, rejected, failed, skipped, fuel)
        self.totals = Health(
            self.script_id, total.runs + runs, total.changed + changed, total.rejected + rejected,
            total.failed + failed, total.skipped + skipped, total.fuel + fuel,
        )  # fmt: skip
        return delta

    def seen_unstored(self) -> Health:
        """Returns the counts that `take` has not handed out yet."""
        return self._health(self.runs - self._taken, self.changed, self.rejected, self.failed, self.skipped, self.fuel)

    def state_alone(self) -> Health:
        """Returns breaker and last error as a delta to store, without any counts."""
        return self._health(0, 0, 0, 0, 0, 0)

    def seen(self) -> Health:
        """Returns the counts since this process started."""
        total = self.totals
        return self._health(
            self.runs, total.changed + self.changed, total.rejected + self.rejected,
            total.failed + self.failed, total.skipped + self.skipped, total.fuel + self.fuel,
        )  # fmt: skip

    def _health(self, runs: int, changed: int, rejected: int, failed: int, skipped: int, fuel: int) -> Health:
        error = self.last_error
        return Health(
            self.script_id, runs, changed, rejected, failed, skipped, fuel, self.state,
            self.last_error_at if self.state is not BreakerState.CLOSED else None,
            error.code if error else None, error.message if error else None, self.last_error_at,
        )  # fmt: skip


class HealthBoard:
    """The vitals of all scripts that this process has run."""

    def __init__(self, policy: BreakerPolicy) -> None:
        self._policy = policy
        self._vitals: dict[str, Vitals] = {}
        self._serials = itertools.count(1)
        self._lock = threading.Lock()

    def of(
        self, tenant: str, script_id: str, on_change: Callable[[], None] = lambda: None, name: str = ""
    ) -> Vitals:  # fmt: skip
        """Returns the vitals of one script, made at first use; ``on_change`` is called when its breaker moves."""
        vitals = self._vitals.get(script_id)
        if vitals is None:
            with self._lock:
                vitals = self._vitals.get(script_id)
                if vitals is None:
                    vitals = Vitals(tenant, script_id, next(self._serials), self._policy, on_change, name)
                    self._vitals[script_id] = vitals
        return vitals

    def take(self) -> list[Health]:
        """Returns the deltas of all scripts that ran since the last call."""
        return [delta for vitals in list(self._vitals.values()) if (delta := vitals.take()) is not None]

    def all(self) -> list[Vitals]:
        """Returns the vitals of every script that this process has met, in that order."""
        return list(self._vitals.values())

    def runs(self) -> int:
        """Returns how many runs of stored scripts this process has counted."""
        return sum(vitals.runs for vitals in list(self._vitals.values()))
