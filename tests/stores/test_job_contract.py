"""What every store promises of background work, tried on each kind."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from alloy_lua.access.trail import entry
from alloy_lua.access_ports import AuditQuery
from alloy_lua.errors import Conflict, NotFound, ValidationError
from alloy_lua.job_model import Job, JobEnd, JobKind, JobLimit, JobLimits, JobQuery, JobState, Node, Step
from alloy_lua.job_ports import JobStore
from alloy_lua.ports import Store

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
Make = Callable[..., Job]


@pytest.fixture
def jobs(store: Store) -> JobStore:
    return store.jobs


def job(n: int = 1, **changes: object) -> Job:
    values: dict[str, object] = {
        "id": f"job-{n:03}", "tenant": "acme", "script_id": "id-1", "kind": JobKind.QUEUE, "payload": "ünï",
        "created_at": NOON + n * SECOND, "due_at": NOON, "position": n,
    }  # fmt: skip
    return Job(**{**values, **changes})  # type: ignore[arg-type]


def ids(found: list[Job]) -> list[str]:
    return [each.id for each in found]


# -- storing -----------------------------------------------------------------------------------------------------
def test_a_job_comes_back_as_it_was_added(jobs: JobStore) -> None:
    whole = job(
        event="order.on_commit", user="ada", priority=-3, lane="order:7", max_attempts=5, backoff_s=0.5, progress=0.25,
        backoff_limit_s=9, timeout_s=2.5, note="half \x00 way", reason="ünï", state=JobState.WAITING,
    )  # fmt: skip
    assert jobs.add([whole]) == [True]
    assert jobs.get("acme", "job-001") == whole
    with pytest.raises(NotFound):
        jobs.get("other", "job-001")


def test_a_second_job_of_an_id_is_left_out_but_not_in_another_tenant(jobs: JobStore) -> None:
    assert jobs.add([job(1)]) == [True]
    assert jobs.add([job(1, payload="other")]) == [False]
    assert jobs.add([job(1), job(2), job(2), job(1, tenant="beta")]) == [False, True, False, True]
    assert jobs.get("acme", "job-001").payload == "ünï"


def test_many_jobs_are_added_at_once(jobs: JobStore) -> None:
    many = [job(n, id=f"job-{n}") for n in range(1000)]
    assert jobs.add(many) == [True] * 1000
    assert jobs.add(many) == [False] * 1000
    assert jobs.counts() == {JobState.READY: 1000}


def test_a_time_without_a_zone_is_refused(jobs: JobStore) -> None:
    with pytest.raises(ValidationError):
        jobs.add([job(due_at=datetime(2026, 1, 1))])
    assert jobs.counts() == {}


# -- taking turns --------------------------------------------------------------------------------------------------
def test_a_claimed_job_runs_on_the_node_and_nobody_else_gets_it(jobs: JobStore) -> None:
    jobs.add([job(1), job(2), job(3)])
    first = jobs.claim("a", 2, NOON)
    assert ids(first) == ["job-001", "job-002"]
    assert [(j.state, j.owner, j.attempt, j.started_at) for j in first] == [(JobState.RUNNING, "a", 1, NOON)] * 2
    assert first[0] == jobs.get("acme", "job-001")
    assert ids(jobs.claim("b", 5, NOON)) == ["job-003"]
    assert jobs.claim("b", 5, NOON) == []


def test_a_job_is_ready_at_its_time_not_before(jobs: JobStore) -> None:
    jobs.add([job(1, state=JobState.WAITING, due_at=NOON + SECOND)])
    assert jobs.claim("a", 5, NOON) == []
    assert jobs.next_due() == NOON + SECOND
    assert ids(jobs.claim("a", 5, NOON + SECOND)) == ["job-001"]
    assert jobs.next_due() is None


def test_within_a_tenant_priority_decides_then_time(jobs: JobStore) -> None:
    jobs.add([job(1, due_at=NOON - SECOND), job(2, due_at=NOON - 2 * SECOND), job(3, priority=1)])
    assert ids(jobs.claim("a", 5, NOON)) == ["job-003", "job-002", "job-001"]


def test_tenants_get_equal_shares_however_many_jobs_they_have(jobs: JobStore) -> None:
    jobs.add([job(n, tenant="noisy", priority=100) for n in range(50)])
    jobs.add([job(n, tenant=tenant) for tenant in ("a", "z") for n in range(3)])
    shares = [each.tenant for each in jobs.claim("one", 6, NOON)]
    assert sorted(shares) == ["a", "a", "noisy", "noisy", "z", "z"]
    assert sorted(each.tenant for each in jobs.claim("two", 3, NOON)) == ["a", "noisy", "z"]


def test_a_tenant_with_running_jobs_comes_behind_one_without(jobs: JobStore) -> None:
    jobs.add([job(n, tenant="noisy") for n in range(10)])
    assert len(jobs.claim("a", 4, NOON)) == 4
    jobs.add([job(n, tenant="quiet") for n in range(2)])
    assert [each.tenant for each in jobs.claim("a", 2, NOON)] == ["quiet", "quiet"]


def test_one_slot_at_a_time_goes_round_the_tenants(jobs: JobStore) -> None:
    jobs.add([job(n, tenant=tenant) for tenant in ("a", "b", "c") for n in range(3)])
    order = []
    for _ in range(9):
        (taken,) = jobs.claim("x", 1, NOON)
        order.append(taken.tenant)
        jobs.end(taken, JobEnd(JobState.SUCCEEDED), NOON)
    assert order == ["a", "b", "c"] * 3


def test_a_lane_runs_one_by_one_in_order_also_over_tries(jobs: JobStore) -> None:
    jobs.add([job(n, lane="order:7", position=-n) for n in (1, 2)] + [job(3, lane="order:8")])
    taken = jobs.claim("a", 5, NOON)
    assert ids(taken) == ["job-002", "job-003"]
    jobs.end(taken[0], JobEnd(JobState.WAITING, "failed", NOON + SECOND), NOON)
    assert jobs.claim("a", 5, NOON) == []
    (again,) = jobs.claim("a", 5, NOON + SECOND)
    assert (again.id, again.attempt, again.failed) == ("job-002", 2, 1)
    jobs.end(again, JobEnd(JobState.DEAD, "failed"), NOON)
    assert ids(jobs.claim("a", 5, NOON + SECOND)) == ["job-001"]


def test_a_tick_is_left_out_while_its_lane_is_busy(jobs: JobStore) -> None:
    tick = {"lane": "nightly", "skip_if_busy": True, "kind": JobKind.CRON}
    jobs.add([job(1, **tick), job(2, **tick)])
    assert jobs.get("acme", "job-002").state is JobState.SKIPPED
    assert jobs.get("acme", "job-002").finished_at is not None
    (first,) = jobs.claim("a", 5, NOON)
    jobs.add([job(3, **tick)])
    jobs.end(first, JobEnd(JobState.SUCCEEDED), NOON)
    jobs.add([job(4, **tick)])
    states = [jobs.get("acme", f"job-00{n}").state for n in (1, 3, 4)]
    assert states == [JobState.SUCCEEDED, JobState.SKIPPED, JobState.READY]


def test_limits_hold_for_a_tenant_and_for_a_script(jobs: JobStore) -> None:
    jobs.set_limits(JobLimit("acme", None, JobLimits(running=3)))
    jobs.set_limits(JobLimit("acme", "slow", JobLimits(running=1)))
    jobs.add([job(n, script_id="slow", priority=1) for n in (1, 2)] + [job(n) for n in (3, 4, 5)])
    jobs.add([job(6, tenant="beta")])
    taken = jobs.claim("a", 10, NOON)
    assert sorted(ids(taken)) == ["job-001", "job-003", "job-004", "job-006"]
    assert jobs.claim("b", 10, NOON) == []
    jobs.end(next(each for each in taken if each.id == "job-001"), JobEnd(JobState.SUCCEEDED), NOON)
    assert ids(jobs.claim("b", 10, NOON)) == ["job-002"]
    jobs.set_limits(JobLimit("acme", None, JobLimits()))
    assert jobs.limits("acme") == [JobLimit("acme", "slow", JobLimits(running=1))]
    assert ids(jobs.claim("b", 10, NOON)) == ["job-005"]


def test_a_rate_holds_over_a_minute(jobs: JobStore) -> None:
    jobs.set_limits(JobLimit("acme", None, JobLimits(per_minute=2)))
    jobs.add([job(n) for n in range(5)])
    for taken in jobs.claim("a", 10, NOON):
        jobs.end(taken, JobEnd(JobState.SUCCEEDED), NOON)
    assert jobs.counts() == {JobState.SUCCEEDED: 2, JobState.READY: 3}
    assert jobs.claim("a", 10, NOON + 59 * SECOND) == []
    assert len(jobs.claim("a", 10, NOON + 60 * SECOND)) == 2


def test_claims_of_many_threads_give_each_job_once(jobs: JobStore) -> None:
    jobs.add([job(n, tenant=f"t{n % 3}") for n in range(60)])
    found: list[tuple[str, str]] = []

    def take(node: str) -> None:
        while taken := jobs.claim(node, 4, NOON):
            found.extend((each.tenant, each.id) for each in taken)

    threads = [threading.Thread(target=take, args=(f"n{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == len(set(found)) == 60


def test_one_job_can_be_claimed_out_of_turn_once(jobs: JobStore) -> None:
    jobs.add([job(1, state=JobState.WAITING, due_at=NOON + SECOND)])
    taken = jobs.claim_one("acme", "job-001", "a", NOON)
    assert taken is not None and taken.state is JobState.RUNNING and taken.owner == "a"
    assert jobs.claim_one("acme", "job-001", "b", NOON) is None
    assert jobs.claim_one("acme", "none", "b", NOON) is None


# -- ends ----------------------------------------------------------------------------------------------------------
def test_a_failed_try_waits_and_the_last_is_dead_with_its_reason(jobs: JobStore) -> None:
    jobs.add([job(1)])
    (first,) = jobs.claim("a", 1, NOON)
    assert jobs.end(first, JobEnd(JobState.WAITING, "boom", NOON + SECOND), NOON)
    waiting = jobs.get("acme", "job-001")
    assert (waiting.state, waiting.reason, waiting.due_at, waiting.failed) == ("waiting", "boom", NOON + SECOND, 1)
    (second,) = jobs.claim("a", 1, NOON + SECOND)
    assert jobs.end(second, JobEnd(JobState.DEAD, "boom \x00 again"), NOON + SECOND)
    dead = jobs.get("acme", "job-001")
    assert (dead.state, dead.reason, dead.finished_at, dead.failed) == ("dead", "boom \x00 again", NOON + SECOND, 2)
    again = jobs.again("acme", "job-001", NOON)
    assert (again.state, again.failed, again.finished_at) == (JobState.READY, 0, None)
    assert jobs.claim("a", 1, NOON)[0].attempt == 3


def test_only_the_node_that_has_a_job_ends_it(jobs: JobStore) -> None:
    jobs.beat(node("a"))
    jobs.add([job(1)])
    (zombie,) = jobs.claim("a", 1, NOON)
    jobs.leave("a")
    (taken,) = jobs.claim("b", 1, NOON)
    assert (taken.id, taken.attempt, taken.lost) == (zombie.id, 2, 1)
    assert not jobs.end(zombie, JobEnd(JobState.SUCCEEDED), NOON)
    assert not jobs.progress(zombie, 0.5, None)
    assert jobs.progress(taken, 0.5, "half")
    assert jobs.end(taken, JobEnd(JobState.SUCCEEDED), NOON)
    assert not jobs.end(taken, JobEnd(JobState.DEAD, "late"), NOON)
    assert (jobs.get("acme", "job-001").state, jobs.get("acme", "job-001").note) == (JobState.SUCCEEDED, "half")


def test_a_waiting_job_is_cancelled_at_once_a_running_one_when_it_stops(jobs: JobStore) -> None:
    jobs.add([job(1), job(2, state=JobState.WAITING)])
    (running,) = jobs.claim("a", 1, NOON - SECOND)
    assert jobs.cancel("acme", "job-002", "not needed", NOON).state is JobState.CANCELLED
    assert [each.cancel for each in jobs.held("a")] == [False]
    asked = jobs.cancel("acme", "job-001", "not needed", NOON)
    assert (asked.state, asked.cancel) == (JobState.RUNNING, True)
    assert [(each.id, each.cancel) for each in jobs.held("a")] == [("job-001", True)] and jobs.held("b") == []
    assert jobs.end(running, JobEnd(JobState.WAITING, "stopped", NOON), NOON)
    assert jobs.get("acme", "job-001").state is JobState.CANCELLED
    with pytest.raises(Conflict, match="job-001"):
        jobs.cancel("acme", "job-001", "twice", NOON)
    with pytest.raises(NotFound):
        jobs.cancel("beta", "job-001", "not theirs", NOON)
    assert jobs.again("acme", "job-001", NOON).cancel is False


def test_only_a_dead_or_cancelled_job_is_set_going_again(jobs: JobStore) -> None:
    jobs.add([job(1)])
    with pytest.raises(Conflict, match="ready"):
        jobs.again("acme", "job-001", NOON)
    with pytest.raises(NotFound):
        jobs.again("acme", "none", NOON)


def test_old_jobs_are_pruned_but_not_dead_or_open_ones(jobs: JobStore) -> None:
    jobs.add([job(n) for n in range(4)])
    ends = (JobState.SUCCEEDED, JobState.DEAD)
    for taken, state in zip(jobs.claim("a", 2, NOON), ends, strict=True):
        jobs.end(taken, JobEnd(state, "why"), NOON)
    jobs.cancel("acme", "job-002", "why", NOON + SECOND)
    assert jobs.prune(NOON) == 0
    assert jobs.prune(NOON + SECOND) == 1
    assert jobs.counts("acme") == {JobState.DEAD: 1, JobState.CANCELLED: 1, JobState.READY: 1}


# -- lists ---------------------------------------------------------------------------------------------------------
def test_jobs_are_listed_newest_first_in_pages_and_by_what_they_are(jobs: JobStore) -> None:
    jobs.add([job(n) for n in range(5)] + [job(9, tenant="beta"), job(8, kind=JobKind.CRON, script_id="id-2")])
    assert ids(jobs.matching(JobQuery("acme", limit=2))) == ["job-008", "job-004"]
    assert ids(jobs.matching(JobQuery("acme", before="job-004", limit=2))) == ["job-003", "job-002"]
    assert ids(jobs.matching(JobQuery("acme", kind=JobKind.CRON))) == ["job-008"]
    assert ids(jobs.matching(JobQuery("acme", script_id="id-2"))) == ["job-008"]
    assert jobs.matching(JobQuery("acme", state=JobState.DEAD)) == []
    assert jobs.matching(JobQuery("acme", before="none")) == []


# -- nodes -----------------------------------------------------------------------------------------------------------
def node(name: str) -> Node:
    return Node(name, f"host/{name}", NOON, NOON, 4)


def test_a_node_is_seen_by_the_stores_clock(jobs: JobStore) -> None:
    jobs.beat(node("a"))
    jobs.beat(node("a"))
    (seen,) = jobs.nodes()
    assert (seen.id, seen.name, seen.started_at, seen.slots) == ("a", "host/a", NOON, 4)
    assert abs(seen.seen_at - jobs.clock()) < timedelta(seconds=30)
    assert abs(jobs.clock() - datetime.now(UTC)) < timedelta(seconds=30)


def test_jobs_of_silent_nodes_are_ready_again_and_at_last_dead(jobs: JobStore) -> None:
    jobs.beat(node("live"))
    jobs.add([job(1), job(2)])
    assert jobs.claim("live", 1, NOON)[0].id == "job-001"
    jobs.claim("gone", 1, NOON)
    long = timedelta(minutes=5)
    assert ids(jobs.reap(long, 1, NOON)) == ["job-002"]
    assert jobs.reap(long, 1, NOON) == []
    assert jobs.claim("gone", 1, NOON)[0].lost == 1
    jobs.reap(long, 1, NOON)
    dead = jobs.get("acme", "job-002")
    assert (dead.state, dead.lost) == (JobState.DEAD, 2) and dead.reason is not None
    assert jobs.get("acme", "job-001").owner == "live"
    assert [each.id for each in jobs.nodes()] == ["live"]
    assert ids(jobs.reap(timedelta(seconds=-60), 1, NOON)) == ["job-001"]
    assert jobs.nodes() == []


def test_a_mark_never_goes_back(jobs: JobStore) -> None:
    assert jobs.mark("scheduler") is None
    for minutes in (5, 9, 7):
        jobs.set_mark("scheduler", NOON + timedelta(minutes=minutes))
    assert jobs.mark("scheduler") == NOON + timedelta(minutes=9)


# -- steps of durable runs -------------------------------------------------------------------------------------------
def test_steps_come_back_in_order_and_go_with_their_job(jobs: JobStore) -> None:
    jobs.add([job(1), job(1, tenant="beta")])
    mine = next(each for each in jobs.claim("a", 2, NOON) if each.tenant == "acme")
    steps = [Step(0, "start", None, "x"), Step(1, "crm.lookup#ab", "host_error", "ünï 🌙"), Step(2, "z", None, "")]
    assert [jobs.record(mine, step) for step in steps] == [True] * 3
    assert jobs.steps(mine) == steps
    jobs.forget_step(mine, steps[2])
    assert jobs.steps(mine) == steps[:2]
    jobs.end(mine, JobEnd(JobState.SUCCEEDED), NOON)
    assert jobs.prune(NOON + SECOND) == 1
    assert jobs.steps(mine) == []


def test_only_the_node_that_has_a_job_records_and_each_step_once(jobs: JobStore) -> None:
    jobs.beat(node("a"))
    jobs.add([job(1)])
    (zombie,) = jobs.claim("a", 1, NOON)
    assert jobs.record(zombie, Step(0, "start", None, "x"))
    assert not jobs.record(zombie, Step(0, "start", None, "y"))
    jobs.leave("a")
    assert not jobs.record(zombie, Step(1, "next", None, ""))
    (taken,) = jobs.claim("b", 1, NOON)
    assert jobs.record(taken, Step(1, "next", None, ""))
    jobs.cancel("acme", taken.id, "why", NOON)
    assert not jobs.record(taken, Step(2, "last", None, ""))
    assert [step.text for step in jobs.steps(taken)] == ["x", ""]


def test_a_job_that_parks_has_not_failed(jobs: JobStore) -> None:
    jobs.add([job(1)])
    (first,) = jobs.claim("a", 1, NOON)
    assert jobs.end(first, JobEnd(JobState.WAITING, "asleep", NOON + SECOND, parked=True), NOON)
    parked = jobs.get("acme", "job-001")
    assert (parked.state, parked.failed, parked.reason, parked.owner) == (JobState.WAITING, 0, "asleep", None)
    assert jobs.claim("a", 1, NOON) == []
    assert jobs.claim("a", 1, NOON + SECOND)[0].attempt == 2


def test_the_backlog_is_what_is_not_done_and_when_the_first_was_due(jobs: JobStore) -> None:
    assert jobs.backlog().first_due is None
    jobs.add([job(1, due_at=NOON), job(2, due_at=NOON + SECOND), job(3, state=JobState.WAITING, due_at=NOON - SECOND)])
    assert jobs.backlog().first_due == NOON - SECOND
    assert jobs.claim_one("acme", "job-003", "node", NOON) is not None
    jobs.cancel("acme", "job-002", "no", NOON)
    found = jobs.backlog()
    open_jobs = {JobState.WAITING: 0, JobState.READY: 1, JobState.RUNNING: 1, JobState.DEAD: 0}
    assert (dict(found.counts), found.first_due) == (open_jobs, NOON)


# -- the audit log -------------------------------------------------------------------------------------------------
def test_a_change_and_its_audit_entry_are_kept_both_or_neither(store: Store) -> None:
    jobs, audit = store.jobs, entry("job.change", tenant="acme", object_id="job-001", name="job-001")
    assert jobs.add([job()], audit=audit) == [True]
    assert jobs.add([job()], audit=audit) == [False]
    jobs.cancel("acme", "job-001", "no need", NOON, audit=audit)
    jobs.again("acme", "job-001", NOON, audit=audit)
    jobs.set_limits(JobLimit("acme", None, JobLimits(1)), audit=audit)
    for refused in (
        lambda: jobs.again("acme", "job-001", NOON, audit=audit),
        lambda: jobs.cancel("acme", "none", "no need", NOON, audit=audit),
    ):
        with pytest.raises((Conflict, NotFound)):
            refused()
    assert [found.seq for found in store.audit.matching(AuditQuery())] == [4, 3, 2, 1]
