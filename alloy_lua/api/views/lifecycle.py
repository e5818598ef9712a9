"""The life of a script: activate, pause, resume, disable, archive, restore, roll back; and how it is doing."""

from __future__ import annotations

from ..endpoint import Group
from ..reply import Reply
from ..service import Call
from ..wire.common import ScriptKey
from ..wire.lifecycle import Activation, Move, Rollback, ScriptHealth
from ..wire.scripts import Script
from .scripts import tagged

GROUP = Group("lifecycle", "What runs and what does not.")
REASON = {"reason": "after the sale"}


@GROUP.post("/scripts/{script}/activate", "scripts.activate", Script, versioned=True, example={"revision": 1})
def activate_script(call: Call, script: ScriptKey, body: Activation) -> Reply:
    """Make a revision live, by default the draft, and run it on its triggers.

    Where the tenant asks for a review, the revision must have one.
    """
    scripts = call.alloy.scripts
    return tagged(
        scripts.activate(
            script, body.revision, tenant=call.tenant, author=call.author, expected_version=call.expected_version
        )
    )


@GROUP.post("/scripts/{script}/rollback", "scripts.activate", Script, versioned=True, example={"revision": 1})
def rollback_script(call: Call, script: ScriptKey, body: Rollback) -> Reply:
    """Make an earlier revision live again; status and draft stay as they are."""
    scripts = call.alloy.scripts
    return tagged(
        scripts.rollback(
            script, body.revision, tenant=call.tenant, author=call.author, expected_version=call.expected_version
        )
    )


@GROUP.post("/scripts/{script}/pause", "scripts.operate", Script, versioned=True, example=REASON)
def pause_script(call: Call, script: ScriptKey, body: Move) -> Reply:
    """Stop a script from running; it keeps its live revision."""
    return _moved(call, script, "pause")


@GROUP.post("/scripts/{script}/resume", "scripts.operate", Script, versioned=True, example=REASON)
def resume_script(call: Call, script: ScriptKey, body: Move) -> Reply:
    """Let a paused or disabled script run again with the live revision it had."""
    return _moved(call, script, "resume")


@GROUP.post("/scripts/{script}/disable", "scripts.operate", Script, versioned=True, example=REASON)
def disable_script(call: Call, script: ScriptKey, body: Move) -> Reply:
    """Switch a script off."""
    return _moved(call, script, "disable")


@GROUP.post("/scripts/{script}/archive", "scripts.operate", Script, versioned=True, example=REASON)
def archive_script(call: Call, script: ScriptKey, body: Move) -> Reply:
    """Keep a script that does not run any more for the record."""
    return _moved(call, script, "archive")


@GROUP.post("/scripts/{script}/restore", "scripts.operate", Script, versioned=True, example=REASON)
def restore_script(call: Call, script: ScriptKey, body: Move) -> Reply:
    """Make an archived script a draft again."""
    return _moved(call, script, "restore")


@GROUP.get("/scripts/{script}/health", "runs.read", ScriptHealth)
def script_health(call: Call, script: ScriptKey) -> ScriptHealth:
    """Say how a script is doing: its counts, its last error, its breaker."""
    found = call.alloy.scripts.health(script, tenant=call.tenant)
    return ScriptHealth(**{name: getattr(found, name) for name in ScriptHealth.__struct_fields__})


@GROUP.post("/scripts/{script}/reset-breaker", "scripts.operate", None, status=204, example=REASON)
def reset_breaker(call: Call, script: ScriptKey, body: Move) -> None:
    """Let a script that was held back after repeated failures run again at once."""
    call.alloy.scripts.reset_breaker(script, tenant=call.tenant)


def _moved(call: Call, script: str, verb: str) -> Reply:
    move = getattr(call.alloy.scripts, verb)
    return tagged(move(script, tenant=call.tenant, author=call.author, expected_version=call.expected_version))
