"""Puts runs on record, in batches and off the hot path, with bounded memory and an exact count of what was left out."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from .. import checks
from ..checks import choice, whole_number
from ..errors import AlloyError, ValidationError
from ..forking import after_fork
from ..model import Run
from ..ports import Store

FLUSH_SECONDS = 0.25
BATCH = 500
MAX_PENDING = 20_000
LONGEST_DAYS = 365_000
MODES = ("full", "auto", "off")

_log = logging.getLogger("alloy_lua.recorder")

Note = Callable[[], Run]


@dataclass(frozen=True)
class Recording:
    """What is kept of runs that went well; rejected and failed runs are kept unless the mode is off.

    Attributes:
        mode: ``full`` keeps every run (a full queue makes fires wait); ``auto`` keeps every run up to ``per_second``
            and samples above it; ``off`` keeps none.
        per_second: Runs a second that ``auto`` keeps.
    """

    mode: str = "auto"
    per_second: int = 250

    def __post_init__(self) -> None:
        choice(self.mode, "recording mode", MODES, field="mode")
        whole_number(self.per_second, "per_second", 1)


class Tally:
    """Fires that are not one run of one script each, and the runs that they, and people by hand, caused.

    All other fires are one run each, and scripts count their runs: so the shortest way of all counts no fires.
    """

    __slots__ = ("fires", "runs")

    def __init__(self) -> None:
        self.fires = 0
        self.runs = 0


class Recorder:
    """Collects runs and writes them to the store from a background thread; needs no store to keep none.

    Attributes:
        quota: How many more uneventful runs may be kept in this interval; fires count it down.
        kept: Runs kept so far.
        dropped: Runs that should have been kept but were lost (queue full, store failing).
        tally: Counts of fires.
        observers: Called with each batch of runs, from the thread that writes it.
    """

    def __init__(self, store: Store | None, recording: Recording) -> None:
        self._store = store
        self.recording = recording
        self._pending: deque[Note] = deque()
        self._writing = threading.Lock()
        after_fork(self._reset)
        self.tally = Tally()
        self.observers: list[Callable[[list[Run]], None]] = []
        self.kept = 0
        self.dropped = 0
        self.quota = 0
        self.refill()

    def _reset(self) -> None:
        self._pending.clear()  # the parent writes them
        self._writing = threading.Lock()

    def refill(self) -> None:
        """Starts a new interval of `FLUSH_SECONDS`."""
        mode = self.recording.mode
        if mode == "full":
            self.quota = MAX_PENDING
        elif mode == "auto":
            self.quota = max(1, int(self.recording.per_second * FLUSH_SECONDS))

    def note(self, run: Note) -> None:
        """Keeps an uneventful run, if the quota allows. ``run`` makes the record when it is written."""
        if self.quota > 0:
            self.quota -= 1
            self.keep(run)
        elif self.recording.mode == "full":
            self.flush()
            self.keep(run)

    def keep(self, run: Note) -> None:
        """Keeps a run whatever the quota says (rejected and failed runs)."""
        if self.recording.mode == "off":
            return
        if len(self._pending) >= MAX_PENDING:
            if self.recording.mode == "full":
                self.flush()
            if len(self._pending) >= MAX_PENDING:
                self.dropped += 1
                return
        self.kept += 1
        self._pending.append(run)

    def flush(self) -> None:
        """Writes everything kept so far. A store that fails loses the batch in hand, which is counted and logged."""
        with self._writing:
            while self._pending:
                batch = [self._pending.popleft()() for _ in range(min(BATCH, len(self._pending)))]
                self._tell(batch)
                if not self._write(batch):
                    return
        self.refill()

    @property
    def pending(self) -> int:
        """How many runs wait to be written."""
        return len(self._pending)

    def _tell(self, batch: list[Run]) -> None:
        for observe in self.observers:
            try:
                observe(batch)
            except Exception:
                _log.exception("an observer of runs failed")

    def _write(self, batch: list[Run]) -> bool:
        """Returns whether the store took the batch; a run that it refuses does not take the others with it."""
        assert self._store is not None
        try:
            self._store.add_runs(batch)
            return True
        except ValidationError as error:
            if len(batch) > 1:
                taken = [self._write([run]) for run in batch]
                return all(taken)
            self._lose(batch, error)
            return True
        except AlloyError as error:
            self._lose(batch, error)
            return False

    def _lose(self, batch: list[Run], error: AlloyError) -> None:
        self.dropped += len(batch)
        self.kept -= len(batch)
        _log.error("%d runs could not be recorded: %s", len(batch), error)


def retention(days: float | None, keep: int | None) -> tuple[float | None, int | None]:
    return (
        None if days is None else checks.number(days, "keep_runs_days", 0, LONGEST_DAYS),
        None if keep is None else checks.whole_number(keep, "keep_runs"),
    )
