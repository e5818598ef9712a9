"""The gallery's cases: each is fired through the real facade on the demo's platform, and must come out as it says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from alloy_lua import Alloy, Outcome
from alloy_lua.demo.gallery import gallery, load_gallery
from alloy_lua.demo.platform import Platform, install
from alloy_lua.demo.publish import publish
from alloy_lua.script_files.front_matter import ScriptFile

Case = dict[str, Any]
ANYTHING = "*"


def every_case() -> list[tuple[ScriptFile, Case]]:
    with Alloy() as alloy:
        return [
            (script, case)
            for script in load_gallery()
            for case in alloy.evaluate((gallery() / "cases" / f"{script.name}.lua").read_text())
            .raise_for_status()
            .value
        ]


CASES = every_case()
each_case = pytest.mark.parametrize(
    ("script", "case"), CASES, ids=[f"{script.name}: {case['name']}" for script, case in CASES]
)


@pytest.fixture
def alloy() -> Iterator[Alloy]:
    with Alloy() as made:
        yield made


@pytest.fixture
def platform(alloy: Alloy) -> Platform:
    return install(alloy)


def perform(alloy: Alloy, script: ScriptFile, case: Case) -> Outcome:
    """Returns what the case's event, or a run by hand if it names none, makes of its record with this script alone."""
    publish(alloy, script)
    given = {"before": case.get("before"), "params": case.get("params")}
    if "event" in case:
        return alloy.fire(case["event"], case.get("entity"), **given)
    return alloy.run(script.name, entity=case.get("entity"), **given)


def filled(expected: Any, got: Any) -> Any:
    """Returns ``expected`` with what was got in place of ``"*"``."""
    if not isinstance(expected, dict) or not isinstance(got, dict):
        return expected
    return {name: got.get(name) if value == ANYTHING else value for name, value in expected.items()}


@each_case
@pytest.mark.usefixtures("platform")
def test_a_case_comes_out_as_it_says(alloy: Alloy, script: ScriptFile, case: Case) -> None:
    outcome = perform(alloy, script, case)
    expected = case["expect"]
    assert str(outcome.status) == expected["status"], outcome
    got: dict[str, Any] = {name: getattr(outcome, name) for name in ("changes", "reason", "details", "value")}
    got["tolerated"] = [error.code for error in outcome.tolerated]
    for part in expected.keys() - {"status"}:
        assert got[part] == filled(expected[part], got[part]), part


def test_there_are_cases_for_every_script_of_the_gallery() -> None:
    assert {script.name for script, _ in CASES} == {script.name for script in load_gallery()}
    assert len(CASES) >= 88
