"""How often a candidate differs from the live revision, what both cost, and whether that is too much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from .. import checks
from ..errors import ValidationError
from .compare import Comparison, Kind
from .rerun import Ran

MAX_RATIO = 1_000_000.0
SHARES = ("changed", "newly_rejected", "newly_failing", "diverged")


@dataclass
class Tally:
    """How often each kind came up, and what both sides cost.

    Attributes:
        counts: Inputs by kind.
        live_fuel: What the live revision used in all; the others alike.
    """

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(Kind, 0))
    live_fuel: int = 0
    candidate_fuel: int = 0
    live_us: int = 0
    candidate_us: int = 0

    def add(self, comparison: Comparison, live: Ran, candidate: Ran) -> None:
        """Counts one input. The cost of one that diverged is left out on both sides."""
        self.counts[comparison.kind] += 1
        if comparison.kind is not Kind.DIVERGED:
            self.live_fuel += live.result.fuel
            self.candidate_fuel += candidate.result.fuel
            self.live_us += live.took_us
            self.candidate_us += candidate.took_us

    @property
    def records(self) -> int:
        """How many inputs there were."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class Thresholds:
    """How much a candidate may differ. Shares are of all inputs, from 0 to 1; None lets any pass.

    Attributes:
        records: How many inputs there have to be.
        changed: Inputs of which it makes something else.
        newly_rejected: Inputs that it rejects and the live revision does not.
        newly_failing: Inputs on which it fails and the live revision does not.
        diverged: Inputs of which nothing is known.
        fuel: Its fuel, as a multiple of the live revision's.
        time: Its time, as a multiple of the live revision's.
    """

    records: int = 1
    changed: float | None = None
    newly_rejected: float | None = None
    newly_failing: float | None = 0.0
    diverged: float | None = None
    fuel: float | None = None
    time: float | None = None

    def __post_init__(self) -> None:
        checks.whole_number(self.records, "records", 1)
        for name in SHARES:
            if getattr(self, name) is not None:
                checks.number(getattr(self, name), name, 0, 1)
        for name in ("fuel", "time"):
            if getattr(self, name) is not None:
                checks.number(getattr(self, name), name, 0, MAX_RATIO)

    def passed_by(self, tally: Tally) -> list[str]:
        """Returns what in ``tally`` is beyond them, in words; nothing if all is well or there are too few inputs."""
        found = []
        for name in SHARES:
            most, count = getattr(self, name), tally.counts[name]
            if most is not None and tally.records and count / tally.records > most:
                found.append(f"{name}: {count} of {tally.records}, wanted at most {most:.2%}")
        for name, live, candidate in (
            ("fuel", tally.live_fuel, tally.candidate_fuel), ("time", tally.live_us, tally.candidate_us)
        ):  # fmt: skip
            most = getattr(self, name)
            if most is not None and live and candidate / live > most:
                found.append(f"{name}: {candidate / live:.2f} times the live revision's, wanted at most {most:g}")
        return found if tally.records >= self.records else []

    def as_dict(self) -> dict[str, Any]:
        """Returns them as JSON-like data."""
        return asdict(self)


def thresholds_in(given: Mapping[str, Any]) -> Thresholds:
    """Returns the thresholds with these names and values, the others as they are by default.

    Raises:
        ValidationError: A name is unknown, or a value wrong.
    """
    names = [one.name for one in fields(Thresholds)]
    for name in given:
        if name not in names:
            raise ValidationError(f"threshold {checks.shown(name)}: unknown; wanted one of {', '.join(names)}")
    return Thresholds(**given)
