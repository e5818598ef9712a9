"""Triggers to the JSON text that a script's row holds, and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import fields
from datetime import datetime
from functools import lru_cache
from typing import Any

from ..model import ApiTrigger, AtTrigger, CronTrigger, EventTrigger, ManualTrigger, Misfire, Overlap, Trigger

_ENCODE = json.JSONEncoder(separators=(",", ":")).encode
_KINDS: dict[str, type[Any]] = {
    "event": EventTrigger,
    "cron": CronTrigger,
    "at": AtTrigger,
    "api": ApiTrigger,
    "manual": ManualTrigger,
}
_READ: dict[str, Callable[[Any], Any]] = {
    "overlap": Overlap,
    "misfire": Misfire,
    **dict.fromkeys(("at", "starts_at", "ends_at", "paused_until"), datetime.fromisoformat),
}


def triggers_text(triggers: Iterable[Trigger]) -> str:
    """Returns the triggers as JSON text."""
    return _ENCODE([_data(trigger) for trigger in triggers])


@lru_cache(maxsize=4096)
def triggers_from_text(text: str) -> tuple[Trigger, ...]:
    """Returns the triggers in a JSON text."""
    return tuple(map(_trigger, json.loads(text)))


_PLAIN_EVENT = dict(vars(EventTrigger("")))


def _trigger(data: dict[str, Any]) -> Trigger:
    if data.keys() == {"kind", "event"} and data["kind"] == "event":  # most of them; a third of the time
        plain = object.__new__(EventTrigger)
        plain.__dict__.update(_PLAIN_EVENT, event=data["event"])
        return plain
    found: Trigger = _KINDS[data.pop("kind")](**{name: _value(name, value) for name, value in data.items()})
    return found


def _data(trigger: Trigger) -> dict[str, Any]:
    """What is at its default is left out, so that rows stay short and older ones read alike."""
    values = ((field, getattr(trigger, field.name)) for field in fields(trigger))
    kept = {field.name: value for field, value in values if field.name == "kind" or value != field.default}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in kept.items()}


def _value(name: str, value: Any) -> Any:
    if name in _READ and value is not None:
        return _READ[name](value)
    return tuple(value) if isinstance(value, list) else value
