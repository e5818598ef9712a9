"""The seat of short runs: one thread at a time, and nobody waits for a runtime that will not come back."""

from __future__ import annotations

import threading
import time

from alloy_lua.engine.hosttable import HostTable
from alloy_lua.engine.pool import RuntimePool
from alloy_lua.engine.runtime import Runtime


def new_pool() -> RuntimePool[Runtime]:
    return RuntimePool(lambda: Runtime(HostTable([])), lambda: Runtime(HostTable([]), text=True))


def test_who_waits_gets_a_new_runtime_when_the_seat_s_is_retired() -> None:
    pool, got = new_pool(), []
    first = pool.take_seat()
    waiting = threading.Thread(target=lambda: got.append(pool.take_seat()))
    waiting.start()
    while not pool.waiters:
        time.sleep(0.001)
    first.retired = True
    pool.leave_seat(first)
    waiting.join(5)
    assert not waiting.is_alive()
    assert got[0] is not first


def test_no_runtime_is_used_by_two_threads_at_once() -> None:
    pool = new_pool()
    used: set[int] = set()
    twice: list[int] = []
    turns = [0, 0, 0, 0]

    def work(number: int) -> None:
        for turn in range(300):
            runtime = pool.take_seat()
            if id(runtime) in used:
                twice.append(turn)
            used.add(id(runtime))
            if turn % 50 == 0:
                time.sleep(0.001)  # the interpreter goes to another thread in the midst of a run
            used.discard(id(runtime))
            runtime.retired = turn % 97 == 96
            pool.leave_seat(runtime)
            turns[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert turns == [300] * 4
    assert twice == []
    assert not pool.waiters
