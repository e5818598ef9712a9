"""What a fire came to: the object that `Alloy.fire`, `run` and `evaluate` return."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from .errors import AlloyError, Rejected, ScriptError
from .model import LogLine, RunStatus


class ScriptRun(NamedTuple):
    """One script's part in a fire."""

    id: str
    script: str
    revision: int
    status: RunStatus
    fuel: int
    duration_us: int


Merge = Callable[[Any, Mapping[str, Any]], Any]
Explain = Callable[[int, float, int], tuple[ScriptRun, ...]]


class Details:
    """What only some outcomes have."""

    __slots__ = (
        "details", "effects", "error", "logs", "lost_logs", "merge", "reason", "rejected_by", "runs", "tolerated",
        "value",
    )  # fmt: skip

    def __init__(self, merge: Merge | None = None) -> None:
        self.merge = merge
        self.runs: tuple[ScriptRun, ...] = ()
        self.value: Any = None
        self.reason: str | None = None
        self.details: Any = None
        self.rejected_by: str | None = None
        self.error: AlloyError | None = None
        self.logs: tuple[LogLine, ...] = ()
        self.lost_logs = 0
        self.effects: tuple[dict[str, Any], ...] = ()
        self.tolerated: tuple[AlloyError, ...] = ()


_NOTHING = Details()


class Outcome:
    """What a fire, run or evaluation came to.

    An outcome is made for every fire, so it holds little and finds out the rest when asked.

    Attributes:
        status: ``continue``, ``rejected`` or ``failed``.
        changes: The fields that changed, with their new values; the record itself is left as it was.
        fuel: Units of work used by all scripts together.
    """

    __slots__ = ("_number", "_record", "_told", "_took", "changes", "fuel", "status")

    status: RunStatus
    changes: dict[str, Any]
    fuel: int

    def __init__(
        self, status: RunStatus, changes: dict[str, Any], fuel: int, record: Any, told: Details | Explain | None = None,
        number: int = 0, took: float = 0.0,
    ) -> None:  # fmt: skip
        self.status = status
        self.changes = changes
        self.fuel = fuel
        self._record = record
        self._told = told  # details, or who tells of run `number` that took `took` seconds
        self._number = number
        self._took = took

    @property
    def entity(self) -> Any:
        """The record with the changes applied: a new dict, dataclass or model; a live model is changed itself."""
        changes, record = self.changes, self._record
        if not changes:
            return record
        merge = self._details.merge
        return merge(record, changes) if merge is not None else {**record, **changes}

    @property
    def runs(self) -> tuple[ScriptRun, ...]:
        """What each script did, in order."""
        told = self._told
        return told(self._number, self._took, self.fuel) if callable(told) else self._details.runs

    @property
    def value(self) -> Any:
        """What the (last) script returned."""
        return self._details.value

    @property
    def reason(self) -> str | None:
        """Why it was rejected; None unless rejected."""
        return self._details.reason

    @property
    def details(self) -> Any:
        """The table given to ``abort``; None if there was none."""
        return self._details.details

    @property
    def rejected_by(self) -> str | None:
        """Name of the script that rejected or failed the operation."""
        return self._details.rejected_by

    @property
    def error(self) -> AlloyError | None:
        """What failed, with code and line; None unless failed."""
        return self._details.error

    @property
    def logs(self) -> tuple[LogLine, ...]:
        """The lines the scripts logged, in order."""
        return self._details.logs

    @property
    def lost_logs(self) -> int:
        """How many log lines were not kept because they were beyond the limit."""
        return self._details.lost_logs

    @property
    def effects(self) -> tuple[dict[str, Any], ...]:
        """In a dry run, the host calls that were not made."""
        return self._details.effects

    @property
    def tolerated(self) -> tuple[AlloyError, ...]:
        """Errors of scripts whose failure policy is open."""
        return self._details.tolerated

    @property
    def _details(self) -> Details:
        told = self._told
        return told if isinstance(told, Details) else _NOTHING

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
        if self.lost_logs:
            data["lost_logs"] = self.lost_logs
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


class WentWell(Outcome):
    """The outcome of one script that ran to its end: made often, so its status is the class's."""

    __slots__ = ()

    status = RunStatus.CONTINUE


class Untouched(WentWell):
    """The outcome of a fire that no script is bound to: made often, so only ``_record`` is set."""

    __slots__ = ()

    changes = property(lambda self: {})
    fuel = property(lambda self: 0)
    _told = property(lambda self: None)
