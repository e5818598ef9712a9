"""Schedules and their heap, with time as an argument: windows, pauses, jitter, misfires, edits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from alloy_lua.model import AtTrigger, CronTrigger, Misfire
from alloy_lua.scheduler.agenda import Agenda, Tick
from alloy_lua.scheduler.schedule import GRACE, Schedule

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def schedule(key: str = "a", expression: str = "0 * * * *", **settings: object) -> Schedule:
    return Schedule(key, "acme", key, key, CronTrigger(expression, **settings))  # type: ignore[arg-type]


def hours(ticks: list[Tick]) -> list[int]:
    return [(tick.at - NOON) // HOUR for tick in ticks]


def loaded(*schedules: Schedule, since: datetime = NOON) -> Agenda:
    agenda = Agenda()
    agenda.load(schedules, lambda _: since)
    return agenda


def test_each_tick_is_taken_once_in_order() -> None:
    agenda = loaded(schedule("a"), schedule("b", "30 * * * *"))
    taken = [tick.id for minutes in range(0, 130, 5) for tick in agenda.take(NOON + minutes * MINUTE, 10)]
    assert taken == [
        "cron:b:20260301T123000Z", "cron:a:20260301T130000Z", "cron:b:20260301T133000Z", "cron:a:20260301T140000Z",
    ]  # fmt: skip
    assert agenda.next_due() == NOON + 150 * MINUTE


def test_a_window_and_a_pause_bound_the_ticks() -> None:
    bounded = schedule(starts_at=NOON + 2 * HOUR, ends_at=NOON + 6 * HOUR, paused_until=NOON + 4 * HOUR)
    assert [(tick - NOON) // HOUR for tick in bounded.upcoming(NOON)] == [4, 5, 6]
    assert [(tick - NOON) // HOUR for tick in schedule(ends_at=NOON + 2 * HOUR).upcoming(NOON - HOUR)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("misfire", "wanted"),
    [("skip", []), ("latest", [5]), ("all", [3, 4, 5])],
)
def test_after_downtime_the_policy_says_what_is_made_up_for(misfire: str, wanted: list[int]) -> None:
    agenda = loaded(schedule(misfire=Misfire(misfire), misfire_limit=3))
    assert hours(agenda.take(NOON + 5.5 * HOUR, 10)) == wanted
    assert agenda.next_due() == NOON + 6 * HOUR
    assert hours(agenda.take(NOON + 6 * HOUR, 10)) == [6]


@pytest.mark.parametrize("misfire", list(Misfire))
def test_a_tick_that_is_a_little_late_is_on_time_whatever_the_policy(misfire: Misfire) -> None:
    late = NOON + HOUR + GRACE - timedelta(seconds=1)
    assert hours(loaded(schedule(misfire=misfire)).take(late, 10)) == [1]


def test_years_of_seconds_are_not_counted_one_by_one() -> None:
    agenda = loaded(schedule(expression="* * * * * *", misfire=Misfire.ALL), since=NOON - timedelta(days=3650))
    assert len(agenda.take(NOON, 10)) == 10
    assert agenda.next_due() == NOON + timedelta(seconds=1)


def test_jitter_is_the_same_everywhere_and_leaves_the_tick_its_name() -> None:
    shaken = schedule(jitter_s=600)
    starts = [shaken.starts_at(tick) - tick for tick, _ in zip(shaken.upcoming(NOON), range(50), strict=False)]
    assert all(timedelta(0) <= late < timedelta(minutes=10) for late in starts) and len(set(starts)) == 50
    assert starts == [schedule(jitter_s=600).starts_at(NOON + n * HOUR) - (NOON + n * HOUR) for n in range(1, 51)]
    agenda = loaded(shaken)
    due = agenda.next_due()
    assert due == NOON + HOUR + starts[0]
    assert agenda.take(due - timedelta(seconds=1), 10) == []
    assert [tick.id for tick in agenda.take(due, 10)] == ["cron:a:20260301T130000Z"]


def test_a_moment_is_due_once_and_late_if_it_has_to_be() -> None:
    once = Schedule("a", "acme", "a", "a", AtTrigger(NOON + HOUR))
    agenda = loaded(once)
    assert hours(agenda.take(NOON + 9 * HOUR, 10)) == [1]
    assert agenda.next_due() is None and agenda.take(NOON + 99 * HOUR, 10) == []
    missed = once._replace(trigger=AtTrigger(NOON + HOUR, misfire=Misfire.SKIP))
    assert loaded(missed).take(NOON + 9 * HOUR, 10) == []


def test_an_edit_of_other_things_neither_repeats_nor_loses_a_tick() -> None:
    agenda = loaded(schedule(misfire=Misfire.ALL))
    agenda.take(NOON + HOUR, 10)
    agenda.load([schedule(misfire=Misfire.ALL, jitter_s=0.5), schedule("b")], lambda _: NOON + 2 * HOUR)
    assert hours(agenda.take(NOON + 3.5 * HOUR, 10)) == [2, 3, 3]


def test_a_removed_schedule_is_due_no_more() -> None:
    agenda = loaded(schedule("a"), schedule("b"))
    agenda.load([schedule("b")], lambda _: NOON)
    assert [tick.schedule.key for tick in agenda.take(NOON + HOUR, 10)] == ["b"]
    assert len(agenda) == 1


def test_ticks_given_back_are_taken_again() -> None:
    agenda = loaded(schedule("a"), schedule("b", misfire=Misfire.ALL))
    first = agenda.take(NOON + 2 * HOUR, 10)
    agenda.give_back(first)
    assert {tick.id for tick in agenda.take(NOON + 2 * HOUR, 10)} == {tick.id for tick in first}


def test_at_most_so_many_are_taken_at_once() -> None:
    agenda = loaded(*(schedule(f"s{n}") for n in range(5)))
    assert [len(agenda.take(NOON + HOUR, 2)) for _ in range(4)] == [2, 2, 1, 0]
