"""Recorded runs: which are kept, reading them, replaying them; and back-tests of revisions."""

from __future__ import annotations

from ...errors import NotFound
from ...job_model import Job, JobKind, JobState
from ..cursors import cursor_of, key_of
from ..endpoint import Group, Lane
from ..reply import Reply
from ..service import Call
from ..wire.common import ScriptKey
from ..wire.fill import filled
from ..wire.replay import (
    Backtest,
    BacktestKey,
    BacktestRule,
    NewBacktest,
    NewBacktestRule,
    NewTaping,
    Replay,
    Reports,
    Tape,
    TapeDetail,
    TapeFilters,
    TapePage,
    Taping,
    Tapings,
    WhatReplays,
    report_out,
)
from ..wire.runs import RunKey

TAPES = Group("tapes", "Runs recorded with their input and host calls, and replaying them.")
NOBODY = "no process takes jobs; wanted alloy-lua worker, or a service with --job-slots"
BACKTESTS = Group("back-tests", "A revision and the live one over the same records.")


@TAPES.put("/scripts/{script}/taping", "scripts.operate", Taping, example={"share": 0.1, "keep_days": 3})
def record_runs(call: Call, script: ScriptKey, body: NewTaping) -> Taping:
    """Record runs of a script from now on: what they were given, their host calls, what they came to."""
    given = {name: getattr(body, name) for name in body.__struct_fields__}
    return filled(Taping, call.alloy.tapes.record(script, tenant=call.tenant, **given))


@TAPES.delete("/scripts/{script}/taping", "scripts.operate")
def stop_recording(call: Call, script: ScriptKey) -> None:
    """Record no more runs of a script; what is on tape stays until it expires."""
    if not call.alloy.tapes.stop(script, tenant=call.tenant):
        raise NotFound(f"script {script!r}: its runs are not recorded", details={"script": script})


@TAPES.get("/taping", "scripts.read", Tapings)
def list_recording(call: Call) -> Tapings:
    """List which runs of the tenant are recorded."""
    return Tapings(items=[filled(Taping, rule) for rule in call.alloy.tapes.rules(tenant=call.tenant)])


@TAPES.put("/taping", "scripts.operate", Taping, example={"share": 0.01})
def record_all_runs(call: Call, body: NewTaping) -> Taping:
    """Record runs of all scripts of the tenant that have no rule of their own."""
    given = {name: getattr(body, name) for name in body.__struct_fields__}
    return filled(Taping, call.alloy.tapes.record(tenant=call.tenant, **given))


@TAPES.delete("/taping", "scripts.operate", errors=(404,))
def stop_recording_all(call: Call) -> None:
    """Record only runs of scripts that have a rule of their own."""
    if not call.alloy.tapes.stop(tenant=call.tenant):
        raise NotFound(f"tenant {call.tenant!r}: its runs are not recorded", details={"tenant": call.tenant})


@TAPES.get("/tapes", "scripts.try", TapePage)
def list_tapes(call: Call, query: TapeFilters) -> TapePage:
    """List recorded runs, newest first."""
    found = call.alloy.tapes.list(
        query.script, since=query.since, until=query.until, before=key_of(query.cursor), limit=query.limit + 1,
        tenant=call.tenant,
    )  # fmt: skip
    page = found[: query.limit]
    return TapePage(
        items=[filled(Tape, tape) for tape in page],
        next_cursor=cursor_of(page[-1].run_id) if len(found) > len(page) else None,
    )


@TAPES.get("/tapes/{run}", "scripts.try", TapeDetail)
def get_tape(call: Call, run: RunKey) -> TapeDetail:
    """Read what is on the tape of a run."""
    return TapeDetail(run_id=run, tape=call.alloy.tapes.get(run, tenant=call.tenant).as_dict())


@TAPES.delete("/tapes/{run}", "scripts.operate")
def delete_tape(call: Call, run: RunKey) -> None:
    """Remove the tape of a run."""
    call.alloy.tapes.delete(run, tenant=call.tenant)


