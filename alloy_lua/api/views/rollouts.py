"""Rollouts: a revision on real traffic, as a shadow or a canary."""

from __future__ import annotations

from ..endpoint import Group
from ..service import Call
from ..wire.common import ScriptKey
from ..wire.lifecycle import Move
from ..wire.rollouts import NewRollout, RolloutState, standing_out

GROUP = Group("rollouts", "A revision on real traffic, as a shadow or a canary.")


@GROUP.post(
    "/scripts/{script}/rollout", "scripts.operate", RolloutState, status=201,
    example={"mode": "canary", "percent": 5, "records": 200, "newly_failing": 0.01},
)  # fmt: skip
def begin_rollout(call: Call, script: ScriptKey, body: NewRollout) -> RolloutState:
    """Try a revision on real traffic, beside the live one or in its place, until it passes a threshold.

    A canary takes the right to activate, and the approvals that its revision would need for that.
    """
    given = body.given()
    if body.percent is not None:
        given["percent"] = body.percent
    begin = getattr(call.alloy.rollouts, body.mode.value)
    begin(script, body.revision, users=body.users, tenant=call.tenant, **given)
    return standing_out(call.alloy.rollouts.get(script, tenant=call.tenant))


@GROUP.get("/scripts/{script}/rollout", "scripts.read", RolloutState)
def get_rollout(call: Call, script: ScriptKey) -> RolloutState:
    """Read the newest rollout of a script, and what has come of it on all nodes."""
    return standing_out(call.alloy.rollouts.get(script, tenant=call.tenant))


@GROUP.post("/scripts/{script}/rollout/stop", "scripts.operate", RolloutState, example={"reason": "seen enough"})
def stop_rollout(call: Call, script: ScriptKey, body: Move) -> RolloutState:
    """End a rollout; activate the candidate to keep it."""
    call.alloy.rollouts.stop(script, body.reason or "stopped", tenant=call.tenant)
    return standing_out(call.alloy.rollouts.get(script, tenant=call.tenant))
