"""The audit entries of changes: of any kind, and of scripts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from .. import checks
from ..access_model import AuditEntry
from ..model import Revision, Script
from .acting import ACTING, MAX_REASON, who
from .digests import digest_of, without

_STAMPS = ("version", "updated_at", "updated_by")


def entry(
    action: str, *, tenant: str | None, object_id: str, name: str, author: str | None = None, before: str | None = None,
    after: str | None = None, reason: str | None = None, details: dict[str, Any] | None = None,
) -> AuditEntry:  # fmt: skip
    """Returns the audit entry of a change made now by whoever acts.

    Args:
        action: ``<kind>.<verb>``.
        tenant: Whose object it is.
        object_id: Which object.
        name: What people call it.
        author: Who, if nobody acts.
        before: The digest of its state so far.
        after: The digest of its new state.
        reason: Why; None for the reason that `acting` was given.
        details: Further facts, JSON-like.
    """
    around = ACTING.get()
    via, address, request_id, why, token_id = "python", None, None, None, None
    if around is not None:
        via, address, request_id, why = around.via, around.address, around.request_id, around.reason
        token_id = around.actor.token_id
    return AuditEntry(
        datetime.now(UTC), who(author), action, tenant, action.partition(".")[0], object_id, name, before, after,
        reason or why, details, via, address, request_id, token_id,
    )  # fmt: skip


def change(
    verb: str, before: Script | None, after: Script | None, author: str | None, reason: str | None,
    revision: Revision | None = None,
) -> AuditEntry:  # fmt: skip
    """Returns the entry of one change of a script.

    Args:
        verb: What was done: ``create``, ``activate``, ….
        before: The script as it was, None if it is new.
        after: The script as it is now, None if it is gone.
        author: Who did it, if nobody acts.
        reason: Why.
        revision: The revision that was added, if one was.
    """
    script = after or before
    assert script is not None
    details: dict[str, Any] = {"changed": _changed(before, after)} if before and after else {}
    if script.live_revision is not None:
        details["live_revision"] = script.live_revision
    if revision is not None:
        details |= {"revision": revision.number, "sha256": revision.sha256}
    why = None if reason is None else checks.text(reason, "reason", MAX_REASON)
    return entry(
        f"script.{verb}", tenant=script.tenant, object_id=script.id, name=script.name, author=author,
        before=_state(before), after=_state(after), reason=why, details=details or None,
    )  # fmt: skip


def _state(script: Script | None) -> str | None:
    """Returns the digest of a script's settings; revisions never change, so that their numbers stand for their text."""
    return None if script is None else digest_of(without(script, *_STAMPS))


def _changed(before: Script, after: Script) -> list[str]:
    old, new = without(before, *_STAMPS), without(after, *_STAMPS)
    return [name for name, value in new.items() if value != old[name]]
