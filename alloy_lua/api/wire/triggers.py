"""What a script runs on, as callers write it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from ... import model


class EventTrigger(Struct, tag="event", tag_field="kind", forbid_unknown_fields=True):
    """Runs the script on an event.

    Attributes:
        event: ``<entity>.<hook>`` or ``topic.<name>``.
        fields: Only if one of these changed; any change if empty.
    """

    event: Annotated[str, Meta(min_length=1, max_length=200)]
    fields: list[str] = []


class CronTrigger(Struct, tag="cron", tag_field="kind", forbid_unknown_fields=True):
    """Runs the script on a schedule.

    Attributes:
        expression: Five cron fields, or six with seconds first.
        timezone: An IANA name.
    """

    expression: Annotated[str, Meta(min_length=1, max_length=200)]
    timezone: str = "UTC"


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


Trigger = EventTrigger | CronTrigger | ApiTrigger | ManualTrigger

_KINDS: dict[str, tuple[type[Trigger], type[model.Trigger]]] = {
    "event": (EventTrigger, model.EventTrigger),
    "cron": (CronTrigger, model.CronTrigger),
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
    return list(value) if isinstance(value, tuple) else value


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
