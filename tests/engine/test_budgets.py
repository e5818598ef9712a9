"""Every way of not stopping stops (``tests/lua/endless``); normal hooks go on beside it; memory stays flat.

`python -m benchmarks budgets` does the same a thousand times with the bounds that the documentation gives.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alloy_lua import Alloy, Limits

CHUNKS = ("endless/*.lua",)
ENDS = {"fuel_exhausted", "deadline_exceeded", "memory_exceeded", "host_calls_exceeded"}
OVERRUN = 0.8  # seconds of processor time beyond the deadline for one script, on a slow and busy machine
P99_OVERRUN = 0.06  # and for 99 in 100


@pytest.fixture(scope="module")
def overruns() -> Iterator[list[float]]:
    """Seconds of processor time that each script took beyond its deadline; looked at when all have run."""
    seen: list[float] = []
    yield seen
    if len(seen) > 100:
        assert statistics.quantiles(seen, n=100)[98] < P99_OVERRUN


@pytest.mark.parametrize("unlimited", [False, True], ids=["defaults", "fuel without end"])
def test_it_stops(shared: Alloy, chunk: Any, judge: Any, overruns: list[float], unlimited: bool) -> None:
    limits = Limits(fuel=2**50, host_calls=2**40, deadline_ms=40) if unlimited else Limits()
    began = time.thread_time()
    outcome = shared.evaluate(chunk.source, entity=chunk.data("entity"), before=chunk.data("before"), limits=limits)
    overruns.append(time.thread_time() - began - limits.deadline_ms / 1000)
    assert overruns[-1] < OVERRUN
    assert outcome.fuel <= limits.fuel
    if chunk.expected is not None:
        judge(chunk, outcome)
    else:
        assert outcome.error is not None
        assert outcome.error.code in ENDS


def resident() -> int:
    """Returns the bytes that this process holds in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def hostile_sources() -> list[str]:
    folder = Path(__file__).parent.parent / "lua" / "endless"
    return [text for path in sorted(folder.glob("*.lua")) for text in path.read_text().split("\n---\n")]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
def test_normal_hooks_beside_hostile_ones_give_right_results_and_memory_stays_flat(alloy: Alloy) -> None:
    hook = "entity.total = entity.net + math.floor(entity.net * 20 / 100 + 0.5) entity.code = str.upper(entity.code)"
    alloy.scripts.create("total", hook, on="order.before_create", status="active")
    stop = threading.Event()
    wrong: list[Any] = []
    fired = [0]

    def fire() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            outcome = alloy.fire("order.before_create", {"net": number, "total": 0, "code": f"a{number}"})
            if outcome.changes != {"total": number + int(number * 20 / 100 + 0.5), "code": f"A{number}"}:
                wrong.append((number, outcome))
        fired[0] = number

    beside = threading.Thread(target=fire)
    beside.start()
    limits = Limits(deadline_ms=12, fuel=200_000)
    sizes = []
    try:
        for _ in range(2):
            for source in hostile_sources():
                alloy.evaluate(source, entity={"a": []}, before={"a": []}, limits=limits)
            sizes.append(resident())
    finally:
        stop.set()
        beside.join()
    assert wrong == []
    assert fired[0] > 100
    assert sizes[1] - sizes[0] < 48 * 2**20
