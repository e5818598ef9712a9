"""A revision on trial: beside the live one with its effects discarded, or in its place for some records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from threading import Lock
from typing import Any, NamedTuple

from ..engine import Program
from ..ports import Document
from ..runner.context import Ambient
from ..runner.execution import Execution
from ..runner.view import View
from .compare import Kind, compare
from .report import example
from .rerun import Ran
from .tally import Tally, Thresholds, thresholds_in

PARTS = 10_000
MOST_EXAMPLES = 20
COSTS = ("live_fuel", "candidate_fuel", "live_us", "candidate_us")
COUNTERS = (*Kind, *COSTS)


class Mode(StrEnum):
    """What a candidate does: run beside the live revision without effects, or in its place for some records."""

    SHADOW = "shadow"
    CANARY = "canary"


class State(StrEnum):
    """Where a rollout is."""

    RUNNING = "running"
    ROLLED_BACK = "rolled_back"
    STOPPED = "stopped"


class Rollout(NamedTuple):
    """A candidate on real traffic.

    Attributes:
        id: New with each rollout.
        tenant: Whose script it is.
        script_id: The script.
        mode: Beside the live revision, or in its place.
        live: The revision that was live when it began; with another one it rests.
        revision: The candidate.
        percent: For how many records, from 0 to 100; the same ones each time.
        users: For whose runs; None for everybody's.
        thresholds: What ends it.
        state: Whether it goes on.
        reason: Why it ended.
        by: Who began or ended it.
        at: When.
    """

    id: str
    tenant: str
    script_id: str
    mode: Mode
    live: int
    revision: int
    percent: float
    users: tuple[str, ...] | None
    thresholds: Thresholds
    state: State
    reason: str | None
    by: str
    at: datetime

    def body(self) -> dict[str, Any]:
        """Returns what a document holds of it."""
        names = ("id", "mode", "live", "revision", "percent", "users", "state", "reason")
        return {name: getattr(self, name) for name in names} | {"thresholds": asdict(self.thresholds)}


def rollout_in(document: Document) -> Rollout:
    """Returns the rollout that a document holds."""
    body = document.body
    users = None if body["users"] is None else tuple(body["users"])
    return Rollout(
        body["id"], document.tenant, document.name, Mode(body["mode"]), body["live"], body["revision"],
        body["percent"], users, thresholds_in(body["thresholds"]), State(body["state"]), body["reason"],
        document.updated_by, document.updated_at,
    )  # fmt: skip


class Trial:
    """A rollout in this process: which runs it takes, and what has come of them since they were last counted.

    Args:
        rollout: What is rolled out.
        candidate: The candidate's program.
        live: The live revision's program.
    """

    def __init__(self, rollout: Rollout, candidate: Program, live: Program) -> None:
        self.rollout = rollout
        self.revision = rollout.revision
        self.candidate = candidate
        self.goes_first = rollout.mode is Mode.CANARY
        self.other = live if self.goes_first else candidate
        self.other_revision = rollout.live if self.goes_first else rollout.revision
        self.over = False
        self._tally = Tally()
        self._examples: list[dict[str, Any]] = []
        self._lock = Lock()

    def takes(self, execution: Execution, ambient: Ambient, view: View | None) -> bool:
        """Returns whether a run is part of it: the same answer for the same record, at whatever percentage below."""
        rollout, script = self.rollout, execution.script
        if self.over or script is None or script.live_revision != rollout.live or execution.journal is not None:
            return False
        if rollout.users is not None and ambient.user not in rollout.users:
            return False
        identity = None if view is None else view.adapter.identity(view.record)
        return place(rollout.script_id, identity or execution.origin) < rollout.percent * PARTS / 100

    def observe(self, execution: Execution, first: Ran, other: Ran) -> None:
        """Takes note of one input on which both revisions have run."""
        live, candidate = (other, first) if self.goes_first else (first, other)
        comparison = compare(live, candidate)
        with self._lock:
            self._tally.add(comparison, live, candidate)
            if comparison.kind is not Kind.SAME and len(self._examples) < MOST_EXAMPLES:
                found = example(f"run {execution.run_id}", comparison)
                self._examples.append({"kind": comparison.kind.value, **found})

    def take(self) -> tuple[Mapping[str, int], list[dict[str, Any]]]:
        """Returns what was counted since the last call, and examples."""
        with self._lock:
            tally, self._tally = self._tally, Tally()
            examples, self._examples = self._examples, []
        return numbers(tally), examples


def numbers(tally: Tally) -> dict[str, int]:
    """Returns the numbers of a tally that are not zero, by name; `tally_of` takes them back."""
    found = {**tally.counts, **{name: getattr(tally, name) for name in COSTS}}
    return {str(name): number for name, number in found.items() if number}


def tally_of(found: Mapping[str, int]) -> Tally:
    """Returns the tally with these numbers."""
    counts: dict[str, int] = {kind: found.get(kind, 0) for kind in Kind}
    return Tally(counts, **{name: found.get(name, 0) for name in COSTS})


def place(script_id: str, identity: str) -> int:
    """Returns where a record stands between 0 and `PARTS`, for one script: by its id, and so for ever."""
    text = f"{script_id}:{identity}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=6).digest(), "big") % PARTS
