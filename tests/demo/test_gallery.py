"""The gallery: every script says what it is for, compiles, and comes with cases that cover more than the good way."""

from __future__ import annotations

from typing import Any

import pytest
from lupa.luajit21 import LuaRuntime

from alloy_lua.demo.gallery import gallery, load_gallery
from alloy_lua.events import parse_event
from alloy_lua.model import ApiTrigger, CronTrigger, EventTrigger
from alloy_lua.script_files.front_matter import ScriptFile

GALLERY = load_gallery()
STATUSES = {"continue", "rejected", "failed"}
CASE_KEYS = {"name", "event", "entity", "before", "params", "expect"}
EXPECT_KEYS = {"status", "changes", "reason", "details", "value", "tolerated"}

each_script = pytest.mark.parametrize("script", GALLERY, ids=lambda script: script.name)


def compiled(source: str, name: str) -> Any:
    chunk = LuaRuntime().eval("function(source, name) return loadstring(source, name) end")(source, f"={name}")
    assert not isinstance(chunk, tuple), chunk
    return chunk


def cases(script: ScriptFile) -> list[dict[str, Any]]:
    lua = LuaRuntime()
    lua.execute("null = newproxy()")
    found = lua.execute((gallery() / "cases" / f"{script.name}.lua").read_text())
    return [dict(case) for case in found.values()]


def test_the_gallery_has_its_scripts_in_the_order_they_run() -> None:
    assert len(GALLERY) >= 14
    assert [script.priority for script in GALLERY] == sorted(script.priority for script in GALLERY)
    assert len({script.name for script in GALLERY}) == len(GALLERY)


def test_the_gallery_shows_every_kind_of_trigger() -> None:
    triggers = [trigger for script in GALLERY for trigger in script.triggers]
    kinds = {trigger.kind for trigger in triggers}
    phases = {parse_event(trigger.event).phase for trigger in triggers if isinstance(trigger, EventTrigger)}
    operations = {parse_event(trigger.event).operation for trigger in triggers if isinstance(trigger, EventTrigger)}
    assert kinds == {"event", "cron", "api", "manual"}
    assert phases == {"before", "after", "on_commit"}
    assert operations == {"create", "update", "delete", None}


def test_the_pricing_scripts_run_one_after_the_other_on_the_same_event() -> None:
    chain = [script.name for script in GALLERY if script.name.startswith("pricing-")]
    assert chain == ["pricing-lines", "pricing-discount", "pricing-tax"]
    assert len({script.triggers for script in GALLERY if script.name in chain}) == 1


@each_script
def test_a_script_has_the_name_of_its_file_a_description_and_a_trigger(script: ScriptFile) -> None:
    assert script.file == f"{script.name}.lua"
    assert script.description.endswith(".")
    assert script.triggers


@each_script
def test_a_script_compiles(script: ScriptFile) -> None:
    compiled(script.source, script.name)


@each_script
def test_a_script_has_at_least_three_cases_with_different_names(script: ScriptFile) -> None:
    names = [case["name"] for case in cases(script)]
    assert len(names) >= 3
    assert len(set(names)) == len(names)


@each_script
def test_a_case_says_only_what_cases_can_say(script: ScriptFile) -> None:
    for case in cases(script):
        assert set(case) <= CASE_KEYS, case["name"]
        assert set(case["expect"]) <= EXPECT_KEYS, case["name"]
        assert case["expect"]["status"] in STATUSES, case["name"]
        assert case["expect"]["reason"] or case["expect"]["status"] != "rejected", case["name"]


@each_script
def test_a_case_fires_an_event_of_its_script(script: ScriptFile) -> None:
    on_demand = any(isinstance(trigger, ApiTrigger | CronTrigger) for trigger in script.triggers)
    for case in cases(script):
        if "event" not in case:
            assert on_demand, case["name"]
            continue
        event = parse_event(case["event"])
        assert {event.name, event.wildcard} & set(script.events), case["name"]
