"""What a fire came to: the object that `Alloy.fire`, `run` and `evaluate` return."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple, Protocol, overload

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

    An outcome is made for every fire, so it holds little and finds out the rest when asked: `Told`, `WentWell`,
    `InBatch`, `Chained` and `Untouched` hold what their kind of fire needs.

    Attributes:
        status: ``continue``, ``rejected`` or ``failed``.
        changes: The fields that changed, with their new values; the record itself is left as it was.
        fuel: Units of work used by all scripts together.
        runs: What each script did, in order.
        eventful: Whether there is more to tell than changes and fuel: a value, log lines, an error.
    """

    __slots__ = ("_record",)

    status: RunStatus
    changes: dict[str, Any]
    fuel: int
    runs: tuple[ScriptRun, ...]
    eventful: bool
    _record: Any

    @property
    def entity(self) -> Any:
        """The record with the changes applied: a new dict, dataclass or model; a live model is changed itself."""
        changes, record = self.changes, self._record
        if not changes:
            return record
        merge = self._details.merge
        return merge(record, changes) if merge is not None else {**record, **changes}

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
        return _NOTHING

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


class Told(Outcome):
    """The outcome of a fire that went the general way: all there is to tell was told at once."""

    __slots__ = ("_more", "changes", "fuel", "status")

    eventful = True

    def __init__(self, status: RunStatus, changes: dict[str, Any], fuel: int, record: Any, more: Details) -> None:
        self.status = status
        self.changes = changes
        self.fuel = fuel
        self._record = record
        self._more = more

    @property
    def runs(self) -> tuple[ScriptRun, ...]:  # type: ignore[override]
        return self._more.runs

    @property
    def _details(self) -> Details:
        return self._more


class WentWell(Outcome):
    """The outcome of one script that ran to its end with nothing to tell: made often, so its status is the class's."""

    __slots__ = ("_explain", "_number", "_took", "changes", "fuel")

    _explain: Explain
    _number: int
    _took: float
    status = RunStatus.CONTINUE
    eventful = False

    @property
    def runs(self) -> tuple[ScriptRun, ...]:  # type: ignore[override]
        return self._explain(self._number, self._took, self.fuel)


class InBatch(Outcome):
    """What `WentWell` is, for one row of a batch."""

    __slots__ = ("_row", "_rows", "changes")

    _row: int
    _rows: Rows
    status = RunStatus.CONTINUE
    eventful = False

    @property
    def fuel(self) -> int:  # type: ignore[override]
        return self._rows.fuel(self._row)

    @property
    def runs(self) -> tuple[ScriptRun, ...]:  # type: ignore[override]
        return self._rows.runs(self._row)


class Part(Protocol):
    """The outcomes of one chunk of a batch."""

    def __len__(self) -> int: ...

    def between(self, start: int, stop: int) -> Iterator[Outcome]:
        """Yields the outcomes of some rows."""
        ...


class Rows(Part, Protocol):
    """The outcomes of one chunk of a batch, made when they are read."""

    def fuel(self, row: int) -> int:
        """Returns what a row used."""
        ...

    def runs(self, row: int) -> tuple[ScriptRun, ...]:
        """Returns what the script did for a row."""
        ...


class Outcomes(Sequence[Outcome]):
    """The outcomes of `Alloy.fire_many`, one for each record, in order.

    All scripts have run. An outcome is made when it is read, and anew each time, so millions of them cost little.

    Args:
        parts: The outcomes of each chunk.
        size: How many each chunk has, but the last.
    """

    __slots__ = ("_length", "_parts", "_size")

    def __init__(self, parts: Sequence[Part], size: int) -> None:
        self._parts = parts
        self._size = size
        self._length = sum(map(len, parts))

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Outcome]:
        return chain.from_iterable(part.between(0, len(part)) for part in self._parts)

    @overload
    def __getitem__(self, index: int) -> Outcome: ...
    @overload
    def __getitem__(self, index: slice) -> list[Outcome]: ...
    def __getitem__(self, index: int | slice) -> Outcome | list[Outcome]:
        if isinstance(index, slice):
            return [self[place] for place in range(self._length)[index]]
        part, row = divmod(range(self._length)[index], self._size)
        return next(self._parts[part].between(row, row + 1))

    def __repr__(self) -> str:
        return f"<{self._length} outcomes>"


class Chained(Outcome):
    """The outcome of several scripts that each `WentWell`: the sum of theirs."""

    __slots__ = ("_parts", "changes", "fuel")

    status = RunStatus.CONTINUE
    eventful = False

    def __init__(self, changes: dict[str, Any], fuel: int, record: Any, parts: Sequence[Outcome]) -> None:
        self.changes = changes
        self.fuel = fuel
        self._record = record
        self._parts = parts

    @property
    def runs(self) -> tuple[ScriptRun, ...]:  # type: ignore[override]
        return tuple(run for part in self._parts for run in part.runs)


class Untouched(Outcome):
    """The outcome of a fire that no script is bound to."""

    __slots__ = ()

    status = RunStatus.CONTINUE
    changes = property(lambda self: {})
    fuel = property(lambda self: 0)
    runs = property(lambda self: ())
    eventful = False
