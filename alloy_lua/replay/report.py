"""What a back-test came to: counts, examples and cost, as data and as lines of text."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any

from ..values import jsonable
from .compare import Comparison, Kind
from .tally import Tally

EXAMPLES = 5
MAX_FIELDS = 200
MAX_SHOWN = 500
_LINES = {
    Kind.SAME: "same", Kind.CHANGED: "changed", Kind.NEWLY_REJECTED: "newly rejected",
    Kind.NEWLY_FAILING: "newly failing", Kind.NEWLY_PASSING: "newly passing", Kind.DIVERGED: "diverged",
}  # fmt: skip


@dataclass(frozen=True)
class Report:
    """A candidate and a baseline over the same records.

    Attributes:
        id: Names the back-test.
        tenant: Whose script it is.
        script_id: The script.
        script: Its name.
        revision: The candidate.
        sha256: The digest of its text.
        baseline: What it was compared with.
        baseline_sha256: The digest of that text.
        source: ``tapes`` for recorded runs, ``records`` for given ones.
        began: When it began.
        ended: When it ended.
        by: Who asked for it.
        tally: How many records came to what, and what both sides cost.
        fields: How many records differ in each field; anything that is not a field stands in parentheses.
        examples: For each kind but the same, the first few records: ``record`` and, by field, baseline and candidate.
        divergences: Host calls that are not on tape, and how many records made them.
    """

    id: str
    tenant: str
    script_id: str
    script: str
    revision: int
    sha256: str
    baseline: int
    baseline_sha256: str
    source: str
    began: datetime
    ended: datetime
    by: str
    tally: Tally
    fields: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    divergences: dict[str, int] = field(default_factory=dict)

    def add(self, record: str, comparison: Comparison, divergences: list[str]) -> None:
        """Takes down what came of one record."""
        for name in comparison.fields:
            if name in self.fields or len(self.fields) < MAX_FIELDS:
                self.fields[name] = self.fields.get(name, 0) + 1
        for said in dict.fromkeys(divergences):
            if said in self.divergences or len(self.divergences) < MAX_FIELDS:
                self.divergences[said] = self.divergences.get(said, 0) + 1
        if comparison.kind is not Kind.SAME:
            kept = self.examples.setdefault(comparison.kind.value, [])
            if len(kept) < EXAMPLES:
                kept.append(example(record, comparison))

    def as_dict(self) -> dict[str, Any]:
        """Returns the report as JSON-like data; `report_in` takes it back."""
        data = {one.name: getattr(self, one.name) for one in fields(self)}
        return data | {"began": self.began.isoformat(), "ended": self.ended.isoformat(), "tally": asdict(self.tally)}

    def lines(self) -> list[str]:
        """Returns the report as people read it."""
        tally, records = self.tally, self.tally.records
        found = [
            f"back-test of {self.script}: revision {self.revision} against {self.baseline}, "
            f"{records:,} {'recorded runs' if self.source == 'tapes' else 'records'}"
        ]
        for kind, said in _LINES.items():
            count = tally.counts[kind]
            share = f"  {count / records:7.2%}" if count else ""
            found.append(f"  {said:<15}{count:>9,}{share}".rstrip())
        found.append(f"  fuel {_cost(tally.live_fuel, tally.candidate_fuel, 1, '')}")
        found.append(f"  time {_cost(tally.live_us, tally.candidate_us, 1000, ' ms')}")
        if self.fields:
            most = sorted(self.fields.items(), key=lambda item: -item[1])[:10]
            found.append("fields: " + ", ".join(f"{name} {count:,}" for name, count in most))
        for kind, said in _LINES.items():
            for one in self.examples.get(kind, []):
                told = "; ".join(f"{name} {was!r} -> {now!r}" for name, (was, now) in one["fields"].items())
                found.append(f"{said}, {one['record']}: {told}")
        return found + [f"not on tape: {said} ({count:,} times)" for said, count in self.divergences.items()]


def report_in(data: dict[str, Any]) -> Report:
    """Returns the report in what `Report.as_dict` returned."""
    times = {name: datetime.fromisoformat(data[name]) for name in ("began", "ended")}
    return Report(**{**data, **times, "tally": Tally(**data["tally"])})


def example(record: str, comparison: Comparison) -> dict[str, Any]:
    """Returns one record as an example: which, and what differs."""
    shown = {name: [_clipped(was), _clipped(now)] for name, (was, now) in list(comparison.fields.items())[:20]}
    return {"record": record, "fields": shown}


def _clipped(value: Any) -> Any:
    plain = jsonable(value)
    text = plain if isinstance(plain, str) else repr(plain)
    return plain if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"


def _cost(live: int, candidate: int, unit: int, name: str) -> str:
    times = f" (x {candidate / live:.2f})" if live else ""
    return f"{live / unit:,.0f}{name} -> {candidate / unit:,.0f}{name}{times}"
