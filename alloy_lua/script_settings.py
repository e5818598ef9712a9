"""The settings of a script as callers give them: each checked, and brought into the form that `Script` holds."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from . import checks
from .errors import ValidationError
from .events import HOOKS, Phase
from .limits import profile
from .model import EventTrigger, FailurePolicy, Trigger
from .ports import HookFilter
from .triggers import checked_trigger

MAX_TRIGGERS = 50
MAX_TEXT = 2_000
MAX_TAGS = 20

_TAG = re.compile(r"[a-z0-9._-]{1,50}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def bound(on: Any, triggers: Any) -> tuple[Trigger, ...]:
    """Returns event triggers for the events of ``on``, and the further ``triggers``."""
    events = (
        [on] if isinstance(on, str) else checks.items(() if on is None else on, "on", "an event or a list of events")
    )
    return (*(EventTrigger(event) for event in events), *triggers_in(triggers))


def settings_in(**given: Any) -> dict[str, Any]:
    """Returns the given settings, checked and in the form that `Script` holds."""
    return {name: CHECKS[name](value) for name, value in given.items()}


def _name(value: Any) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        wanted = "1 to 100 letters, digits, '.', '_' or '-', starting with a letter or digit"
        raise checks.wrong("script name", value, wanted, field="name")
    return value


def _tags(value: Any) -> tuple[str, ...]:
    tags = checks.items(value, "tags", "a list of tags")
    if len(tags) > MAX_TAGS:
        raise ValidationError(f"tags: got {len(tags)}, wanted at most {MAX_TAGS}")
    return tuple(sorted({_tag(tag) for tag in tags}))


def _tag(value: Any) -> str:
    if not isinstance(value, str) or not _TAG.fullmatch(value):
        raise checks.wrong("tag", value, "1 to 50 lower-case letters, digits, '.', '_' or '-'", field="tags")
    return value


def _profile(value: Any) -> str:
    profile(value)
    return str(value)


def hooks_in(entity: Any, phase: Any) -> HookFilter | None:
    """Returns what events of an entity type, of a phase, or of both look like."""
    if entity is None and phase is None:
        return None
    wanted = None if phase is None else checks.one_of(Phase, phase, "phase")
    hooks = tuple(hook for hook, (its, _) in HOOKS.items() if wanted in (None, its))
    return HookFilter(None if entity is None else checks.text(entity, "entity"), hooks)


def triggers_in(value: Any) -> tuple[Trigger, ...]:
    """Returns the triggers in a list, checked."""
    found = checks.items(value, "triggers", "a list of triggers")
    if len(found) > MAX_TRIGGERS:
        raise ValidationError(f"triggers: got {len(found)}, wanted at most {MAX_TRIGGERS}")
    return tuple(map(checked_trigger, found))


CHECKS: dict[str, Callable[[Any], Any]] = {
    "description": lambda value: checks.text(value, "description", MAX_TEXT),
    "triggers": triggers_in,
    "limits": _profile,
    "capabilities": lambda value: tuple(sorted(checks.capabilities(value))),
    "run_as": lambda value: checks.optional_name(value, "run_as"),
    "priority": lambda value: checks.whole_number(value, "priority", -1_000_000, 1_000_000),
    "failure_policy": lambda value: checks.one_of(FailurePolicy, value, "failure_policy"),
    "name": _name,
    "tags": _tags,
}
