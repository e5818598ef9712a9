"""What a fire came to: the object that `Alloy.fire`, `run` and `evaluate` return."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import AlloyError, Rejected, ScriptError
from .model import LogLine, RunStatus


@dataclass(frozen=True, slots=True)
class ScriptRun:
    """One script's part in a fire."""

    id: str
    script: str
    revision: int
    status: RunStatus
    fuel: int
    duration_us: int


class Outcome:
    """What a fire, run or evaluation came to.

    Attributes:
        status: ``continue``, ``rejected`` or ``failed``.
        changes: The fields that changed, with their new values; the record itself is left as it was.
        fuel: Units of work used by all scripts together.
        value: What the (last) script returned.
        reason: Why it was rejected, None unless rejected.
        details: The table given to ``abort``, None if there was none.
        rejected_by: Name of the script that rejected or failed the operation.
        error: What failed, with code and line; None unless failed.
        logs: The lines the scripts logged, in order.
        effects: In a dry run, the host calls that were not made.
        tolerated: Errors of scripts whose failure policy is open.
    """

    value: Any = None
    reason: str | None = None
    details: Any = None
    rejected_by: str | None = None
    error: AlloyError | None = None
    logs: tuple[LogLine, ...] = ()
    effects: tuple[dict[str, Any], ...] = ()
    tolerated: tuple[AlloyError, ...] = ()

    _runs: tuple[ScriptRun, ...] | None = None

    def __init__(
        self,
        status: RunStatus,
        changes: dict[str, Any],
        fuel: int,
        record: Any,
        merge: Callable[[Any, Mapping[str, Any]], Any] | None = None,
        explain: Callable[[int, float, int], tuple[ScriptRun, ...]] | None = None,
        number: int = 0,
        took: float = 0.0,
    ) -> None:
        self.status = status
        self.changes = changes
        self.fuel = fuel
        self._record = record
        self._merge = merge
        self._explain = explain
        self._number = number
        self._took = took

    @property
    def entity(self) -> Any:
        """The record with the changes applied: a new dict, dataclass or model; a live model is changed itself."""
        if self._merge is None:
            return {**self._record, **self.changes} if self.changes else self._record
        return self._merge(self._record, self.changes) if self.changes else self._record

    @property
    def runs(self) -> tuple[ScriptRun, ...]:
        """What each script did, in order."""
        if self._runs is None:
            self._runs = self._explain(self._number, self._took, self.fuel) if self._explain else ()
        return self._runs

    def __bool__(self) -> bool:
        return self.status is RunStatus.CONTINUE

    def __repr__(self) -> str:
        extra = f", reason={self.reason!r}" if self.reason else f", error={self.error!r}" if self.error else ""
        return f"Outcome({self.status.value}, changes={self.changes!r}{extra})"

    def raise_for_status(self) -> Outcome:
        """Returns the outcome itself if the operation may go on.

        Raises:
            Rejected: A script called ``abort``.
            ScriptError: A script failed (or the more exact error it failed with).
        """
        if self.status is RunStatus.REJECTED:
            details = self.details if isinstance(self.details, dict) else {"details": self.details}
            raise Rejected(self.reason or "rejected", details=details if self.details is not None else None)
        if self.status is RunStatus.FAILED:
            raise self.error if self.error is not None else ScriptError("the script failed")
        return self

    def as_dict(self) -> dict[str, Any]:
        """Returns the outcome as plain data (values still have their Python types)."""
        data: dict[str, Any] = {"status": self.status.value, "changes": self.changes, "fuel": self.fuel}
        if self.value is not None:
            data["value"] = self.value
        if self.status is RunStatus.REJECTED:
            data["reason"], data["details"] = self.reason, self.details
        if self.rejected_by:
            data["script"] = self.rejected_by
        if self.error is not None:
            data["error"] = self.error.as_dict()
        if self.logs:
            data["logs"] = [{"level": x.level, "message": x.message, "data": x.data} for x in self.logs]
        if self.effects:
            data["effects"] = list(self.effects)
        if self.tolerated:
            data["tolerated"] = [error.as_dict() for error in self.tolerated]
        data["runs"] = [
            {"id": r.id, "script": r.script, "revision": r.revision, "status": r.status.value, "fuel": r.fuel,
             "duration_us": r.duration_us}
            for r in self.runs
        ]  # fmt: skip
        return data
