"""What is kept of runs, and that the counts add up."""

from __future__ import annotations

import datetime as dt
import decimal
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from alloy_lua import Alloy, Recording

from .conftest import in_threads

EVENT = "t.before_create"


def add(alloy: Alloy, source: str = "entity.n = entity.n + 1", **settings: Any) -> None:
    alloy.scripts.create("s", source, on=EVENT, status="active", **settings)


@pytest.mark.parametrize("mode", ["full", "auto", "off"])
@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_twenty_thousand_runs_from_four_threads_add_up(mode: str, store: str, tmp_path: Path) -> None:
    url = None if store == "memory" else f"sqlite:///{tmp_path}/a.db"
    fires = 20_000 if store == "memory" else 8_000
    with Alloy(url, recording=Recording(mode=mode, per_second=2000), keep_runs=None) as alloy:
        add(alloy)
        statuses: list[set[str]] = []

        def work(number: int) -> None:
            statuses.append({alloy.fire(EVENT, {"n": i}).status.value for i in range(fires // 4)})

        in_threads(4, work)
        alloy.flush()
        kept = sum(1 for _ in every_run(alloy))
        lost = alloy.recording_lost()
        assert statuses == [{"continue"}] * 4
        assert alloy.scripts.health("s").runs == fires
        assert alloy.scripts.health("s").changed == fires
        assert kept + lost["sampled_out"] + lost["dropped"] == fires, (kept, lost)
        assert lost["dropped"] == 0
        assert {"full": kept == fires, "auto": 0 < kept < fires, "off": kept == 0}[mode], (kept, lost)


def every_run(alloy: Alloy) -> list[Any]:
    found: list[Any] = []
    before = None
    while page := alloy.runs(limit=1000, before=before):
        found += page
        before = page[-1].id
    return found


@pytest.mark.parametrize("mode", ["full", "auto"])
def test_rejected_and_failed_runs_are_always_kept(mode: str) -> None:
    with Alloy(recording=Recording(mode=mode, per_second=1)) as alloy:
        add(alloy, "if entity.n % 3 == 1 then abort('no') elseif entity.n == 2 then error('bad') end")
        for n in range(300):
            alloy.fire(EVENT, {"n": n})
        alloy.flush()
        assert len(alloy.runs(status="rejected", limit=1000)) == 100
        assert len(alloy.runs(status="failed", limit=1000)) == 1


def test_a_batch_is_recorded_as_single_fires_are() -> None:
    with Alloy(recording=Recording(mode="full")) as alloy:
        add(alloy, "if entity.n == 7 then abort('seven') end entity.n = entity.n + 1")
        alloy.fire_many(EVENT, [{"n": n} for n in range(3000)])
        alloy.flush()
        assert alloy.scripts.health("s").runs == len(every_run(alloy)) == 3000
        assert [run.reason for run in alloy.runs(status="rejected")] == ["seven"]


def test_a_record_tells_what_happened() -> None:
    with Alloy(recording=Recording(mode="full")) as alloy:
        add(
            alloy,
            "log.info('seen', {n = entity.n})\nif entity.n > 1 then error('too many') end\nentity.n = 5",
            tenant="t",
        )
        alloy.fire(EVENT, {"n": 1, "id": 17}, user="ada", tenant="t")
        alloy.fire(EVENT, {"n": 2, "id": 18}, user="bea", tenant="t")
        alloy.flush()
        failed, fine = alloy.runs(tenant="t")
        assert (fine.changes, fine.user, fine.entity_id, fine.event, fine.phase) == (
            {"n": 5},
            "ada",
            "17",
            EVENT,
            "before",
        )
        assert (fine.logs[0].message, fine.logs[0].data, fine.revision, fine.trigger) == ("seen", {"n": 1}, 1, "event")
        assert (failed.error_code, failed.error_message, failed.error_line) == ("runtime_error", "too many", 2)
        assert failed.duration_us >= 0 and failed.fuel > 0 and failed.traceback
        assert abs((dt.datetime.now(dt.UTC) - fine.started_at).total_seconds()) < 60
        assert alloy.runs() == []


@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_values_of_every_type_can_be_recorded(store: str, tmp_path: Path) -> None:
    """A value that the store cannot write must not cost the record of any run."""
    with Alloy(None if store == "memory" else f"sqlite:///{tmp_path}/a.db", recording=Recording(mode="full")) as alloy:
        add(alloy, "entity.x = params.x entity.b = '\\255' log.info('\\254', {k = '\\253'}) return entity.x")
        record = {
            "decimal": (decimal.Decimal("1.5"), 2.5), "date": (dt.date(2026, 1, 1), "2026-02-02"), "set": ({1}, [1, 2]),
            "time": (dt.time(1, 2), "03:04"), "uuid": (uuid.UUID(int=1), str(uuid.UUID(int=2))), "tuple": ((1,), [1, 2]),
            "bytes": (b"\xff", b"\xfe"), "text": ("a", "é\0"), "int": (1, 2**53 - 1), "table": ({"a": 1}, {"b": [1, None]}),
        }  # fmt: skip
        for old, new in record.values():
            outcome = alloy.fire(EVENT, {"x": old, "b": "", "id": 1}, params={"x": new})
            assert outcome.error is None
        add_rejecting = "abort('\\255', {why = '\\254'})"
        alloy.scripts.create("r", add_rejecting, on="r.before_create", status="active")
        assert alloy.fire("r.before_create", {}).status == "rejected"
        alloy.scripts.create("e", "error('\\255')", on="e.before_create", status="active")
        assert alloy.fire("e.before_create", {}).status == "failed"
        alloy.flush()
        assert len(alloy.runs()) == len(record) + 2
        assert alloy.recording_lost()["dropped"] == 0


def test_old_runs_are_removed(tmp_path: Path) -> None:
    with Alloy(f"sqlite:///{tmp_path}/a.db", recording=Recording(mode="full"), keep_runs=10) as alloy:
        add(alloy)
        for n in range(50):
            alloy.fire(EVENT, {"n": n})
        alloy.flush()
        assert len(alloy.runs()) == 50
        alloy._prune()
        assert len(alloy.runs()) == 10
        assert alloy.scripts.health("s").runs == 50, "health outlives the runs"


def test_health_survives_a_restart_and_adds_up(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    for round_ in (1, 2):
        with Alloy(url) as alloy:
            if round_ == 1:
                add(
                    alloy, "if entity.n == 0 then abort('zero') elseif entity.n == 1 then error('one') end entity.n = 9"
                )
            for n in range(5):
                alloy.fire(EVENT, {"n": n})
            health = alloy.scripts.health("s")
            assert (health.runs, health.changed, health.rejected, health.failed) == tuple(
                count * round_ for count in (5, 3, 1, 1)
            )
            assert (health.last_error_code, health.last_error) == ("runtime_error", "one")


def test_runs_reach_the_store_by_themselves(alloy: Alloy) -> None:
    add(alloy)
    alloy.fire(EVENT, {"n": 1})
    ends = time.monotonic() + 5
    while not alloy.runs() and time.monotonic() < ends:
        time.sleep(0.02)
    assert len(alloy.runs()) == 1


def test_stats_tell_counts_and_times(alloy: Alloy) -> None:
    add(alloy)
    for n in range(100):
        alloy.fire(EVENT, {"n": n})
    (stats,) = alloy.stats()
    assert (stats.name, stats.runs, stats.changed, stats.failed, stats.fuel) == ("s", 100, 100, 0, 1)
    assert 0 <= stats.p50_us <= stats.p99_us


def test_log_lines_beyond_the_limit_are_counted_in_outcome_and_record(alloy: Alloy) -> None:
    source = "for i = 1, 203 do log.info('line ' .. i) end"
    for name in ("one", "two"):
        alloy.scripts.create(name, source, on="order.after_create", status="active")
    outcome = alloy.fire("order.after_create", {})
    assert (len(outcome.logs), outcome.lost_logs) == (400, 6)
    assert outcome.as_dict()["lost_logs"] == 6
    alloy.flush()
    assert [(len(run.logs), run.lost_logs) for run in alloy.runs()] == [(200, 3), (200, 3)]
    assert alloy.evaluate("log.info('x')").lost_logs == 0
