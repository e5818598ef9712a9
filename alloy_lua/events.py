"""Event names and the phase each belongs to: ``order.before_create``, ``*.after_update``, ``topic.cart.left``."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from .checks import shown
from .errors import ValidationError


class Phase(StrEnum):
    """When a script runs; decides what it may write and call."""

    BEFORE = "before"
    AFTER = "after"
    ON_COMMIT = "on_commit"
    ON_ROLLBACK = "on_rollback"
    MANUAL = "manual"
    API = "api"
    SCHEDULED = "scheduled"


OPERATIONS = ("create", "update", "delete")
HOOKS: dict[str, tuple[Phase, str | None]] = {
    **{f"before_{op}": (Phase.BEFORE, op) for op in OPERATIONS},
    **{f"after_{op}": (Phase.AFTER, op) for op in OPERATIONS},
    "on_commit": (Phase.ON_COMMIT, None),
    "on_rollback": (Phase.ON_ROLLBACK, None),
}
TOPIC = "topic"
WILDCARD = "*"
MAX_NAME = 200

_ENTITY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:[.:/-][A-Za-z0-9_]+)*")
_TOPIC = re.compile(r"topic(?:\.[A-Za-z0-9_-]+)+")


class Event(NamedTuple):
    """One parsed event name.

    Attributes:
        name: The whole name, as given.
        entity_type: The part before the hook, ``"*"`` for every entity, ``"topic"`` for a custom topic.
        phase: The phase its scripts run in (topics run as ``after``).
        operation: ``create``, ``update``, ``delete`` or None.
    """

    name: str
    entity_type: str
    phase: Phase
    operation: str | None

    @property
    def wildcard(self) -> str | None:
        """The same hook for every entity (``*.before_create``), None for a topic or a wildcard itself."""
        if self.entity_type in (WILDCARD, TOPIC):
            return None
        return f"{WILDCARD}.{self.name[len(self.entity_type) + 1 :]}"


def parse_event(name: str) -> Event:
    """Returns the event that ``name`` means.

    Args:
        name: ``<entity>.<hook>`` with a hook of `HOOKS`, or ``topic.<name>``.

    Raises:
        ValidationError: The name is not of that form; a near hook name is suggested.
    """
    if not isinstance(name, str):
        raise ValidationError(f"event name: got {shown(name)}, wanted a string")
    return _parsed(name)


@lru_cache(maxsize=4096)
def _parsed(name: str) -> Event:
    if len(name) > MAX_NAME:
        raise ValidationError(f"event name: got {len(name)} characters, wanted at most {MAX_NAME}")
    if name.startswith(TOPIC + "."):
        if not _TOPIC.fullmatch(name):
            raise ValidationError(f"event {name!r}: wanted topic.<name> of letters, digits, '_' and '-'")
        return Event(name, TOPIC, Phase.AFTER, None)
    entity, dot, hook = name.rpartition(".")
    if not dot or not (entity == WILDCARD or _ENTITY.fullmatch(entity)):
        raise ValidationError(f"event {name!r}: wanted <entity>.<hook> (such as order.before_create) or topic.<name>")
    if hook not in HOOKS:
        import difflib

        near = difflib.get_close_matches(hook, HOOKS, 1)
        hint = f"; did you mean {entity}.{near[0]}?" if near else f"; hooks are {', '.join(HOOKS)}"
        raise ValidationError(f"event {name!r}: unknown hook {hook!r}{hint}")
    phase, operation = HOOKS[hook]
    return Event(name, entity, phase, operation)
