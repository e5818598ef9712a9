"""The host module ``time``: ISO 8601 in and out, zones, and the two days a year when clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alloy_lua.errors import InvalidValue

DATES = st.dates(date(1900, 1, 1), date(2200, 1, 1))
INSTANTS = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
ZONES = st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"])
BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("arguments", "result"),
    [
        (("time.now",), "2026-11-23T22:30:00Z"),
        (("time.today",), "2026-11-23"),
        (("time.today", "Asia/Tokyo"), "2026-11-24"),
        (("time.parse", "2026-11-23"), "2026-11-23"),
        (("time.parse", "2026-11-23 10:00"), "2026-11-23T10:00:00Z"),
        (("time.parse", "2026-11-23T10:00:00+00:00"), "2026-11-23T10:00:00Z"),
        (("time.parse", "2026-11-23T10:00:00.25Z"), "2026-11-23T10:00:00.250000Z"),
        (("time.parse", "2026-11-23T10:00", None, BERLIN), "2026-11-23T10:00:00+01:00"),
        (("time.parse", "23.11.26", "%d.%m.%y"), "2026-11-23"),
        (("time.parse", "Nov 23 2026 3 PM", "%b %d %Y %I %p"), "2026-11-23T15:00:00Z"),
        (("time.parse", "2026-11-23 10:00 +0530", "%Y-%m-%d %H:%M %z"), "2026-11-23T10:00:00+05:30"),
        (
            ("time.format", "2026-11-03T00:05:09Z", "%a %d %b %y %I:%M:%S %p %j %u %G-W%V 100%%"),
            "Tue 03 Nov 26 12:05:09 AM 307 2 2026-W45 100%",
        ),
        (("time.format", "2026-07-01T10:00:00Z", "%H:%M %Z %z", BERLIN), "12:00 CEST +0200"),
        (("time.add", "2026-01-31", {"months": 1}), "2026-02-28"),
        (("time.add", "2024-02-29", {"years": 1}), "2025-02-28"),
        (("time.add", "2026-03-31", {"months": -1, "days": 1}), "2026-03-01"),
        (("time.add", "2026-11-23", {"hours": 1.5}), "2026-11-23T01:30:00Z"),
        (("time.add", "2026-11-23", {}), "2026-11-23"),
        (("time.add", "2026-11-23", []), "2026-11-23"),
        (("time.diff", "2026-11-23", "2026-11-24"), -86400),
        (("time.diff", "2026-11-24", "2026-11-23", "day"), 1),
        (("time.diff", "2026-11-23T00:00:00.5Z", "2026-11-23", "milliseconds"), 500),
        (("time.diff", "2026-11-22", "2000-11-23", "years"), 25),
        (("time.diff", "2026-11-23", "2000-11-23", "years"), 26),
        (("time.diff", "2026-01-31", "2026-02-28", "months"), -1),
        (("time.diff", "2000-11-23", "2026-11-22", "years"), -25),
        (("time.to_zone", "2026-11-23", BERLIN), "2026-11-23T00:00:00+01:00"),
        (("time.unix", "1970-01-01T00:00:00.5Z"), 0.5),
        (("time.from_unix", -1.5), "1969-12-31T23:59:58.500000Z"),
        (("time.weekday", "2026-11-29"), 7),
        (("time.weekday", "2026-11-29T23:30:00Z", BERLIN), 1),
        (("time.start_of", "2026-11-23T10:31:42Z", "hour"), "2026-11-23T10:00:00Z"),
        (("time.start_of", "2026-11-23T10:31:42Z", "minute"), "2026-11-23T10:31:00Z"),
        (("time.start_of", "2026-11-26", "week"), "2026-11-23"),
        (("time.start_of", "2026-11-26", "quarter"), "2026-10-01"),
        (("time.start_of", "2026-11-26", "years"), "2026-01-01"),
        (("time.start_of", "2026-11-26", "day", BERLIN), "2026-11-26T00:00:00+01:00"),
        (("time.start_of", "2026-11-26T23:30:00Z", "day", BERLIN), "2026-11-27T00:00:00+01:00"),
    ],
)
def test_known_results(call, arguments, result):
    assert call(*arguments) == result


@pytest.mark.parametrize(
    ("start", "parts", "result"),
    [
        # 2026-03-29 02:00 to 03:00 does not exist in Berlin, 2026-10-25 02:00 to 03:00 comes twice.
        ("2026-03-28T12:00:00+01:00", {"days": 1}, "2026-03-29T12:00:00+02:00"),
        ("2026-03-28T12:00:00+01:00", {"hours": 24}, "2026-03-29T13:00:00+02:00"),
        ("2026-03-28T02:30:00+01:00", {"days": 1}, "2026-03-29T03:30:00+02:00"),
        ("2026-10-25T02:30:00+02:00", {"hours": 1}, "2026-10-25T02:30:00+01:00"),
        ("2026-10-25T02:30:00+01:00", {"hours": 1}, "2026-10-25T03:30:00+01:00"),
        ("2026-10-24T12:00:00+02:00", {"days": 1}, "2026-10-25T12:00:00+01:00"),
    ],
)
def test_days_follow_the_calendar_and_hours_the_clock_when_clocks_change(call, start, parts, result):
    assert call("time.add", start, parts, BERLIN) == result


def test_a_wall_clock_time_in_the_gap_is_moved_on(call):
    assert call("time.parse", "2026-03-29T02:30:00", None, BERLIN) == "2026-03-29T03:30:00+02:00"


def test_a_day_that_starts_in_a_gap_starts_after_it(call):
    assert call("time.start_of", "2018-11-04T12:00:00Z", "day", "America/Sao_Paulo") == "2018-11-04T01:00:00-02:00"


def test_a_day_whose_midnight_comes_twice_starts_at_the_first(call):
    assert call("time.start_of", "2025-11-02T05:30:00Z", "day", "America/Havana") == "2025-11-02T00:00:00-04:00"


@given(instant=INSTANTS, zone=ZONES)
def test_changing_the_zone_keeps_the_instant(call, instant, zone):
    text = instant.isoformat()
    moved = call("time.to_zone", text, zone)
    assert datetime.fromisoformat(moved) == instant
    assert call("time.diff", moved, text) == 0
    assert call("time.from_unix", call("time.unix", moved)) == call("time.parse", text)


@given(
    instant=INSTANTS, zone=ZONES, unit=st.sampled_from(["minute", "hour", "day", "week", "month", "quarter", "year"])
)
def test_the_start_of_a_unit_is_not_later_and_starts_itself(call, instant, zone, unit):
    start = call("time.start_of", instant.isoformat(), unit, zone)
    assert not call("time.is_after", start, instant.isoformat())
    assert call("time.start_of", start, unit, zone) == start


@given(day=DATES, months=st.integers(-600, 600))
def test_adding_months_keeps_the_day_or_clamps_to_the_last(call, day, months):
    moved = date.fromisoformat(call("time.add", day.isoformat(), {"months": months}))
    assert (moved.year * 12 + moved.month) - (day.year * 12 + day.month) == months
    assert moved.day == day.day or (moved.day < day.day and (moved + timedelta(days=1)).day == 1)


@given(a=DATES, b=DATES)
def test_differences_agree_with_python(call, a, b):
    assert call("time.diff", a.isoformat(), b.isoformat(), "days") == (a - b).days
    assert call("time.diff", a.isoformat(), b.isoformat(), "months") == -call(
        "time.diff", b.isoformat(), a.isoformat(), "months"
    )
    assert call("time.is_before", a.isoformat(), b.isoformat()) is (a < b)
    assert call("time.is_after", a.isoformat(), b.isoformat()) is (a > b)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("time.parse", "31.2."), "time.parse: got '31.2.', wanted ISO 8601 or a format"),
        (("time.parse", "2026-02-30"), "time.parse: got '2026-02-30', wanted ISO 8601"),
        (("time.parse", "1" * 200), "wanted at most 100 characters"),
        (("time.parse", b"\xff"), "wanted text in UTF-8"),
        (("time.parse", "x", "%d.%m.%Y"), "got 'x', wanted text of the format '%d.%m.%Y'"),
        (("time.parse", "x", "%d.%m"), "wanted a format with year"),
        (("time.parse", "x", "%c"), "time.parse: got '%c', wanted one of %Y %y"),
        (("time.format", "2026-11-23", "%"), "time.format: got '%', wanted one of %Y"),
        (("time.to_zone", "2026-11-23", "Europe/Atlantis"), "got 'Europe/Atlantis', wanted an IANA time zone"),
        (("time.to_zone", "2026-11-23", "../../etc/passwd"), "wanted an IANA time zone"),
        (("time.to_zone", "2026-11-23", "Europe"), "wanted an IANA time zone"),
        (("time.to_zone", "2026-11-23", ""), "wanted an IANA time zone"),
        (("time.add", "2026-11-23", {"day": 1}), "time.add: got 'day', wanted one of years, months"),
        (("time.add", "2026-11-23", {"days": 0.5}), "time.add: got 0.5, wanted a whole number of days"),
        (("time.add", "2026-11-23", {"hours": "1"}), "time.add: got '1', wanted a number of hours"),
        (("time.add", "2026-11-23", {"hours": float("nan")}), "wanted a number of hours"),
        (("time.add", "2026-11-23", {"years": 9000}), "time.add: the result is outside of the years 1 to 9999"),
        (("time.add", "2026-11-23", {"days": 1e300}), "outside of the years"),
        (("time.add", "2026-11-23", {"seconds": 1e300}), "outside of the years"),
        (("time.to_zone", "0001-01-01", "UTC+99"), "wanted an IANA time zone"),
        (("time.to_zone", "0001-01-01T00:00:00Z", "America/New_York"), "outside of the years"),
        (("time.from_unix", 1e20), "time.from_unix: the result is outside of the years"),
        (("time.from_unix", float("nan")), "outside of the years"),
        (("time.diff", "2026-11-23", "2026-11-23", "fortnight"), "wanted one of milliseconds"),
        (("time.start_of", "2026-11-23", "decade"), "wanted one of minute, hour"),
    ],
)
def test_bad_arguments_are_named(call, arguments, message):
    with pytest.raises(InvalidValue, match=message):
        call(*arguments)
