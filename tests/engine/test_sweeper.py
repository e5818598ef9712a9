"""What runs leave behind is collected beside those who fire."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

import pytest

from alloy_lua import Alloy, Limits
from alloy_lua.bridges.hosts import default_modules
from alloy_lua.engine import Engine
from alloy_lua.engine.engine import RunInput
from alloy_lua.engine.hosttable import HostTable
from alloy_lua.engine.pool import RuntimePool
from alloy_lua.engine.runtime import Runtime
from alloy_lua.engine.sweeper import LITTER_BYTES, MOST_LITTERED, Sweeper

LIMITS = Limits(fuel=10**7, deadline_ms=5000)
GREAT = "local t = {} for i = 1, 120000 do t[i] = {i} end return #t"


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.fixture
def engine() -> Engine:
    return Engine(default_modules())


def run(engine: Engine, source: str) -> object:
    result = engine.run(engine.compile(source), RunInput(LIMITS))
    return result.error.code if result.error else result.value


def littered() -> Runtime:
    runtime = Runtime(HostTable([]))
    runtime._kit["base"]["kept"] = runtime._lua.table_from(range(400_000))
    assert runtime.litter() > LITTER_BYTES
    runtime._kit["base"]["kept"] = None
    return runtime


def test_a_runtime_full_of_garbage_comes_back_clean(engine: Engine) -> None:
    run(engine, "return 1")
    assert run(engine, GREAT) == 120_000
    until(lambda: engine.pool.idle > 0)
    runtime = engine.pool.acquire()
    assert runtime.litter() < LITTER_BYTES / 8
    engine.pool.release(runtime)
    assert run(engine, "return 6 * 7") == 42


def test_a_runtime_with_little_garbage_comes_back_at_once(engine: Engine) -> None:
    assert run(engine, "local t = {} for i = 1, 1000 do t[i] = {i} end return #t") == 1000
    assert engine.pool.idle == 1


def test_runs_go_on_while_another_s_garbage_is_collected(engine: Engine) -> None:
    for _ in range(20):
        assert run(engine, GREAT) == 120_000
        assert run(engine, "return 6 * 7") == 42
    until(lambda: engine.pool.idle == engine.pool.made)


def test_a_runtime_that_ran_out_of_memory_does_not_come_back(engine: Engine) -> None:
    assert run(engine, "local t = {} while true do t[#t + 1] = {} end") == "memory_exceeded"
    assert run(engine, "return 6 * 7") == 42
    assert engine.pool.made == 2


def test_runtimes_are_given_back_in_turn_and_retired_ones_are_not() -> None:
    given: list[Runtime] = []
    sweeper = Sweeper[Runtime](given.append)
    runtimes = [littered() for _ in range(4)]
    runtimes[2].retired = True
    for runtime in runtimes:
        sweeper.take(runtime)
    until(lambda: len(given) == 3)
    assert set(given) == {runtimes[0], runtimes[1], runtimes[3]}
    assert all(runtime.litter() < 65_536 for runtime in given)


def test_no_more_runtimes_wait_than_are_swept() -> None:
    with Alloy() as alloy:
        threads = [threading.Thread(target=lambda: [alloy.evaluate(GREAT) for _ in range(15)]) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert alloy._core.engine.pool.made <= len(threads) + MOST_LITTERED + 1


def test_a_child_is_there_at_once_however_much_there_was_to_sweep() -> None:
    sweeper = Sweeper[Runtime](lambda runtime: None)
    pool = RuntimePool(lambda: Runtime(HostTable([])), lambda: Runtime(HostTable([]), text=True))
    pool._sweeper = sweeper
    for _ in range(MOST_LITTERED):
        pool.release(littered())
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        os._exit(pool.idle + len(sweeper._littered))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert time.monotonic() - began < 5


def test_a_sweeper_that_has_forgotten_takes_new_ones() -> None:
    given: list[Runtime] = []
    sweeper = Sweeper[Runtime](given.append)
    for _ in range(3):
        sweeper.take(littered())
    sweeper.forget()
    last = littered()
    sweeper.take(last)
    until(lambda: last in given)
