"""Dates and instants as ISO 8601 text: reading, writing, zones, and the formats scripts may name.

A moment is a `date` or an aware `datetime`. Text without an offset is taken in the zone given, else in UTC;
a date stands for its midnight there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, tzinfo
from zoneinfo import ZoneInfo

from ...errors import InvalidValue
from .arguments import as_text, shown, wrong

MAX_TEXT = 100
MAX_FORMAT = 100

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,3}")
_DIRECTIVE = re.compile(r"%(.?)", re.DOTALL)

# English names whatever the locale of the server: the same script gives the same text everywhere.
_WRITERS: dict[str, Callable[[datetime], str]] = {
    "Y": lambda m: f"{m.year:04d}",
    "y": lambda m: f"{m.year % 100:02d}",
    "m": lambda m: f"{m.month:02d}",
    "d": lambda m: f"{m.day:02d}",
    "H": lambda m: f"{m.hour:02d}",
    "I": lambda m: f"{(m.hour - 1) % 12 + 1:02d}",
    "M": lambda m: f"{m.minute:02d}",
    "S": lambda m: f"{m.second:02d}",
    "f": lambda m: f"{m.microsecond:06d}",
    "p": lambda m: "AM" if m.hour < 12 else "PM",
    "A": lambda m: DAYS[m.weekday()],
    "a": lambda m: DAYS[m.weekday()][:3],
    "B": lambda m: MONTHS[m.month - 1],
    "b": lambda m: MONTHS[m.month - 1][:3],
    "j": lambda m: f"{m.timetuple().tm_yday:03d}",
    "u": lambda m: str(m.isoweekday()),
    "G": lambda m: f"{m.isocalendar().year:04d}",
    "V": lambda m: f"{m.isocalendar().week:02d}",
    "z": lambda m: m.strftime("%z"),
    "Z": lambda m: m.tzname() or "",
    "%": lambda m: "%",
}
_READABLE = frozenset("YymdHIMSfpAaBbz%")
_TIME_DIRECTIVES = frozenset("HIMSfpz")


@contextmanager
def calendar_range(function: str) -> Iterator[None]:
    """Turns a result outside of the calendar into `InvalidValue`."""
    try:
        yield
    except (OverflowError, ValueError):
        raise InvalidValue(
            f"{function}: the result is outside of the years 1 to 9999", details={"function": function}
        ) from None


def read_zone(function: str, name: str | bytes | None) -> tzinfo | None:
    """Returns the zone called ``name``, None for None.

    Raises:
        InvalidValue: There is no such IANA zone.
    """
    if name is None:
        return None
    name = as_text(function, name)
    if name == "UTC":
        return UTC
    try:
        if _ZONE.fullmatch(name):
            return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        pass
    raise wrong(function, name, "an IANA time zone such as Europe/Berlin")


def read(function: str, text: str | bytes, zone: tzinfo | None = None) -> date:
    """Returns the moment that ISO 8601 ``text`` names: a `date`, or a `datetime` in ``zone`` (else its own offset).

    Raises:
        InvalidValue: The text is neither a date nor an instant.
    """
    text = as_text(function, text)
    if len(text) > MAX_TEXT:
        raise wrong(function, text, f"at most {MAX_TEXT} characters")
    for kind in (date, datetime):
        try:
            moment = kind.fromisoformat(text)
        except ValueError:
            continue
        return in_zone(function, moment, zone) if isinstance(moment, datetime) else moment
    wanted = "ISO 8601 or a format" if function == "time.parse" else "ISO 8601 such as 2026-11-23T10:00:00Z"
    raise wrong(function, text, wanted)


def instant(function: str, text: str | bytes, zone: tzinfo | None = None) -> datetime:
    """Returns the moment as an instant; a date is its midnight in ``zone``, else in UTC."""
    return as_instant(function, read(function, text, zone), zone)


def as_instant(function: str, moment: date, zone: tzinfo | None = None) -> datetime:
    """Returns ``moment`` as an instant in ``zone``, else with its own offset."""
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time())
    return in_zone(function, moment, zone)


def in_zone(function: str, moment: datetime, zone: tzinfo | None) -> datetime:
    """Returns the instant in ``zone``; a wall clock time without offset is taken there, else in UTC.

    A wall clock time that a change of clocks skips is moved on by the length of the gap.
    """
    with calendar_range(function):
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone or UTC)
        return moment if zone is None else moment.astimezone(UTC).astimezone(zone)


def settled(moment: datetime) -> datetime:
    """Returns ``moment`` with a wall clock time that exists in its zone."""
    return moment.astimezone(UTC).astimezone(moment.tzinfo)


def write(moment: date) -> str:
    """Returns the ISO 8601 text of a moment; an offset of zero is written ``Z``."""
    text = moment.isoformat()
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") and isinstance(moment, datetime) else text


def write_format(function: str, moment: datetime, pattern: str | bytes) -> str:
    """Returns ``moment`` written as ``pattern`` says.

    Raises:
        InvalidValue: The pattern has an unknown directive or is too long.
    """
    pattern = _check_format(function, pattern, frozenset(_WRITERS))
    return _DIRECTIVE.sub(lambda directive: _WRITERS[directive[1]](moment), pattern)


def read_format(function: str, text: str | bytes, pattern: str | bytes, zone: tzinfo | None) -> date:
    """Returns the moment that ``text`` names when read as ``pattern`` says: a date if that names no time of day.

    Raises:
        InvalidValue: The text does not fit the pattern, or that has no year, month and day.
    """
    text, pattern = as_text(function, text), _check_format(function, pattern, _READABLE)
    named = set(_DIRECTIVE.findall(pattern))
    if not (named & set("Yy") and named & set("mBb") and "d" in named):
        raise wrong(function, pattern, "a format with year (%Y), month (%m) and day (%d)")
    try:
        if len(text) > MAX_TEXT:
            raise ValueError
        moment = datetime.strptime(text, pattern)
    except ValueError:
        raise wrong(function, text, f"text of the format {shown(pattern)}") from None
    return in_zone(function, moment, zone) if named & _TIME_DIRECTIVES else moment.date()


def _check_format(function: str, pattern: str | bytes, allowed: frozenset[str]) -> str:
    pattern = as_text(function, pattern)
    if len(pattern) > MAX_FORMAT:
        raise wrong(function, pattern, f"a format of at most {MAX_FORMAT} characters")
    for directive in _DIRECTIVE.findall(pattern):
        if directive not in allowed:
            known = " ".join(f"%{letter}" for letter in _WRITERS if letter in allowed)
            raise wrong(function, f"%{directive}", f"one of {known}")
    return pattern
