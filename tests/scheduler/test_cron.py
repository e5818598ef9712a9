"""Cron arithmetic: truth tables over whole years against an oracle and against dateutil, and the rule at clock changes."""

from __future__ import annotations

import importlib.util
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dateutil import rrule

from alloy_lua.errors import ValidationError
from alloy_lua.scheduler.cron import Cron

_spec = importlib.util.spec_from_file_location("oracle", Path(__file__).with_name("oracle.py"))
assert _spec is not None and _spec.loader is not None
oracle = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(oracle)

YEAR = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
TABLE = [
    ("30 2 * * *", "Europe/Amsterdam"),  # the skipped and the repeated hour
    ("0,30 2 * * *", "America/New_York"),  # the repeated hour is the one before
    ("15,45 1-3 * * 0", "America/New_York"),
    ("20 */2 * * *", "Europe/Amsterdam"),
    ("*/45 * * * 0,6", "Australia/Lord_Howe"),  # jumps of half an hour, in southern months
    ("10 0 * * *", "America/Havana"),  # jumps at midnight
    ("50 23 * * *", "America/Havana"),
    ("5 * 24-26 10 *", "Europe/Amsterdam"),
    ("15 * 25 10 *", "Asia/Beirut"),  # falls back over midnight into the day before
    ("0 12 13 * 5", "Africa/Casablanca"),  # day or weekday
    ("0 0 29 2 *", "Europe/London"),
    ("45 5 1-7/2 1,4,7,10 *", "Asia/Kathmandu"),
    ("0 9 * * 1-5", "Asia/Kolkata"),
    ("30 3 * * *", "UTC"),
]


def walked(cron: Cron, start: datetime, end: datetime) -> list[datetime]:
    found = []
    tick = cron.next_after(start - timedelta(seconds=1))
    while tick is not None and tick < end:
        found.append(tick)
        tick = cron.next_after(tick)
    return found


@pytest.mark.parametrize(("expression", "zone"), TABLE)
def test_a_whole_year_is_as_the_wall_clock_says(expression: str, zone: str) -> None:
    assert walked(Cron(expression, zone), *YEAR) == oracle.ticks(expression, zone, *YEAR)


def test_a_day_that_a_zone_left_out_is_made_up_for() -> None:
    """Samoa had no 30 December 2011."""
    span = datetime(2011, 12, 20, tzinfo=UTC), datetime(2012, 1, 10, tzinfo=UTC)
    for expression in ("30 10 * * *", "0 */6 * * *", "0 0,12 30,31 * *"):
        assert walked(Cron(expression, "Pacific/Apia"), *span) == oracle.ticks(expression, "Pacific/Apia", *span)


@pytest.mark.parametrize("zone", ["Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe"])
def test_any_moment_near_a_clock_change_is_a_fair_start(zone: str) -> None:
    changes = [YEAR[0] + timedelta(hours=h) for h in range(365 * 24)]
    cron = Cron("*/20 * * * *", zone)
    offsets = [cron._offset(moment) for moment in changes]
    near = [m for m, a, b in zip(changes[1:], offsets, offsets[1:], strict=False) if a != b]
    assert len(near) == 2
    for expression in ("*/20 * * * *", "40 1-3 * * *"):
        cron = Cron(expression, zone)
        for change in near:
            start = change - timedelta(hours=4)
            wanted = oracle.ticks(expression, zone, start, start + timedelta(days=3))
            for minutes in range(0, 480, 7):
                after = start + timedelta(minutes=minutes, seconds=30)
                assert cron.next_after(after) == next(tick for tick in wanted if tick > after)


@pytest.mark.parametrize(
    ("expression", "rule"),
    [
        ("30 6 * * 1-5", {"byweekday": range(5), "byhour": 6, "byminute": 30}),
        ("0,20 8-10 1,15 * *", {"bymonthday": (1, 15), "byhour": (8, 9, 10), "byminute": (0, 20)}),
        ("15 22 * 2,11 2", {"bymonth": (2, 11), "byweekday": 1, "byhour": 22, "byminute": 15}),
        ("0 4 29 2 *", {"bymonth": 2, "bymonthday": 29, "byhour": 4, "byminute": 0}),
    ],
)
def test_six_years_are_as_dateutil_says(expression: str, rule: dict[str, object]) -> None:
    start, end = datetime(2023, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)
    rules = rrule.rrule(rrule.DAILY, dtstart=start, until=end, bysecond=0, **rule)  # type: ignore[arg-type]
    assert walked(Cron(expression), start, end) == list(rules)


def test_six_fields_have_seconds_first() -> None:
    found = walked(Cron("*/20 30 6 * * *"), YEAR[0], YEAR[0] + timedelta(days=1))
    assert [f"{tick:%H:%M:%S}" for tick in found] == ["06:30:00", "06:30:20", "06:30:40"]


@pytest.mark.parametrize(
    ("alias", "expression"), [("@hourly", "0 * * * *"), ("@Daily", "0 0 * * *"), ("@weekly", "0 0 * * 0")]
)
def test_an_alias_is_its_fields(alias: str, expression: str) -> None:
    span = YEAR[0], YEAR[0] + timedelta(days=30)
    assert walked(Cron(alias), *span) == walked(Cron(expression), *span)


@pytest.mark.parametrize("expression", ["* * * * * *", "*/30 * * * *", "30 2 * * *", "0 0 29 2 *", "45 5 1-7/2 1 *"])
@pytest.mark.parametrize("until", [datetime(2026, 3, 29, 1, 40, 0, 5, UTC), datetime(2026, 10, 25, 1, 0, tzinfo=UTC)])
def test_the_newest_ticks_are_the_last_of_all(expression: str, until: datetime) -> None:
    cron = Cron(expression, "Europe/Amsterdam")
    after = until - (
        timedelta(minutes=3) if expression.startswith("* ") else timedelta(days=30 if "/30" in expression else 400)
    )
    every = [tick for tick in walked(cron, after, until + timedelta(seconds=1)) if after < tick <= until]
    assert cron.newest(7, after, until) == every[-7:]
    assert cron.newest(300, after, until) == every[-300:]


@pytest.mark.parametrize(
    "expression",
    ["", "* * * *", "61 * * * *", "* * * * * * *", "H * * * *", "R * * * *", "@reboot", "0 0 31 2 *", "1-", None, 5],
)
def test_what_is_no_expression_is_refused_by_name(expression: object) -> None:
    with pytest.raises(ValidationError, match="cron expression"):
        Cron(expression)  # type: ignore[arg-type]


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "", None, "../etc/passwd", "/etc/localtime"])
def test_what_is_no_zone_is_refused_by_name(zone: object) -> None:
    with pytest.raises(ValidationError, match="time zone"):
        Cron("0 0 * * *", zone)  # type: ignore[arg-type]
