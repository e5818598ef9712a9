"""Durable runs in one process: recorded calls, sleep, replayed errors, pinned text, divergence, cancelling."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from alloy_lua import Alloy, ManualTrigger
from alloy_lua.errors import InvalidValue
from alloy_lua.job_model import Job, JobState, Step
from alloy_lua.jobs.journal import Journal, duration
from alloy_lua.secrets import new_key
from alloy_lua.settings import Settings


@pytest.fixture(params=["memory", "sqlite"])
def alloy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Alloy]:
    with Alloy(None if request.param == "memory" else f"sqlite:///{tmp_path}/alloy.db") as made:
        yield made


@pytest.fixture
def calls(alloy: Alloy) -> list[Any]:
    """What the script called ``test.effect`` with; it answers how many calls there were."""
    made: list[Any] = []

    @alloy.function("test.effect")
    def effect(value: Any) -> int:
        made.append(value)
        if isinstance(value, dict):
            raise ConnectionError(value)
        return len(made)

    return made


def durable(alloy: Alloy, source: str, **settings: Any) -> Job:
    alloy.scripts.create(
        "long", source, triggers=[ManualTrigger()], capabilities=["durable", "queue"], status="active"
    )  # fmt: skip
    return alloy.jobs.enqueue("long", **settings)


def until(true: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited for too long"
        time.sleep(0.01)


def test_a_handle_to_a_secret_is_still_one_after_a_sleep(tmp_path: Path) -> None:
    with Alloy(f"sqlite:///{tmp_path}/alloy.db", settings=Settings({"secrets_key": new_key()})) as alloy:
        alloy.secrets.set("key", "12345678")
        source = "local key = secret('key') sleep(0.05) return tostring(key)"
        alloy.scripts.create(
            "s", source, triggers=[ManualTrigger()], capabilities=["durable", "secret"], status="active"
        )
        alloy.jobs.start()
        job = alloy.jobs.enqueue("s")
        until(lambda: alloy.jobs.get(job.id).state == "succeeded")
        alloy.flush()
        assert alloy.runs()[0].value == "secret(key)"


def done(alloy: Alloy, job: Job) -> Job:
    until(lambda: alloy.jobs.get(job.id).state not in ("waiting", "ready", "running"))
    alloy.flush()
    return alloy.jobs.get(job.id)


def test_what_was_done_before_a_sleep_is_not_done_again(alloy: Alloy, calls: list[Any]) -> None:
    job = durable(
        alloy,
        """
        local before = {time.now(), ctx.now, math.random(10^6), uuid.new(), ctx.run_id, ctx.idempotency_key()}
        local first = test.effect("first")
        sleep(0.3)
        local second = test.effect("second")
        return {before, first, second, ctx.attempt, time.now() > before[1]}""",
    )
    alloy.jobs.start()
    until(lambda: alloy.jobs.get(job.id).state is JobState.WAITING)
    asleep = alloy.jobs.get(job.id)
    assert asleep.owner is None and (asleep.reason or "").startswith("asleep until")
    ended = done(alloy, job)
    assert (ended.state, ended.attempt, ended.failed) == (JobState.SUCCEEDED, 2, 0)
    assert calls == ["first", "second"]
    (run,) = alloy.runs()
    assert run.value[1:] == [1, 2, 1, True] and run.value[0][4] == job.id


def test_an_error_is_replayed_into_the_same_pcall(alloy: Alloy, calls: list[Any]) -> None:
    job = durable(
        alloy,
        """
        local ok, why = pcall(test.effect, {n = 1})
        sleep(0.05)
        return {ok, why, test.effect("after")}""",
    )
    alloy.jobs.start()
    assert done(alloy, job).state is JobState.SUCCEEDED
    assert calls == [{"n": 1}, "after"]
    assert alloy.runs()[0].value == [False, "script:2: test.effect failed", 2]


def test_a_try_that_failed_goes_on_at_the_call_that_failed(alloy: Alloy) -> None:
    made: list[str] = []

    @alloy.function("test.flaky")
    def flaky(what: str) -> None:
        made.append(what)
        if what == "b" and made.count("b") < 3:
            raise ConnectionError

    job = durable(alloy, 'test.flaky("a") test.flaky("b") test.flaky("c")', backoff_s=0.01)
    alloy.jobs.start()
    ended = done(alloy, job)
    assert (ended.state, ended.failed) == (JobState.SUCCEEDED, 2)
    assert made == ["a", "b", "b", "b", "c"]


def test_a_run_keeps_to_the_text_it_began_with(alloy: Alloy, calls: list[Any]) -> None:
    job = durable(alloy, 'test.effect("old") sleep(0.4) test.effect("old too")')
    alloy.jobs.start()
    until(lambda: calls == ["old"])
    alloy.scripts.update("long", 'test.effect("new")')
    alloy.scripts.activate("long")
    assert done(alloy, job).state is JobState.SUCCEEDED
    assert calls == ["old", "old too"]
    assert done(alloy, alloy.jobs.enqueue("long")).state is JobState.SUCCEEDED
    assert calls[2:] == ["new"]
    assert [run.revision for run in alloy.runs()] == [2, 1]


def test_a_run_that_is_not_the_one_on_record_ends_and_says_where(alloy: Alloy, calls: list[Any]) -> None:
    job = durable(alloy, "pcall(test.effect, 1) pcall(test.effect, 2) pcall(test.effect, 3)")
    (claimed,) = alloy.store.jobs.claim("dead", 1, job.due_at)
    Journal(alloy.store.jobs, claimed, lambda: job.due_at, 1)
    alloy.store.jobs.record(claimed, Step(1, "test.effect#another", None, ""))
    alloy.store.jobs.leave("dead")
    alloy.jobs.start()
    ended = done(alloy, job)
    assert ended.state is JobState.DEAD and calls == []
    assert (ended.reason or "").startswith("diverged: step 1 was test.effect#another and is test.effect#")


def test_no_pcall_holds_back_a_sleep_or_a_cancel(alloy: Alloy, calls: list[Any]) -> None:
    job = durable(alloy, 'while true do pcall(function() test.effect("turn") sleep(0.05) end) end')
    alloy.jobs.start()
    until(lambda: len(calls) >= 3)
    alloy.jobs.cancel(job.id, "enough")
    assert done(alloy, job).state is JobState.CANCELLED
    count = len(calls)
    time.sleep(0.3)
    assert len(calls) == count


def test_sleepers_hold_no_thread(alloy: Alloy, calls: list[Any]) -> None:
    durable(alloy, "sleep('3 days')")
    alloy.jobs.start(2)
    for _ in range(49):
        alloy.jobs.enqueue("long")
    until(lambda: alloy.jobs.counts() == {JobState.WAITING: 50})
    assert sum(thread.name.startswith("alloy-job_") for thread in threading.enumerate()) <= 2
    (job,) = alloy.jobs.list(limit=1)
    assert timedelta(days=2.9) < job.due_at - job.created_at < timedelta(days=3.1)


def test_outside_of_a_job_there_is_no_sleep(alloy: Alloy) -> None:
    outcome = alloy.evaluate("sleep(1)", capabilities=["durable"])
    assert outcome.error is not None and "run the script as a job" in outcome.error.message
    denied = alloy.evaluate("sleep(1)")
    assert denied.error is not None and denied.error.code == "capability_denied"


@pytest.mark.parametrize(
    ("given", "seconds"),
    [(1.5, 1.5), (0, 0), ("3 days", 259_200), ("1 day", 86_400), (" 90 minutes ", 5400), ("0.5 weeks", 302_400)],
)
def test_a_time_is_seconds_or_a_text(given: Any, seconds: float) -> None:
    assert duration(given) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "given", [-1, "soon", "3 moons", "-1 days", float("nan"), float("inf"), None, {}, "9999 weeks"]
)
def test_what_is_no_time_is_refused(given: Any) -> None:
    with pytest.raises(InvalidValue, match="sleep"):
        duration(given)
