"""What a script runs on, as callers write it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from ... import model

Moment = Annotated[datetime, Meta(tz=True)]
Attempts = Annotated[int, Meta(ge=1, le=100)]
Seconds = Annotated[float, Meta(ge=0, le=86_400)]
LongSeconds = Annotated[float, Meta(ge=0, le=2_592_000)]


class EventTrigger(Struct, tag="event", tag_field="kind", forbid_unknown_fields=True):
    """Runs the script on an event.

    Attributes:
        event: ``<entity>.<hook>`` or ``topic.<name>``.
        fields: Only if one of these changed; any change if empty.
        attempts: How often a run on commit that fails is tried in all.
        backoff_s: Seconds to the second try; each further wait is twice as long.
        backoff_limit_s: The longest wait, in seconds.
    """

    event: Annotated[str, Meta(min_length=1, max_length=200)]
    fields: list[str] = []
    attempts: Attempts = 5
    backoff_s: Seconds = 10.0
    backoff_limit_s: LongSeconds = 3600.0


class CronTrigger(Struct, tag="cron", tag_field="kind", forbid_unknown_fields=True):
    """Runs the script on a schedule.

    Attributes:
        expression: Five cron fields, or six with seconds first.
        timezone: An IANA name.
        overlap: What becomes of a tick while an earlier one's run goes on.
        misfire: Which missed ticks are made up for.
        misfire_limit: How many of them at most, for ``all``.
        jitter_s: Each tick starts up to so many seconds late.
        starts_at: No tick before this time.
        ends_at: No tick after this time.
        paused_until: Ticks before this time are left out.
        attempts: How often a run that fails is tried in all.
        backoff_s: Seconds to the second try; each further wait is twice as long.
        backoff_limit_s: The longest wait, in seconds.
    """

    expression: Annotated[str, Meta(min_length=1, max_length=200)]
    timezone: str = "UTC"
    overlap: Literal["skip", "queue", "parallel"] = "skip"
    misfire: Literal["skip", "latest", "all"] = "latest"
    misfire_limit: Annotated[int, Meta(ge=1, le=1000)] = 10
    jitter_s: Seconds = 0.0
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    paused_until: Moment | None = None
    attempts: Attempts = 1
    backoff_s: Seconds = 10.0
    backoff_limit_s: LongSeconds = 3600.0


class AtTrigger(Struct, tag="at", tag_field="kind", forbid_unknown_fields=True):
    """Runs the script once, at a time.

    Attributes:
        at: When.
        misfire: Whether it is made up for if no scheduler ran then.
        attempts: How often a run that fails is tried in all.
        backoff_s: Seconds to the second try; each further wait is twice as long.
        backoff_limit_s: The longest wait, in seconds.
    """

    at: Moment
    misfire: Literal["skip", "latest", "all"] = "latest"
    attempts: Attempts = 1
    backoff_s: Seconds = 10.0
    backoff_limit_s: LongSeconds = 3600.0


class ApiTrigger(Struct, tag="api", tag_field="kind", forbid_unknown_fields=True):
    """Runs the script when its path below ``/x/{tenant}`` is called.

    Attributes:
        path: A segment in braces matches anything: ``/orders/{id}/quote``.
        method: The HTTP method.
        auth: Who may call: holders of a token that may run scripts, who signs with ``secret``, or anybody.
        secret: The name of the tenant's secret that signatures are made with.
        per_minute: Calls a minute, on average, that one caller may make.
        headers: Request headers that the script sees, in lower case.
    """

    path: Annotated[str, Meta(min_length=1, max_length=200)]
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    auth: Literal["token", "hmac", "public"] = "token"
    secret: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    per_minute: Annotated[int, Meta(ge=1, le=1_000_000)] = 600
    headers: Annotated[list[str], Meta(max_length=20)] = []


class ManualTrigger(Struct, tag="manual", tag_field="kind", forbid_unknown_fields=True):
    """Lets people and programs run the script by name."""


Trigger = EventTrigger | CronTrigger | AtTrigger | ApiTrigger | ManualTrigger

_KINDS: dict[str, tuple[type[Trigger], type[model.Trigger]]] = {
    "event": (EventTrigger, model.EventTrigger),
    "cron": (CronTrigger, model.CronTrigger),
    "at": (AtTrigger, model.AtTrigger),
    "api": (ApiTrigger, model.ApiTrigger),
    "manual": (ManualTrigger, model.ManualTrigger),
}


def trigger_out(trigger: model.Trigger) -> Trigger:
    """Returns a trigger as callers see it."""
    outside = _KINDS[trigger.kind][0]
    facts: dict[str, Any] = {name: _listed(getattr(trigger, name)) for name in outside.__struct_fields__}
    return outside(**facts)


def trigger_in(trigger: Trigger) -> model.Trigger:
    """Returns a trigger as it is stored."""
    inside = _KINDS[str(trigger.__struct_config__.tag)][1]
    facts: dict[str, Any] = {name: _tupled(getattr(trigger, name)) for name in trigger.__struct_fields__}
    return inside(**facts)


def _listed(value: Any) -> Any:
    if isinstance(value, StrEnum):
        return value.value
    return list(value) if isinstance(value, tuple) else value


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
