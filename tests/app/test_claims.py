"""Methods and paths that scripts answer belong to one active script each; writes that change nothing write nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from alloy_lua import Alloy
from alloy_lua.errors import Conflict
from alloy_lua.model import ApiTrigger, ManualTrigger, Script, Status


@pytest.fixture(params=["memory", "sqlite"])
def alloy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Alloy]:
    with Alloy("memory://" if request.param == "memory" else f"sqlite:///{tmp_path / 'claims.db'}") as made:
        yield made


def answer(alloy: Alloy, name: str, path: str, method: str = "POST", status: str = "draft", **more: str) -> Script:
    return alloy.scripts.create(name, "return nil", triggers=[ApiTrigger(path, method)], status=status, **more)


def test_a_path_that_another_active_script_answers_is_a_conflict_in_every_way_to_become_active(alloy: Alloy) -> None:
    answer(alloy, "first", "/orders/{id}", status="active")
    with pytest.raises(Conflict, match="the active script first") as told:
        answer(alloy, "second", "/orders/{order}/", status="active")
    assert told.value.details == {"script": "second", "other": "first", "method": "POST", "path": "/orders/{}"}
    assert [script.name for script in alloy.scripts.list()] == ["first"]

    answer(alloy, "second", "/orders/{order}/")
    with pytest.raises(Conflict):
        alloy.scripts.activate("second")
    alloy.scripts.pause("first")
    alloy.scripts.activate("second")
    with pytest.raises(Conflict):
        alloy.scripts.resume("first")

    other = answer(alloy, "third", "/elsewhere", status="active")
    with pytest.raises(Conflict):
        alloy.scripts.update("third", triggers=[ApiTrigger("/orders/{id}", "POST")])
    assert alloy.scripts.get("third") == other and alloy.scripts.get("first").status is Status.PAUSED


def test_what_does_not_get_in_the_way_is_no_conflict(alloy: Alloy) -> None:
    answer(alloy, "first", "/orders/{id}", status="active")
    answer(alloy, "method", "/orders/{id}", "GET", status="active")
    answer(alloy, "fixed", "/orders/new", status="active")
    answer(alloy, "tenant", "/orders/{id}", status="active", tenant="other")
    alloy.scripts.create("manual", "return 1", triggers=[ManualTrigger()], status="active")
    alloy.scripts.update("first", "return 1", description="again")
    assert alloy.scripts.activate("first").live_revision == 2
    assert alloy.scripts.rollback("first", 1).live_revision == 1


def test_a_write_that_changes_nothing_keeps_the_version(alloy: Alloy) -> None:
    made = answer(alloy, "same", "/same", status="active", description="as it was")
    entries = len(alloy.audit.list(tenant="default"))
    assert alloy.scripts.update("same") == made
    assert alloy.scripts.update("same", "return nil", description="as it was", limits="default") == made
    assert alloy.scripts.resume("same") == alloy.scripts.activate("same") == alloy.scripts.rollback("same", 1) == made
    assert alloy.scripts.get("same") == made and len(alloy.audit.list(tenant="default")) == entries
    with pytest.raises(Conflict):
        alloy.scripts.update("same", expected_version=made.version + 1)
    changed = alloy.scripts.update("same", "return 2")
    assert (changed.version, changed.draft_revision) == (made.version + 1, 2)
