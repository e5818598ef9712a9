"""Numbers for Prometheus, read back with its own parser."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from alloy_lua import Alloy, EventTrigger, ManualTrigger
from alloy_lua import metrics as metrics_module

EVENT = "order.before_create"


def numbers(alloy: Alloy) -> dict[tuple[Any, ...], float]:
    """Returns all samples by name and labels."""
    text = alloy.metrics.text().decode()
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def alloy() -> Iterator[Alloy]:
    with Alloy() as made:
        yield made


def test_runs_are_counted_by_script_and_outcome_on_every_way(alloy: Alloy) -> None:
    source = "if entity.total < 0 then abort('no') elseif entity.total == 0 then error('zero') end entity.x = entity.total > 5 and 1 or nil"
    alloy.scripts.create("check", source, on=EVENT, status="active")
    for total in (10, 10, 1, -1, 0):
        alloy.fire(EVENT, {"total": total})
    alloy.fire_many(EVENT, [{"total": 10}] * 5)
    alloy.fire(EVENT, {"total": 10}, params={})
    found = numbers(alloy)
    by_outcome = {
        o: found["alloy_runs_total", *sorted(("default", "check", o))]
        for o in ("changed", "unchanged", "rejected", "failed")
    }
    assert by_outcome == {"changed": 8, "unchanged": 1, "rejected": 1, "failed": 1}
    assert found["alloy_fires_total",] == 11
    assert found["alloy_fuel_total", "check", "default"] > 0


def test_fires_are_counted_whatever_number_of_scripts_they_run(alloy: Alloy) -> None:
    for name in ("a", "b", "c"):
        alloy.scripts.create(name, f"entity.{name} = 1", on="note.before_create", status="active")
    alloy.scripts.create("wide", "entity.all = entity", on=["card.before_create"], status="active")
    alloy.scripts.create(
        "some", "entity.x = 1", triggers=[EventTrigger("card.before_update", ("y",)), ManualTrigger()], status="active"
    )
    for _ in range(4):
        alloy.fire("note.before_create", {})
        alloy.fire("note.before_create", {}, params={})
        alloy.fire("card.before_create", {})
    alloy.fire("card.before_update", {"y": 1}, before={"y": 1})  # nothing watched changed: a fire without a run
    alloy.fire("none.before_create", {})  # nothing is bound
    alloy.run("some")
    alloy.fire_many("note.before_create", [{}, {}])
    assert numbers(alloy)["alloy_fires_total",] == 4 * 3 + 1 + 2


def test_durations_of_recorded_runs_are_a_histogram(alloy: Alloy) -> None:
    alloy.metrics.text()
    alloy.scripts.create("s", "entity.x = 1", on=EVENT, status="active")
    for _ in range(3):
        alloy.fire(EVENT, {})
    alloy.flush()
    found = numbers(alloy)
    assert found["alloy_run_duration_seconds_count", "before", "continue"] == 3
    assert found["alloy_run_duration_seconds_bucket", "+Inf", "before", "continue"] == 3
    assert found["alloy_run_duration_seconds_bucket", "5.0", "before", "continue"] == 3
    assert 0 < found["alloy_run_duration_seconds_sum", "before", "continue"] < 15
    assert found["alloy_runs_recorded_total",] == 3


def test_what_is_held_is_a_gauge(alloy: Alloy) -> None:
    alloy.scripts.create("s", "entity.all = entity", on=EVENT, status="active")
    alloy.fire(EVENT, {})
    alloy.metrics.gauge("alloy_jobs_waiting", "Jobs.", lambda: {("mail",): 3.0}, ("queue",))
    found = numbers(alloy)
    assert found["alloy_runtimes_made_total",] >= 1
    assert found["alloy_runtimes_idle",] >= 1
    assert found["alloy_runs_under_way",] == 0
    assert found["alloy_recorder_queue",] >= 0
    assert found["alloy_jobs_waiting", "mail"] == 3
    assert found["process_open_fds",] > 0


def test_the_number_of_series_is_bounded(alloy: Alloy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_module, "MAX_SCRIPTS", 3)
    for n in range(6):
        alloy.scripts.create(f"s{n}", "entity.x = 1", on=f"e{n}.before_create", status="active")
        alloy.fire(f"e{n}.before_create", {})
    series = [key for key in numbers(alloy) if key[0] == "alloy_runs_total"]
    assert len(series) == 4 * 4
    assert numbers(alloy)["alloy_runs_total", "(others)", "(others)", "changed"] == 3


def test_counters_never_go_down_while_health_is_stored(alloy: Alloy) -> None:
    alloy.scripts.create("s", "entity.x = 1", on=EVENT, status="active")
    before: dict[Any, float] = {}
    for _ in range(30):
        alloy.fire(EVENT, {})
        if _ % 3 == 0:
            alloy.flush()
        found = {
            key: value
            for key, value in numbers(alloy).items()
            if key[0].endswith("_total") and key[0].startswith("alloy")
        }
        assert all(found.get(key, 0) >= value for key, value in before.items())
        before = found


def test_safe_mode_counts_as_skipped(alloy: Alloy) -> None:
    alloy.scripts.create("s", "entity.x = 1", on=EVENT, status="active")
    alloy.safe_mode.set("r", everything=True)
    alloy.fire(EVENT, {})
    found = numbers(alloy)
    assert found["alloy_runs_skipped_total", "default", "s"] == 1
    assert found["alloy_runs_total", "changed", "default", "s"] == 0
    assert found["alloy_fires_total",] == 1


def test_jobs_are_counted_by_state_and_tries_by_their_end(alloy: Alloy) -> None:
    for name, source in (("good", "return 1"), ("bad", "error('no')"), ("long", "sleep(60)")):
        alloy.scripts.create(
            name, source, triggers=[ManualTrigger()], capabilities=["durable"] * (name == "long"), status="active"
        )
    first = alloy.jobs.enqueue("good")
    alloy.jobs.enqueue("good", delay_s=600)
    time.sleep(0.05)
    assert 0.05 <= numbers(alloy)["alloy_jobs_oldest_seconds",] < 60
    bad = alloy.jobs.enqueue("bad", attempts=2, backoff_s=600)
    for job in (first, bad, bad, alloy.jobs.enqueue("long")):
        alloy.jobs.run_one(job.id)
    found = numbers(alloy)
    depth = {state: found["alloy_jobs", state] for state in ("waiting", "ready", "running", "dead")}
    assert depth == {"waiting": 2, "ready": 0, "running": 0, "dead": 1}
    assert found["alloy_jobs_oldest_seconds",] == 0
    assert found["alloy_job_tries_total",] == 4
    ended = {key[1]: count for key, count in found.items() if key[0] == "alloy_job_tries_ended_total"}
    assert ended == {"succeeded": 1, "failed": 1, "dead": 1, "asleep": 1, "cancelled": 0, "lost": 0}


def test_numbers_are_told_while_the_store_is_away(tmp_path: Path) -> None:
    with Alloy(f"sqlite:///{tmp_path / 'alloy.db'}") as alloy:
        assert numbers(alloy)["alloy_jobs", "dead"] == 0
        with closing(sqlite3.connect(tmp_path / "alloy.db", isolation_level=None)) as other:
            other.execute("ALTER TABLE alloy_jobs RENAME TO elsewhere")
            assert ("alloy_jobs", "dead") not in numbers(alloy) and numbers(alloy)["alloy_fires_total",] == 0
            other.execute("ALTER TABLE elsewhere RENAME TO alloy_jobs")
        assert numbers(alloy)["alloy_jobs", "dead"] == 0
