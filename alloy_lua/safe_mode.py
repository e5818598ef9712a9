"""Safe mode: scripts that are not run for a while, by name, event or tenant, or all of them, on every node."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from . import checks
from .access.acting import require
from .errors import NotFound, ScriptError, ValidationError
from .events import parse_event
from .model import DEFAULT_TENANT, Script
from .ports import Document, Documents

if TYPE_CHECKING:
    from .access_model import AuditEntry

KIND = "bypass"
EVERY_TENANT = ""  # no tenant has this name
LONGEST = 365 * 86_400.0
MAX_REASON = 500

Lookup = Callable[[Script, "str | None"], "str | None"]
"""Takes a script and the event it would run on; returns the reason why it is bypassed, None if it is not."""


class Bypass(NamedTuple):
    """What is bypassed, and why.

    Attributes:
        id: What `SafeMode.clear` takes.
        tenant: Whose scripts; None for everybody's.
        script: The one script, by name or id; None for all.
        event: The one event; None for all.
        reason: Why.
        until: When it ends by itself; None if it does not.
        by: Who set it.
        since: When it was set.
    """

    id: str
    tenant: str | None
    script: str | None
    event: str | None
    reason: str
    until: datetime | None
    by: str
    since: datetime

    def covers(self, script: Script, event: str | None) -> bool:
        """Returns whether ``script`` is bypassed on ``event``."""
        return (
            self.tenant in (None, script.tenant)
            and self.script in (None, script.name, script.id)
            and self.event in (None, event)
        )


class SafeMode:
    """The bypasses in force. They are stored; every process takes them up at its next poll, a second by default.

    Args:
        documents: Where they are kept.
        changed: Called after each change, to take it up here at once.
    """

    def __init__(self, documents: Documents, changed: Callable[[], None]) -> None:
        self._documents = documents
        self._changed = changed
        self._own: Bypass | None = None
        self._next_end: datetime | None = None

    def set(
        self, reason: str, *, script: str | None = None, event: str | None = None, tenant: str | None = None,
        everything: bool = False, seconds: float | None = None, by: str = "system",
    ) -> Bypass:  # fmt: skip
        """Returns the bypass as stored, in place of the one for the same thing.

        Args:
            reason: Why, for those who wonder.
            script: One script, by name or id, of ``tenant`` or else of the default tenant.
            event: One event, of ``tenant`` or else of all tenants.
            tenant: All scripts of a tenant, if neither script nor event is given.
            everything: All scripts of all tenants.
            seconds: How long; None until it is cleared.
            by: Who sets it.

        Raises:
            ValidationError: It does not say what, or an argument is wrong.
        """
        why, author = checks.text(reason, "reason", MAX_REASON).strip(), checks.name(by, "by")
        if not why:
            raise checks.wrong("reason", reason, "a text that says why")
        name, owner = _scope(script, event, checks.optional_name(tenant, "tenant"), everything)
        require("safe_mode.write", owner or None)
        now = datetime.now(UTC)
        until = None if seconds is None else now + timedelta(seconds=checks.number(seconds, "seconds", 0.001, LONGEST))
        body = {
            "script": script, "event": event, "reason": why, "until": None if until is None else until.isoformat(),
        }  # fmt: skip
        document = Document(owner, KIND, name, body, now, author)
        made = _bypass(document)
        self._documents.put(document, audit=_entry("set", made.id, owner, author, why, body))
        self._changed()
        return made

    def clear(self, id: str) -> None:
        """Ends a bypass.

        Raises:
            NotFound: There is none of that id.
        """
        owner, _, name = checks.text(id, "id").partition("/")
        require("safe_mode.write", None if owner == "*" else owner)
        tenant = EVERY_TENANT if owner == "*" else owner
        if not self._documents.delete(tenant, KIND, name, audit=_entry("clear", id, tenant)):
            raise NotFound(f"bypass {id!r}: there is none", details={"id": id})
        self._changed()

    def list(self) -> list[Bypass]:
        """Returns the bypasses in force, this process's own first."""
        now = datetime.now(UTC)
        found = [_bypass(one) for one in self._documents.of_kind(KIND)]
        own = [self._own] if self._own is not None else []
        return own + [one for one in found if one.until is None or one.until > now]

    def bypass_here(self, reason: str) -> None:
        """Bypasses all scripts in this process, for as long as it lives: what ``--safe-mode`` does."""
        self._own = Bypass("*/here", None, None, None, reason, None, "system", datetime.now(UTC))
        self._changed()

    # -- for the runner ------------------------------------------------------------------------------------------
    def lookup(self) -> Lookup | None:
        """Returns what tells whether a script is bypassed; None if nothing is."""
        found = self.list()
        ends = [one.until for one in found if one.until is not None]
        self._next_end = min(ends, default=None)
        if not found:
            return None

        def reason_for(script: Script, event: str | None) -> str | None:
            return next((one.reason for one in found if one.covers(script, event)), None)

        return reason_for

    def over(self) -> bool:
        """Returns whether a bypass has ended since the last `lookup`."""
        return self._next_end is not None and self._next_end <= datetime.now(UTC)

    def prune(self) -> None:
        """Removes bypasses from the store that have ended."""
        now = datetime.now(UTC)
        for document in self._documents.of_kind(KIND):
            until = _bypass(document).until
            if until is not None and until <= now:
                self._documents.delete(document.tenant, KIND, document.name)


def bypassed(script: Script, reason: str) -> ScriptError:
    """Returns the error for a script that was asked for by name and is bypassed."""
    message = f"script {script.name} is bypassed by safe mode: {reason}"
    return ScriptError(message, code="bypassed", details={"script": script.name, "reason": reason})


def _scope(script: str | None, event: str | None, tenant: str | None, everything: bool) -> tuple[str, str]:
    """Returns the name and the tenant of the document for what is bypassed."""
    if (script is not None) + (event is not None) + everything > 1 or (everything and tenant is not None):
        raise ValidationError("safe mode: wanted one of script, event, tenant and everything")
    if script is not None:
        return f"script {checks.name(script, 'script')}"[:200], tenant or DEFAULT_TENANT
    if event is not None:
        return f"event {parse_event(event).name}"[:200], tenant or EVERY_TENANT
    if not everything and tenant is None:
        raise ValidationError("safe mode: wanted script, event, tenant or everything=True")
    return "all", tenant or EVERY_TENANT


def _entry(
    verb: str, id: str, tenant: str, author: str | None = None, reason: str | None = None,
    body: dict[str, Any] | None = None,
) -> AuditEntry:  # fmt: skip
    """Returns the audit entry of a change."""
    from .access.trail import entry

    facts = None if body is None else {name: body[name] for name in ("script", "event", "until")}
    return entry(
        f"safe_mode.{verb}", tenant=tenant or None, object_id=id, name=id, author=author, reason=reason, details=facts
    )


def _bypass(document: Document) -> Bypass:
    body: dict[str, Any] = document.body
    until = None if body["until"] is None else datetime.fromisoformat(body["until"])
    owner = document.tenant or None
    return Bypass(
        f"{owner or '*'}/{document.name}", owner, body["script"], body["event"], body["reason"], until,
        document.updated_by, document.updated_at,
    )  # fmt: skip
