"""Calendar arithmetic behind the host module ``time``: add, differ, floor, compare."""

from __future__ import annotations

import math
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from typing import Any

from ...hostapi import HostCall
from .arguments import as_table, as_text, wrong
from .moments import (
    as_instant,
    calendar_range,
    in_zone,
    instant,
    read,
    read_format,
    read_zone,
    settled,
    write,
    write_format,
)

CALENDAR_PARTS = ("years", "months", "weeks", "days")
EXACT_PARTS = {"hours": 3600, "minutes": 60, "seconds": 1}
SECONDS = {"milliseconds": 0.001, **EXACT_PARTS, "days": 86_400, "weeks": 604_800}
DIFF_UNITS = (*SECONDS, "months", "years")
START_UNITS = ("minute", "hour", "day", "week", "month", "quarter", "year")


def now(call: HostCall) -> str:
    return write(in_zone("time.now", call.now, UTC))


def today(call: HostCall, zone: str | None = None) -> str:
    return write(in_zone("time.today", call.now, read_zone("time.today", zone) or UTC).date())


def parse(text: str | bytes, pattern: str | bytes | None = None, zone: str | None = None) -> str:
    place = read_zone("time.parse", zone)
    if pattern is None:
        return write(read("time.parse", text, place))
    return write(read_format("time.parse", text, pattern, place))


def format_(text: str | bytes, pattern: str | bytes, zone: str | None = None) -> str:
    return write_format("time.format", instant("time.format", text, read_zone("time.format", zone)), pattern)


def to_zone(text: str | bytes, zone: str) -> str:
    return write(instant("time.to_zone", text, read_zone("time.to_zone", zone)))


def unix(text: str | bytes) -> int | float:
    seconds = instant("time.unix", text).timestamp()
    return int(seconds) if seconds.is_integer() else seconds


def from_unix(seconds: float) -> str:
    with calendar_range("time.from_unix"):
        return write(datetime.fromtimestamp(seconds, UTC))


def weekday(text: str | bytes, zone: str | None = None) -> int:
    return read("time.weekday", text, read_zone("time.weekday", zone)).isoweekday()


def is_before(a: str | bytes, b: str | bytes) -> bool:
    return instant("time.is_before", a) < instant("time.is_before", b)


def is_after(a: str | bytes, b: str | bytes) -> bool:
    return instant("time.is_after", a) > instant("time.is_after", b)


def add(text: str | bytes, parts: Any, zone: str | None = None) -> str:
    place = read_zone("time.add", zone)
    amounts = _parts(parts)
    moment = read("time.add", text, place)
    with calendar_range("time.add"):
        moved = _on_calendar(moment, amounts)
        seconds = sum(amounts[name] * size for name, size in EXACT_PARTS.items())
        if not isinstance(moved, datetime) and not any(amounts[name] for name in EXACT_PARTS):
            return write(moved)
        start = settled(as_instant("time.add", moved, place))
        return write((start.astimezone(UTC) + timedelta(seconds=seconds)).astimezone(start.tzinfo))


def _parts(parts: Any) -> dict[str, float]:
    amounts: dict[str, float] = dict.fromkeys((*CALENDAR_PARTS, *EXACT_PARTS), 0)
    for name, value in as_table("time.add", parts, amounts).items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise wrong("time.add", value, f"a number of {name}")
        if name in CALENDAR_PARTS and value != int(value):
            raise wrong("time.add", value, f"a whole number of {name}")
        amounts[name] = value
    return amounts


def _on_calendar(moment: date, amounts: dict[str, float]) -> date:
    # Arithmetic on a wall clock forgets which of two equal times was meant, so it is done only when asked for.
    if not any(amounts[name] for name in CALENDAR_PARTS):
        return moment
    months = int(amounts["years"] * 12 + amounts["months"])
    return _add_months(moment, months) + timedelta(days=amounts["weeks"] * 7 + amounts["days"])


def _add_months(moment: date, months: int) -> date:
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        raise OverflowError
    return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))


def diff(a: str | bytes, b: str | bytes, unit: str | bytes | None = None) -> int | float:
    name = _unit("time.diff", "seconds" if unit is None else unit, DIFF_UNITS)
    later, earlier = instant("time.diff", a).astimezone(UTC), instant("time.diff", b).astimezone(UTC)
    if name in SECONDS:
        value = (later - earlier) / timedelta(seconds=SECONDS[name])
        return int(value) if value.is_integer() else value
    months = -_whole_months(later, earlier) if later < earlier else _whole_months(earlier, later)
    return int(months / 12) if name == "years" else months


def _whole_months(earlier: datetime, later: datetime) -> int:
    months = (later.year - earlier.year) * 12 + later.month - earlier.month
    with calendar_range("time.diff"):
        return months - 1 if _add_months(earlier, months) > later else months


def _unit(function: str, unit: str | bytes, units: tuple[str, ...]) -> str:
    """Returns the unit as ``units`` spells it: ``day`` and ``days`` are the same."""
    name = as_text(function, unit)
    for known in units:
        if name.removesuffix("s") == known.removesuffix("s"):
            return known
    raise wrong(function, name, f"one of {', '.join(units)}")


def start_of(text: str | bytes, unit: str | bytes, zone: str | None = None) -> str:
    name = _unit("time.start_of", unit, START_UNITS)
    place = read_zone("time.start_of", zone)
    moment = read("time.start_of", text, place)
    if isinstance(moment, datetime) or place is not None or name in ("minute", "hour"):
        moment = as_instant("time.start_of", moment, place)
    with calendar_range("time.start_of"):
        start = _start(moment, name)
        return write(settled(start) if isinstance(start, datetime) else start)


def _start(moment: date, unit: str) -> date:
    if isinstance(moment, datetime):
        moment = moment.replace(second=0, microsecond=0)
        if unit == "minute":
            return moment
        moment = moment.replace(minute=0)
        if unit == "hour":
            return moment
        # The first of two equal wall clock times: midnight itself may be repeated.
        moment = moment.replace(hour=0, fold=0)
    return _start_of_days(moment, unit)


def _start_of_days(day: date, unit: str) -> date:
    if unit == "week":
        return day - timedelta(days=day.weekday())
    if unit == "month":
        return day.replace(day=1)
    if unit == "quarter":
        return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    if unit == "year":
        return day.replace(month=1, day=1)
    return day
