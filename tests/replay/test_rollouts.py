"""Shadows and canaries: what they do to real runs, what they count, and when they end by themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from alloy_lua import Alloy, CompileError, Conflict, ManualTrigger, NotFound, ValidationError
from alloy_lua.access_model import Actor, Role
from alloy_lua.errors import BacktestRequired, PermissionDenied, ReviewRequired

from .conftest import platform, script

LIVE = "entity.by = 'live' entity.level = crm.level(entity.name) mail.send(entity.name, 'live')"
DRAFT = "entity.by = 'draft' entity.level = crm.level(entity.name) mail.send(entity.name, 'draft')"
EVENT = "order.before_create"


def fire(alloy: Alloy, count: int = 1, first: int = 0, **options: Any) -> list[Any]:
    return [
        alloy.fire(EVENT, {"id": n, "name": "ann"}, **options).changes.get("by") for n in range(first, first + count)
    ]


@pytest.fixture
def vip(alloy: Alloy, calls: list[Any]) -> str:
    script(alloy, "vip", LIVE)
    alloy.scripts.update("vip", DRAFT)
    return "vip"


@pytest.mark.parametrize("isolation", ["thread", "process"])
def test_a_shadow_changes_nothing_and_is_compared(tmp_path: Path, isolation: Any) -> None:
    with Alloy(f"sqlite:///{tmp_path}/alloy.db", isolation=isolation) as alloy:
        calls = platform(alloy)
        script(alloy, "vip", LIVE)
        alloy.scripts.update("vip", DRAFT)
        alloy.rollouts.shadow("vip")
        assert fire(alloy, 3) == ["live"] * 3
        assert calls == [("level", "ann"), ("send", "ann", "live")] * 3  # what the live one read answers the shadow
        found = alloy.rollouts.get("vip")
        assert found.tally.counts["changed"] == 3 and found.tally.records == 3
        assert found.examples[0]["fields"] == {
            "by": ["live", "draft"],
            "(effects)": [[{"function": "mail.send", "arguments": ["ann", by]}] for by in ("live", "draft")],
        }  # fmt: skip
        assert found.tally.live_fuel > 0 and found.tally.candidate_us > 0
        alloy.flush()
        assert {run.revision for run in alloy.runs()} == {1} and alloy.scripts.health("vip").runs == 3
        alloy.rollouts.stop("vip", "seen enough")
        fire(alloy)
        again = alloy.rollouts.get("vip")
        assert (again.tally.records, again.rollout.state, again.rollout.reason) == (3, "stopped", "seen enough")


def test_a_shadow_that_fails_or_rejects_fails_and_rejects_nothing(alloy: Alloy, vip: str) -> None:
    for source, kind in (("error('x')", "newly_failing"), ("abort('x')", "newly_rejected")):
        alloy.scripts.update(vip, source)
        alloy.rollouts.shadow(vip)
        assert fire(alloy) == ["live"] and alloy.rollouts.get(vip).tally.counts[kind] == 1
        alloy.rollouts.stop(vip)
    assert alloy.scripts.health(vip).failed == 0


def test_the_same_records_are_canaries_each_time_and_stay_so_at_a_higher_percentage(
    alloy: Alloy, vip: str, calls: list[Any]
) -> None:
    alloy.rollouts.canary(vip, percent=30)
    first = fire(alloy, 100)
    assert 10 < first.count("draft") < 55 and fire(alloy, 100) == first
    alloy.flush()
    assert {run.revision for run in alloy.runs(limit=300)} == {1, 2}
    sent = [call[2] for call in calls if call[0] == "send"]
    assert sent == first * 2  # each run sends once, the other revision beside it sends nothing
    assert alloy.rollouts.get(vip).tally.records == 2 * first.count("draft")
    alloy.rollouts.stop(vip)
    alloy.rollouts.canary(vip, percent=60)
    more = fire(alloy, 100)
    assert more.count("draft") > first.count("draft")
    assert all(new == "draft" for old, new in zip(first, more, strict=True) if old == "draft")


def test_a_canary_can_be_for_some_users(alloy: Alloy, vip: str) -> None:
    alloy.rollouts.canary(vip, users=["ann", "bob"])
    assert fire(alloy, 2, user="ann") == ["draft"] * 2
    assert fire(alloy, 2, user="eve") + fire(alloy, 2) == ["live"] * 4
    with alloy.context(user="bob"):
        assert fire(alloy) == ["draft"]


def test_too_many_failures_roll_a_canary_back(alloy: Alloy, vip: str) -> None:
    alloy.scripts.update(vip, "if entity.id >= 3 then error('boom') end entity.by = 'draft'")
    alloy.rollouts.canary(vip, percent=100, records=4, newly_failing=0.3)
    assert fire(alloy, 4) == ["draft"] * 3 + [None]
    alloy.flush()
    assert fire(alloy, 1) == ["draft"]  # one of four is let pass
    assert fire(alloy, 2, first=3) == [None] * 2
    alloy.flush()
    assert fire(alloy, 2, first=3) == ["live"] * 2
    found = alloy.rollouts.get(vip).rollout
    assert (found.state, found.by) == ("rolled_back", "system")
    assert found.reason == "newly_failing: 3 of 7, wanted at most 30.00%"
    entry = alloy.audit.list(kind="rollout")[0]
    assert (entry.action, entry.reason, entry.details["revision"]) == ("rollout.roll_back", found.reason, 3)
    health = alloy.scripts.health(vip)
    assert health.last_error_code == "rolled_back" and "3 of 7" in str(health.last_error)
    assert alloy.scripts.get(vip).live_revision == 1


@pytest.mark.parametrize(
    ("source", "threshold"),
    [("entity.by = 'x'", {"changed": 0.5}), ("abort('no')", {"newly_rejected": 0.0}),
     ("for n = 1, 5000 do end " + LIVE, {"fuel": 2})],
)  # fmt: skip
def test_differences_and_cost_roll_back_too(alloy: Alloy, vip: str, source: str, threshold: dict[str, Any]) -> None:
    alloy.scripts.update(vip, source)
    alloy.rollouts.canary(vip, percent=100, **threshold)
    fire(alloy)
    alloy.flush()
    standing = alloy.rollouts.get(vip)
    assert standing.rollout.state == "rolled_back" and next(iter(threshold)) in str(standing.rollout.reason)
    assert fire(alloy) == ["live"]


def test_jobs_and_runs_by_hand_are_traffic_too(alloy: Alloy) -> None:
    script(alloy, "s", "return {1, ctx.dry_run}", on=None, triggers=[ManualTrigger()])
    alloy.scripts.update("s", "return {2, ctx.dry_run}")
    alloy.rollouts.canary("s", percent=100)
    assert alloy.run("s").value == [2, False] and alloy.run("s", dry_run=True).value == [1, True]
    assert alloy.rollouts.get("s").examples[0]["fields"] == {"(value)": [[1, False], [2, False]]}
    alloy.scripts.activate("s")
    assert alloy.run("s").value == [2, False] and alloy.rollouts.get("s").tally.records == 1  # nothing to compare with


def test_no_secret_is_in_what_a_rollout_or_a_back_test_tells(alloy: Alloy, vip: str) -> None:
    text = "s3cr3t-text"
    alloy.secrets.set("key", text)
    alloy.secrets.open("default", "key")
    alloy.rollouts.shadow(vip)
    alloy.fire(EVENT, {"name": "ann", "told": text})
    alloy.scripts.update(vip, "mail.send('ann', entity.told)")
    alloy.rollouts.stop(vip)
    alloy.rollouts.shadow(vip)
    alloy.tapes.record(vip)
    alloy.fire(EVENT, {"name": "ann", "told": text})
    standing = alloy.rollouts.get(vip)
    alloy.flush()
    told = repr((standing, alloy.backtests.run(vip), alloy.backtests.run(vip, [{"name": "ann", "told": text}])))
    assert "[secret key]" in told and text not in told


def test_what_may_not_be_activated_is_no_canary(alloy: Alloy, vip: str) -> None:
    alloy.backtests.require(vip)
    with pytest.raises(BacktestRequired):
        alloy.rollouts.canary(vip, percent=1)
    alloy.tenants.update("default", review_required=True)
    with pytest.raises(ReviewRequired):
        alloy.rollouts.canary(vip, percent=1)
    alloy.rollouts.shadow(vip)
    with pytest.raises(Conflict, match="a shadow of revision 2 goes on"):
        alloy.rollouts.shadow(vip)
    with alloy.acting(Actor("eve", Role.AUTHOR)), pytest.raises(PermissionDenied):
        alloy.rollouts.stop(vip)


def test_wrong_rollouts_are_refused(alloy: Alloy, vip: str) -> None:
    for wrong in ({}, {"percent": 101}, {"percent": "x"}, {"users": [1]}, {"percent": 1, "slow": 1},
                  {"percent": 1, "revision": 1}):  # fmt: skip
        with pytest.raises(ValidationError):
            alloy.rollouts.canary(vip, **wrong)  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        alloy.rollouts.get(vip)
    with pytest.raises(NotFound):
        alloy.rollouts.stop(vip)
    alloy.scripts.update(vip, "entity.x =")
    with pytest.raises(CompileError):
        alloy.rollouts.shadow(vip)
    assert alloy.audit.list(kind="rollout") == []


def test_a_script_without_a_rollout_keeps_its_short_way(alloy: Alloy) -> None:
    script(alloy, "s", "entity.by = 'live'")
    alloy.scripts.update("s", "entity.by = 'draft'")
    short = type(alloy.fire(EVENT, {})).__name__
    alloy.rollouts.canary("s", percent=100)
    records = [{"id": 1}, {"id": 2}]
    assert [o.changes["by"] for o in alloy.fire_many(EVENT, records)] == ["draft"] * 2
    assert alloy.fire_briefly(EVENT, {"id": 1})().changes == {"by": "draft"}  # type: ignore[operator]
    alloy.rollouts.stop("s")
    outcome = alloy.fire(EVENT, {})
    assert outcome.changes == {"by": "live"} and type(outcome).__name__ == short != "Told"
