"""Runs the guest tests: every chunk of ``tests/lua/*.lua`` in a fresh evaluation, or fired where it names a phase."""

from __future__ import annotations

from typing import Any

from alloy_lua import Alloy, Outcome

CHUNKS = ("*.lua",)


def perform(alloy: Alloy, chunk: Any) -> Outcome:
    entity, before, params = (chunk.data(name) for name in ("entity", "before", "params"))
    if "phase" not in chunk.given:
        return alloy.evaluate(
            chunk.source, entity=entity, before=before, params=params, limits=chunk.limits(), user="ada", run_id="run-1"
        )
    alloy.scripts.create("guest", chunk.source, on=f"thing.{chunk.given['phase']}", status="active")
    try:
        return alloy.fire(f"thing.{chunk.given['phase']}", entity, before=before, params=params, user="ada")
    finally:
        alloy.scripts.disable("guest")
        alloy.scripts.delete("guest")


def test_guest(shared: Alloy, chunk: Any, judge: Any) -> None:
    judge(chunk, perform(shared, chunk))
