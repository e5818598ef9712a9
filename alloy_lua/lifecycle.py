"""The life of scripts: create, edit, activate, pause, roll back. Every write is checked, versioned and whole."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from .errors import ValidationError
from .events import parse_event
from .limits import profile
from .model import (
    DEFAULT_TENANT,
    ApiTrigger,
    CronTrigger,
    EventTrigger,
    FailurePolicy,
    Health,
    ManualTrigger,
    Revision,
    Script,
    Status,
    Trigger,
)
from .ports import ScriptQuery, Store

MAX_TRIGGERS = 50
MAX_TEXT = 2_000
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_CAPABILITY = re.compile(r"[A-Za-z0-9_*-]+(?:\.[A-Za-z0-9_*-]+)*")
_PATH = re.compile(r"/[A-Za-z0-9._~/{}-]*")
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SETTINGS = ("description", "triggers", "limits", "capabilities", "run_as", "priority", "failure_policy", "name")

# Where each change of status may start from.
_MAY = {
    Status.ACTIVE: (Status.DRAFT, Status.ACTIVE, Status.PAUSED, Status.DISABLED),
    Status.PAUSED: (Status.ACTIVE, Status.PAUSED),
    Status.DISABLED: (Status.ACTIVE, Status.PAUSED, Status.DISABLED),
    Status.ARCHIVED: (Status.DRAFT, Status.PAUSED, Status.DISABLED, Status.ARCHIVED),
    Status.DRAFT: (Status.ARCHIVED,),
}


class Scripts:
    """The stored scripts of all tenants; each call works within one.

    Args:
        store: Where they live.
        check: Compiles a source; raises `CompileError`.
        digest: Returns the SHA-256 of a source.
        compiler: Name and version of the compiler, kept with each revision.
        changed: Called after every write, so that this process runs what was written.
        health: Returns the counts of a script that are not in the store yet.
        reset_breaker: Closes a script's breaker by hand.
    """

    def __init__(
        self, store: Store, *, check: Callable[[str], object], digest: Callable[[str], str], compiler: str,
        changed: Callable[[], None], health: Callable[[Script], Health], reset_breaker: Callable[[Script], None],
    ) -> None:  # fmt: skip
        self._store = store
        self._check = check
        self._digest = digest
        self._compiler = compiler
        self._changed = changed
        self._health = health
        self._reset_breaker = reset_breaker

    # -- reading -------------------------------------------------------------------------------------------------
    def get(self, name: str, *, tenant: str = DEFAULT_TENANT) -> Script:
        """Returns the script called ``name`` (or with that id).

        Raises:
            NotFound: The tenant has none.
        """
        return self._store.get_script(_text(tenant, "tenant"), _text(name, "script name"))

    def list(
        self, *, tenant: str = DEFAULT_TENANT, status: str | None = None, event: str | None = None,
        text: str | None = None, after: str | None = None, limit: int = 100,
    ) -> Sequence[Script]:  # fmt: skip
        """Returns the tenant's scripts in order of name, at most ``limit``, behind the one called ``after``."""
        wanted = _one_of(Status, status, "status") if status is not None else None
        if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= 1000:
            raise ValidationError(f"limit: got {limit!r}, wanted a whole number from 1 to 1000")
        return self._store.list_scripts(ScriptQuery(_text(tenant, "tenant"), wanted, event, text, after, limit))

    def revisions(self, name: str, *, tenant: str = DEFAULT_TENANT) -> Sequence[Revision]:
        """Returns all revisions of a script, oldest first."""
        return self._store.list_revisions(tenant, self.get(name, tenant=tenant).id)

    def revision(self, name: str, number: int | None = None, *, tenant: str = DEFAULT_TENANT) -> Revision:
        """Returns one revision of a script: ``number``, or the draft if that is None."""
        script = self.get(name, tenant=tenant)
        return self._store.get_revision(tenant, script.id, script.draft_revision if number is None else number)

    def health(self, name: str, *, tenant: str = DEFAULT_TENANT) -> Health:
        """Returns the script's counts and breaker, those of this process up to date."""
        script = self.get(name, tenant=tenant)
        stored, fresh = self._store.get_health(tenant, script.id), self._health(script)
        return replace(
            fresh,
            runs=stored.runs + fresh.runs,
            changed=stored.changed + fresh.changed,
            rejected=stored.rejected + fresh.rejected,
            failed=stored.failed + fresh.failed,
            skipped=stored.skipped + fresh.skipped,
            fuel=stored.fuel + fresh.fuel,
            last_error_code=fresh.last_error_code or stored.last_error_code,
            last_error=fresh.last_error or stored.last_error,
            last_error_at=fresh.last_error_at or stored.last_error_at,
        )

    # -- writing -------------------------------------------------------------------------------------------------
    def create(
        self, name: str, source: str, *, on: str | Iterable[str] | None = None, triggers: Iterable[Trigger] = (),
        status: str = "draft", tenant: str = DEFAULT_TENANT, description: str = "", limits: str = "default",
        capabilities: Iterable[str] = (), run_as: str | None = None, priority: int = 100,
        failure_policy: str = "closed", author: str = "system", message: str = "",
    ) -> Script:  # fmt: skip
        """Returns the new script.

        Args:
            name: Unique within the tenant: letters, digits, ``.``, ``_``, ``-``.
            source: The Lua text. A draft need not compile.
            on: Events, short for event triggers.
            triggers: Further triggers.
            status: ``draft``, or ``active`` to run it at once.
            tenant: Whose script it is.
            description: What it is for.
            limits: A limits profile: strict, default or relaxed.
            capabilities: What it may call beyond pure helpers.
            run_as: The user its own actions count as.
            priority: Lower runs first.
            failure_policy: ``closed`` (a failure stops the operation) or ``open``.
            author: Who writes.
            message: Why.

        Raises:
            CompileError: It is to be active and does not compile.
            Conflict: The name is taken.
            ValidationError: A setting is wrong.
        """
        wanted = _one_of(Status, status, "status")
        if wanted not in (Status.DRAFT, Status.ACTIVE):
            raise ValidationError(f"status of a new script: got {status!r}, wanted draft or active")
        text = _source(source)
        if wanted is Status.ACTIVE:
            self._check(text)
        now = datetime.now(UTC)
        settings = _settings(
            name=name, description=description, triggers=_triggers(on, triggers), limits=limits,
            capabilities=capabilities, run_as=run_as, priority=priority, failure_policy=failure_policy,
        )  # fmt: skip
        script = Script(
            id=uuid.uuid4().hex, tenant=_text(tenant, "tenant"), status=wanted, draft_revision=1,
            live_revision=1 if wanted is Status.ACTIVE else None, version=1, created_at=now, updated_at=now,
            updated_by=_text(author, "author"), **settings,
        )  # fmt: skip
        self._store.add_script(script, self._revision(script.id, 1, text, author, message, now))
        self._changed()
        return script

    def update(
        self, name: str, source: str | None = None, *, expected_version: int | None = None,
        tenant: str = DEFAULT_TENANT, author: str = "system", message: str = "",
        on: str | Iterable[str] | None = None, **settings: Any,
    ) -> Script:  # fmt: skip
        """Returns the script with new settings, and with ``source`` as its new draft where given.

        What runs changes only by `activate`; settings (triggers, limits, …) take effect at once.

        Args:
            name: The script.
            source: New Lua text; becomes a new revision unless it is the draft's text already.
            expected_version: The version this edit is based on; None for whatever is there now.
            tenant: Whose script it is.
            author: Who writes.
            message: Why.
            on: Events that replace the event triggers.
            settings: Any of description, triggers, limits, capabilities, run_as, priority, failure_policy, name.

        Raises:
            Conflict: Somebody else changed it; the details say who and when.
        """
        script = self.get(name, tenant=tenant)
        unknown = settings.keys() - set(_SETTINGS)
        if unknown:
            raise ValidationError(f"setting {min(unknown)!r}: unknown; wanted one of {', '.join(_SETTINGS)}")
        if on is not None:
            kept = settings.get("triggers", script.triggers)
            settings["triggers"] = _triggers(on, [t for t in kept if not isinstance(t, EventTrigger)])
        changed = replace(script, **_settings(**settings)) if settings else script
        revision = None
        if source is not None:
            text = _source(source)
            draft = self._store.get_revision(tenant, script.id, script.draft_revision)
            if draft.source != text:
                number = max(r.number for r in self._store.list_revisions(tenant, script.id)) + 1
                revision = self._revision(script.id, number, text, author, message, datetime.now(UTC))
                changed = replace(changed, draft_revision=number)
        return self._save(changed, expected_version, author, revision)

    def activate(
        self, name: str, revision: int | None = None, *, expected_version: int | None = None,
        tenant: str = DEFAULT_TENANT, author: str = "system",
    ) -> Script:  # fmt: skip
        """Returns the script, active, with ``revision`` (None: the draft) live.

        Raises:
            CompileError: The revision does not compile; nothing was changed.
        """
        script = self.get(name, tenant=tenant)
        number = script.draft_revision if revision is None else revision
        self._check(self._store.get_revision(tenant, script.id, number).source)
        self._reset_breaker(script)
        return self._move(script, Status.ACTIVE, expected_version, author, live_revision=number)

    def rollback(
        self, name: str, revision: int, *, expected_version: int | None = None, tenant: str = DEFAULT_TENANT,
        author: str = "system",
    ) -> Script:  # fmt: skip
        """Returns the script with ``revision`` live again; its status and its draft stay as they are."""
        script = self.get(name, tenant=tenant)
        self._check(self._store.get_revision(tenant, script.id, revision).source)
        return self._save(replace(script, live_revision=revision), expected_version, author)

    def pause(self, name: str, **write: Any) -> Script:
        """Returns the script, paused: it keeps its live revision and does not run until `resume`."""
        return self._set(name, Status.PAUSED, **write)

    def resume(self, name: str, **write: Any) -> Script:
        """Returns the script, active again with the live revision it had."""
        return self._set(name, Status.ACTIVE, **write)

    def disable(self, name: str, **write: Any) -> Script:
        """Returns the script, disabled: switched off until somebody activates or resumes it."""
        return self._set(name, Status.DISABLED, **write)

    def archive(self, name: str, **write: Any) -> Script:
        """Returns the script, archived: kept for the record."""
        return self._set(name, Status.ARCHIVED, **write)

    def restore(self, name: str, **write: Any) -> Script:
        """Returns an archived script as a draft."""
        return self._set(name, Status.DRAFT, **write)

    def delete(self, name: str, *, expected_version: int | None = None, tenant: str = DEFAULT_TENANT) -> None:
        """Removes a script that is not active, with its revisions; its runs stay on record."""
        script = self.get(name, tenant=tenant)
        if script.status is Status.ACTIVE:
            raise ValidationError(f"script {script.name}: is active; pause, disable or archive it before deleting it")
        version = script.version if expected_version is None else expected_version
        self._store.delete_script(tenant, script.id, expected_version=version)
        self._changed()

    def reset_breaker(self, name: str, *, tenant: str = DEFAULT_TENANT) -> None:
        """Lets a script that failed too often run again at once."""
        self._reset_breaker(self.get(name, tenant=tenant))

    # -- inside --------------------------------------------------------------------------------------------------
    def _set(
        self, name: str, status: Status, *, expected_version: int | None = None, tenant: str = DEFAULT_TENANT,
        author: str = "system",
    ) -> Script:  # fmt: skip
        script = self.get(name, tenant=tenant)
        if status is Status.ACTIVE and script.live_revision is None:
            raise ValidationError(f"script {script.name}: was never activated; wanted a live revision to resume")
        return self._move(script, status, expected_version, author)

    def _move(
        self, script: Script, status: Status, expected_version: int | None, author: str, **changes: Any
    ) -> Script:
        if script.status not in _MAY[status]:
            wanted = " or ".join(_MAY[status])
            raise ValidationError(f"script {script.name}: is {script.status}; to become {status} it must be {wanted}")
        return self._save(replace(script, status=status, **changes), expected_version, author)

    def _save(
        self, script: Script, expected_version: int | None, author: str, revision: Revision | None = None
    ) -> Script:
        version = script.version if expected_version is None else expected_version
        if isinstance(version, bool) or not isinstance(version, int):
            raise ValidationError(f"expected_version: got {version!r}, wanted a whole number")
        stamped = replace(script, updated_at=datetime.now(UTC), updated_by=_text(author, "author"))
        saved = self._store.save_script(stamped, expected_version=version, revision=revision)
        self._changed()
        return saved

    def _revision(self, script_id: str, number: int, source: str, author: str, message: str, at: datetime) -> Revision:
        return Revision(
            script_id, number, source, self._digest(source), _text(author, "author"), _long(message, "message"), at,
            self._compiler,
        )  # fmt: skip


