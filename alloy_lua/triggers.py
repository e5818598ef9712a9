"""Checks of triggers: each says what is wrong with one, or returns it in the form that is stored."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from .checks import MAX_NAME, choice, items, name, optional_name, whole_number, wrong
from .events import parse_event
from .model import ApiTrigger, CronTrigger, EventTrigger, ManualTrigger, Trigger

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

AUTH_MODES = ("token", "hmac", "public")
MAX_PER_MINUTE = 1_000_000
MAX_HEADERS = 20

_PATH = re.compile(r"(?:/(?:[A-Za-z0-9._~-]+|\{[a-z_][a-z0-9_]*\}))+/?|/")
_HEADER = re.compile(r"[a-z0-9-]{1,100}")
_KEPT_BACK = ("authorization", "cookie", "proxy-authorization", "alloy-signature")  # not for scripts
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
    choice(trigger.auth, "api trigger auth", AUTH_MODES)
    whole_number(trigger.per_minute, "api trigger per_minute", 1, MAX_PER_MINUTE)
    if not isinstance(trigger.path, str) or len(trigger.path) > MAX_NAME or not _PATH.fullmatch(trigger.path):
        raise wrong("api trigger path", trigger.path, "a path such as /orders/{id}/quote")
    variables = re.findall(r"\{(\w+)\}", trigger.path)
    if len(variables) != len(set(variables)):
        raise wrong("api trigger path", trigger.path, "names in braces that differ")
    if (trigger.secret is not None) != (trigger.auth == "hmac"):
        raise wrong("api trigger secret", trigger.secret, "the name of a secret with auth hmac, and none otherwise")
    headers = tuple(items(trigger.headers, "api trigger headers", "a list of header names"))
    for header in headers:
        if not isinstance(header, str) or not _HEADER.fullmatch(header) or header in _KEPT_BACK:
            raise wrong("api trigger header", header, "a header's name in lower case, no credentials")
    if len(headers) > MAX_HEADERS:
        raise wrong("api trigger headers", headers, f"at most {MAX_HEADERS}")
    return replace(trigger, headers=headers, secret=optional_name(trigger.secret, "api trigger secret"))
