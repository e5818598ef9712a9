"""The life of scripts: create, edit, activate, pause, roll back. Every write is checked, versioned and whole."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from . import checks
from .access.acting import require, who
from .errors import ValidationError
from .model import DEFAULT_TENANT, EventTrigger, Health, Revision, Script, Status, Trigger
from .ports import ScriptQuery, Store
from .script_settings import CHECKS, MAX_TEXT, bound, hooks_in, settings_in, triggers_in
from .triggers import check_free

if TYPE_CHECKING:
    from .access_model import AuditEntry

MAX_DRAFT = 1_000_000

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
        return self._find("scripts.read", name, tenant)

    def list(
        self, *, tenant: str = DEFAULT_TENANT, status: str | None = None, event: str | None = None,
        text: str | None = None, after: str | None = None, limit: int = 100, entity: str | None = None,
        phase: str | None = None, tag: str | None = None,
    ) -> Sequence[Script]:  # fmt: skip
        """Returns the tenant's scripts in order of name, at most ``limit``, behind the one called ``after``.

        Args:
            tenant: Whose scripts.
            status: In this status.
            event: Bound to this event.
            text: With this text in name or description.
            after: Behind the script of this name.
            limit: How many at most.
            entity: Bound to an event of this entity type.
            phase: Bound to an event of this phase: ``before``, ``after`` or ``on_commit``.
            tag: With this tag.
        """
        require("scripts.read", checks.name(tenant, "tenant"))
        query = ScriptQuery(
            tenant,
            None if status is None else checks.one_of(Status, status, "status"),
            None if event is None else checks.text(event, "event"),
            None if text is None else checks.text(text, "text"),
            None if after is None else checks.text(after, "after"),
            checks.whole_number(limit, "limit", 1, 1000),
            hooks_in(entity, phase),
            None if tag is None else checks.text(tag, "tag"),
        )
        return self._store.list_scripts(query)

    def revisions(self, name: str, *, tenant: str = DEFAULT_TENANT) -> Sequence[Revision]:
        """Returns all revisions of a script, oldest first."""
        return self._store.list_revisions(tenant, self.get(name, tenant=tenant).id)

    def revision(self, name: str, number: int | None = None, *, tenant: str = DEFAULT_TENANT) -> Revision:
        """Returns one revision of a script: ``number``, or the draft if that is None."""
        script = self.get(name, tenant=tenant)
        return self._stored(script, script.draft_revision if number is None else number)

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
        failure_policy: str = "closed", tags: Iterable[str] = (), author: str | None = None, message: str = "",
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
            limits: A limits profile: strict, default, external or relaxed.
            capabilities: What it may call beyond pure helpers.
            run_as: The user its own actions count as.
            priority: Lower runs first.
            failure_policy: ``closed`` (a failure stops the operation) or ``open``.
            tags: Words to find it by: lower-case letters, digits, ``.``, ``_``, ``-``.
            author: Who writes, if nobody acts (see `Alloy.acting`); None for the host itself.
            message: Why.

        Raises:
            CompileError: It is to be active and does not compile.
            Conflict: The name is taken, or another active script answers the method and path of one of its triggers.
            ReviewRequired: It is to be active, and its tenant asks for a review first.
            ValidationError: A setting is wrong.
        """
        require("scripts.write", checks.name(tenant, "tenant"))
        wanted = Status(checks.choice(status, "status of a new script", ("draft", "active"), field="status"))
        text = checks.text(source, "source", MAX_DRAFT)
        if wanted is Status.ACTIVE:
            require("scripts.activate", tenant)
            self._check(text)
        now = datetime.now(UTC)
        settings = settings_in(
            name=name, description=description, triggers=bound(on, triggers), limits=limits,
            capabilities=capabilities, run_as=run_as, priority=priority, failure_policy=failure_policy, tags=tags,
        )  # fmt: skip
        script = Script(
            id=uuid.uuid4().hex, tenant=tenant, status=wanted, draft_revision=1,
            live_revision=1 if wanted is Status.ACTIVE else None, version=1, created_at=now, updated_at=now,
            updated_by=who(author), **settings,
        )  # fmt: skip
        revision = self._revision(script.id, 1, text, author, message, now)
        self._check_review(None, script, revision)
        self._store.add_script(script, revision, audit=_entry("create", None, script, author, message, revision))
        self._changed()
        return script

    def update(
        self, name: str, /, source: str | None = None, *, expected_version: int | None = None,
        tenant: str = DEFAULT_TENANT, author: str | None = None, message: str = "",
        on: str | Iterable[str] | None = None, **settings: Any,
    ) -> Script:  # fmt: skip
        """Returns the script with new settings, and with ``source`` as its new draft where given.

        What runs changes only by `activate`; settings (triggers, limits, …) take effect at once.

        Args:
            name: The script.
            source: New Lua text; becomes a new revision unless it is the draft's text already.
            expected_version: The version this edit is based on; None for whatever is there now.
            tenant: Whose script it is.
            author: Who writes, if nobody acts.
            message: Why.
            on: Events that replace the event triggers.
            settings: Any of description, triggers, limits, capabilities, run_as, priority, failure_policy, name.

        Raises:
            Conflict: Somebody else changed it; the details say who and when.
            ReviewRequired: It is active, the settings decide how it runs, and its tenant asks for a review first.
        """
        script = self._find("scripts.write", name, tenant)
        unknown = settings.keys() - CHECKS.keys()
        if unknown:
            raise ValidationError(f"setting {min(unknown)!r}: unknown; wanted one of {', '.join(CHECKS)}")
        if on is not None:
            kept = triggers_in(settings.get("triggers", script.triggers))
            settings["triggers"] = bound(on, [t for t in kept if not isinstance(t, EventTrigger)])
        changed = replace(script, **settings_in(**settings)) if settings else script
        revision = None
        if source is not None:
            text = checks.text(source, "source", MAX_DRAFT)
            if self._stored(script, script.draft_revision).source != text:
                number = max(r.number for r in self._store.list_revisions(tenant, script.id)) + 1
                revision = self._revision(script.id, number, text, author, message, datetime.now(UTC))
                changed = replace(changed, draft_revision=number)
        if _alters_what_runs(script, changed):
            require("scripts.activate", tenant)
        return self._save("update", script, changed, expected_version, author, message, revision)

    def activate(
        self, name: str, revision: int | None = None, *, expected_version: int | None = None,
        tenant: str = DEFAULT_TENANT, author: str | None = None, reason: str | None = None,
    ) -> Script:  # fmt: skip
        """Returns the script, active, with ``revision`` (None: the draft) live.

        Raises:
            CompileError: The revision does not compile; nothing was changed.
            Conflict: Another active script answers the method and path of one of its triggers (see `check_free`).
            ReviewRequired: Its tenant asks for a review, and nobody but its author has approved it.
            BacktestRequired: It asks for a back-test (see `Backtests.require`) that this text has not passed.
        """
        script = self._find("scripts.activate", name, tenant)
        number = script.draft_revision if revision is None else revision
        self._check(self._stored(script, number).source)
        active = self._move("activate", script, Status.ACTIVE, expected_version, author, reason, live_revision=number)
        self._reset_breaker(active)
        return active

    def rollback(
        self, name: str, revision: int, *, expected_version: int | None = None, tenant: str = DEFAULT_TENANT,
        author: str | None = None, reason: str | None = None,
    ) -> Script:  # fmt: skip
        """Returns the script with ``revision`` live again; its status and its draft stay as they are.

        Raises:
            CompileError, ReviewRequired: as for `activate`.
        """
        script = self._find("scripts.activate", name, tenant)
        self._check(self._stored(script, revision).source)
        return self._save("rollback", script, replace(script, live_revision=revision), expected_version, author, reason)

    def pause(self, name: str, **write: Any) -> Script:
        """Returns the script, paused: it keeps its live revision and does not run until `resume`."""
        return self._set("pause", name, Status.PAUSED, **write)

    def resume(self, name: str, **write: Any) -> Script:
        """Returns the script, active again with the live revision it had."""
        return self._set("resume", name, Status.ACTIVE, **write)

    def disable(self, name: str, **write: Any) -> Script:
        """Returns the script, disabled: switched off until somebody activates or resumes it."""
        return self._set("disable", name, Status.DISABLED, **write)

    def archive(self, name: str, **write: Any) -> Script:
        """Returns the script, archived: kept for the record."""
        return self._set("archive", name, Status.ARCHIVED, **write)

    def restore(self, name: str, **write: Any) -> Script:
        """Returns an archived script as a draft."""
        return self._set("restore", name, Status.DRAFT, **write)

    def delete(
        self, name: str, *, expected_version: int | None = None, tenant: str = DEFAULT_TENANT,
        author: str | None = None, reason: str | None = None,
    ) -> None:  # fmt: skip
        """Removes a script that is not active, with its revisions; its runs stay on record."""
        script = self._find("scripts.delete", name, tenant)
        if script.status is Status.ACTIVE:
            raise ValidationError(f"script {script.name}: is active; pause, disable or archive it before deleting it")
        self._store.delete_script(
            tenant, script.id, expected_version=_version(script, expected_version),
            audit=_entry("delete", script, None, author, reason),
        )  # fmt: skip
        self._changed()

    def reset_breaker(
        self, name: str, *, tenant: str = DEFAULT_TENANT, author: str | None = None, reason: str | None = None
    ) -> None:
        """Lets a script that failed too often run again at once."""
        script = self._find("scripts.operate", name, tenant)
        self._reset_breaker(script)
        self._store.audit.add(_entry("reset_breaker", script, script, author, reason))

    # -- inside --------------------------------------------------------------------------------------------------
    def _find(self, permission: str, name: str, tenant: str) -> Script:
        """Returns the script, if whoever acts has ``permission`` in its tenant."""
        require(permission, checks.name(tenant, "tenant"))
        return self._store.get_script(tenant, checks.name(name, "script name"))

    def _stored(self, script: Script, number: Any) -> Revision:
        return self._store.get_revision(script.tenant, script.id, checks.whole_number(number, "revision", 1))

    def _set(
        self, verb: str, name: str, status: Status, *, expected_version: int | None = None,
        tenant: str = DEFAULT_TENANT, author: str | None = None, reason: str | None = None,
    ) -> Script:  # fmt: skip
        script = self._find("scripts.operate", name, tenant)
        if status is Status.ACTIVE and script.live_revision is None:
            raise ValidationError(f"script {script.name}: was never activated; wanted a live revision to resume")
        return self._move(verb, script, status, expected_version, author, reason)

    def _move(
        self, verb: str, script: Script, status: Status, expected_version: int | None, author: str | None,
        reason: str | None, **changes: Any,
    ) -> Script:  # fmt: skip
        if script.status not in _MAY[status]:
            wanted = " or ".join(_MAY[status])
            raise ValidationError(f"script {script.name}: is {script.status}; to become {status} it must be {wanted}")
        return self._save(verb, script, replace(script, status=status, **changes), expected_version, author, reason)

    def _save(
        self, verb: str, before: Script, script: Script, expected_version: int | None, author: str | None,
        reason: str | None, revision: Revision | None = None,
    ) -> Script:  # fmt: skip
        version = _version(before, expected_version)
        if script == before and version == before.version:
            return before  # nothing to write: nobody's version goes stale
        self._check_review(before, script)
        stamped = replace(script, updated_at=datetime.now(UTC), updated_by=who(author))
        audit = _entry(verb, before, stamped, author, reason, revision)
        saved = self._store.save_script(stamped, expected_version=version, revision=revision, audit=audit)
        self._changed()
        return saved

    def _check_review(self, before: Script | None, script: Script, revision: Revision | None = None) -> None:
        """Returns None if what runs stays as it is, or is free to and, where the tenant asks for that, approved."""
        if not _alters_what_runs(before, script):
            return
        check_free(before, script, self._store.iter_active)
        from .access.reviews import require_approval
        from .replay.gate import require_backtest

        text = revision or self._stored(script, script.live_revision)
        require_approval(self._store, script, text)
        require_backtest(self._store, before, text, script.tenant)

    def _revision(
        self, script_id: str, number: int, source: str, author: str | None, message: str, at: datetime
    ) -> Revision:
        return Revision(
            script_id, number, source, self._digest(source), who(author),
            checks.text(message, "message", MAX_TEXT), at, self._compiler,
        )  # fmt: skip


