"""The scheduler on a store: ticks become jobs once, whoever offers them, and edits count soon."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alloy_lua import Alloy, AtTrigger, CronTrigger, ManualTrigger, NotFound, ValidationError
from alloy_lua.job_model import Job, JobState
from alloy_lua.model import Misfire, Overlap

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def alloy(tmp_path: Path) -> Iterator[Alloy]:
    with Alloy(f"sqlite:///{tmp_path}/alloy.db", poll_seconds=0.1) as made:
        yield made


def hour() -> datetime:
    """The next full hour, so that schedules written now have not begun."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + HOUR


def until(true: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited for too long"
        time.sleep(0.02)


def ids(alloy: Alloy) -> list[str]:
    return [job.id for job in alloy.jobs.list()]


def test_a_tick_becomes_one_job_however_many_schedulers_offer_it(alloy: Alloy) -> None:
    alloy.scripts.create("hourly", "return 1", triggers=[CronTrigger("@hourly", overlap=Overlap.PARALLEL)],
                         status="active")  # fmt: skip
    with Alloy(alloy.store.url) as other:
        first = hour()
        assert [each.scheduler.tick(first) for each in (alloy, other)] == [1, 0]
        assert [each.scheduler.tick(first + HOUR) for each in (other, alloy)] == [1, 0]
    assert len(ids(alloy)) == 2 and all(job.created_at.minute == 0 for job in alloy.jobs.list())


def test_what_was_missed_while_no_scheduler_ran_is_made_up_for(alloy: Alloy) -> None:
    for misfire in Misfire:
        cron = CronTrigger("@hourly", misfire=misfire, misfire_limit=3, overlap=Overlap.SKIP)
        alloy.scripts.create(misfire.value, "return 1", triggers=[cron], status="active")
    first = hour()
    assert alloy.scheduler.tick(first) == 3
    with Alloy(alloy.store.url) as restarted:
        assert restarted.scheduler.tick(first + 6.5 * HOUR) == 1 + 3
        names = {job.script_id: job.id for job in restarted.jobs.list()}
        assert len(names) == 3
        made_up = restarted.jobs.list(script="all")
        assert [job.state for job in made_up] == [JobState.READY] * 4


def test_a_paused_script_has_no_ticks_and_starts_anew_when_resumed(alloy: Alloy) -> None:
    cron = CronTrigger("@hourly", misfire=Misfire.ALL, overlap=Overlap.PARALLEL)
    alloy.scripts.create("s", "return 1", triggers=[cron], status="active")
    assert alloy.scheduler.tick(hour()) == 1
    alloy.scripts.pause("s")
    assert alloy.scheduler.tick(hour() + 5 * HOUR) == 0


def test_a_script_written_elsewhere_ticks_within_two_seconds(alloy: Alloy) -> None:
    alloy.scheduler.start()
    alloy.jobs.start(1)
    with Alloy(alloy.store.url) as other:
        other.scripts.create("s", "return params.scheduled_at", triggers=[CronTrigger("* * * * * *")], status="active")
        written = time.monotonic()
        until(lambda: bool(ids(other)))
        assert time.monotonic() - written < 4
        until(lambda: alloy.jobs.counts().get(JobState.SUCCEEDED, 0) > 1)
        other.scripts.pause("s")
        time.sleep(1.2)
        before = ids(other)
        time.sleep(2)
        assert ids(other) == before


def test_a_moment_runs_once_and_survives_a_restart(alloy: Alloy) -> None:
    at = datetime.now(UTC) + HOUR
    alloy.scripts.create("once", "return 1", triggers=[AtTrigger(at)], status="active")
    with Alloy(alloy.store.url) as restarted:
        assert restarted.scheduler.tick(at - MINUTE) == 0
        assert restarted.scheduler.tick(at + 3 * HOUR) == 1
    assert alloy.scheduler.tick(at + 4 * HOUR) == 0


def test_a_run_sees_its_tick_and_its_phase(alloy: Alloy) -> None:
    source = "return {params.scheduled_at, ctx.phase, ctx.attempt, ctx.user}"
    alloy.scripts.create("s", source, triggers=[CronTrigger("@hourly")], status="active", run_as="robot")
    alloy.scheduler.tick(hour())
    (job,) = alloy.jobs.list()
    assert alloy.jobs.run_one(job.id).state is JobState.SUCCEEDED
    alloy.flush()
    (run,) = alloy.runs()
    assert (run.id, run.trigger, run.user) == (job.id, "cron", "robot")
    assert run.value == [f"{hour():%Y-%m-%dT%H:%M:%SZ}", "scheduled", 1, "robot"]


def test_run_now_is_a_run_besides_the_schedule(alloy: Alloy) -> None:
    alloy.scripts.create("s", "return 1", triggers=[CronTrigger("@yearly")], status="active")
    alloy.scripts.create("by-hand", "return 1", triggers=[ManualTrigger()], status="active")
    job: Job = alloy.scheduler.run_now("s", user="ada")
    assert alloy.jobs.run_one(job.id).state is JobState.SUCCEEDED
    with pytest.raises(ValidationError, match="no schedule"):
        alloy.scheduler.run_now("by-hand")
    with pytest.raises(NotFound):
        alloy.scheduler.run_now("s", tenant="other")


def test_previews_are_in_the_zone_of_the_schedule(alloy: Alloy) -> None:
    after = datetime(2026, 3, 28, 12, tzinfo=UTC)
    times = alloy.scheduler.preview("30 2 * * *", 2, timezone="Europe/Amsterdam", after=after)
    assert [time.isoformat() for time in times] == ["2026-03-29T03:30:00+02:00", "2026-03-30T02:30:00+02:00"]
    alloy.scripts.create("s", "return 1", triggers=[CronTrigger("0 6 * * *"), CronTrigger("0 5 * * *")])
    soonest = alloy.scheduler.upcoming("s", 2, after=after)
    assert [[tick.hour for tick in each.ticks] for each in soonest] == [[5, 5], [6, 6]]
    assert alloy.scheduler.upcoming() == []
    with pytest.raises(ValidationError, match="count"):
        alloy.scheduler.preview("@daily", 0)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"misfire_limit": 0}, "misfire_limit"), ({"jitter_s": -1}, "jitter_s"), ({"attempts": 0}, "attempts"),
        ({"overlap": "never"}, "overlap"), ({"misfire": "some"}, "misfire"), ({"backoff_s": float("nan")}, "backoff_s"),
        ({"starts_at": datetime(2026, 1, 1)}, "starts_at"), ({"timezone": "Mars"}, "time zone"),
        ({"starts_at": datetime(2026, 2, 1, tzinfo=UTC), "ends_at": datetime(2026, 1, 1, tzinfo=UTC)}, "ends_at"),
    ],
)  # fmt: skip
def test_a_wrong_setting_of_a_trigger_is_refused_by_name(alloy: Alloy, settings: dict[str, object], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        alloy.scripts.create("s", "return 1", triggers=[CronTrigger("@daily", **settings)])  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        alloy.scripts.get("s")


def test_a_trigger_comes_back_as_it_was_written(alloy: Alloy) -> None:
    at = datetime(2026, 2, 1, 3, tzinfo=UTC)
    triggers = [
        CronTrigger("@daily", "Asia/Kolkata", Overlap.QUEUE, Misfire.ALL, 3, 1.5, at, at + HOUR, at + MINUTE, 4, 2, 9),
        AtTrigger(at, Misfire.SKIP, 2), CronTrigger("0 0 * * *"),
    ]  # fmt: skip
    alloy.scripts.create("s", "return 1", triggers=triggers)
    assert list(alloy.scripts.get("s").triggers) == triggers


def test_a_store_that_fails_for_a_while_loses_no_tick_and_no_job(alloy: Alloy) -> None:
    alloy.scripts.create("s", "return 1", triggers=[CronTrigger("* * * * * *", misfire=Misfire.ALL)], status="active")
    alloy.scheduler.start()
    alloy.jobs.start(2)
    until(lambda: alloy.jobs.counts().get(JobState.SUCCEEDED, 0) > 0)
    with sqlite3.connect(alloy.store.url.removeprefix("sqlite:///")) as other:
        other.execute("ALTER TABLE alloy_jobs RENAME TO away")
        other.commit()
        until(lambda: alloy.scheduler.trouble is not None and alloy.jobs.trouble is not None)
        assert "alloy_jobs" in (alloy.jobs.trouble or "")
        back = datetime.now(UTC)
        other.execute("ALTER TABLE away RENAME TO alloy_jobs")
        other.commit()
    other.close()
    until(lambda: alloy.scheduler.trouble is None and alloy.jobs.trouble is None)
    until(lambda: alloy.jobs.list()[0].created_at > back + timedelta(seconds=2))
    alloy.scheduler.stop()
    ticks = sorted(datetime.strptime(name.rpartition(":")[2], "%Y%m%dT%H%M%S%z") for name in ids(alloy))
    assert ticks == [ticks[0] + n * timedelta(seconds=1) for n in range(len(ticks))]