@TAPES.post("/tapes/{run}/replay", "scripts.try", Replay, lane=Lane.SCRIPTS, mutates=False, example={})
def replay_tape(call: Call, run: RunKey, body: WhatReplays) -> Replay:
    """Run a recorded run again, its host calls answered from the tape, and say what differs."""
    found = call.alloy.tapes.replay(run, revision=body.revision, tenant=call.tenant)
    return Replay(**found.as_dict())


@BACKTESTS.post("/scripts/{script}/backtests", "scripts.try", Backtest, status=202, batch=True, example={"days": 1})
def start_backtest(call: Call, script: ScriptKey, body: NewBacktest) -> Reply:
    """Start a back-test as a job, which a process that takes jobs runs; its state is where ``Location`` says.

    Effects are discarded on both sides.
    """
    given = {name: getattr(body, name) for name in body.__struct_fields__}
    job = call.alloy.backtests.start(script, tenant=call.tenant, **given)
    root = call.path.partition("/scripts/")[0]
    return Reply(_under_way(call, job), 202, {"Location": f"{root}/backtests/{job.id}"})


@BACKTESTS.get("/scripts/{script}/backtests", "scripts.read", Reports)
def list_backtests(call: Call, script: ScriptKey) -> Reports:
    """List the back-tests of a script that are done, newest first."""
    return Reports(items=[report_out(one) for one in call.alloy.backtests.list(script, tenant=call.tenant)])


@BACKTESTS.get("/backtests/{backtest}", "scripts.read", Backtest)
def get_backtest(call: Call, backtest: BacktestKey) -> Backtest:
    """Say how far a back-test is, and what it came to."""
    try:
        report = report_out(call.alloy.backtests.get(backtest, tenant=call.tenant))
    except NotFound:
        job = call.alloy.store.jobs.get(call.tenant, backtest)
        if job.kind is not JobKind.BACKTEST:
            raise
        return _under_way(call, job)
    return Backtest(id=backtest, state=JobState.SUCCEEDED, progress=1.0, report=report)


def _under_way(call: Call, job: Job) -> Backtest:
    """Returns how far a back-test is; one that nobody would ever run says so."""
    note = job.note
    if job.state is JobState.READY and not call.alloy.store.jobs.nodes():
        note = NOBODY
    return Backtest(id=job.id, state=job.state, progress=job.progress, note=note, reason=job.reason)


@BACKTESTS.put(
    "/scripts/{script}/backtest-rule", "scripts.activate", BacktestRule,
    example={"records": 100, "newly_failing": 0, "changed": 0.05},
)  # fmt: skip
def require_backtest(call: Call, script: ScriptKey, body: NewBacktestRule) -> BacktestRule:
    """Let a script take no new revision whose back-test did not stay within these thresholds."""
    rule = call.alloy.backtests.require(script, tapes_only=body.tapes_only, tenant=call.tenant, **body.given())
    return filled(BacktestRule, rule, thresholds=rule.thresholds.as_dict())


@BACKTESTS.get("/scripts/{script}/backtest-rule", "scripts.read", BacktestRule)
def get_backtest_rule(call: Call, script: ScriptKey) -> BacktestRule:
    """Read what a back-test of a script has to show."""
    rule = call.alloy.backtests.rule(script, tenant=call.tenant)
    if rule is None:
        raise _no_rule(script)
    return filled(BacktestRule, rule, thresholds=rule.thresholds.as_dict())


@BACKTESTS.delete("/scripts/{script}/backtest-rule", "scripts.activate")
def drop_backtest_rule(call: Call, script: ScriptKey) -> None:
    """Let a script take new revisions without a back-test."""
    if not call.alloy.backtests.require_none(script, tenant=call.tenant):
        raise _no_rule(script)


def _no_rule(script: str) -> NotFound:
    return NotFound(f"script {script!r}: no back-test is required", details={"script": script})
