"""What the scripts of this process did: counts and latency, for reports and metrics."""

from __future__ import annotations

from typing import NamedTuple

from .model import Health, Script
from .runner.health import Vitals


class ScriptStats(NamedTuple):
    """What one script did in this process: counts, latency in microseconds, average fuel of a run."""

    tenant: str
    name: str
    runs: int
    changed: int
    rejected: int
    failed: int
    skipped: int
    p50_us: int
    p99_us: int
    fuel: int


def stats_of(script: Script, vitals: Vitals) -> ScriptStats:
    seen: Health = vitals.seen()
    times = sorted(vitals.durations)
    return ScriptStats(
        script.tenant, script.name, seen.runs, seen.changed, seen.rejected, seen.failed, seen.skipped,
        times[len(times) // 2] if times else 0, times[int(len(times) * 0.99)] if times else 0,
        seen.fuel // seen.runs if seen.runs else 0,
    )  # fmt: skip
