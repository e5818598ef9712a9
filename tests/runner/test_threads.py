"""Threads side by side, and the end of it all."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

from alloy_lua import Alloy

from .conftest import in_threads


def test_eight_threads_with_mixed_hooks_and_a_runaway_get_their_own_results(alloy: Alloy) -> None:
    @alloy.function("host.double")
    def double(x: int) -> int:
        return x * 2

    sources = {
        "add": "entity.x = entity.x + 1",
        "text": "entity.x = ('<' .. entity.x .. '>')",
        "list": "entity.x = {entity.x, {n = entity.x}}",
        "host": "entity.x = host.double(entity.x)",
        "whole": "local e = entity e.x = e.x * 3",
        "abort": "abort('no ' .. entity.x)",
        "error": "if entity.x % 50 == 0 then error('bad ' .. entity.x) end",
        "runaway": "while entity.x >= 0 do end",
    }
    expected: dict[str, Callable[[int], Any]] = {
        "add": lambda x: {"x": x + 1}, "text": lambda x: {"x": f"<{x}>"}, "list": lambda x: {"x": [x, {"n": x}]},
        "host": lambda x: {"x": x * 2}, "whole": lambda x: {"x": x * 3},
    }  # fmt: skip
    names = list(sources)
    for name, source in sources.items():
        limits = "strict" if name == "runaway" else "relaxed"  # a busy machine must not end the others
        alloy.scripts.create(name, source, on=f"{name}.before_create", status="active", limits=limits)

    def work(number: int) -> None:
        name = names[number]
        turns = 20 if name == "runaway" else 400
        for i in range(1, turns):
            x = number * 1000 + i
            outcome = alloy.fire(f"{name}.before_create", {"x": x})
            if name in expected:
                assert outcome.changes == expected[name](x), (name, x, outcome)
            elif name == "abort":
                assert outcome.reason == f"no {x}"
            elif name == "runaway":
                assert outcome.error is not None
                assert outcome.error.code in ("fuel_exhausted", "deadline_exceeded", "breaker_open")

    in_threads(8, work)
    assert alloy.fire("add.before_create", {"x": 1}).changes == {"x": 2}


def test_threads_that_change_scripts_while_others_fire_see_whole_revisions(alloy: Alloy) -> None:
    source = "entity.a = {n} entity.b = {n}"
    alloy.scripts.create("s", source.replace("{n}", "1"), on="t.before_create", status="active")
    stop = threading.Event()

    def work(number: int) -> None:
        if number == 0:
            for revision in range(2, 25):
                alloy.scripts.update("s", source.replace("{n}", str(revision)))
                alloy.scripts.activate("s")
            stop.set()
            return
        while not stop.is_set():
            changes = alloy.fire("t.before_create", {"a": 0, "b": 0}).changes
            assert changes["a"] == changes["b"] > 0

    in_threads(4, work)
    assert alloy.fire("t.before_create", {"a": 0, "b": 0}).changes == {"a": 24, "b": 24}


def test_contexts_do_not_leak_between_threads_and_tasks(alloy: Alloy) -> None:
    alloy.scripts.create("who", "return {ctx.user, ctx.tenant}", on="t.after_create", status="active", tenant="t0")
    for n in range(1, 6):
        alloy.scripts.create(
            "who", "return {ctx.user, ctx.tenant}", on="t.after_create", status="active", tenant=f"t{n}"
        )

    async def task(n: int) -> None:
        with alloy.context(user=f"u{n}", tenant=f"t{n}"):
            for _ in range(5):
                assert (await alloy.fire_async("t.after_create", {})).value == [f"u{n}", f"t{n}"]
                await asyncio.sleep(0)

    async def all_tasks() -> None:
        await asyncio.gather(*(task(n) for n in range(6)))

    asyncio.run(all_tasks())
    in_threads(4, lambda n: asyncio.run(task(n)))


def test_a_slow_host_function_does_not_hold_up_other_threads(alloy: Alloy) -> None:
    @alloy.function("host.wait")
    def wait() -> None:
        time.sleep(2)

    alloy.scripts.create("slow", "host.wait()", on="slow.before_create", status="active", limits="relaxed")
    alloy.scripts.create("fast", "entity.x = 1", on="fast.before_create", status="active")
    alloy.fire("fast.before_create", {"x": 0})
    slow = threading.Thread(target=lambda: alloy.fire("slow.before_create", {}))
    slow.start()
    time.sleep(0.02)
    began = time.perf_counter()
    for _ in range(100):
        alloy.fire("fast.before_create", {"x": 0})
    assert time.perf_counter() - began < 1.5
    slow.join()


def ours() -> set[str]:
    return {thread.name for thread in threading.enumerate() if "alloy" in thread.name}


def test_close_leaves_no_thread_and_may_be_called_twice() -> None:
    before = threading.active_count()
    made = Alloy()
    made.scripts.create("s", "entity.x = 1", on="t.before_create", status="active")
    made.fire("t.before_create", {})
    made.close()
    made.close()
    assert ours() == set() or threading.active_count() <= before
    with Alloy() as unused:
        assert unused.scripts.list() == []
    assert threading.active_count() <= before


def test_many_alloys_can_live_and_die(alloy: Alloy) -> None:
    before = threading.active_count()
    for n in range(15):
        with Alloy() as made:
            assert made.evaluate(f"return {n}").value == n
    assert threading.active_count() <= before + 1
