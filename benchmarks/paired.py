"""Interleaved timing: candidates take turns, so that a drifting machine slows all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Pair:
    """One measured claim: a ratio (median over rounds), what it may be at most or must be at least, and the times."""

    name: str
    ratio: float
    low: float
    high: float
    target: str
    holds: bool
    detail: str


def seconds_per_call(call: Callable[[], object], calls: int) -> float:
    """Returns the seconds that one call takes, averaged over ``calls``."""
    started = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - started) / calls


def interleaved(candidates: dict[str, Callable[[], object]], *, calls: int, rounds: int) -> dict[str, list[float]]:
    """Returns the seconds per call of each candidate in each round; all warmed up first."""
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for call in candidates.values():
        for _ in range(min(calls, 2000)):
            call()
    for _ in range(rounds):
        for name, call in candidates.items():
            times[name].append(seconds_per_call(call, calls))
    return times


def claim(
    name: str, first: list[float], second: list[float], *, at_most: float | None = None, at_least: float | None = None,
    unit: float = 1e9, unit_name: str = "ns",
) -> Pair:  # fmt: skip
    """Returns the claim about first / second, round by round; without a bound it is for information."""
    ratios = sorted(a / b for a, b in zip(first, second, strict=True))
    ratio = statistics.median(ratios)
    holds = (at_most is None or ratio <= at_most) and (at_least is None or ratio >= at_least)
    target = "for information"
    if at_most is not None or at_least is not None:
        target = f"at most {at_most:g}" if at_most is not None else f"at least {at_least:g}"
    left, right = statistics.median(first) * unit, statistics.median(second) * unit
    detail = f"{left:,.0f} {unit_name} against {right:,.0f} {unit_name}"
    return Pair(name, ratio, ratios[0], ratios[-1], target, holds, detail)
