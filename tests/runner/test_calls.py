"""Scripts that call the platform: rights, errors, cascades of fires with one budget, and the breaker."""

from __future__ import annotations

import time
from typing import Any

import pytest

from alloy_lua import Alloy, BreakerPolicy, HostError


def add(alloy: Alloy, name: str, source: str, on: str = "order.before_create", **settings: Any) -> None:
    alloy.scripts.create(name, source, on=on, status="active", **settings)


# -- host functions, cascades ------------------------------------------------------------------------------------
def test_a_call_needs_its_phase_and_its_grant(alloy: Alloy) -> None:
    @alloy.function("crm.lookup", capability="crm.read", phases={"after", "manual"})
    def lookup(key: str) -> dict[str, str]:
        return {"key": key}

    add(alloy, "granted", "return crm.lookup('x').key", on="a.after_create", capabilities=["crm.read"])
    add(alloy, "not-granted", "return crm.lookup('x').key", on="b.after_create")
    add(alloy, "wrong-phase", "return crm.lookup('x').key", on="c.before_create", capabilities=["crm.read"])
    assert alloy.fire("a.after_create", {}).value == "x"
    for event, word in (("b.after_create", "crm.read"), ("c.before_create", "phase before")):
        error = alloy.fire(event, {}).error
        assert error is not None and error.code == "capability_denied" and word in error.message and error.line == 1


def test_a_host_function_s_errors_reach_the_script_as_text(alloy: Alloy) -> None:
    @alloy.function("host.fail")
    def fail(kind: str) -> None:
        raise HostError("out of stock") if kind == "known" else RuntimeError("secret /etc/passwd")

    ok, known, unknown = alloy.evaluate(
        "local a, b = pcall(host.fail, 'known') local _, c = pcall(host.fail, 'other') return {a, b, c}"
    ).value
    assert (ok, "out of stock" in known, "secret" in unknown) == (False, True, False)
    error = alloy.evaluate("\nhost.fail('known')").error
    assert error is not None and (error.code, error.line) == ("host_error", 2)


def test_a_host_function_is_called_once_for_each_call_of_a_script(alloy: Alloy) -> None:
    calls: list[int] = []

    @alloy.function("host.count")
    def count(x: int) -> int:
        calls.append(x)
        return len(calls)

    add(alloy, "s", "entity.n = host.count(entity.x)")
    for x in range(200):
        assert alloy.fire("order.before_create", {"x": x, "n": 0}).changes == {"n": x + 1}
    outcomes = alloy.fire_many("order.before_create", [{"x": x, "n": 0} for x in range(200, 300)])
    assert [outcome.changes["n"] for outcome in outcomes] == list(range(201, 301))
    assert calls == list(range(300))


@pytest.mark.parametrize(
    ("record", "calls"),
    [({"x": 1, "y": b"bytes"}, 1), ({"x": 1, "y": "\ud800"}, 0), ({"x": 1, "y": 2**60}, 0), ({"x": 1, "y": [1]}, 1)],
)
def test_a_record_that_leaves_the_fast_way_calls_a_host_function_once(
    alloy: Alloy, record: dict[str, Any], calls: int
) -> None:
    seen = []

    @alloy.function("host.note")
    def note(x: int) -> None:
        seen.append(x)

    add(alloy, "s", "host.note(entity.x) entity.z = type(entity.y)")
    for _ in range(3):
        alloy.fire("order.before_create", dict(record))
        alloy.fire_many("order.before_create", [dict(record)])
    assert len(seen) == calls * 6


def test_keyboard_interrupt_in_a_host_function_leaves_fire(alloy: Alloy) -> None:
    @alloy.function("host.stop")
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        alloy.evaluate("pcall(host.stop)", capabilities=["x"])
    assert alloy.evaluate("return 1").value == 1


def cascading(alloy: Alloy) -> None:
    @alloy.function("data.save", capability="data")
    def save(identity: Any, event: str) -> str:
        return str(alloy.fire(event, {"id": identity}).error)


def test_a_record_fired_again_while_it_is_handled_is_stopped(alloy: Alloy) -> None:
    cascading(alloy)
    source = "return data.save(entity.id, 'order.after_update')"
    add(alloy, "s", source, on="order.after_update", capabilities=["data"])
    outcome = alloy.fire("order.after_update", {"id": 1})
    assert outcome.status == "continue" and "while it was being handled" in outcome.value


