"""An evaluation ends soon after Ctrl-C, whatever its rows do."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from alloy_lua import Alloy
from alloy_lua.runner.batch import CHUNK, CROSSING_SECONDS
from alloy_lua.tables import evaluate

SLOW = "local s = 0 for i = 1, {} do s = s + #tostring(i) end entity.y = s"  # some milliseconds


@pytest.fixture
def interrupts() -> Iterator[None]:
    """Has an interrupt come after 0.7 seconds."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.7)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("source", [f"log.info('rows') {SLOW}", f"local e = entity {SLOW}", SLOW])
def test_slow_rows_are_left_soon(interrupts: None, monkeypatch: pytest.MonkeyPatch, source: str, threads: int) -> None:
    began = time.perf_counter()
    monkeypatch.setattr(evaluate, "BATCH_ROWS", 2_000)
    table = pa.table({"x": [1] * 8_000})
    with Alloy() as alloy:
        alloy.scripts.create("slow", source.format(60_000), on="slow.before_create", status="active")
        with pytest.raises(KeyboardInterrupt):
            alloy.evaluate_table("slow.before_create", table, threads=threads, types={"y": pa.float64()})
        assert 0.6 < time.perf_counter() - began < 2


def test_a_crossing_takes_as_many_rows_as_its_time_allows() -> None:
    with Alloy() as alloy:
        alloy.scripts.create("slow", SLOW.replace("{}", "entity.n"), on="slow.before_create", status="active")
        alloy.fire_many("slow.before_create", [{"n": 1}] * CHUNK)
        way = alloy._plans.batch("slow.before_create", "default")
        assert way is not None
        assert way._at_once == CHUNK
        alloy.fire_many("slow.before_create", [{"n": 30_000}] * 200)
        assert way._at_once < CHUNK
        assert [o.changes for o in alloy.fire_many("slow.before_create", [{"n": n} for n in range(20)])] == [
            {"y": sum(len(str(i)) for i in range(1, n + 1))} for n in range(20)
        ]
    assert CROSSING_SECONDS <= 0.2
