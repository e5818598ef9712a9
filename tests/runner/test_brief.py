"""Fires from an event loop: short ones at once, long ones in a thread, each run counted once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from alloy_lua import Alloy, Outcome

EVENT = "order.before_create"
LOOP = "for i = 1, entity.n do entity.sum = (entity.sum or 0) + 1 end"


@pytest.fixture
def alloy() -> Iterator[Alloy]:
    with Alloy() as made:
        yield made


def warm(alloy: Alloy, record: dict[str, Any]) -> None:
    """Fires once in the way that makes the plan for event loops."""
    first = alloy.fire_briefly(EVENT, record)
    assert not isinstance(first, Outcome)
    first()


def test_short_scripts_run_at_once_and_as_fire_runs_them(alloy: Alloy) -> None:
    alloy.scripts.create("a", "entity.a = entity.n + 1", on=EVENT, status="active", priority=1)
    alloy.scripts.create(
        "b", "if entity.a > 9 then abort('much') end entity.b = entity.a * 2", on=EVENT, status="active"
    )
    warm(alloy, {"n": 1})
    for n in (1, 2, 50):
        found, wanted = alloy.fire_briefly(EVENT, {"n": n}), alloy.fire(EVENT, {"n": n})
        assert isinstance(found, Outcome)
        assert (found.status, found.changes, found.reason) == (wanted.status, wanted.changes, wanted.reason)
    assert (alloy.scripts.health("a").runs, alloy.scripts.health("b").runs) == (7, 7)


def test_a_run_that_turns_out_long_is_made_anew_in_a_thread_and_counted_once(alloy: Alloy) -> None:
    alloy.scripts.create("sum", LOOP, on=EVENT, status="active")
    warm(alloy, {"n": 1})
    assert isinstance(alloy.fire_briefly(EVENT, {"n": 3}), Outcome)
    later = alloy.fire_briefly(EVENT, {"n": 100_000})
    assert not isinstance(later, Outcome)
    assert later().changes == {"sum": 100_000}
    assert alloy.scripts.health("sum").runs == 3


def test_what_ran_of_a_chain_does_not_run_again(alloy: Alloy) -> None:
    alloy.scripts.create("first", "entity.first = true", on=EVENT, status="active", priority=1)
    alloy.scripts.create("sum", LOOP, on=EVENT, status="active")
    warm(alloy, {"n": 1})
    later = alloy.fire_briefly(EVENT, {"n": 100_000})
    assert not isinstance(later, Outcome)
    assert later().changes == {"first": True, "sum": 100_000}
    assert (alloy.scripts.health("first").runs, alloy.scripts.health("sum").runs) == (2, 2)


def test_the_scripts_own_limit_is_kept(alloy: Alloy) -> None:
    alloy.scripts.create("sum", LOOP, on=EVENT, status="active", limits="strict")
    warm(alloy, {"n": 1})
    later = alloy.fire_briefly(EVENT, {"n": 10_000_000})
    assert not isinstance(later, Outcome)
    outcome = later()
    assert outcome.error is not None and outcome.error.code in ("fuel_exhausted", "deadline_exceeded")


def test_changes_of_scripts_are_taken_up(alloy: Alloy) -> None:
    warm(alloy, {})
    assert isinstance(alloy.fire_briefly(EVENT, {}), Outcome)
    alloy.scripts.create("a", "entity.a = 1", on=EVENT, status="active")
    warm(alloy, {})
    found = alloy.fire_briefly(EVENT, {})
    assert isinstance(found, Outcome) and found.changes == {"a": 1}
    alloy.safe_mode.set("stop", everything=True)
    found = alloy.fire_briefly(EVENT, {})
    assert (found if isinstance(found, Outcome) else found()).changes == {}


def test_the_event_loop_is_not_held_up_by_a_script_that_sometimes_runs_long(alloy: Alloy) -> None:
    alloy.scripts.create("sum", LOOP, on=EVENT, status="active", limits="relaxed")

    async def turns_meanwhile() -> int:
        turns, going = 0, True

        async def beat() -> None:
            nonlocal turns
            while going:
                await asyncio.sleep(0)
                turns += 1

        task = asyncio.create_task(beat())
        for n in (1, 2, 3):
            await alloy.fire_async(EVENT, {"n": n})
        turns = 0
        await alloy.fire_async(EVENT, {"n": 40_000_000})
        going = False
        await task
        return turns

    assert asyncio.run(turns_meanwhile()) > 20
    assert alloy.scripts.health("sum").runs == 4


def test_nothing_runs_on_the_event_loop_where_scripts_have_processes_of_their_own() -> None:
    with Alloy(isolation="process", protections=()) as alloy:
        alloy.scripts.create("a", "entity.a = 1", on=EVENT, status="active")
        for _ in range(2):
            later = alloy.fire_briefly(EVENT, {})
            assert not isinstance(later, Outcome) and later().changes == {"a": 1}
