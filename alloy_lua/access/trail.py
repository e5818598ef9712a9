"""The audit entries of changes to scripts."""

from __future__ import annotations

from typing import Any

from .. import checks
from ..access_model import AuditEntry
from ..model import Revision, Script
from .acting import MAX_REASON, entry
from .digests import digest_of, without

_STAMPS = ("version", "updated_at", "updated_by")


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
