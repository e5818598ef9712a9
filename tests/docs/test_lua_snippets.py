"""Every Lua block of scripting.md runs and comes to what its last line says."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from alloy_lua import Alloy, Outcome

from .pages import Block, blocks

BLOCKS = blocks("scripting.md", "lua")
_VERDICT = re.compile(r"(changes|rejected|failed|log) (.*)")


def run(block: Block) -> Outcome:
    options = dict(block.options)
    event = options.pop("event", None)
    with Alloy() as alloy:
        if event is None:
            return alloy.evaluate(block.text, **options)
        alloy.scripts.create("snippet", block.text, on=event, status="active")
        return alloy.fire(event, **options)


def told(outcome: Outcome, kind: str) -> str:
    """Returns the outcome in the words of the page."""
    if kind == "rejected":
        details = "" if outcome.details is None else " " + json.dumps(outcome.details)
        return json.dumps(outcome.reason) + details
    if kind == "failed":
        error = outcome.error
        assert error is not None, outcome
        return f"{error.code}{f' line {error.line}' if error.line else ''}: {error.message}"
    line = outcome.logs[-1]
    return f"{line.level} {json.dumps(line.message)}" + ("" if line.data is None else " " + json.dumps(line.data))


def expectation(block: Block) -> str:
    lines = [line for line in block.text.splitlines() if line.startswith("--> ")]
    assert len(lines) == 1, f"{block}: got {len(lines)} lines that start with '-->', wanted 1"
    return lines[0].removeprefix("--> ")


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_snippet_comes_to_what_its_last_line_says(block: Block) -> None:
    expected, outcome = expectation(block), run(block)
    verdict = _VERDICT.fullmatch(expected)
    if verdict is not None and verdict[1] != "changes":
        assert told(outcome, verdict[1]) == verdict[2]
        return
    assert outcome.status == "continue", outcome
    actual: Any = outcome.changes if verdict is not None else outcome.value
    assert actual == json.loads(verdict[2] if verdict is not None else expected)


def test_the_page_has_snippets_for_all_kinds_of_outcomes() -> None:
    kinds = {verdict[1] for block in BLOCKS if (verdict := _VERDICT.fullmatch(expectation(block)))}
    assert kinds == {"changes", "rejected", "failed", "log"}
