"""Rollouts and recorded runs on two nodes over one database of each kind."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from alloy_lua import Alloy

EVENT = "order.before_create"


@pytest.fixture(params=["sqlite", "postgresql", "mysql"])
def url(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(f"{request.param}_url")
    return found


def fire(alloy: Alloy, count: int = 1) -> list[object]:
    return [alloy.fire(EVENT, {"id": n}).changes.get("by") for n in range(count)]


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_nodes_count_a_canary_together_and_end_it_together(url: str) -> None:
    with Alloy(url, poll_seconds=0.05) as one, Alloy(url, poll_seconds=0.05) as two:
        one.scripts.create("vip", "entity.by = 'live'", on=EVENT, status="active")
        one.tapes.record("vip")
        until(lambda: fire(two) == ["live"])
        one.scripts.update("vip", "error('boom')")
        one.rollouts.canary("vip", percent=100, records=6, newly_failing=0.0)
        until(lambda: fire(two) == [None])
        for alloy in (one, two):
            fire(alloy, 3)
            alloy.flush()
        until(lambda: fire(one) == fire(two) == ["live"])
        standing = one.rollouts.get("vip")
        assert standing.tally.counts["newly_failing"] >= 6 and 0 < len(standing.examples) <= 20
        assert [e.action for e in one.audit.list(kind="rollout")] == ["rollout.roll_back", "rollout.canary"]
        for alloy in (one, two):
            alloy.flush()
        failed = next(tape.run_id for tape in one.tapes.list() if one.tapes.get(tape.run_id).revision == 2)
        assert one.tapes.replay(failed).same and one.tapes.replay(failed, revision=1).differences["by"] == (
            None,
            "live",
        )
        assert one.backtests.run("vip").tally.counts["newly_failing"] == len(two.tapes.list(limit=1000))
