"""Cron expressions and when they are due, over clock changes too. Pure: time comes in as an argument.

The rule for clock changes goes by the hour field. If that begins with ``*``, the schedule follows real time: it is
due at every moment whose local time matches, so in a repeated hour it is due again, and in a skipped one it is not.
Any other hour field names fixed local times, and each is due once on every local day: on its first passing where the
clock goes back over it, and, where the clock jumps over it, at the moment it would have been without the jump
(02:30 becomes 03:30). Two times that fall on one moment are one tick.
"""

from __future__ import annotations

import re
from collections import deque
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from threading import Lock
from typing import Any
from zoneinfo import ZoneInfo

from .. import checks

ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
WANTED = "five fields such as '0 6 * * *', six with seconds first, or one of " + ", ".join(ALIASES)
YEARS = 12  # the longest wait there can be: 29 February is 8 years away around 2100

_FIELD = re.compile(
    r"(?:[0-9*/,#?-]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|sun|mon|tue|wed|thu|fri|sat|l)+", re.I
)
_SECOND = timedelta(seconds=1)
_DAY = timedelta(hours=25)  # longer than any jump of a clock
_SOON = 2 * _DAY
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_searching = Lock()


class Cron:
    """A checked expression in its zone.

    Args:
        expression: Five fields, six with seconds first, or an alias.
        timezone: IANA name.

    Raises:
        ValidationError: The expression is none, or is never due; or there is no such zone.
    """

    __slots__ = ("_fixed", "_text", "_zone")

    def __init__(self, expression: str, timezone: str = "UTC") -> None:
        if not isinstance(expression, str):
            raise checks.wrong("cron expression", expression, WANTED)
        self._text = _checked(expression)
        self._zone = _zone(checks.name(timezone, "time zone"))
        fields = self._text.split(" ")
        self._fixed = fields[-4][0] not in "*?"

    def next_after(self, moment: datetime) -> datetime | None:
        """Returns the first tick later than ``moment``, in UTC; None if there is none for `YEARS` years."""
        after = moment.astimezone(UTC).replace(microsecond=0)
        return self._next_fixed(after) if self._fixed else self._next_interval(after)

    def newest(self, count: int, after: datetime, until: datetime) -> list[datetime]:
        """Returns the last ``count`` ticks later than ``after`` and not later than ``until``, oldest first."""
        back = count
        while True:
            lower = max(after, self._some_ticks_before(until, back))
            found: deque[datetime] = deque(maxlen=count)
            tick = self.next_after(lower)
            while tick is not None and tick <= until:
                found.append(tick)
                tick = self.next_after(tick)
            if len(found) == count or lower == after:
                return list(found)
            back *= 2

    # -- the two rules -------------------------------------------------------------------------------------------
    def _next_fixed(self, after: datetime) -> datetime | None:
        """Local times in order; those in a gap may fall on later moments than some that follow them."""
        best: datetime | None = None
        local = after.replace(tzinfo=None) + min(self._offset(after), self._offset(after - _DAY))
        while (found := _search(self._text, local, forward=True)) is not None:
            local = found
            if best is not None and local >= self._local(best):
                break
            tick = local.replace(tzinfo=self._zone).astimezone(UTC)
            if tick > after:
                best = tick if best is None else min(best, tick)
                if self._local(tick) == local:
                    break
        return best

    def _next_interval(self, after: datetime) -> datetime | None:
        """Within each stretch of one offset, local time runs like real time."""
        offset = self._offset(after)
        while (local := _search(self._text, after.replace(tzinfo=None) + offset, forward=True)) is not None:
            tick = local.replace(tzinfo=UTC) - offset
            jump = self._jump(after, min(tick, after + _SOON), offset)
            if jump is not None and jump <= tick:
                after, offset = jump - _SECOND, self._offset(jump)
            elif self._offset(tick) == offset:
                return tick
            else:  # the offset changes at some time in between, and nothing is due before it
                after = tick - _DAY
                offset = self._offset(after)
        return None

    def _some_ticks_before(self, until: datetime, count: int) -> datetime:
        """Returns a moment that at least about ``count`` ticks lie behind, up to ``until``."""
        local: datetime | None = self._local(until) + _SECOND
        for _ in range(count):
            local = _search(self._text, local, forward=False) if local is not None else None
        if local is None:
            return _LONG_AGO
        moment = local.replace(tzinfo=UTC)
        return moment - max(self._offset(moment - _DAY), self._offset(moment), self._offset(until)) - _SECOND

    # -- the zone --------------------------------------------------------------------------------------------------
    def _offset(self, moment: datetime) -> timedelta:
        return moment.astimezone(self._zone).utcoffset() or timedelta()

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(self._zone).replace(tzinfo=None, fold=0)

    def _jump(self, after: datetime, until: datetime, offset: timedelta) -> datetime | None:
        """Returns the first moment up to ``until`` whose offset is not ``offset``, which it is at ``after``."""
        if self._offset(until) == offset:
            return None
        low, high = 0, int((until - after).total_seconds())
        while high - low > 1:
            middle = (low + high) // 2
            if self._offset(after + middle * _SECOND) == offset:
                low = middle
            else:
                high = middle
        return after + high * _SECOND


@lru_cache(maxsize=4096)
def _checked(expression: str) -> str:
    """Returns the fields of an expression, one blank between them."""
    fields = ALIASES.get(expression.strip().lower(), expression).split()
    text = " ".join(fields)
    if len(fields) not in (5, 6) or not all(_FIELD.fullmatch(field) for field in fields):
        raise checks.wrong("cron expression", expression, WANTED)
    try:
        first = _search(text, datetime(2024, 1, 1), forward=True)
    except (ValueError, KeyError) as error:
        raise checks.wrong("cron expression", expression, f"{WANTED} ({error})") from None
    if first is None:
        raise checks.wrong("cron expression", expression, "days that there are")
    return text


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise checks.wrong("time zone", name, "an IANA name such as Europe/Oslo") from None


@lru_cache(maxsize=4096)
def _dates(text: str) -> Any:
    from croniter import croniter

    start = datetime(2024, 1, 1)
    return croniter(text, start, second_at_beginning=True, max_years_between_matches=YEARS)


def _search(text: str, start: datetime, *, forward: bool) -> datetime | None:
    """Returns the next local time behind (or before) ``start`` that matches, without regard to clock changes."""
    from croniter import CroniterBadDateError

    with _searching:  # croniter keeps its place in the object
        dates = _dates(text)
        dates.set_current(start, force=True)
        try:
            found: datetime = dates.get_next(datetime) if forward else dates.get_prev(datetime)
        except CroniterBadDateError:
            return None
    return found
