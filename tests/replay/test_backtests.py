"""Back-tests: what a revision would do differently on recorded runs and on records, and activation that asks for one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from alloy_lua import Alloy, CompileError, NotFound, ValidationError
from alloy_lua.access_model import Actor, Role
from alloy_lua.errors import BacktestRequired, PermissionDenied
from alloy_lua.replay.cases import json_lines

from .conftest import script

LIVE = "entity.discount = entity.total > 100 and 10 or 0"
DRAFT = """
if entity.total == 1 then error("odd") end
if entity.total == 2 then abort("too little", {total = 2}) end
entity.discount = entity.total > 150 and 15 or entity.total > 100 and 10 or 0
for n = 1, 100 do end
"""


@pytest.fixture
def vip(alloy: Alloy) -> str:
    """A script with a live revision and a draft that differs."""
    script(alloy, "vip", LIVE)
    alloy.scripts.update("vip", DRAFT)
    return "vip"


def orders(*totals: int) -> list[dict[str, Any]]:
    return [{"id": n, "total": total, "discount": -1} for n, total in enumerate(totals, 1)]


def test_each_record_is_counted_by_what_the_draft_makes_of_it(alloy: Alloy, vip: str) -> None:
    report = alloy.backtests.run(vip, iter(orders(1, 2, 50, 120, 160, 170)))
    assert report.tally.counts == {
        "same": 2, "changed": 2, "newly_rejected": 1, "newly_failing": 1, "newly_passing": 0, "diverged": 0,
    }  # fmt: skip
    assert report.fields == {"(status)": 2, "discount": 4, "(error)": 1, "(reason)": 1, "(details)": 1}
    assert report.examples["changed"] == [
        {"record": "record 5", "fields": {"discount": [10, 15]}}, {"record": "record 6", "fields": {"discount": [10, 15]}},
    ]  # fmt: skip
    assert report.examples["newly_failing"][0]["fields"]["(error)"] == [None, "runtime_error: odd"]
    assert report.tally.candidate_fuel > report.tally.live_fuel > 0 and report.tally.live_us > 0
    assert (report.revision, report.baseline, report.source) == (2, 1, "records")
    lines = report.lines()
    assert lines[0] == "back-test of vip: revision 2 against 1, 6 records"
    assert lines[2] == "  changed                2   33.33%" and "changed, record 5: discount 10 -> 15" in lines
    assert alloy.backtests.get(report.id) == report and alloy.backtests.list(vip) == [report]
    back = alloy.backtests.run(vip, orders(1, 2), revision=1, baseline=2).tally.counts
    assert (back["newly_passing"], back["same"]) == (2, 0)


def test_over_recorded_runs_calls_are_answered_from_the_tapes(alloy: Alloy, calls: list[Any]) -> None:
    script(alloy, "s", "entity.level = crm.level(entity.name) mail.send(entity.name, 'x')")
    alloy.tapes.record("s")
    for name in ("ann", "bob", "ann"):
        alloy.fire("order.before_create", {"name": name})
    alloy.flush()
    made = list(calls)
    same = alloy.backtests.run("s", revision=1)
    assert (same.tally.counts["same"], same.source, same.divergences) == (3, "tapes", {})
    alloy.scripts.update("s", "entity.level = crm.level(entity.name) mail.send('eve', 'x')")
    other = alloy.backtests.run("s")
    assert other.tally.counts["changed"] == 3 and other.fields == {"(effects)": 3}
    assert "mail.send('eve', 'x') has other arguments on the tape" in other.divergences
    alloy.scripts.update("s", "if entity.name == 'bob' then crm.level('ann') end crm.level(entity.name)")
    lost = alloy.backtests.run("s", limit=2)
    assert (lost.tally.records, lost.tally.counts["diverged"]) == (2, 1)
    assert alloy.backtests.run("s", days=0).tally.records == 0
    assert calls == made


def test_over_given_records_reads_are_made_once_and_effects_never(alloy: Alloy, calls: list[Any]) -> None:
    script(alloy, "s", "entity.level = crm.level(entity.name) mail.send(entity.name, ctx.user)")
    alloy.scripts.update("s", "entity.level = crm.level(entity.name) entity.n = params.n + (before and before.n or 0)")
    report = alloy.backtests.run(
        "s",
        [{"entity": {"name": "ann"}, "before": {"n": 1}, "params": {"n": 2}, "user": "ada"}],
        on="order.before_update",
    )
    assert calls == [("level", "ann")]
    (only,) = report.examples["changed"]
    sent = [{"function": "mail.send", "arguments": ["ann", "ada"]}]
    assert only["fields"] == {"(effects)": [sent, None], "n": [None, 3]}


@pytest.mark.parametrize("isolation", ["thread", "process"])
def test_nothing_is_counted_or_recorded(tmp_path: Any, isolation: Any) -> None:
    with Alloy(f"sqlite:///{tmp_path}/alloy.db", isolation=isolation) as alloy:
        script(alloy, "s", "log.info('x') entity.a = 1")
        alloy.tapes.record("s")
        assert alloy.backtests.run("s", [{}, {}]).tally.counts["same"] == 2
        alloy.flush()
        assert alloy.runs() == [] and alloy.tapes.list() == [] and alloy.scripts.health("s").runs == 0


def test_wrong_records_and_revisions_are_refused(alloy: Alloy, vip: str) -> None:
    with pytest.raises(ValidationError, match="record 2: got int, wanted a mapping"):
        alloy.backtests.run(vip, [{"total": 1}, 7])  # type: ignore[list-item]
    with pytest.raises(ValidationError, match=r"record 1: .*no form in Lua"):
        alloy.backtests.run(vip, [{"total": object()}])
    with pytest.raises(ValidationError, match="line 2: got what is no JSON"):
        alloy.backtests.run(vip, json_lines(['{"total": 1}', "{"]))
    with pytest.raises(NotFound):
        alloy.backtests.run(vip, [], revision=9)
    alloy.scripts.update(vip, "entity.x = ")
    with pytest.raises(CompileError):
        alloy.backtests.run(vip, [])
    script(alloy, "new", "return 1", status="draft")
    with pytest.raises(ValidationError, match="no live revision"):
        alloy.backtests.run("new", [])
    assert alloy.backtests.list() == []
    with alloy.acting(Actor("eve", Role.VIEWER)), pytest.raises(PermissionDenied):
        alloy.backtests.run(vip, [])


def test_a_back_test_in_the_background_tells_its_progress_and_leaves_its_report(alloy: Alloy, vip: str) -> None:
    job = alloy.backtests.start(vip, orders(1, 2, 160))
    with pytest.raises(NotFound):
        alloy.backtests.get(job.id)
    assert alloy.jobs.run_one(job.id).state == "succeeded"
    report = alloy.backtests.get(job.id)
    assert (report.tally.records, report.tally.counts["changed"]) == (3, 1)
    with pytest.raises(ValidationError, match="record 1"):
        alloy.backtests.start(vip, [3])


def test_progress_is_told_and_a_cancelled_one_ends(alloy: Alloy, vip: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alloy_lua.replay.backtests.TELL_SECONDS", 0.0)
    told: list[Any] = []
    alloy.backtests.run(vip, orders(1, 2), progress=lambda *done: told.append(done))
    assert told == [(1, 2), (2, 2)]
    alloy.jobs.start(1)
    job = alloy.backtests.start(vip, orders(*range(9000)), limit=9000)
    until(lambda: alloy.jobs.get(job.id).progress > 0)
    alloy.jobs.cancel(job.id)
    until(lambda: alloy.jobs.get(job.id).state == "cancelled")
    with pytest.raises(NotFound):
        alloy.backtests.get(job.id)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_activation_can_ask_for_a_back_test_of_that_text_against_the_live_one(alloy: Alloy, vip: str) -> None:
    alloy.backtests.require(vip, records=3, changed=0.5, newly_rejected=0.0)

    def refusal() -> str:
        with pytest.raises(BacktestRequired) as caught:
            alloy.scripts.activate(vip)
        assert alloy.scripts.get(vip).live_revision == 1 and caught.value.code == "backtest_required"
        return "; ".join(caught.value.details["problems"])

    assert "there is none" in refusal()
    alloy.backtests.run(vip, orders(160))
    assert refusal() == "records: the back-test was over 1, wanted at least 3"
    alloy.backtests.run(vip, orders(2, 160, 160, 160))
    assert refusal() == "changed: 3 of 4, wanted at most 50.00%; newly_rejected: 1 of 4, wanted at most 0.00%"
    alloy.backtests.run(vip, orders(50, 60, 120))
    alloy.scripts.update(vip, DRAFT + "-- another text")
    assert "there is none" in refusal()
    assert alloy.scripts.activate(vip, 2).live_revision == 2
    assert alloy.scripts.rollback(vip, 1).live_revision == 1
    assert alloy.backtests.require_none(vip) and alloy.backtests.rule(vip) is None
    assert alloy.scripts.activate(vip).live_revision == 3


def test_only_a_revision_that_has_been_live_is_gone_back_to_without_a_back_test(alloy: Alloy, vip: str) -> None:
    alloy.scripts.update(vip, LIVE + "-- as it was")
    alloy.backtests.require(vip)
    alloy.backtests.run(vip, orders(50))
    assert alloy.scripts.activate(vip).live_revision == 3
    for change in (alloy.scripts.activate, alloy.scripts.rollback):
        with pytest.raises(BacktestRequired, match="there is none"):
            change(vip, 2)  # an earlier one, and never live
    assert alloy.scripts.rollback(vip, 1).live_revision == 1
    assert alloy.scripts.activate(vip, 3).live_revision == 3


def test_a_rule_can_ask_for_recorded_runs_and_names_what_is_wrong(alloy: Alloy, vip: str) -> None:
    rule = alloy.backtests.require(vip, tapes_only=True, fuel=1.5)
    assert alloy.backtests.rule(vip) == rule
    alloy.backtests.run(vip, orders(50))
    with pytest.raises(BacktestRequired, match="over recorded runs, there is none"):
        alloy.scripts.activate(vip)
    alloy.tapes.record(vip)
    alloy.fire("order.before_create", {"total": 50})
    alloy.flush()
    alloy.backtests.run(vip)
    with pytest.raises(BacktestRequired, match=r"fuel: .* times the live revision's, wanted at most 1\.5"):
        alloy.scripts.activate(vip)
    for wrong in ({"changed": 2}, {"records": 0}, {"slow": 1}, {"fuel": "x"}):
        with pytest.raises(ValidationError):
            alloy.backtests.require(vip, **wrong)
    assert [e.action for e in alloy.audit.list(kind="backtest")] == ["backtest.require"]


def test_old_reports_go(alloy: Alloy, vip: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alloy_lua.replay.backtests.KEPT", 2)
    ids = [alloy.backtests.run(vip, [{"total": n}]).id for n in (5, 6, 7)]
    assert [report.id for report in alloy.backtests.list(vip)] == ids[:0:-1]
