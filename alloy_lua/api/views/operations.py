"""Operations: secrets, egress, safe mode, runs under way, settings, metrics."""

from __future__ import annotations

from ...access import roles
from ...errors import NotFound, ValidationError
from ...metrics import CONTENT_TYPE
from ...settings import SETTINGS
from ..endpoint import Group, Media
from ..reply import Reply
from ..service import Call
from ..wire.fill import filled
from ..wire.lifecycle import Move
from ..wire.operations import (
    Bypass,
    Bypasses,
    Cancelled,
    NewBypass,
    NewRule,
    Rule,
    Rules,
    RunningRun,
    RunningRuns,
    Secret,
    SecretName,
    Secrets,
    SecretText,
    Setting,
    Settings,
    WhichBypass,
    WhichRule,
)
from ..wire.runs import RunKey

GROUP = Group("operations", "Secrets, egress, safe mode, runs under way, settings, metrics.")
RULE = {"url": "https://api.example.com/v1/*", "methods": ["GET"]}
BYPASS = {"script": "vip-discount", "reason": "wrong prices since noon", "seconds": 3600}


@GROUP.get("/secrets", "secrets.read", Secrets)
def list_secrets(call: Call) -> Secrets:
    """List the tenant's secrets, without their texts."""
    return Secrets(items=[filled(Secret, found) for found in call.alloy.secrets.list(tenant=call.tenant)])


@GROUP.put("/secrets/{name}", "secrets.write", None, status=204, example={"text": "a text of 8 characters or more"})
def set_secret(call: Call, name: SecretName, body: SecretText) -> None:
    """Store a secret. Its text is sealed; scripts get a handle that only host functions open."""
    call.alloy.secrets.set(name, body.text, tenant=call.tenant, by=call.author)


@GROUP.delete("/secrets/{name}", "secrets.write")
def delete_secret(call: Call, name: SecretName) -> None:
    """Remove a secret."""
    call.alloy.secrets.delete(name, tenant=call.tenant)


@GROUP.get("/egress", "egress.read", Rules)
def list_egress(call: Call) -> Rules:
    """List where the tenant's scripts may send requests."""
    return Rules(items=[filled(Rule, rule) for rule in call.alloy.egress.list(tenant=call.tenant)])


@GROUP.put("/egress", "egress.write", Rule, example=RULE)
def allow_egress(call: Call, body: NewRule) -> Rule:
    """Put a URL on the allow-list, in place of the rule for the same URL."""
    rule = call.alloy.egress.allow(body.url, body.methods, private=body.private, tenant=call.tenant, by=call.author)
    return filled(Rule, rule)


@GROUP.delete("/egress", "egress.write", errors=(404,))
def remove_egress(call: Call, query: WhichRule) -> None:
    """Take a URL off the allow-list."""
    call.alloy.egress.remove(query.url, tenant=call.tenant)


@GROUP.get("/safe-mode", "runs.read", Bypasses)
def list_bypasses(call: Call) -> Bypasses:
    """List what is bypassed in the tenant, by bypasses of its own or of all tenants."""
    found = [one for one in call.alloy.safe_mode.list() if one.tenant in (None, call.tenant)]
    return Bypasses(items=[filled(Bypass, one) for one in found])


@GROUP.post("/safe-mode", "safe_mode.write", Bypass, status=201, example=BYPASS)
def bypass(call: Call, body: NewBypass) -> Bypass:
    """Keep a script, an event or the whole tenant from running, on every node within two seconds."""
    if body.everywhere:
        _check_everywhere(call)
        if body.script is not None:
            raise ValidationError("body: script: belongs to one tenant; wanted everywhere without it")
    whole = body.everywhere and body.event is None
    found = call.alloy.safe_mode.set(
        body.reason, script=body.script, event=body.event, tenant=None if body.everywhere else call.tenant,
        everything=whole, seconds=body.seconds, by=call.author,
    )  # fmt: skip
    return filled(Bypass, found)


@GROUP.post("/safe-mode/clear", "safe_mode.write", None, status=204, errors=(404,), example={"id": "default/tenant"})
def clear_bypass(call: Call, body: WhichBypass) -> None:
    """Let what is bypassed run again."""
    found = next((one for one in call.alloy.safe_mode.list() if one.id == body.id), None)
    if found is None or found.tenant not in (None, call.tenant):
        raise NotFound(f"bypass {body.id!r}: there is none", details={"id": body.id})
    if found.tenant is None:
        _check_everywhere(call)
    call.alloy.safe_mode.clear(body.id)


def _check_everywhere(call: Call) -> None:
    assert call.actor is not None
    roles.check(call.actor, "safe_mode.write", None)


@GROUP.get("/running", "runs.read", RunningRuns)
def list_running(call: Call) -> RunningRuns:
    """List the runs under way in this process; short hooks are over too soon to show."""
    return RunningRuns(items=[filled(RunningRun, run) for run in call.alloy.running(tenant=call.tenant)])


@GROUP.post("/runs/{run}/cancel", "runs.cancel", Cancelled, example={"reason": "takes too long"})
def cancel_run(call: Call, run: RunKey, body: Move) -> Cancelled:
    """Cancel a run under way in this process; it ends within moments, with the code ``cancelled``."""
    if not call.alloy.cancel(run, tenant=call.tenant):
        raise NotFound(f"run {run!r}: is not under way in this process", details={"run": run})
    call.alloy.audit.record("run.cancel", tenant=call.tenant, object_id=run, name=run, reason=body.reason)
    return Cancelled(cancelled=True)


@GROUP.get("/settings", "settings.read", Settings, tenant=False)
def list_settings(call: Call) -> Settings:
    """List the settings of the process that answers, and where each was set."""
    values, sources = call.alloy.settings.shown(), call.alloy.settings.sources
    return Settings(
        items=[
            Setting(name=one.name, value=values[one.name], source=sources[one.name], help=one.help) for one in SETTINGS
        ]
    )


@GROUP.get("/metrics", "runs.read", Media("text/plain", "Numbers in the text format of Prometheus."), tenant=False)
def metrics(call: Call) -> Reply:
    """Give the numbers that Prometheus reads; also at ``/metrics``."""
    call.service.add_gauges()
    return Reply(call.alloy.metrics.text(), media=CONTENT_TYPE)
