"""What a file's head or a command says of all schedules of a script: overlap, misfire, jitter, and further tries."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..events import Phase, parse_event
from ..model import AtTrigger, CronTrigger, EventTrigger, Misfire, Overlap, Trigger

_SECONDS = r"[0-9]{1,9}(?:\.[0-9]{1,6})?"
_SHAPES = {
    "overlap": (re.compile(r"(skip|queue|parallel)"), "one of skip, queue, parallel"),
    "misfire": (re.compile(r"(skip|latest|all)(?: +([0-9]{1,4}))?"), "skip, latest, all, or all and a number: all 20"),
    "jitter": (re.compile(rf"({_SECONDS})"), "seconds, such as 30"),
    "attempts": (re.compile(r"([0-9]{1,3})"), "how often a run is tried in all, such as 3"),
    "backoff": (
        re.compile(rf"({_SECONDS})(?: +({_SECONDS}))?"),
        "seconds to the second try, and perhaps the longest wait: 10 3600",
    ),
}
KEYS = tuple(_SHAPES)
_RETRIES = ("attempts", "backoff_s", "backoff_limit_s")


def read_policy(key: str, value: str) -> dict[str, Any]:
    """Returns the fields of triggers that one line means.

    Args:
        key: One of `KEYS`.
        value: What stands behind the colon.

    Raises:
        ValueError: It means none; the text says what was wanted.
    """
    pattern, wanted = _SHAPES[key]
    found = pattern.fullmatch(value)
    if found is None or (key == "misfire" and found[2] is not None and found[1] != "all"):
        raise ValueError(wanted)
    match key:
        case "overlap":
            return {"overlap": Overlap(found[1])}
        case "misfire":
            return {"misfire": Misfire(found[1]), **({"misfire_limit": int(found[2])} if found[2] else {})}
        case "jitter":
            return {"jitter_s": float(found[1])}
        case "attempts":
            return {"attempts": int(found[1])}
        case _:
            return {"backoff_s": float(found[1]), **({"backoff_limit_s": float(found[2])} if found[2] else {})}


def held_to(triggers: Iterable[Trigger], policy: Mapping[str, Any]) -> tuple[Trigger, ...]:
    """Returns the triggers, with ``policy`` in those that it is for.

    Raises:
        ValueError: It is for none of them.
    """
    given = list(triggers)
    if not any(_takes(trigger, name) for trigger in given for name in policy):
        raise ValueError("a trigger that takes it: cron, some also at, attempts and backoff also on_commit")
    return tuple(
        replace(trigger, **{name: value for name, value in policy.items() if _takes(trigger, name)})
        for trigger in given
    )


def _takes(trigger: Trigger, name: str) -> bool:
    if isinstance(trigger, EventTrigger):
        return name in _RETRIES and parse_event(trigger.event).phase is Phase.ON_COMMIT
    return isinstance(trigger, CronTrigger | AtTrigger) and hasattr(trigger, name)
