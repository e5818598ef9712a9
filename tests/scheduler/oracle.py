"""A second opinion on cron: field by field, minute by minute, by the clock on the wall; no croniter in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def values(field: str, low: int, high: int) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        start = low if span == "*" else int(first)
        end = high if span == "*" or (step and not last) else int(last or first)
        found |= set(range(start, end + 1, int(step or 1)))
    return found


class Wall:
    """Whether a local minute matches five fields (days and weekdays: either, if both are named)."""

    def __init__(self, expression: str) -> None:
        fields = expression.split()
        self.fixed = not fields[1].startswith("*")
        pairs = zip(fields, RANGES, strict=True)
        self.minutes, self.hours, self.days, self.months, weekdays = (values(f, *r) for f, r in pairs)
        self.weekdays = {day % 7 for day in weekdays}
        self.either = fields[2] != "*" and fields[4] != "*"

    def matches(self, local: datetime) -> bool:
        if local.minute not in self.minutes or local.hour not in self.hours or local.month not in self.months:
            return False
        day, weekday = local.day in self.days, local.isoweekday() % 7 in self.weekdays
        return day or weekday if self.either else day and weekday


def ticks(expression: str, zone: str, start: datetime, end: datetime) -> list[datetime]:
    """Returns the moments from ``start`` up to ``end`` by the written rule."""
    wall = Wall(expression)
    found = _fixed(wall, ZoneInfo(zone), start, end) if wall.fixed else _interval(wall, ZoneInfo(zone), start, end)
    return sorted({moment for moment in found if start <= moment < end})


def _interval(wall: Wall, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    moment = start
    while moment < end:
        if wall.matches(moment.astimezone(zone)):
            yield moment
        moment += MINUTE


def _fixed(wall: Wall, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """Every minute that a calendar names, those that no clock showed too: these at the offset before the jump."""
    local = start.replace(tzinfo=None) - timedelta(days=2)
    while local < end.replace(tzinfo=None) + timedelta(days=2):
        if wall.matches(local):
            yield local.replace(tzinfo=zone, fold=0).astimezone(UTC)
        local += MINUTE
