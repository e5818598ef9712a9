"""The comment lines at the top of a Lua file that say when it runs.

A front matter is the run of comment lines that begins on the first line; it ends at the first line that is blank,
a bare ``--``, or no comment. A line indented by two or more blanks after ``--`` continues the value above it::

    -- name: vip-discount
    -- on: order.before_create, order.before_update(total, vip)
    -- priority: 20
    -- description: Gives VIP customers ten percent off.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo

from croniter import croniter

from ..errors import ValidationError
from ..events import parse_event
from ..limits import PROFILES
from ..model import ApiTrigger, AtTrigger, CronTrigger, EventTrigger, FailurePolicy, ManualTrigger, Trigger
from . import policies

DEFAULT_PRIORITY = 100
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

_FIRST = re.compile(r"-- ?([A-Za-z_]+):")
_LINE = re.compile(r"-- ?([A-Za-z_]+):\s*(.*?)\s*")
_CONTINUED = re.compile(r"--\s{2,}(\S.*?)\s*")
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_CAPABILITY = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z0-9_-]+)*")
_TAG = re.compile(r"[a-z0-9._-]{1,50}")
_EVENT = re.compile(r"([^\s(),]+)\s*(?:\(([^()]*)\))?")
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_COMMA_OUTSIDE_BRACKETS = re.compile(r",(?![^(]*\))")
_ZONE = re.compile(r"[A-Za-z_]+/[A-Za-z0-9_+/-]+|UTC")


@dataclass(frozen=True, slots=True)
class ScriptFile:
    """A Lua file with its front matter read. ``source`` is the whole text, so that line numbers stay the file's.

    ``tags`` is None where the file says nothing of them.
    """

    file: str
    name: str
    description: str
    triggers: tuple[Trigger, ...]
    priority: int
    capabilities: tuple[str, ...]
    failure_policy: FailurePolicy
    limits: str
    source: str
    tags: tuple[str, ...] | None = None

    @property
    def events(self) -> tuple[str, ...]:
        """The names of the events it runs on, in the order given."""
        return tuple(trigger.event for trigger in self.triggers if isinstance(trigger, EventTrigger))

    def settings(self) -> dict[str, Any]:
        """Returns what the front matter says as keyword arguments of `Scripts.create` and `Scripts.update`."""
        tags = {} if self.tags is None else {"tags": self.tags}
        return tags | {
            "triggers": self.triggers,
            "priority": self.priority,
            "capabilities": self.capabilities,
            "failure_policy": self.failure_policy,
            "limits": self.limits,
            "description": self.description,
        }


@dataclass(frozen=True, slots=True)
class _Entry:
    """One ``key: value`` of a front matter and the line it starts on."""

    file: str
    line: int
    key: str
    value: str

    def wrong(self, got: str, wanted: str) -> ValidationError:
        return _wrong(self.file, self.line, f"{self.key}: got {got!r}, wanted {wanted}", self.key)


def _wrong(file: str, line: int, text: str, key: str) -> ValidationError:
    return ValidationError(f"{file}:{line}: {text}", details={"file": file, "key": key}, line=line)


def has_front_matter(text: str) -> bool:
    """Returns whether the first line of a Lua text begins a front matter: its key is one, or is nearly one."""
    match = _FIRST.match(text)
    if match is None or match[1] in KEYS:
        return match is not None
    long = [key for key in KEYS if len(key) > 2]  # what is near to a word of two letters is any short word
    return bool(difflib.get_close_matches(match[1], long, 1))


def read_triggers(key: str, value: str, origin: str) -> list[Trigger]:
    """Returns the triggers that one line of a front matter means.

    Args:
        key: ``on``, ``cron``, ``at``, ``api`` or ``manual``.
        value: What stands behind the colon.
        origin: Where the line is from, for errors.

    Raises:
        ValidationError: The value is wrong.
    """
    return _TRIGGER_KEYS[key](_Entry(origin, 1, key, value))


def with_policies(triggers: Iterable[Trigger], lines: Mapping[str, str], origin: str) -> tuple[Trigger, ...]:
    """Returns the triggers of a script with what further lines say of all that run by the clock.

    Args:
        triggers: The triggers.
        lines: What stands behind the colon, by key: ``overlap``, ``misfire``, ``jitter``, ``attempts``, ``backoff``.
        origin: Where the lines are from, for errors.

    Raises:
        ValidationError: A line is wrong, or no trigger takes it.
    """
    return _held_to(triggers, [_Entry(origin, 1, key, value) for key, value in lines.items()])


def _held_to(triggers: Iterable[Trigger], entries: Iterable[_Entry]) -> tuple[Trigger, ...]:
    found = tuple(triggers)
    for entry in entries:
        try:
            found = policies.held_to(found, policies.read_policy(entry.key, entry.value))
        except ValueError as wanted:
            raise entry.wrong(entry.value, str(wanted)) from None
    return found


def parse_front_matter(text: str, name: str) -> ScriptFile:
    """Returns the script in ``text``; a text without front matter is a script without triggers.

    Args:
        text: The whole Lua file.
        name: The file's name: named in errors, and without ``.lua`` the script's name where no ``name:`` is given.

    Raises:
        ValidationError: A key or value is wrong; names the file, the line, what was got and what was wanted.
    """
    entries = _entries(text, name)
    values: dict[str, Any] = {}
    triggers: list[Trigger] = []
    for entry in entries.values():
        if entry.key in _TRIGGER_KEYS:
            triggers.extend(_TRIGGER_KEYS[entry.key](entry))
        elif entry.key in _SETTING_KEYS:
            field, read = _SETTING_KEYS[entry.key]
            values[field] = read(entry)
    return ScriptFile(
        file=name,
        name=values.get("name", PurePosixPath(name).name.removesuffix(".lua")),
        description=values.get("description", ""),
        triggers=_held_to(triggers, (entry for entry in entries.values() if entry.key in policies.KEYS)),
        priority=values.get("priority", DEFAULT_PRIORITY),
        capabilities=values.get("capabilities", ()),
        failure_policy=values.get("failure_policy", FailurePolicy.CLOSED),
        limits=values.get("limits", "default"),
        source=text,
        tags=values.get("tags"),
    )


def _entries(text: str, file: str) -> dict[str, _Entry]:
    entries: dict[str, _Entry] = {}
    if not has_front_matter(text):
        return entries
    key = ""
    for line, content in enumerate(text.splitlines(), 1):
        if not content.startswith("--") or not content.strip("- \t"):
            break
        if more := _CONTINUED.fullmatch(content):
            start = entries[key]
            entries[key] = _Entry(file, start.line, key, f"{start.value} {more[1]}".strip())
            continue
        key = _add_entry(entries, file, line, content)
    return entries


def _add_entry(entries: dict[str, _Entry], file: str, line: int, content: str) -> str:
    match = _LINE.fullmatch(content)
    if match is None:
        raise _wrong(file, line, f"front matter: got {content!r}, wanted '-- key: value' or a blank line", "")
    key, value = match.groups()
    if key not in KEYS:
        near = difflib.get_close_matches(key, KEYS, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise _wrong(file, line, f"front matter key: got {key!r}, wanted one of {', '.join(KEYS)}{hint}", key)
    if key in entries:
        raise _wrong(file, line, f"{key}: got it again (first on line {entries[key].line}), wanted it once", key)
    entries[key] = _Entry(file, line, key, value)
    return key


def _items(entry: _Entry, wanted: str) -> list[str]:
    items = [item.strip() for item in _COMMA_OUTSIDE_BRACKETS.split(entry.value)]
    if not all(items):
        raise entry.wrong(entry.value, wanted)
    return items


def _events(entry: _Entry) -> list[Trigger]:
    wanted = "events such as order.before_create, order.before_update(total, vip)"
    return [_event(entry, item, wanted) for item in _items(entry, wanted)]


def _event(entry: _Entry, item: str, wanted: str) -> Trigger:
    match = _EVENT.fullmatch(item)
    if match is None:
        raise entry.wrong(item, wanted)
    event, watched = match.groups()
    try:
        parse_event(event)
    except ValidationError as error:
        raise entry.wrong(item, f"{wanted} ({error.message})") from None
    fields = () if watched is None else tuple(field.strip() for field in watched.split(","))
    if not all(_FIELD.fullmatch(field) for field in fields):
        raise entry.wrong(item, "field names between the brackets, such as (total, vip)")
    return EventTrigger(event, fields)


def _cron(entry: _Entry) -> list[Trigger]:
    wanted = "5 cron fields (or 6, seconds first) and perhaps a time zone, such as 0 6 * * * Europe/Oslo"
    fields = entry.value.split()
    zone = "UTC"
    if fields and _ZONE.fullmatch(fields[-1]):
        zone = fields.pop()
        if not _is_zone(zone):
            raise entry.wrong(zone, "a time zone such as Europe/Oslo")
    expression = " ".join(fields)
    if len(fields) not in (5, 6) or not croniter.is_valid(expression, second_at_beginning=True):
        raise entry.wrong(entry.value, wanted)
    return [CronTrigger(expression, zone)]


def _at(entry: _Entry) -> list[Trigger]:
    wanted = "times such as 2026-03-01T12:00:00Z; those without an offset are in UTC"
    times = []
    for item in _items(entry, wanted):
        try:
            time = datetime.fromisoformat(item)
        except ValueError:
            raise entry.wrong(item, wanted) from None
        times.append(AtTrigger(time if time.tzinfo else time.replace(tzinfo=UTC)))
    return [*times]


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True


def _api(entry: _Entry) -> list[Trigger]:
    method, _, path = entry.value.partition(" ")
    path = path.strip()
    if method not in METHODS or not path.startswith("/") or " " in path:
        raise entry.wrong(entry.value, f"a method ({', '.join(METHODS)}) and a path, such as POST /orders/quote")
    return [ApiTrigger(path, method)]


def _manual(entry: _Entry) -> list[Trigger]:
    return [ManualTrigger()] if _one_of(entry, {"yes": True, "no": False}) else []


def _one_of(entry: _Entry, choices: Mapping[str, Any]) -> Any:
    if entry.value not in choices:
        raise entry.wrong(entry.value, f"one of {', '.join(choices)}")
    return choices[entry.value]


def _name(entry: _Entry) -> str:
    if not _NAME.fullmatch(entry.value):
        raise entry.wrong(entry.value, "lower-case letters, digits and '-', such as vip-discount")
    return entry.value


def _priority(entry: _Entry) -> int:
    if not re.fullmatch(r"-?[0-9]{1,9}", entry.value):
        raise entry.wrong(entry.value, "a whole number, such as 20 (lower runs first)")
    return int(entry.value)


def _capabilities(entry: _Entry) -> tuple[str, ...]:
    return _matching(entry, _CAPABILITY, "capabilities such as crm.read, mail.send")


def _tags(entry: _Entry) -> tuple[str, ...]:
    return _matching(entry, _TAG, "tags of lower-case letters, digits, '.', '_' and '-', such as pricing, vip")


def _matching(entry: _Entry, pattern: re.Pattern[str], wanted: str) -> tuple[str, ...]:
    items = _items(entry, wanted)
    for item in items:
        if not pattern.fullmatch(item):
            raise entry.wrong(item, wanted)
    return tuple(items)


def _description(entry: _Entry) -> str:
    if not entry.value:
        raise entry.wrong(entry.value, "one or two sentences")
    return entry.value


_TRIGGER_KEYS: dict[str, Callable[[_Entry], list[Trigger]]] = {
    "on": _events,
    "cron": _cron,
    "at": _at,
    "api": _api,
    "manual": _manual,
}
_SETTING_KEYS: dict[str, tuple[str, Callable[[_Entry], Any]]] = {
    "name": ("name", _name),
    "priority": ("priority", _priority),
    "capabilities": ("capabilities", _capabilities),
    "on_failure": ("failure_policy", partial(_one_of, choices={str(policy): policy for policy in FailurePolicy})),
    "limits": ("limits", partial(_one_of, choices={name: name for name in PROFILES})),
    "description": ("description", _description),
    "tags": ("tags", _tags),
}
KEYS = (*_TRIGGER_KEYS, *policies.KEYS, *_SETTING_KEYS)
