"""Brings scripts that were read from files into a database, and leaves alone those that are there already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import NotFound
from ..model import DEFAULT_TENANT, Script, Status
from ..script_files.front_matter import ScriptFile

if TYPE_CHECKING:
    from .. import Alloy


def publish(
    alloy: Alloy,
    found: ScriptFile,
    *,
    activate: bool = True,
    tenant: str = DEFAULT_TENANT,
    author: str = "system",
    message: str = "",
) -> tuple[str, Script]:
    """Returns what was done (``created``, ``updated`` or ``unchanged``) and the stored script.

    Args:
        alloy: Whose store gets the script.
        found: The script as its file says.
        activate: Whether its newest text is to be the one that runs.
        tenant: Whose script it is.
        author: Who writes.
        message: Why.

    Raises:
        AlloyError: It does not compile, or the database can't be written.
    """
    action, script = _write(alloy, found, {"tenant": tenant, "author": author, "message": message})
    if activate and not _runs_draft(script):
        if script.status is Status.ARCHIVED:
            alloy.scripts.restore(script.id, tenant=tenant, author=author)
        script = alloy.scripts.activate(script.id, tenant=tenant, author=author)
    return action, script


def _runs_draft(script: Script) -> bool:
    return script.status is Status.ACTIVE and script.live_revision == script.draft_revision


def _write(alloy: Alloy, found: ScriptFile, write: dict[str, Any]) -> tuple[str, Script]:
    settings = found.settings()
    try:
        script = alloy.scripts.get(found.name, tenant=write["tenant"])
    except NotFound:
        return "created", alloy.scripts.create(found.name, found.source, **write, **settings)
    same_text = alloy.scripts.revision(script.id, tenant=write["tenant"]).source == found.source
    if same_text and all(_same(getattr(script, name), value) for name, value in settings.items()):
        return "unchanged", script
    return "updated", alloy.scripts.update(script.id, found.source, **write, **settings)


def _same(stored: Any, wanted: Any) -> bool:
    """Returns whether a setting is as wanted; names, such as capabilities, are stored in an order of their own."""
    if isinstance(wanted, tuple) and all(isinstance(item, str) for item in wanted):
        return set(stored) == set(wanted)
    return bool(stored == wanted)
