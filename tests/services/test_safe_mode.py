"""Safe mode: what is bypassed, for whom, how long, on which nodes, and what it leaves on record."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alloy_lua import Alloy, ManualTrigger
from alloy_lua.errors import AlloyError, NotFound, ValidationError

EVENT = "order.before_create"


@pytest.fixture
def alloy() -> Iterator[Alloy]:
    with Alloy() as made:
        for tenant in ("default", "acme"):
            for name, event in (("first", EVENT), ("second", EVENT), ("other", "note.before_create")):
                made.scripts.create(
                    name, f"entity.{name} = true", on=event, status="active", tenant=tenant, priority=len(name)
                )
        made.fire(EVENT, {})
        yield made


def ran(alloy: Alloy, event: str = EVENT, tenant: str | None = None) -> set[str]:
    """Returns the scripts that a fire ran, and asserts that all ways of firing agree."""
    outcome = alloy.fire(event, {}, tenant=tenant)
    assert outcome.status == "continue"
    many = alloy.fire_many(event, [{}, {}], tenant=tenant)
    assert all(one.changes == outcome.changes for one in many)
    assert {run.script for run in outcome.runs} == set(outcome.changes)
    return set(outcome.changes)


@pytest.mark.parametrize(
    ("scope", "left"),
    [
        ({"script": "first"}, [{"second"}, {"other"}, {"first", "second"}, {"other"}]),
        ({"script": "first", "tenant": "acme"}, [{"first", "second"}, {"other"}, {"second"}, {"other"}]),
        ({"event": EVENT}, [set(), {"other"}, set(), {"other"}]),
        ({"event": EVENT, "tenant": "acme"}, [{"first", "second"}, {"other"}, set(), {"other"}]),
        ({"tenant": "acme"}, [{"first", "second"}, {"other"}, set(), set()]),
        ({"everything": True}, [set(), set(), set(), set()]),
    ],
)
def test_what_is_bypassed_does_not_run_until_it_is_cleared(
    alloy: Alloy, scope: dict[str, Any], left: list[set[str]]
) -> None:
    places = [(EVENT, None), ("note.before_create", None), (EVENT, "acme"), ("note.before_create", "acme")]
    everything = [ran(alloy, *place) for place in places]
    assert everything == [{"first", "second"}, {"other"}] * 2
    bypass = alloy.safe_mode.set("broken", by="ada", **scope)
    assert [ran(alloy, *place) for place in places] == left
    found = alloy.safe_mode.list()
    assert [(one.reason, one.by, one.until) for one in found] == [("broken", "ada", None)]
    alloy.safe_mode.clear(bypass.id)
    assert [ran(alloy, *place) for place in places] == everything
    with pytest.raises(NotFound):
        alloy.safe_mode.clear(bypass.id)


def test_a_bypass_ends_by_itself(alloy: Alloy) -> None:
    alloy.safe_mode.set("for a moment", everything=True, seconds=0.3)
    assert ran(alloy) == set()
    time.sleep(0.35)
    alloy._poll()
    assert ran(alloy) == {"first", "second"}
    assert alloy.safe_mode.list() == []
    assert alloy.store.documents.of_kind("bypass") != []
    alloy._prune()
    assert alloy.store.documents.of_kind("bypass") == []


def test_setting_it_again_replaces_it(alloy: Alloy) -> None:
    alloy.safe_mode.set("one", script="first")
    alloy.safe_mode.set("two", script="first", seconds=60)
    assert [one.reason for one in alloy.safe_mode.list()] == ["two"]


def test_bypassed_runs_are_recorded_and_counted(alloy: Alloy) -> None:
    alloy.safe_mode.set("broken", script="first")
    alloy.fire(EVENT, {"id": 7}, user="ada")
    alloy.flush()
    runs = alloy.runs(status="bypassed")
    assert [(run.script_name, run.reason, run.user, run.event, run.entity_id, run.fuel) for run in runs] == [
        ("first", "broken", "ada", EVENT, "7", 0)
    ]
    stats = {one.name: (one.runs, one.skipped) for one in alloy.stats(tenant="default")}
    assert stats["first"] == (1, 1)
    alloy.fire(EVENT, {}, dry_run=True)
    alloy.flush()
    assert len(alloy.runs(status="bypassed")) == 1


def test_a_bypassed_script_is_not_run_by_hand_but_may_be_tried(alloy: Alloy) -> None:
    alloy.scripts.create("manual", "return 1", triggers=[ManualTrigger()], status="active")
    alloy.safe_mode.set("broken", script="manual")
    outcome = alloy.run("manual")
    assert (outcome.error.code, "broken" in outcome.error.message) == ("bypassed", True)
    assert alloy.run("manual", dry_run=True).value == 1


def test_a_script_that_does_not_compile_any_more_can_be_bypassed(alloy: Alloy, monkeypatch: pytest.MonkeyPatch) -> None:
    alloy.safe_mode.set("broken", script="first")
    monkeypatch.setattr(alloy.store, "get_revision", lambda *_: pytest.fail("its source was read"))
    assert ran(alloy) == {"second"}


@pytest.mark.parametrize(
    ("reason", "scope"),
    [
        ("", {"everything": True}), (" ", {"everything": True}), (7, {"everything": True}), ("x" * 501, {"everything": True}), ("r", {}),
        ("r", {"script": "a", "event": EVENT}), ("r", {"everything": True, "tenant": "a"}), ("r", {"event": "nonsense"}), ("r", {"script": ""}),
        ("r", {"everything": True, "seconds": 0}), ("r", {"everything": True, "seconds": 1e9}), ("r", {"tenant": ""}), ("r", {"everything": True, "by": ""}),
    ],
)  # fmt: skip
def test_wrong_arguments_are_refused_and_nothing_is_bypassed(alloy: Alloy, reason: Any, scope: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        alloy.safe_mode.set(reason, **scope)
    assert alloy.safe_mode.list() == []


def test_this_process_alone_can_be_started_in_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'alloy.db'}"
    with Alloy(url) as one, Alloy(url) as two:
        one.scripts.create("s", "entity.x = 1", on=EVENT, status="active")
        two.refresh()
        one.safe_mode.bypass_here("started so")
        assert one.fire(EVENT, {}).changes == {}
        assert two.fire(EVENT, {}).changes == {"x": 1}
        assert [b.reason for b in one.safe_mode.list()] == ["started so"]
        assert two.safe_mode.list() == []


def test_other_nodes_take_it_up_within_two_seconds(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'alloy.db'}"
    with Alloy(url) as one, Alloy(url) as two:
        one.scripts.create("s", "entity.x = 1", on=EVENT, status="active")
        two.refresh()
        assert two.fire(EVENT, {}).changes == {"x": 1}
        for change, changes in (
            (lambda: one.safe_mode.set("r", everything=True), {}),
            (lambda: one.safe_mode.clear("*/all"), {"x": 1}),
        ):
            change()
            until = time.monotonic() + 2
            while two.fire(EVENT, {}).changes != changes:
                assert time.monotonic() < until
                time.sleep(0.02)


def test_who_acts_must_have_the_right(alloy: Alloy) -> None:
    from alloy_lua.access_model import Actor, Role

    viewer = Actor("eve", Role.VIEWER, frozenset({"default"}))
    for call in (
        lambda: alloy.safe_mode.set("r", everything=True),
        lambda: alloy.safe_mode.set("r", script="first"),
        lambda: alloy.safe_mode.clear("default/script first"),
        lambda: alloy.secrets.set("a", "12345678"),
        lambda: alloy.secrets.list(),
        lambda: alloy.egress.allow("https://a.test/*"),
        lambda: alloy.egress.list(),
        lambda: alloy.cancel("r"),
    ):
        with alloy.acting(viewer), pytest.raises(AlloyError) as caught:
            call()
        assert caught.value.code in ("permission_denied", "not_found")
    assert alloy.safe_mode.list() == []
