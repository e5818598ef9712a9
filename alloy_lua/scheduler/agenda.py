"""All schedules in one heap, by when they are due next. Pure: time comes in as an argument."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from .schedule import Schedule


class Tick(NamedTuple):
    """A schedule is due: ``at`` by its times, which name the tick, whatever the jitter made of them."""

    schedule: Schedule
    at: datetime

    @property
    def id(self) -> str:
        """The same in every process, so that only one of them can start it."""
        return f"cron:{self.schedule.key}:{self.at:%Y%m%dT%H%M%SZ}"


class _Entry:
    __slots__ = ("live", "schedule", "tick")

    def __init__(self, schedule: Schedule, tick: datetime) -> None:
        self.schedule = schedule
        self.tick = tick
        self.live = True


class Agenda:
    """The schedules of all tenants. Not for several threads at once."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, int, _Entry]] = []
        self._entries: dict[str, _Entry | None] = {}
        self._schedules: dict[str, Schedule] = {}
        self._pushed = 0

    def __len__(self) -> int:
        return len(self._schedules)

    def load(self, schedules: Iterable[Schedule], since: Callable[[Schedule], datetime]) -> None:
        """Replaces the schedules.

        One that was here before with the same times goes on from its last tick.

        Args:
            schedules: All there are now.
            since: From when on the ticks of a new one count.
        """
        found = {schedule.key: schedule for schedule in schedules}
        for key in self._schedules.keys() - found.keys():
            self._drop(key)
        for key, schedule in found.items():
            known = self._schedules.get(key)
            if known == schedule:
                continue
            entry = self._entries.get(key)
            self._schedules[key] = schedule
            if known is None:
                self._wait(schedule, schedule.next_after(since(schedule)))
            elif entry is not None and known.trigger == schedule.trigger:
                entry.schedule = schedule
            else:
                pending = entry.tick if entry is not None else since(schedule)
                self._drop(key)
                self._schedules[key] = schedule
                self._wait(schedule, _again(schedule, pending))

    def next_due(self) -> datetime | None:
        """Returns when the next tick starts, None if there is none."""
        while self._heap and not self._heap[0][2].live:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take(self, now: datetime, most: int) -> list[Tick]:
        """Returns the ticks that are due at ``now``, those of at most ``most`` schedules, and waits for later ones."""
        ticks = []
        for _ in range(most):
            due = self.next_due()
            if due is None or due > now:
                break
            entry = heapq.heappop(self._heap)[2]
            schedule = entry.schedule
            found, following = schedule.due(entry.tick, now)
            ticks += [Tick(schedule, at) for at in found]
            self._wait(schedule, following)
        return ticks

    def give_back(self, ticks: Iterable[Tick]) -> None:
        """Has ticks that could not be started taken once more."""
        first: dict[str, Tick] = {}
        for tick in ticks:
            first.setdefault(tick.schedule.key, tick)
        for key, tick in first.items():
            schedule = self._schedules.get(key)
            if schedule is not None:
                self._drop(key)
                self._schedules[key] = schedule
                self._wait(schedule, tick.at)

    def _drop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            entry.live = False
        self._schedules.pop(key, None)

    def _wait(self, schedule: Schedule, tick: datetime | None) -> None:
        if tick is None:
            self._entries[schedule.key] = None
            return
        entry = self._entries[schedule.key] = _Entry(schedule, tick)
        self._pushed += 1
        heapq.heappush(self._heap, (schedule.starts_at(tick), self._pushed, entry))


def _again(schedule: Schedule, pending: datetime) -> datetime | None:
    """Returns the tick to wait for after a change of policy: ``pending`` itself, if it is still one."""
    return schedule.next_after(pending - timedelta(microseconds=1))