def _alters_what_runs(before: Script | None, after: Script) -> bool:
    """Returns whether a script that is active after a change runs otherwise than before: whether, what, or how."""
    from .access.reviews import settings_digest

    if after.status is not Status.ACTIVE or before is None:
        return after.status is Status.ACTIVE
    same = (before.status, before.live_revision) == (after.status, after.live_revision)
    return not same or settings_digest(before) != settings_digest(after)


def _entry(*change: Any) -> AuditEntry:
    # Loaded by the first write, not with the package: most processes only fire.
    from .access import trail

    return trail.change(*change)


def _version(script: Script, expected: Any) -> int:
    return script.version if expected is None else checks.whole_number(expected, "expected_version")


def runnable_revision(script: Script, dry_run: bool, revision: int | None) -> int:
    """Returns the revision of ``script`` that a run by hand takes.

    Args:
        script: What is to be run.
        dry_run: Whether nothing is to come of it: then any script and any revision may be tried.
        revision: The one asked for, None for the live one (or the draft in a dry run, if none is live).

    Raises:
        ValidationError: The script may not be run by hand.
    """
    if revision is not None:
        checks.whole_number(revision, "revision", 1)
    if dry_run:
        return revision or script.live_revision or script.draft_revision
    if revision is not None:
        raise ValidationError("revision: may be chosen in a dry run only; activate it to run it")
    if script.status is not Status.ACTIVE or script.live_revision is None:
        raise ValidationError(f"script {script.name}: is {script.status}, wanted active (or a dry run)")
    if all(isinstance(trigger, EventTrigger) for trigger in script.triggers):
        raise ValidationError(f"script {script.name}: runs on events only; add a manual trigger, or try a dry run")
    return script.live_revision
