"""What an evaluation over a table came to, in numbers; and which engine ran each script, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from time import perf_counter
from typing import Any

import pyarrow.compute as pc

from .answer import FAILED, REJECTED, Answer

MOST_REASONS = 1000
OTHER = "(other reasons)"
EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Choice:
    """Which engine runs a script: ``columns``, or ``rows`` and why not columns."""

    script: str
    revision: int
    engine: str
    why: str


@dataclass(slots=True)
class Failures:
    """Rows that failed with one code.

    Attributes:
        count: How many.
        examples: The first few: row, counted from 0, and message.
    """

    count: int = 0
    examples: list[tuple[int, str]] = field(default_factory=list)


@dataclass(slots=True)
class Report:
    """Counts of an evaluation; those of a reader grow while its result is read.

    Attributes:
        choices: Which engine runs each script.
        rows: Rows evaluated.
        changed: Rows with at least one change.
        rejected: Rows rejected, by reason; beyond `MOST_REASONS` different ones under one heading.
        failed: Rows failed, by error code.
        tolerated: Failures of scripts with the policy open, whose rows went on.
        fuel: Units of work of all rows.
        seconds: Time until the last row that is counted.
        started: When the evaluation began, as `time.perf_counter` tells time.
    """

    choices: tuple[Choice, ...] = ()
    rows: int = 0
    changed: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    failed: dict[str, Failures] = field(default_factory=dict)
    tolerated: int = 0
    fuel: int = 0
    seconds: float = 0.0
    started: float = field(default_factory=perf_counter, repr=False)

    def merge(self, later: Report) -> None:
        """Takes up the counts of the rows that come after these."""
        for reason, count in later.rejected.items():
            known = reason in self.rejected or len(self.rejected) < MOST_REASONS
            name = reason if known else OTHER
            self.rejected[name] = self.rejected.get(name, 0) + count
        for code, more in later.failed.items():
            failures = self.failed.setdefault(code, Failures())
            failures.count += more.count
            wanted = EXAMPLES - len(failures.examples)
            failures.examples += [(self.rows + row, text) for row, text in more.examples[:wanted]]
        self.changed += later.changed
        self.tolerated += later.tolerated
        self.fuel += later.fuel
        self.rows += later.rows

    def add(self, answer: Answer, tolerated: int = 0) -> None:
        """Counts the rows of a batch, in a report of its own."""
        self._add_rejected(answer)
        self._add_failed(answer)
        self.changed += _changed(answer)
        self.tolerated += tolerated
        self.fuel += answer.fuel
        self.rows += len(answer.status)

    def _add_rejected(self, answer: Answer) -> None:
        rows = len(answer.status)
        if answer.reason.null_count == rows:
            return
        alone = answer.code.null_count == rows  # else the messages of failed rows are there too
        reasons = answer.reason.drop_null() if alone else answer.reason.filter(pc.equal(answer.status, REJECTED))
        for pair in pc.value_counts(reasons):
            self.rejected[pair["values"].as_py()] = pair["counts"].as_py()

    def _add_failed(self, answer: Answer) -> None:
        if answer.code.null_count == len(answer.code):
            return
        failed = pc.equal(answer.status, FAILED)
        for pair in pc.value_counts(answer.code.filter(failed)):
            code = pair["values"].as_py()
            failures = self.failed.setdefault(code, Failures())
            failures.count += pair["counts"].as_py()
            wanted = EXAMPLES - len(failures.examples)
            for row in pc.indices_nonzero(pc.equal(answer.code, code))[: max(0, wanted)].to_pylist():
                failures.examples.append((self.rows + row, answer.reason[row].as_py()))

    def as_dict(self) -> dict[str, Any]:
        """Returns the report as plain data."""
        return {
            "rows": self.rows, "changed": self.changed, "rejected": dict(self.rejected),
            "failed": {
                code: {"count": each.count, "examples": [{"row": row, "message": text} for row, text in each.examples]}
                for code, each in self.failed.items()
            },
            "tolerated": self.tolerated, "fuel": self.fuel, "seconds": self.seconds,
            "scripts": [
                {"script": each.script, "revision": each.revision, "engine": each.engine, "why": each.why}
                for each in self.choices
            ],
        }  # fmt: skip

    def counts(self) -> dict[str, int]:
        """Returns how many rows there were, and of what kind."""
        return {
            "rows": self.rows, "changed": self.changed, "rejected": sum(self.rejected.values()),
            "failed": sum(each.count for each in self.failed.values()), "fuel": self.fuel,
        }  # fmt: skip

    def explain(self) -> str:
        """Returns a line for each script: its engine and why."""
        return "\n".join(
            f"{each.script} (revision {each.revision}): {each.engine}: {each.why}" for each in self.choices
        )


def _changed(answer: Answer) -> int:
    """Returns how many rows have a change."""
    masks = [each.changed for each in answer.fields.values()]
    return int(reduce(pc.or_, masks).true_count) if masks else 0
