"""Firing events: which scripts run, in which order, what they see, and what becomes of the operation."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from typing import Any

import pytest

from alloy_lua import Alloy, AlloyError, Rejected, ScriptError, ValidationError
from alloy_lua.model import EventTrigger


def add(alloy: Alloy, name: str, source: str, on: str = "order.before_create", **settings: Any) -> None:
    alloy.scripts.create(name, source, on=on, status="active", **settings)


# -- which scripts run -------------------------------------------------------------------------------------------
def test_an_event_without_scripts_changes_nothing(alloy: Alloy) -> None:
    record = {"a": 1}
    outcome = alloy.fire("order.before_create", record)
    assert (outcome.status, outcome.changes, outcome.fuel, outcome.runs) == ("continue", {}, 0, ())
    assert outcome.entity is record


def test_scripts_run_by_priority_then_name_and_see_what_earlier_ones_changed(alloy: Alloy) -> None:
    for name, priority in (("c", 100), ("b", 100), ("a", 200), ("z", 1)):
        add(alloy, name, f"entity.seen = (entity.seen or '') .. '{name}'", priority=priority)
    outcome = alloy.fire("order.before_create", {"seen": ""})
    assert outcome.changes == {"seen": "zbca"}
    assert [run.script for run in outcome.runs] == ["z", "b", "c", "a"]
    assert outcome.fuel == sum(run.fuel for run in outcome.runs) == 4


def test_a_wildcard_runs_for_every_entity_in_the_same_order(alloy: Alloy) -> None:
    add(alloy, "every", "entity.seen = entity.seen .. 'every '", on="*.before_create", priority=50)
    add(alloy, "order", "entity.seen = entity.seen .. 'order '")
    assert alloy.fire("order.before_create", {"seen": ""}).changes == {"seen": "every order "}
    assert alloy.fire("customer.before_create", {"seen": ""}).changes == {"seen": "every "}
    assert alloy.fire("order.before_update", {"seen": ""}).changes == {}


def test_a_script_with_two_triggers_on_one_event_runs_as_often_as_it_is_bound(alloy: Alloy) -> None:
    alloy.scripts.create("twice", "entity.n = entity.n + 1", on=["a.before_create", "*.before_create"], status="active")
    assert alloy.fire("a.before_create", {"n": 0}).changes["n"] in (1, 2)
    assert alloy.fire("b.before_create", {"n": 0}).changes == {"n": 1}


def test_topics_run_read_only_with_params(alloy: Alloy) -> None:
    add(alloy, "topic", "return ctx.phase .. ' ' .. params.cart", on="topic.cart.left")
    assert alloy.fire("topic.cart.left", params={"cart": "c1"}).value == "after c1"


def test_a_script_that_watches_fields_runs_when_one_of_them_changed(alloy: Alloy) -> None:
    trigger = EventTrigger("order.before_update", ("total", "status"))
    alloy.scripts.create("watch", "entity.seen = true", triggers=[trigger], status="active")
    before = {"total": 1, "status": "new", "note": "x"}
    assert alloy.fire("order.before_update", {**before, "note": "y"}, before=before).changes == {}
    assert alloy.fire("order.before_update", {**before, "total": 2}, before=before).changes == {"seen": True}
    assert alloy.fire("order.before_update", before).changes == {"seen": True}, "nothing to compare with"


def test_a_watched_field_that_an_earlier_script_changes_counts(alloy: Alloy) -> None:
    add(alloy, "first", "entity.total = 5", on="order.before_update", priority=1)
    trigger = EventTrigger("order.before_update", ("total",))
    alloy.scripts.create("second", "entity.seen = true", triggers=[trigger], status="active")
    assert alloy.fire("order.before_update", {"total": 1}, before={"total": 1}).changes == {"total": 5, "seen": True}


def test_only_active_scripts_run_and_only_the_live_revision(alloy: Alloy) -> None:
    add(alloy, "s", "entity.v = 1")
    alloy.scripts.update("s", "entity.v = 2")
    assert alloy.fire("order.before_create", {}).changes == {"v": 1}
    alloy.scripts.activate("s")
    assert alloy.fire("order.before_create", {}).changes == {"v": 2}
    alloy.scripts.rollback("s", 1)
    assert alloy.fire("order.before_create", {}).changes == {"v": 1}
    alloy.scripts.pause("s")
    assert alloy.fire("order.before_create", {}).changes == {}
    alloy.scripts.resume("s")
    assert alloy.fire("order.before_create", {}).changes == {"v": 1}
    alloy.scripts.disable("s")
    assert alloy.fire("order.before_create", {}).changes == {}


def test_tenants_do_not_see_each_other_s_scripts(alloy: Alloy) -> None:
    add(alloy, "s", "entity.who = 'a'", tenant="a")
    add(alloy, "s", "entity.who = 'b'", tenant="b")
    assert alloy.fire("order.before_create", {}, tenant="a").changes == {"who": "a"}
    assert alloy.fire("order.before_create", {}, tenant="b").changes == {"who": "b"}
    assert alloy.fire("order.before_create", {}).changes == {}
    with alloy.context(tenant="b", user="bea"):
        assert alloy.fire("order.before_create", {}).changes == {"who": "b"}


@pytest.mark.parametrize(
    "event", ["order", "order.before", "order.before_creat", ".before_create", "topic.", "topic.a b", ""]
)
def test_a_wrong_event_name_is_refused(alloy: Alloy, event: str) -> None:
    with pytest.raises(ValidationError):
        alloy.fire(event, {})


# -- what they see -----------------------------------------------------------------------------------------------
def test_a_script_sees_its_surroundings(alloy: Alloy) -> None:
    source = "return {ctx.user, ctx.tenant, ctx.event, ctx.phase, ctx.operation, ctx.entity_type, params.p, before.a, changed('a')}"
    add(alloy, "see", source, on="order.after_update", tenant="t")
    with alloy.context(user="ada", tenant="t"):
        outcome = alloy.fire("order.after_update", {"a": 2}, before={"a": 1}, params={"p": 7})
    assert outcome.value == ["ada", "t", "order.after_update", "after", "update", "order", 7, 1, True]


def test_a_record_of_any_kind_is_not_changed_itself(alloy: Alloy) -> None:
    @dataclasses.dataclass
    class Order:
        total: float
        vip: bool = False

    add(alloy, "s", "entity.total = entity.total + 1")
    order = Order(1.0)
    outcome = alloy.fire("order.before_create", order)
    assert (outcome.changes, order.total, outcome.entity) == ({"total": 2.0}, 1.0, Order(2.0))
    record = {"total": 1}
    assert alloy.fire("order.before_create", record).entity == {"total": 2}
    assert record == {"total": 1}


def test_nested_changes_come_back(alloy: Alloy) -> None:
    add(alloy, "s", "entity.lines[1].price = 5 entity.address.city = nil table.insert(entity.tags, 'x')")
    record = {"lines": [{"price": 1}, {"price": 2}], "address": {"city": "Oslo", "zip": "1"}, "tags": []}
    assert alloy.fire("order.before_create", record).changes == {
        "lines": [{"price": 5}, {"price": 2}], "address": {"zip": "1"}, "tags": ["x"],
    }  # fmt: skip
    assert record["lines"][0] == {"price": 1}


@pytest.mark.parametrize("rest", ["", " params = 1", " for _ in pairs(entity) do end"])
def test_private_fields_can_be_neither_read_nor_written(alloy: Alloy, rest: str) -> None:
    add(alloy, "read", "entity.seen = entity._secret == nil" + rest, on="order.before_create")
    assert alloy.fire("order.before_create", {"_secret": 7, "seen": 0}).changes == {"seen": True}
    add(alloy, "write", "entity._secret = 8" + rest, on="order.before_update")
    outcome = alloy.fire("order.before_update", {"_secret": 7})
    assert outcome.status == "failed" and outcome.changes == {}
    assert outcome.error is not None and outcome.error.code == "invalid_value"


def test_fields_may_be_limited_to_a_list(alloy: Alloy) -> None:
    alloy.entities.describe("order", readable=["total"], writable=["total"])
    add(alloy, "s", "entity.total = (entity.total or 0) + (entity.secret or 1)")
    assert alloy.fire("order.before_create", {"total": 1, "secret": 5}).changes == {"total": 2}
    add(alloy, "w", "entity.other = 1", on="order.before_update")
    outcome = alloy.fire("order.before_update", {"total": 1})
    assert outcome.error is not None and outcome.error.code == "invalid_value" and outcome.changes == {}


# -- how it ends -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("event", ["order.before_create", "order.after_update", "order.on_commit", "topic.x"])
def test_abort_in_every_phase_ends_the_chain_and_drops_all_changes(alloy: Alloy, event: str) -> None:
    writes = "entity.a = 2 " if "before" in event else ""
    add(alloy, "1", writes + "return 1", on=event)
    add(alloy, "2", "abort('no', {field = 'a'})", on=event)
    add(alloy, "3", "error('never')", on=event)
    outcome = alloy.fire(event, {"a": 1})
    assert (outcome.status, outcome.reason, outcome.details) == ("rejected", "no", {"field": "a"})
    assert (outcome.rejected_by, outcome.changes, len(outcome.runs)) == ("2", {}, 2)
    assert not outcome
    with pytest.raises(Rejected, match="no") as caught:
        outcome.raise_for_status()
    assert caught.value.details == {"field": "a"}


def test_a_failure_under_the_closed_policy_ends_the_chain(alloy: Alloy) -> None:
    add(alloy, "1", "entity.a = 2")
    add(alloy, "2", "\nerror('broken')")
    add(alloy, "3", "entity.b = 2")
    outcome = alloy.fire("order.before_create", {"a": 1})
    assert (outcome.status, outcome.changes, outcome.rejected_by) == ("failed", {}, "2")
    assert outcome.error is not None and (outcome.error.line, outcome.error.message) == (2, "broken")
    with pytest.raises(ScriptError, match="broken"):
        outcome.raise_for_status()


def test_a_failure_under_the_open_policy_is_tolerated(alloy: Alloy) -> None:
    add(alloy, "1", "entity.a = 2")
    add(alloy, "2", "entity.a = 9 error('broken')", failure_policy="open")
    add(alloy, "3", "entity.b = entity.a + 1")
    outcome = alloy.fire("order.before_create", {"a": 1})
    assert (outcome.status, outcome.changes) == ("continue", {"a": 2, "b": 3})
    assert [error.message for error in outcome.tolerated] == ["broken"]
    assert outcome.error is None


def test_a_script_that_no_longer_compiles_fails_by_its_policy(alloy: Alloy) -> None:
    add(alloy, "s", "return 1")
    script = alloy.scripts.get("s")
    revision = alloy.store.get_revision(script.tenant, script.id, 1)
    broken = dataclasses.replace(revision, number=2, source="x = = 1")
    alloy.store.save_script(
        dataclasses.replace(script, draft_revision=2, live_revision=2), expected_version=1, revision=broken
    )
    alloy.refresh()
    outcome = alloy.fire("order.before_create", {})
    assert outcome.error is not None and outcome.error.code == "compile_error"
    assert alloy.scripts.health("s").failed == 1


def test_a_dry_run_reports_and_records_nothing(alloy: Alloy) -> None:
    calls = []

    @alloy.function("mail.send", capability="mail", effect=True)
    def send(to: str) -> str:
        calls.append(to)
        return "sent"

    add(alloy, "s", "entity.r = mail.send('a@b') entity.dry = ctx.dry_run", capabilities=["mail"])
    outcome = alloy.fire("order.before_create", {"r": 1}, dry_run=True)
    assert outcome.changes == {"r": None, "dry": True}
    assert outcome.effects == ({"function": "mail.send", "arguments": ["a@b"]},)
    assert alloy.fire("order.before_create", {}).changes == {"r": "sent", "dry": False}
    assert calls == ["a@b"]
    alloy.flush()
    assert len(alloy.runs()) == 1
    with alloy.context(dry_run=True):
        assert alloy.fire("order.before_create", {}).changes == {"dry": True}
    assert calls == ["a@b"]


def test_fire_async_gives_what_fire_gives(alloy: Alloy) -> None:
    add(alloy, "short", "entity.a = entity.a + 1", on="a.before_create")
    add(alloy, "rich", "entity.who = ctx.user .. params.x", on="b.before_create")

    async def all_at_once() -> list[Any]:
        short = [alloy.fire_async("a.before_create", {"a": i}) for i in range(20)]
        with alloy.context(user="ada"):
            rich = [alloy.fire_async("b.before_create", {}, params={"x": i}) for i in range(5)]
            return await asyncio.gather(*short, *rich)

    outcomes = asyncio.run(all_at_once())
    assert [o.changes["a"] for o in outcomes[:20]] == list(range(1, 21))
    assert [o.changes["who"] for o in outcomes[20:]] == [f"ada{i}" for i in range(5)]


def test_fire_async_does_not_block_the_event_loop_for_a_runaway(alloy: Alloy) -> None:
    add(alloy, "slow", "while entity.a do end", limits="relaxed")

    async def watch() -> float:
        task = asyncio.ensure_future(alloy.fire_async("order.before_create", {"a": 1}))
        longest, last = 0.0, time.perf_counter()
        while not task.done():
            await asyncio.sleep(0.005)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
        return longest

    alloy.fire("order.before_create", {})
    assert asyncio.run(watch()) < 0.2


# -- by hand -----------------------------------------------------------------------------------------------------
def test_run_takes_a_stored_script_with_params_entity_and_revision(alloy: Alloy) -> None:
    from alloy_lua import ManualTrigger

    alloy.scripts.create("m", "entity.x = params.n return ctx.phase", triggers=[ManualTrigger()], status="active")
    outcome = alloy.run("m", {"n": 3}, entity={"x": 1})
    assert (outcome.changes, outcome.value) == ({"x": 3}, "manual")
    alloy.scripts.update("m", "return 'draft'")
    assert alloy.run("m", dry_run=True, revision=2).value == "draft"
    with pytest.raises(ValidationError):
        alloy.run("m", revision=2)
    add(alloy, "event-only", "return 1")
    with pytest.raises(ValidationError):
        alloy.run("event-only")
    assert alloy.run("event-only", dry_run=True).value == 1
    with pytest.raises(AlloyError):
        alloy.run("nosuch")
