"""What scripts can ask of background work: ``queue``, ``sleep`` and ``durable``. What answers is loaded by a call."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from ..checks import shown
from ..errors import AlloyError, HostError, InvalidValue
from ..hostapi import EVERY_PHASE, EXTERNAL_PHASES, KEY, SLEEP, HostCall, HostFunction, HostModule, Param
from ..values import jsonable
from .current import CURRENT

if TYPE_CHECKING:
    from .jobs import Jobs

QUEUE, DURABLE = "queue", "durable"
OPTIONS = {"delay": "delay_s", "id": "id", "priority": "priority", "order_by": "order_by", "attempts": "attempts",
           "timeout": "timeout_s"}  # fmt: skip


def queue_module(jobs: Callable[[], Jobs]) -> HostModule:
    """Returns the module ``queue`` on the jobs that ``jobs`` returns."""

    def enqueue(
        call: HostCall, script: str, params: Mapping[str, Any] | None = None, options: Mapping[str, Any] | None = None
    ) -> str:
        given = _options(options or {})
        given.setdefault("id", _id(call, script, params))
        try:
            return jobs().put(script, params or {}, user=call.user, tenant=call.tenant, **given).id
        except AlloyError as error:
            raise HostError(f"queue.enqueue: {error.message}", details=error.details) from None

    def progress(fraction: float, note: str | None = None) -> bool:
        return jobs().progress(fraction, note)

    return HostModule(
        "queue",
        "Background work: run a script later, and tell how far it is.",
        (
            HostFunction(
                "queue.enqueue",
                "Returns the id of the job that runs a stored script in the background. Options: `delay` and `timeout` "
                "in seconds, `id`, `priority`, `order_by`, `attempts`.",
                (Param("script", "string"), Param("params", "table", optional=True),
                 Param("options", "table", optional=True)),
                returns="string", call=enqueue, capability=QUEUE, phases=EXTERNAL_PHASES, effect=True,
                wants_call=True, blocking=True, cost=100,
                example='return queue.enqueue("send-mail", {to = "ann@example.org"}, {delay = 60})',
            ),
            HostFunction(
                "queue.progress",
                "Takes down how far this job is, from 0 to 1; returns false outside of jobs.",
                (Param("fraction", "number"), Param("note", "string", optional=True)),
                returns="boolean", call=progress, phases=EVERY_PHASE, blocking=True, cost=100,
                example='return queue.progress(0.5, "half") --> false',
            ),
        ),
    )  # fmt: skip


def durable_modules() -> tuple[HostModule, ...]:
    """Returns ``sleep`` and ``durable``, for scripts that are granted ``durable`` and run as jobs."""

    def sleep(call: HostCall, time: Any) -> None:
        raise HostError("sleep: only a durable job can sleep; run the script as a job")

    def key(call: HostCall) -> str:
        return f"{call.run_id}:{call.serial}"

    return (
        HostModule(
            SLEEP,
            "Waits, for long if need be: what jobs of scripts with the capability `durable` can do.",
            (
                HostFunction(
                    SLEEP,
                    "Goes on after a time, seconds or a text such as `3 days`; meanwhile nothing of the run is held.",
                    (Param("time", "any"),), call=sleep, capability=DURABLE, phases=EVERY_PHASE, effect=True,
                    wants_call=True, example='return sleep("3 days")',
                ),
            ),
        ),
        HostModule(
            "durable",
            "For runs that outlive processes.",
            (
                HostFunction(
                    KEY,
                    "Another name of `ctx.idempotency_key()`.",
                    returns="string", call=key, phases=EVERY_PHASE, wants_call=True,
                    example="return durable.key()",
                ),
            ),
        ),
    )  # fmt: skip


def _options(options: Mapping[str, Any]) -> dict[str, Any]:
    given = {}
    for name, value in options.items():
        if name not in OPTIONS:
            raise InvalidValue(f"queue.enqueue: option {shown(name)}: unknown; wanted one of {', '.join(OPTIONS)}")
        whole = isinstance(value, float) and value.is_integer() and name in ("priority", "attempts")
        given[OPTIONS[name]] = int(value) if whole else value
    return given


def _id(call: HostCall, script: str, params: Any) -> str:
    """The same for the same call of every try of a job, so that a try that is repeated enqueues nothing twice."""
    job = CURRENT.get()
    what = json.dumps([script, jsonable(params)], sort_keys=True)
    digest = blake2b(what.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
    return f"{call.run_id if job is None else job.id}:{call.serial}:{digest}"
