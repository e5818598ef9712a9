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


Merge = Callable[[Any, Mapping[str, Any]], Any]
Explain = Callable[[int, float, int], tuple[ScriptRun, ...]]


class Details:
    """What only some outcomes have; made when somebody asks for it."""

    __slots__ = ("details", "effects", "error", "logs", "merge", "reason", "rejected_by", "runs", "tolerated", "value")

    def __init__(self, merge: Merge | None = None, runs: tuple[ScriptRun, ...] = ()) -> None:
        self.merge = merge
        self.runs = runs
        self.value: Any = None
        self.reason: str | None = None
        self.details: Any = None
        self.rejected_by: str | None = None
        self.error: AlloyError | None = None
        self.logs: tuple[LogLine, ...] = ()
        self.effects: tuple[dict[str, Any], ...] = ()
        self.tolerated: tuple[AlloyError, ...] = ()


class Outcome:
    """What a fire, run or evaluation came to.

    Attributes:
        status: ``continue``, ``rejected`` or ``failed``.
        changes: The fields that changed, with their new values; the record itself is left as it was.
        fuel: Units of work used by all scripts together.
    """

    __slots__ = ("_more", "_record", "changes", "fuel", "status")

    def __init__(
        self,
        status: RunStatus,
        changes: dict[str, Any],
        fuel: int,
        record: Any,
        more: Details | tuple[Explain, int, float] | None = None,
    ) -> None:
        self.status = status
        self.changes = changes
        self.fuel = fuel
        self._record = record
        self._more = more

    @property
    def more(self) -> Details:
        """The rarer facts; most have a property of their own here."""
        more = self._more
        if not isinstance(more, Details):
            runs = more[0](more[1], more[2], self.fuel) if more is not None else ()
            self._more = more = Details(None, runs)
        return more

    @property
    def value(self) -> Any:
        """What the (last) script returned."""
        return self._more.value if isinstance(self._more, Details) else None

    @property
    def reason(self) -> str | None:
        """Why it was rejected; None unless rejected."""
        return self._more.reason if isinstance(self._more, Details) else None

    @property
    def details(self) -> Any:
        """The table given to ``abort``; None if there was none."""
        return self._more.details if isinstance(self._more, Details) else None

    @property
    def rejected_by(self) -> str | None:
        """Name of the script that rejected or failed the operation."""
        return self._more.rejected_by if isinstance(self._more, Details) else None

    @property
    def error(self) -> AlloyError | None:
        """What failed, with code and line; None unless failed."""
        return self._more.error if isinstance(self._more, Details) else None

    @property
    def logs(self) -> tuple[LogLine, ...]:
        """The lines the scripts logged, in order."""
        return self._more.logs if isinstance(self._more, Details) else ()

    @property
    def effects(self) -> tuple[dict[str, Any], ...]:
        """In a dry run, the host calls that were not made."""
        return self._more.effects if isinstance(self._more, Details) else ()

    @property
    def tolerated(self) -> tuple[AlloyError, ...]:
        """Errors of scripts whose failure policy is open."""
        return self._more.tolerated if isinstance(self._more, Details) else ()

    @property
    def entity(self) -> Any:
        """The record with the changes applied: a new dict, dataclass or model; a live model is changed itself."""
        if not self.changes:
            return self._record
        merge = self._more.merge if isinstance(self._more, Details) else None
        return merge(self._record, self.changes) if merge is not None else {**self._record, **self.changes}

    @property
    def runs(self) -> tuple[ScriptRun, ...]:
        """What each script did, in order."""
        return self.more.runs

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
