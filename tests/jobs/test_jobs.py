"""The queue and its worker in one process: delays, retries, dead letters, cancelling, limits, fairness, Lua's own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alloy_lua import Alloy, Conflict, InvalidValue, ManualTrigger, NotFound, ValidationError
from alloy_lua.access_model import Actor, Role
from alloy_lua.errors import PermissionDenied
from alloy_lua.job_model import Job, JobState


@pytest.fixture(params=["memory", "sqlite"])
def alloy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Alloy]:
    with Alloy(None if request.param == "memory" else f"sqlite:///{tmp_path}/alloy.db") as made:
        yield made


def script(alloy: Alloy, name: str, source: str, **settings: object) -> None:
    given = {"triggers": [ManualTrigger()], "status": "active", **settings}
    alloy.scripts.create(name, source, **given)  # type: ignore[arg-type]


def until(true: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited for too long"
        time.sleep(0.01)


def done(alloy: Alloy, job: Job) -> Job:
    until(lambda: alloy.jobs.get(job.id).state not in ("waiting", "ready", "running"))
    return alloy.jobs.get(job.id)


def test_a_job_runs_its_script_with_its_params(alloy: Alloy) -> None:
    script(alloy, "sum", "return {params.a + params.b, ctx.phase, ctx.user}")
    alloy.jobs.start()
    job = done(alloy, alloy.jobs.enqueue("sum", {"a": 1, "b": 2.5}, user="ada"))
    assert (job.state, job.attempt, job.reason) == (JobState.SUCCEEDED, 1, None)
    alloy.flush()
    (run,) = alloy.runs()
    assert (run.id, run.trigger, run.value) == (job.id, "queue", [3.5, "manual", "ada"])


def test_a_delayed_job_waits(alloy: Alloy) -> None:
    script(alloy, "s", "return 1")
    alloy.jobs.start()
    job = alloy.jobs.enqueue("s", delay_s=0.6)
    assert job.state is JobState.WAITING
    found = done(alloy, job)
    assert found.started_at is not None and found.started_at >= job.due_at


def test_a_failure_is_tried_again_with_growing_waits_then_is_a_dead_letter(alloy: Alloy) -> None:
    script(alloy, "s", 'error("try " .. ctx.attempt)')
    alloy.jobs.start()
    job = done(alloy, alloy.jobs.enqueue("s", attempts=3, backoff_s=0.05))
    assert (job.state, job.attempt, job.failed, job.reason) == (JobState.DEAD, 3, 3, "runtime_error: try 3")
    assert [dead.id for dead in alloy.jobs.dead()] == [job.id]
    alloy.flush()
    assert [run.id for run in alloy.runs()] == [f"{job.id}~3", f"{job.id}~2", job.id]
    alloy.scripts.update("s", "return ctx.attempt", author="ada")
    alloy.scripts.activate("s")
    assert done(alloy, alloy.jobs.again(job.id)).state is JobState.SUCCEEDED
    assert alloy.jobs.dead() == []


def test_a_rejection_is_an_answer_and_not_tried_again(alloy: Alloy) -> None:
    script(alloy, "s", 'abort("no stock")')
    alloy.jobs.start()
    job = done(alloy, alloy.jobs.enqueue("s"))
    assert (job.state, job.attempt, job.reason) == (JobState.DEAD, 1, "rejected: no stock")


def test_a_script_that_was_switched_off_does_not_run(alloy: Alloy) -> None:
    script(alloy, "s", "return 1")
    job = alloy.jobs.enqueue("s")
    alloy.scripts.pause("s")
    alloy.jobs.start()
    found = done(alloy, job)
    assert (found.state, found.reason) == (JobState.CANCELLED, "script s: is paused, wanted active")


def test_a_timeout_ends_a_try(alloy: Alloy) -> None:
    alloy.function("test.pause")(lambda: time.sleep(0.01))
    script(alloy, "s", "while true do test.pause() end", limits="relaxed")
    alloy.jobs.start()
    job = done(alloy, alloy.jobs.enqueue("s", attempts=1, timeout_s=0.05))
    assert job.state is JobState.DEAD and (job.reason or "").startswith("deadline_exceeded")


def test_a_job_waits_no_more_when_cancelled_and_one_that_runs_is_not_repeated(alloy: Alloy) -> None:
    begun, go = threading.Event(), threading.Event()

    @alloy.function("test.wait")
    def wait() -> None:
        begun.set()
        go.wait(10)

    script(alloy, "s", "test.wait() error('late')", limits="relaxed")
    alloy.jobs.start(1)
    running, waiting = alloy.jobs.enqueue("s", timeout_s=60), alloy.jobs.enqueue("s", delay_s=60)
    begun.wait(10)
    assert alloy.jobs.cancel(waiting.id, "not needed").state is JobState.CANCELLED
    assert alloy.jobs.cancel(running.id).state is JobState.RUNNING
    go.set()
    assert done(alloy, running).state is JobState.CANCELLED
    with pytest.raises(Conflict):
        alloy.jobs.cancel(running.id)


def test_jobs_of_one_order_run_one_after_the_other(alloy: Alloy) -> None:
    seen: list[int] = []

    @alloy.function("test.note")
    def note(n: int) -> None:
        seen.append(n)

    script(alloy, "s", "test.note(params.n) if params.n == 1 and ctx.attempt == 1 then error('again') end")
    for n in range(6):
        alloy.jobs.enqueue("s", {"n": n}, order_by="customer 7", backoff_s=0.05)
    alloy.jobs.start(4)
    until(lambda: alloy.jobs.counts().get(JobState.SUCCEEDED) == 6)
    assert seen == [0, 1, 1, 2, 3, 4, 5]


def test_a_noisy_tenant_does_not_starve_another(alloy: Alloy) -> None:
    order: list[str] = []

    @alloy.function("test.who")
    def who(tenant: str) -> None:
        order.append(tenant)
        time.sleep(0.005)

    for tenant in ("noisy", "quiet"):
        script(alloy, "s", "test.who(ctx.tenant)", tenant=tenant)
    for _ in range(60):
        alloy.jobs.enqueue("s", tenant="noisy", priority=9)
    for _ in range(5):
        alloy.jobs.enqueue("s", tenant="quiet")
    alloy.jobs.start(2)
    until(lambda: alloy.jobs.counts().get(JobState.SUCCEEDED) == 65)
    assert max(n for n, tenant in enumerate(order) if tenant == "quiet") < 20


def test_limits_bound_how_many_run_at_once(alloy: Alloy) -> None:
    running, most = [0], [0]
    lock = threading.Lock()

    @alloy.function("test.busy")
    def busy() -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.01)
        with lock:
            running[0] -= 1

    script(alloy, "s", "test.busy()", limits="relaxed")
    alloy.jobs.limit(script="s", running=2)
    for _ in range(12):
        alloy.jobs.enqueue("s")
    alloy.jobs.start(6)
    until(lambda: alloy.jobs.counts().get(JobState.SUCCEEDED) == 12)
    assert most[0] == 2
    assert [(limit.limits.running, limit.limits.per_minute) for limit in alloy.jobs.limits()] == [(2, None)]


def test_an_id_is_enqueued_once(alloy: Alloy) -> None:
    script(alloy, "s", "return 1")
    first = alloy.jobs.enqueue("s", {"n": 1}, id="order-7")
    assert alloy.jobs.enqueue("s", {"n": 2}, id="order-7") == first
    assert len(alloy.jobs.list()) == 1


def test_progress_is_seen_while_a_job_runs(alloy: Alloy) -> None:
    begun, go = threading.Event(), threading.Event()

    @alloy.function("test.wait")
    def wait() -> None:
        begun.set()
        go.wait(10)

    script(alloy, "s", 'local told = queue.progress(0.25, "a quarter") test.wait() return told', limits="relaxed")
    alloy.jobs.start()
    job = alloy.jobs.enqueue("s", timeout_s=60)
    begun.wait(10)
    found = alloy.jobs.get(job.id)
    assert (found.progress, found.note) == (0.25, "a quarter")
    go.set()
    assert done(alloy, job).state is JobState.SUCCEEDED
    assert alloy.run("s", dry_run=True).value is False


# -- from Lua ----------------------------------------------------------------------------------------------------
def test_a_script_enqueues_another_once_however_often_it_is_tried(alloy: Alloy) -> None:
    script(alloy, "later", "return params.order")
    source = 'local id = queue.enqueue("later", {order = 7}, {delay = 30, priority = 5}) if ctx.attempt < 3 then error(id) end'
    script(alloy, "s", source, capabilities=["queue"])
    alloy.jobs.start()
    done(alloy, alloy.jobs.enqueue("s", backoff_s=0.01))
    (later,) = alloy.jobs.list(script="later")
    assert (later.state, later.priority) == (JobState.WAITING, 5)
    assert timedelta(seconds=29) < later.due_at - later.created_at < timedelta(seconds=31)


@pytest.mark.parametrize(
    ("call", "code", "named"),
    [
        ('queue.enqueue("none")', "host_error", "none"),
        ('queue.enqueue("s", {}, {later = 1})', "invalid_value", "later"),
        ('queue.enqueue("s", {}, {delay = -1})', "host_error", "delay_s"),
        ("queue.enqueue(5)", "invalid_value", "script"),
        ("queue.progress(2)", "validation_error", "progress"),
    ],
)
def test_what_is_wrong_in_a_call_is_named(alloy: Alloy, call: str, code: str, named: str) -> None:
    script(alloy, "s", call, capabilities=["queue"])
    error = alloy.run("s").error
    assert error is not None and (error.code, named in error.message) == (code, True), error


def test_a_script_without_the_grant_or_in_another_phase_may_not_enqueue(alloy: Alloy) -> None:
    script(alloy, "s", 'queue.enqueue("s")')
    script(alloy, "hook", 'queue.enqueue("s")', triggers=(), on="order.after_create", capabilities=["queue"])
    for outcome in (alloy.run("s"), alloy.fire("order.after_create", {})):
        assert outcome.error is not None and outcome.error.code == "capability_denied"
    assert alloy.jobs.list() == []


def test_a_dry_run_reports_what_it_would_enqueue(alloy: Alloy) -> None:
    script(alloy, "s", 'queue.enqueue("s", {a = 1})', capabilities=["queue"])
    (effect,) = alloy.run("s", dry_run=True).effects
    assert effect["function"] == "queue.enqueue" and alloy.jobs.list() == []


# -- wrong arguments and rights --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"delay_s": -1}, "delay_s"), ({"attempts": 0}, "attempts"), ({"priority": 1.5}, "priority"),
        ({"id": ""}, "id"), ({"timeout_s": 0}, "timeout_s"), ({"params": [1]}, "params"), ({"tenant": ""}, "tenant"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_refused_by_name(alloy: Alloy, arguments: dict[str, object], named: str) -> None:
    script(alloy, "s", "return 1")
    with pytest.raises(ValidationError, match=named):
        alloy.jobs.enqueue("s", **arguments)  # type: ignore[arg-type]
    with pytest.raises(InvalidValue):
        alloy.jobs.enqueue("s", {"x": object()})
    with pytest.raises(NotFound):
        alloy.jobs.enqueue("none")
    assert alloy.jobs.list() == []


def test_an_actor_sees_and_changes_what_its_role_and_tenants_allow(alloy: Alloy) -> None:
    script(alloy, "s", "return 1")
    job = alloy.jobs.enqueue("s", delay_s=60)
    with alloy.acting(Actor("vi", Role.VIEWER, frozenset({"default"}))):
        assert alloy.jobs.get(job.id).id == job.id
        with pytest.raises(PermissionDenied):
            alloy.jobs.cancel(job.id)
        with pytest.raises(PermissionDenied):
            alloy.jobs.enqueue("s")
        with pytest.raises(NotFound):
            alloy.jobs.list(tenant="other")


def test_old_jobs_go_and_dead_letters_stay(alloy: Alloy) -> None:
    script(alloy, "good", "return 1")
    script(alloy, "bad", "error('x')")
    alloy.jobs.start()
    for name in ("good", "bad"):
        done(alloy, alloy.jobs.enqueue(name, attempts=1))
    assert alloy.jobs.prune(datetime.now(UTC) + timedelta(days=1)) == 1
    assert [job.state for job in alloy.jobs.list()] == [JobState.DEAD]


def test_a_worker_stops_when_its_jobs_have_ended(alloy: Alloy) -> None:
    script(alloy, "s", "return 1")
    alloy.jobs.start()
    until(lambda: len(alloy.jobs.nodes()) == 1)
    assert alloy.jobs.stop() is True
    assert alloy.jobs.nodes() == []
    job = alloy.jobs.enqueue("s")
    time.sleep(0.1)
    assert alloy.jobs.get(job.id).state is JobState.READY
    alloy.jobs.start()
    assert done(alloy, job).state is JobState.SUCCEEDED


def test_a_run_that_goes_on_too_long_is_interrupted_when_cancelled(alloy: Alloy) -> None:
    alloy.function("test.pause")(lambda: time.sleep(0.01))
    script(alloy, "s", "while true do test.pause() end", limits="relaxed")
    alloy.jobs.start(1)
    job = alloy.jobs.enqueue("s", timeout_s=30)
    until(lambda: alloy.jobs.get(job.id).state is JobState.RUNNING)
    alloy.jobs.cancel(job.id, "enough")
    ended = done(alloy, job)
    assert ended.state is JobState.CANCELLED and (ended.reason or "").startswith("cancelled")


def test_safe_mode_holds_jobs_back(alloy: Alloy) -> None:
    script(alloy, "s", "return 1")
    job = alloy.jobs.enqueue("s")
    alloy.safe_mode.set("incident 7", script="s")
    alloy.jobs.start()
    ended = done(alloy, job)
    assert ended.state is JobState.CANCELLED and "incident 7" in (ended.reason or "")


def test_a_job_that_a_node_does_not_know_it_has_is_given_back(alloy: Alloy) -> None:
    """The answer to the commit of a claim can be lost with the connection."""
    script(alloy, "s", "return 1")
    alloy.jobs.start()
    until(lambda: len(alloy.jobs.nodes()) == 1)
    job = alloy.jobs.enqueue("s", delay_s=60)
    assert alloy.store.jobs.claim_one("default", job.id, alloy.jobs.nodes()[0].id, job.created_at) is not None
    ended = done(alloy, job)
    assert (ended.state, ended.attempt, ended.failed) == (JobState.SUCCEEDED, 2, 0)


def test_an_idempotency_key_is_the_same_in_every_try_and_different_everywhere_else(alloy: Alloy) -> None:
    seen: list[tuple[str, str, str]] = []
    alloy.function("shop.pay")(lambda a, b, c: seen.append((a, b, c)))
    source = "local c = ctx shop.pay(ctx.idempotency_key(), c['idempotency_key'](), durable.key()) error('lost')"
    alloy.scripts.create("pay", source, triggers=[ManualTrigger()], status="active")
    first, second = (alloy.jobs.enqueue("pay", attempts=2, backoff_s=0) for _ in range(2))
    for job in (first, first, second):
        alloy.jobs.run_one(job.id)
    assert seen[0] == seen[1] and first.id in seen[0][0]
    assert len({*seen[0], *seen[2]}) == 6
