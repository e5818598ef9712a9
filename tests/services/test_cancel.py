"""Cancelling a run: from another thread, whatever the run is in."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from alloy_lua import Alloy, HostCall, Limits, ManualTrigger
from alloy_lua.engine import Engine, RunInput
from alloy_lua.hostapi import Cancellation

LONG = Limits(fuel=10**12, deadline_ms=20_000)


def wait_for(alloy: Alloy, run_id: str) -> None:
    until = time.monotonic() + 10
    while run_id not in {run.run_id for run in alloy.running()}:
        assert time.monotonic() < until
        time.sleep(0.005)


def cancelled(alloy: Alloy, source: str, **options: Any) -> tuple[Any, float]:
    """Returns the outcome of a run that was cancelled while it ran, and the seconds from then to its end."""
    outcomes: list[Any] = []
    options = {"limits": LONG, "run_id": "r"} | options
    thread = threading.Thread(target=lambda: outcomes.append(alloy.evaluate(source, **options)))
    thread.start()
    wait_for(alloy, "r")
    time.sleep(0.05)
    began = time.monotonic()
    assert alloy.cancel("r")
    thread.join()
    return outcomes[0], time.monotonic() - began


@pytest.mark.parametrize(
    "source",
    [
        "while true do end",
        "local t = {} local i = 0 while true do i = i + 1 t[i % 100] = i end",
        "while true do pcall(function() while true do end end) end",
        "while true do xpcall(function() while true do end end, function() while true do end end) end",
        "local s while true do s = string.rep('x', 1000) end",
        "local function f() return f() end f()",
        "local co = coroutine.wrap(function() while true do coroutine.yield(1) end end) while true do co() end",
        "while true do pcall(coroutine.wrap(function() while true do end end)) end",
        "while true do json.encode({1, 2, 3}) end",
    ],
)
def test_a_run_ends_whatever_it_does(alloy: Alloy, source: str) -> None:
    outcome, took = cancelled(alloy, source, limits=LONG.with_(host_calls=10**9))
    assert (outcome.status, outcome.error.code, outcome.error.message) == (
        "failed",
        "cancelled",
        "the run was cancelled",
    )
    assert took < 1  # some milliseconds on an idle machine
    assert alloy.running() == []
    assert alloy.evaluate("return 1").value == 1


def test_only_that_run_ends(alloy: Alloy) -> None:
    outcomes: dict[str, Any] = {}
    limits = LONG.with_(deadline_ms=1000)

    def run(name: str) -> None:
        outcomes[name] = alloy.evaluate("while true do end", limits=limits, run_id=name, tenant=name)

    threads = [threading.Thread(target=run, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for name in ("a", "b"):
        wait_for(alloy, name)
    assert {(run.run_id, run.tenant, run.script) for run in alloy.running(tenant="a")} == {("a", "a", "evaluate")}
    assert not alloy.cancel("a", tenant="b")
    assert alloy.cancel("a", tenant="a")
    for thread in threads:
        thread.join()
    assert (outcomes["a"].error.code, outcomes["b"].error.code) == ("cancelled", "deadline_exceeded")


def test_a_run_that_is_over_or_unknown_cannot_be_cancelled(alloy: Alloy) -> None:
    assert alloy.evaluate("return 1", run_id="r").value == 1
    assert not alloy.cancel("r")
    assert not alloy.cancel("unknown")


def test_cancelling_at_any_moment_harms_no_other_run(alloy: Alloy) -> None:
    """Short runs, cancelled at random moments: each ends well or as cancelled, and what runs next is not touched."""
    stop = threading.Event()

    def cancel() -> None:
        while not stop.is_set():
            alloy.cancel("r")

    thread = threading.Thread(target=cancel)
    thread.start()
    ends = set()
    try:
        for _ in range(300):
            outcome = alloy.evaluate("for i = 1, 20000 do end return 7", run_id="r")
            ends.add(outcome.error.code if outcome.error else outcome.value)
            assert alloy.evaluate("for i = 1, 20000 do end return 8", run_id="other").value == 8
    finally:
        stop.set()
        thread.join()
    assert ends <= {7, "cancelled"}


def test_a_hook_fired_inside_a_run_is_cancelled_with_it(alloy: Alloy) -> None:
    ends: list[Any] = []

    @alloy.function("shop.save")
    def save() -> None:
        ends.append(alloy.fire("order.before_create", {}))

    alloy.scripts.create("inner", "while true do end", on="order.before_create", status="active", limits="relaxed")
    alloy.scripts.create(
        "outer", "pcall(shop.save) while true do end", triggers=[ManualTrigger()], status="active", limits="relaxed"
    )
    outcomes: list[Any] = []
    thread = threading.Thread(target=lambda: outcomes.append(alloy.run("outer", run_id="r")))
    thread.start()
    wait_for(alloy, "r")
    while len(alloy.running()) < 2:
        time.sleep(0.005)
    assert alloy.cancel("r")
    thread.join()
    assert (outcomes[0].error.code, ends[0].error.code) == ("cancelled", "cancelled")
    alloy.flush()
    assert {run.error_code for run in alloy.runs()} == {"cancelled"}


def test_a_host_function_that_waits_can_be_woken(alloy: Alloy) -> None:
    @alloy.function("host.wait")
    def wait(call: HostCall) -> bool:
        woken = threading.Event()
        call.cancellation.add(woken.set)
        try:
            return woken.wait(10)
        finally:
            call.cancellation.remove(woken.set)

    outcome, took = cancelled(alloy, "host.wait() while true do end")
    assert outcome.error.code == "cancelled"
    assert took < 2


@pytest.mark.parametrize("params", [{}, {"list": list(range(50_000))}])
def test_a_run_that_is_cancelled_before_it_starts_ends_as_cancelled(params: dict[str, Any]) -> None:
    engine = Engine()
    given = RunInput(Limits(fuel=10**12, deadline_ms=20_000))
    given.params, given.cancellation = params, Cancellation()
    given.cancellation.cancel()
    program = engine.compile("local n = params while true do end")
    result = engine.run(program, given)
    assert result.error is not None
    assert result.error.code == "cancelled"
    given.cancellation = Cancellation()
    given.params = {"list": [1]}
    assert engine.run(engine.compile("return #params.list"), given).value == 1


@pytest.mark.parametrize("source", ["while true do end", "while true do json.encode({1, 2, 3}) end"])
def test_a_run_in_a_worker_process_is_cancelled_with_its_worker(source: str) -> None:
    with Alloy(isolation="process") as alloy:
        outcome, _ = cancelled(alloy, source, limits=LONG.with_(host_calls=10**9))
        assert (outcome.error.code, outcome.error.message) == ("cancelled", "the run was cancelled")
        assert [alloy.evaluate(f"return {n}").value for n in range(5)] == [0, 1, 2, 3, 4]
