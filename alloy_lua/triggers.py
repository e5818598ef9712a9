"""Checks of triggers: each says what is wrong with one, or returns it in the form that is stored."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from .checks import choice, items, name, wrong
from .events import parse_event
from .model import ApiTrigger, CronTrigger, EventTrigger, ManualTrigger, Trigger

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

_PATH = re.compile(r"/[A-Za-z0-9._~/{}-]*")
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def checked_trigger(trigger: Any) -> Trigger:
    """Returns the trigger, if it makes sense.

    Raises:
        ValidationError: Names what is wrong with it.
    """
    if isinstance(trigger, EventTrigger):
        return _checked_event(trigger)
    if isinstance(trigger, CronTrigger):
        return _checked_cron(trigger)
    if isinstance(trigger, ApiTrigger):
        return _checked_api(trigger)
    if isinstance(trigger, ManualTrigger):
        return trigger
    raise wrong("trigger", trigger, "an event, cron, api or manual trigger")


def _checked_event(trigger: EventTrigger) -> EventTrigger:
    parse_event(trigger.event)
    fields = tuple(items(trigger.fields, "watched fields", "a list of field names"))
    for field in fields:
        if not isinstance(field, str) or not _FIELD.fullmatch(field):
            raise wrong("watched field", field, "a field name")
    return replace(trigger, fields=fields)


def _checked_cron(trigger: CronTrigger) -> CronTrigger:
    from zoneinfo import ZoneInfo

    from croniter import croniter

    if not isinstance(trigger.expression, str) or not croniter.is_valid(trigger.expression):
        raise wrong("cron expression", trigger.expression, "five fields such as '0 6 * * *'")
    try:
        ZoneInfo(name(trigger.timezone, "time zone"))
    except (KeyError, ValueError, OSError):
        raise wrong("time zone", trigger.timezone, "an IANA name such as Europe/Oslo") from None
    return trigger


def _checked_api(trigger: ApiTrigger) -> ApiTrigger:
    choice(trigger.method, "api trigger method", METHODS)
    if not isinstance(trigger.path, str) or not _PATH.fullmatch(trigger.path):
        raise wrong("api trigger path", trigger.path, "a path such as /orders/quote")
    return trigger
