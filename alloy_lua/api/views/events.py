"""Firing events and running source: what hosts that are not Python need."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from ...errors import ValidationError
from ...model import RunStatus
from ..endpoint import Group, Lane
from ..reply import Reply, to_json
from ..service import Call
from ..wire.outcomes import Evaluation, Fire, FireMany, Outcome, Outcomes, outcome_out

GROUP = Group("events", "Firing events at the scripts bound to them.", lane=Lane.SCRIPTS)
EXAMPLE = {"event": "order.before_create", "entity": {"total": 1500.5, "vip": True}}
MANY = {"event": "order.before_create", "entities": [{"total": 1}, {"total": 2}]}
SOURCE = {"source": "return params.a + params.b", "params": {"a": 1, "b": 2}}


@GROUP.post("/fire", "events.fire", Outcome, example=EXAMPLE)
async def fire(call: Call, body: Fire) -> Outcome:
    """Fire an event: run the scripts bound to it on a record.

    A script that rejects or fails is no error of this call: the outcome says so, and the host decides.
    """
    return await call.service.firing.fire(body, call.tenant, body.user or call.author)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keeps the cyclic garbage collector from walking a batch of new objects over and over while they are made."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@GROUP.post("/fire-many", "events.fire", Outcomes, batch=True, example=MANY)
def fire_many(call: Call, body: FireMany) -> Reply:
    """Fire an event for many records at once.

    Each record is a fire of its own; a batch only saves crossings.
    """
    most = call.service.options.max_batch
    if len(body.entities) > most:
        raise ValidationError(f"body: entities: got {len(body.entities)}, wanted at most {most}")
    with _collector_paused():
        found = call.alloy.fire_many(
            body.event, body.entities, user=body.user or call.author, tenant=call.tenant, params=body.params,
            dry_run=body.dry_run,
        )  # fmt: skip
        outcomes = [outcome_out(outcome, runs=body.runs) for outcome in found]
        rejected = sum([outcome.status is RunStatus.REJECTED for outcome in outcomes])
        failed = sum([outcome.status is RunStatus.FAILED for outcome in outcomes])
        made = Outcomes(outcomes=outcomes, rejected=rejected, failed=failed)
        return Reply(to_json(made))


@GROUP.post("/evaluate", "scripts.try", Outcome, example=SOURCE)
def evaluate(call: Call, body: Evaluation) -> Outcome:
    """Run a text once, in the sandbox, without store or record."""
    found = call.alloy.evaluate(
        body.source, entity=body.entity, before=body.before, params=body.params, limits=body.limits,
        capabilities=body.capabilities, user=body.user or call.author, tenant=call.tenant, dry_run=body.dry_run,
        run_id=body.run_id,
    )  # fmt: skip
    return outcome_out(found)