def _text(value: Any, what: str, most: int = 200) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > most:
        got = f"{len(value)} characters" if isinstance(value, str) and len(value) > most else repr(value)
        raise ValidationError(f"{what}: got {got}, wanted 1 to {most} characters", details={"field": what})
    return value


def _long(value: Any, what: str) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        got = f"{len(value)} characters" if isinstance(value, str) else type(value).__name__
        raise ValidationError(f"{what}: got {got}, wanted a string of at most {MAX_TEXT}", details={"field": what})
    return value


def _source(source: Any) -> str:
    if not isinstance(source, str):
        raise ValidationError(f"source: got {type(source).__name__}, wanted a string", details={"field": "source"})
    if len(source) > 1_000_000:
        raise ValidationError(f"source: got {len(source)} characters, wanted at most 1000000")
    try:
        source.encode()
    except UnicodeEncodeError:
        raise ValidationError("source: got a lone surrogate, wanted text", details={"field": "source"}) from None
    return source


def _one_of(kind: Any, value: Any, what: str) -> Any:
    try:
        return kind(value)
    except ValueError:
        wanted = ", ".join(kind)
        raise ValidationError(f"{what}: got {value!r}, wanted one of {wanted}", details={"field": what}) from None


def _triggers(on: str | Iterable[str] | None, triggers: Iterable[Trigger]) -> tuple[Trigger, ...]:
    events = [on] if isinstance(on, str) else list(on or ())
    return (*(EventTrigger(event) for event in events), *triggers)


