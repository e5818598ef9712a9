"""One run about to happen, as every part of the runner knows it."""

from __future__ import annotations

from datetime import datetime

from ..engine import Program
from ..events import Event, Phase
from ..hostapi import Journal
from ..limits import Limits
from ..model import Script
from .health import Vitals


class Execution:
    """One run about to happen: the script, its program and who asks for it. ``script`` is None for ad hoc source.

    A run that goes on in several tries has an ``origin``, the id that stays, a ``journal``, and the time it began.
    """

    __slots__ = (
        "attempt",
        "closed",
        "event",
        "grants",
        "job",
        "journal",
        "limits",
        "name",
        "now",
        "origin",
        "phase",
        "program",
        "run_id",
        "script",
        "trigger",
        "vitals",
    )

    def __init__(
        self, script: Script | None, program: Program | None, limits: Limits, grants: frozenset[str], phase: Phase, *,
        trigger: str, run_id: str, event: Event | None = None, vitals: Vitals | None = None, closed: bool = True,
        attempt: int = 1, origin: str | None = None, journal: Journal | None = None, now: datetime | None = None,
    ) -> None:  # fmt: skip
        self.attempt = attempt
        self.job = origin  # only runs of jobs have one of their own
        self.origin = origin or run_id
        self.journal = journal
        self.now = now
        self.script = script
        self.name = script.name if script is not None else "evaluate"
        self.program = program
        self.limits = limits
        self.grants = grants
        self.phase = phase
        self.trigger = trigger
        self.run_id = run_id
        self.event = event
        self.vitals = vitals
        self.closed = closed
