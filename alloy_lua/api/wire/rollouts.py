"""Rollouts, as callers ask for them and see them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta

from ...replay.rollouts import Standing
from ...replay.trial import Mode, Rollout, State
from .common import Data, Output
from .fill import filled
from .outcomes import User
from .replay import NewThresholds, Tally
from .scripts import RevisionNumber


class NewRollout(NewThresholds, kw_only=True):
    """A revision to be tried on real traffic, and what ends that.

    Attributes:
        mode: ``shadow`` runs it beside the live one with its effects discarded; ``canary`` in its place.
        revision: The candidate; the draft if left out.
        percent: For how many records; the same ones each time.
        users: For whose runs; everybody's if left out.
    """

    mode: Mode
    revision: RevisionNumber | None = None
    percent: Annotated[float, Meta(ge=0, le=100)] | None = None
    users: Annotated[list[User], Meta(max_length=1000)] | None = None


class RolloutState(Output, kw_only=True):
    """A rollout and what has come of it on all nodes together.

    Attributes:
        live: The revision that was live when it began; with another one it rests.
        reason: Why it ended.
        examples: Some of the runs that differ: live and candidate, by field.
    """

    id: str
    script_id: str
    mode: Mode
    live: int
    revision: int
    percent: float
    users: list[str] | None
    thresholds: Data
    state: State
    reason: str | None
    by: str
    at: datetime
    tally: Tally
    examples: list[Data]


def standing_out(found: Standing) -> RolloutState:
    """Returns a rollout as callers see it."""
    rollout: Rollout = found.rollout
    more: dict[str, Any] = {
        "thresholds": rollout.thresholds.as_dict(), "tally": filled(Tally, found.tally), "examples": found.examples,
        "users": None if rollout.users is None else list(rollout.users),
    }  # fmt: skip
    return filled(RolloutState, rollout, **more)