def _settings(**given: Any) -> dict[str, Any]:
    """Returns the given settings, checked and in the form that `Script` holds."""
    checked: dict[str, Any] = {}
    for name, value in given.items():
        checked[name] = _CHECKS[name](value)
    return checked


def _name(value: Any) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValidationError(
            f"script name: got {value!r}, wanted 1 to 100 letters, digits, '.', '_' or '-', starting with a letter or digit",
            details={"field": "name"},
        )
    return value


def _priority(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -1_000_000 <= value <= 1_000_000:
        raise ValidationError(f"priority: got {value!r}, wanted a whole number up to a million", details={"field": "priority"})
    return value


def _capabilities(value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise ValidationError(f"capabilities: got {value!r}, wanted a list of names", details={"field": "capabilities"})
    names = list(value)
    for name in names:
        if not isinstance(name, str) or len(name) > 100 or not _CAPABILITY.fullmatch(name):
            raise ValidationError(f"capability: got {name!r}, wanted a dotted name such as crm.read")
    return tuple(sorted(set(names)))


def _profile(value: Any) -> str:
    if not isinstance(value, str):
        raise ValidationError(f"limits: got {value!r}, wanted the name of a profile", details={"field": "limits"})
    profile(value)
    return value


def _trigger_list(value: Any) -> tuple[Trigger, ...]:
    triggers = tuple(value)
    if len(triggers) > MAX_TRIGGERS:
        raise ValidationError(f"triggers: got {len(triggers)}, wanted at most {MAX_TRIGGERS}")
    for trigger in triggers:
        check_trigger(trigger)
    return triggers


def check_trigger(trigger: Any) -> None:
    """Returns None if the trigger makes sense.

    Raises:
        ValidationError: Names what is wrong with it.
    """
    if isinstance(trigger, EventTrigger):
        parse_event(trigger.event)
        for name in trigger.fields:
            if not isinstance(name, str) or not _FIELD.fullmatch(name):
                raise ValidationError(f"watched field: got {name!r}, wanted a field name")
    elif isinstance(trigger, CronTrigger):
        _check_cron(trigger)
    elif isinstance(trigger, ApiTrigger):
        if trigger.method not in METHODS:
            raise ValidationError(f"api trigger method: got {trigger.method!r}, wanted one of {', '.join(METHODS)}")
        if not isinstance(trigger.path, str) or not _PATH.fullmatch(trigger.path):
            raise ValidationError(f"api trigger path: got {trigger.path!r}, wanted a path such as /orders/quote")
    elif not isinstance(trigger, ManualTrigger):
        raise ValidationError(f"trigger: got {trigger!r}, wanted an event, cron, api or manual trigger")


def _check_cron(trigger: CronTrigger) -> None:
    from zoneinfo import ZoneInfo

    from croniter import croniter

    if not isinstance(trigger.expression, str) or not croniter.is_valid(trigger.expression):
        raise ValidationError(f"cron expression: got {trigger.expression!r}, wanted five fields such as '0 6 * * *'")
    try:
        ZoneInfo(trigger.timezone)
    except (KeyError, ValueError, OSError, TypeError):
        raise ValidationError(f"time zone: got {trigger.timezone!r}, wanted an IANA name such as Europe/Oslo") from None


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "name": _name,
    "description": lambda value: _long(value, "description"),
    "triggers": _trigger_list,
    "limits": _profile,
    "capabilities": _capabilities,
    "run_as": lambda value: value if value is None else _text(value, "run_as"),
    "priority": _priority,
    "failure_policy": lambda value: _one_of(FailurePolicy, value, "failure_policy"),
}

