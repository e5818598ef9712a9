"""Two revisions on the same input: how they differ."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple

from ..engine import RunResult
from ..model import RunStatus
from ..values import jsonable
from .rerun import Ran


class Kind(StrEnum):
    """What a candidate did on an input, compared with the live revision.

    Newly passing is one that goes on where the live revision rejected or failed; diverged is one of which nothing is
    known, because the tape does not hold the answers that it asked for.
    """

    SAME = "same"
    CHANGED = "changed"
    NEWLY_REJECTED = "newly_rejected"
    NEWLY_FAILING = "newly_failing"
    NEWLY_PASSING = "newly_passing"
    DIVERGED = "diverged"


class Comparison(NamedTuple):
    """One input: what came of it and, for each field that differs, what live and candidate say."""

    kind: Kind
    fields: dict[str, tuple[Any, Any]]


def compare(live: Ran, candidate: Ran) -> Comparison:
    """Returns how two runs on the same input differ. What is no field of the record stands in parentheses."""
    fields = differences(_told(live.result, live.effects), _told(candidate.result, candidate.effects))
    if live.diverged or candidate.diverged:
        return Comparison(Kind.DIVERGED, fields)
    was, now = live.result.status, candidate.result.status
    if was is now:
        return Comparison(Kind.CHANGED if fields else Kind.SAME, fields)
    if now is RunStatus.FAILED:
        return Comparison(Kind.NEWLY_FAILING, fields)
    if now is RunStatus.CONTINUE:
        return Comparison(Kind.NEWLY_PASSING, fields)
    return Comparison(Kind.NEWLY_REJECTED if was is RunStatus.CONTINUE else Kind.CHANGED, fields)


def differences(one: dict[str, Any], other: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Returns what stands in each name of which the two hold different values."""
    names = [*one, *(name for name in other if name not in one)]
    return {name: (one.get(name), other.get(name)) for name in names if not _same(one.get(name), other.get(name))}


def _same(one: Any, other: Any) -> bool:
    return one == other and isinstance(one, bool) is isinstance(other, bool)


def _told(result: RunResult, effects: list[dict[str, Any]]) -> dict[str, Any]:
    told: dict[str, Any] = {"(status)": result.status.value}
    if result.status is RunStatus.CONTINUE:
        told |= {str(name): jsonable(value) for name, value in result.changes.items()}
        told |= {"(value)": jsonable(result.value), "(effects)": jsonable(effects) or None}
    elif result.status is RunStatus.REJECTED:
        told |= {"(reason)": jsonable(result.reason), "(details)": jsonable(result.details)}
    elif result.error is not None:
        told |= {"(error)": f"{result.error.code}: {result.error.message}"}
    return told
