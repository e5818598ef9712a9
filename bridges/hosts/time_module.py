"""Host module ``time``: declarations; the work is in `calendar_math` and `moments`."""

from __future__ import annotations

from ...hostapi import HostFunction, HostModule, Param
from .lazy import lazy


def _moment(name: str = "text") -> Param:
    return Param(name, "string", "A date or an instant in ISO 8601.")


_ZONE = Param("zone", "string", "An IANA zone such as Europe/Berlin; the text's own offset if left out.", True)
_FORMAT = "%Y %y %m %d %H %I %M %S %f %p %A %a %B %b %z %%"
_DIFF_UNITS = "milliseconds, seconds, minutes, hours, days, weeks, months, years"

MODULE = HostModule(
    "time",
    'Dates ("2026-11-23") and instants ("2026-11-23T10:00:00Z") as ISO 8601 text. Text without an offset is taken '
    "in the zone given, else in UTC; a date stands for its midnight there. A wall clock time that a change of "
    "clocks skips is moved on by the gap.",
    (
        HostFunction(
            "time.now",
            "The instant of this run, in UTC: the same in the whole run and in a replay of it.",
            (),
            "string",
            lazy("calendar_math", "now"),
            wants_call=True,
            example="return time.now()",
        ),
        HostFunction(
            "time.today",
            "The date of this run.",
            (Param("zone", "string", "The IANA zone whose date it is; UTC if left out.", True),),
            "string",
            lazy("calendar_math", "today"),
            wants_call=True,
            example='return time.today("Asia/Tokyo")',
        ),
        HostFunction(
            "time.parse",
            "The date or instant that the text names, as ISO 8601 text; a date if the format has no time of day.",
            (
                Param("text", "string", "ISO 8601, or text of the format."),
                Param("format", "string", f"Directives: {_FORMAT}.", True),
                Param("zone", "string", "The zone of a text without offset, and of the result.", True),
            ),
            "string",
            lazy("calendar_math", "parse"),
            example='return time.parse("23.11.2026 10:00", "%d.%m.%Y %H:%M", "Europe/Berlin")'
            ' --> "2026-11-23T10:00:00+01:00"',
        ),
        HostFunction(
            "time.format",
            "The moment written as the format says, with English names.",
            (_moment(), Param("format", "string", f"Directives: {_FORMAT} %j %u %G %V %Z."), _ZONE),
            "string",
            lazy("calendar_math", "format_"),
            example='return time.format("2026-11-23", "%A, %d %B %Y") --> "Monday, 23 November 2026"',
        ),
        HostFunction(
            "time.add",
            "The moment moved by the parts: first years and months (a day past the month's end becomes its last "
            "day), then weeks and days on the calendar, then hours, minutes and seconds exactly. "
            "A date stays a date unless hours, minutes or seconds are added.",
            (
                _moment(),
                Param("parts", "table", "Any of years, months, weeks, days, hours, minutes, seconds; may be negative."),
                Param("zone", "string", "The zone whose calendar counts, and of the result.", True),
            ),
            "string",
            lazy("calendar_math", "add"),
            example='return time.add("2026-01-31", {months = 1}) --> "2026-02-28"',
        ),
        HostFunction(
            "time.diff",
            "How much later ``a`` is than ``b`` (negative if it is earlier); months and years count whole ones.",
            (
                _moment("a"),
                _moment("b"),
                Param("unit", "string", f"One of {_DIFF_UNITS}; seconds if left out.", True),
            ),
            "number",
            lazy("calendar_math", "diff"),
            example='return time.diff("2026-11-24", "2026-11-23T12:00:00Z", "hours") --> 12',
        ),
        HostFunction(
            "time.to_zone",
            "The same instant with the wall clock of the zone.",
            (_moment(), Param("zone", "string", "An IANA zone such as Europe/Berlin.")),
            "string",
            lazy("calendar_math", "to_zone"),
            example='return time.to_zone("2026-07-01T10:00:00Z", "Europe/Berlin") --> "2026-07-01T12:00:00+02:00"',
        ),
        HostFunction(
            "time.unix",
            "The seconds from 1970-01-01T00:00:00Z to the moment.",
            (_moment(),),
            "number",
            lazy("calendar_math", "unix"),
            example='return time.unix("1970-01-02") --> 86400',
        ),
        HostFunction(
            "time.from_unix",
            "The instant, in UTC, so many seconds after 1970-01-01T00:00:00Z.",
            (Param("seconds", "number", "Seconds, with fractions or negative."),),
            "string",
            lazy("calendar_math", "from_unix"),
            example='return time.from_unix(86400) --> "1970-01-02T00:00:00Z"',
        ),
        HostFunction(
            "time.weekday",
            "The day of the week, from 1 for Monday to 7 for Sunday.",
            (_moment(), _ZONE),
            "number",
            lazy("calendar_math", "weekday"),
            example='return time.weekday("2026-11-23") --> 1',
        ),
        HostFunction(
            "time.start_of",
            "The start of the unit that the moment lies in; a date for a date, unless a zone is given.",
            (_moment(), Param("unit", "string", "minute, hour, day, week (from Monday), month, quarter, year."), _ZONE),
            "string",
            lazy("calendar_math", "start_of"),
            example='return time.start_of("2026-11-23T10:30:00Z", "month") --> "2026-11-01T00:00:00Z"',
        ),
        HostFunction(
            "time.is_before",
            "Whether ``a`` is earlier than ``b``.",
            (_moment("a"), _moment("b")),
            "boolean",
            lazy("calendar_math", "is_before"),
            example='return time.is_before("2026-11-23", "2026-11-24") --> true',
        ),
        HostFunction(
            "time.is_after",
            "Whether ``a`` is later than ``b``.",
            (_moment("a"), _moment("b")),
            "boolean",
            lazy("calendar_math", "is_after"),
            example='return time.is_after("2026-11-23T10:00:00+01:00", "2026-11-23T10:00:00Z") --> false',
        ),
    ),
)