def test_a_cascade_ends_at_its_depth(alloy: Alloy) -> None:
    deepest = []

    @alloy.function("data.save", capability="data")
    def save(identity: int) -> None:
        outcome = alloy.fire("order.after_update", {"id": identity})
        deepest.append((identity, outcome.error.code if outcome.error else None))

    add(alloy, "s", "data.save(entity.id + 1)", on="order.after_update", capabilities=["data"], limits="relaxed")
    assert alloy.fire("order.after_update", {"id": 1}).status == "continue"
    assert deepest[0] == (9, "recursion_limit") and len(deepest) == 8


def test_a_cascade_has_one_budget(alloy: Alloy) -> None:
    @alloy.function("data.save", capability="data", cost=1)
    def save() -> None:
        alloy.fire("inner.after_update", {})

    source = "for _ = 1, 100 do data.save() end"
    add(alloy, "outer", source, on="order.after_update", capabilities=["data"], limits="relaxed")
    add(alloy, "inner", "for _ = 1, 1500000 do end", on="inner.after_update", limits="relaxed")
    outcome = alloy.fire("order.after_update", {"id": 1})
    assert outcome.error is not None and outcome.error.code == "fuel_exhausted"
    assert outcome.fuel <= 50_000_000
    alloy.flush()
    inner = [run for run in alloy.runs(limit=1000) if run.script_name == "inner"]
    assert 25 <= len(inner) <= 34
    assert all(run.depth == 2 and run.parent_id for run in inner)


def test_a_cascade_has_one_deadline(alloy: Alloy) -> None:
    @alloy.function("data.save", capability="data", cost=1)
    def save() -> None:
        time.sleep(0.03)
        alloy.fire("inner.after_update", {})

    add(alloy, "outer", "while true do data.save() end", on="order.after_update", capabilities=["data"])
    add(alloy, "inner", "return 1", on="inner.after_update")
    began = time.monotonic()
    outcome = alloy.fire("order.after_update", {"id": 1})
    assert outcome.error is not None and outcome.error.code == "deadline_exceeded"
    assert time.monotonic() - began < 0.5


# -- breaker -----------------------------------------------------------------------------------------------------
def test_the_breaker_opens_probes_and_closes() -> None:
    with Alloy(breaker=BreakerPolicy(failures=3, cooldown_seconds=0.15)) as alloy:
        add(alloy, "s", "if entity.bad then error('bad') end entity.ok = true")
        for _ in range(3):
            assert alloy.fire("order.before_create", {"bad": True}).error.code == "runtime_error"  # type: ignore[union-attr]
        held = alloy.fire("order.before_create", {"bad": False})
        assert held.error is not None and held.error.code == "breaker_open" and held.status == "failed"
        assert alloy.scripts.health("s").breaker == "open"
        time.sleep(0.2)
        assert alloy.fire("order.before_create", {"bad": True}).error.code == "runtime_error"  # type: ignore[union-attr]
        assert alloy.fire("order.before_create", {}).error.code == "breaker_open"  # type: ignore[union-attr]
        time.sleep(0.2)
        assert alloy.fire("order.before_create", {"bad": False}).changes == {"ok": True}
        assert alloy.fire("order.before_create", {"bad": False}).changes == {"ok": True}
        health = alloy.scripts.health("s")
        assert (health.breaker, health.failed, health.skipped, health.runs) == ("closed", 4, 2, 6)


def test_an_open_breaker_under_the_open_policy_lets_the_operation_go_on() -> None:
    with Alloy(breaker=BreakerPolicy(failures=1, cooldown_seconds=60)) as alloy:
        add(alloy, "s", "error('bad')", failure_policy="open")
        assert alloy.fire("order.before_create", {}).status == "continue"
        outcome = alloy.fire("order.before_create", {})
        assert outcome.status == "continue" and outcome.tolerated[0].code == "breaker_open"
        alloy.scripts.reset_breaker("s")
        assert alloy.fire("order.before_create", {}).tolerated[0].code == "runtime_error"


def test_rejections_do_not_open_the_breaker() -> None:
    with Alloy(breaker=BreakerPolicy(failures=2)) as alloy:
        add(alloy, "s", "abort('no')")
        assert {alloy.fire("order.before_create", {}).status.value for _ in range(10)} == {"rejected"}


def test_a_new_revision_closes_the_breaker() -> None:
    with Alloy(breaker=BreakerPolicy(failures=1, cooldown_seconds=60)) as alloy:
        add(alloy, "s", "error('bad')")
        alloy.fire("order.before_create", {})
        alloy.scripts.update("s", "entity.x = 1")
        alloy.scripts.activate("s")
        assert alloy.fire("order.before_create", {}).changes == {"x": 1}
