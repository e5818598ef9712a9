"""Checks of triggers: each says what is wrong with one, or returns it in the form that is stored."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

from .checks import MAX_NAME, aware_time, choice, items, number, one_of, optional_name, whole_number, wrong
from .errors import Conflict
from .events import parse_event
from .model import (
    ApiTrigger,
    AtTrigger,
    CronTrigger,
    EventTrigger,
    ManualTrigger,
    Misfire,
    Overlap,
    Script,
    Status,
    Trigger,
)

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
MOST_ATTEMPTS = 100
MOST_MISFIRES = 1000
DAY = 86_400.0

R = TypeVar("R", EventTrigger, CronTrigger, AtTrigger)

AUTH_MODES = ("token", "hmac", "public")
MAX_PER_MINUTE = 1_000_000
MAX_HEADERS = 20

_PATH = re.compile(r"(?:/(?:[A-Za-z0-9._~-]+|\{[a-z_][a-z0-9_]*\}))+/?|/")
_HEADER = re.compile(r"[a-z0-9-]{1,100}")
_KEPT_BACK = ("authorization", "cookie", "proxy-authorization", "alloy-signature")  # not for scripts
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check_free(before: Script | None, script: Script, active: Callable[[], Iterable[Script]]) -> None:
    """Returns None if no other active script of the tenant answers a method and path that ``script`` would now answer.

    Two that are activated in the same moment can still slip past each other: stores know nothing of paths. Then the one
    of lower priority answers, or the first by name.

    Args:
        before: The script as it was; None if it is new.
        script: The script as it would be, active.
        active: Returns all active scripts.

    Raises:
        Conflict: Another one does; the details name it.
    """
    held = _claims(before) if before is not None and before.status is Status.ACTIVE else set()
    wanted = _claims(script) - held
    if not wanted:
        return
    for other in active():
        taken = wanted & _claims(other) if (other.tenant, other.id != script.id) == (script.tenant, True) else ()
        for method, path in sorted(taken):
            raise Conflict(
                f"script {script.name}: {method} {path} is answered by the active script {other.name}, "
                "wanted a method and path that none answers",
                details={"script": script.name, "other": other.name, "method": method, "path": path},
            )


def _claims(script: Script) -> set[tuple[str, str]]:
    """Returns the methods and paths that a script answers, without the names of the variables in them."""
    return {
        (trigger.method, "/" + re.sub(r"\{\w+\}", "{}", trigger.path).strip("/"))
        for trigger in script.triggers
        if isinstance(trigger, ApiTrigger)
    }


def checked_trigger(trigger: Any) -> Trigger:
    """Returns the trigger, if it makes sense.

    Raises:
        ValidationError: Names what is wrong with it.
    """
    if isinstance(trigger, EventTrigger):
        return _checked_event(trigger)
    if isinstance(trigger, CronTrigger):
        return _checked_cron(trigger)
    if isinstance(trigger, AtTrigger):
        return _checked_at(trigger)
    if isinstance(trigger, ApiTrigger):
        return _checked_api(trigger)
    if isinstance(trigger, ManualTrigger):
        return trigger
    raise wrong("trigger", trigger, "an event, cron, at, api or manual trigger")


def _checked_event(trigger: EventTrigger) -> EventTrigger:
    parse_event(trigger.event)
    fields = tuple(items(trigger.fields, "watched fields", "a list of field names"))
    for field in fields:
        if not isinstance(field, str) or not _FIELD.fullmatch(field):
            raise wrong("watched field", field, "a field name")
    return replace(_checked_retries(trigger), fields=fields)


def _checked_cron(trigger: CronTrigger) -> CronTrigger:
    from .scheduler.cron import Cron

    Cron(trigger.expression, trigger.timezone)
    for what in ("starts_at", "ends_at", "paused_until"):
        if getattr(trigger, what) is not None:
            aware_time(getattr(trigger, what), what)
    if trigger.starts_at is not None and trigger.ends_at is not None and trigger.ends_at < trigger.starts_at:
        raise wrong("ends_at", trigger.ends_at.isoformat(), f"a time not before {trigger.starts_at.isoformat()}")
    whole_number(trigger.misfire_limit, "misfire_limit", 1, MOST_MISFIRES)
    number(trigger.jitter_s, "jitter_s", 0, DAY)
    overlap, misfire = one_of(Overlap, trigger.overlap, "overlap"), one_of(Misfire, trigger.misfire, "misfire")
    return replace(_checked_retries(trigger), overlap=overlap, misfire=misfire)


def _checked_at(trigger: AtTrigger) -> AtTrigger:
    aware_time(trigger.at, "at")
    return replace(_checked_retries(trigger), misfire=one_of(Misfire, trigger.misfire, "misfire"))


def _checked_retries(trigger: R) -> R:
    whole_number(trigger.attempts, "attempts", 1, MOST_ATTEMPTS)
    number(trigger.backoff_s, "backoff_s", 0, DAY)
    number(trigger.backoff_limit_s, "backoff_limit_s", 0, 30 * DAY)
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
