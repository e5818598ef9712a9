"""The refusals that every store words alike: not found, stale, name taken."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..errors import Conflict, NotFound

if TYPE_CHECKING:
    from ..access_model import Tenant


def no_script(tenant: str, key: str) -> NotFound:
    """Returns the error for a script that the tenant does not have."""
    return NotFound(f"script {key!r}: tenant {tenant!r} has none of that name or id", details={"script": key})


def no_revision(script_id: str, number: int) -> NotFound:
    """Returns the error for a revision that the tenant does not have."""
    return NotFound(
        f"revision {number} of script {script_id!r}: there is none",
        details={"script": script_id, "revision": number},
    )


def no_run(tenant: str, run_id: str) -> NotFound:
    """Returns the error for a run that the tenant does not have."""
    return NotFound(f"run {run_id!r}: tenant {tenant!r} has none of that id", details={"run": run_id})


def no_tape(tenant: str, run_id: str) -> NotFound:
    """Returns the error for a run that the tenant has no tape of."""
    return NotFound(f"tape {run_id!r}: tenant {tenant!r} has none of that run", details={"run": run_id})


def stale(
    key: str, expected: int, actual: int, updated_by: str, updated_at: datetime, kind: str = "script"
) -> Conflict:
    """Returns the error for a write that expected another version."""
    return Conflict(
        f"{kind} {key!r}: got a write of version {expected}, but it is at version {actual}, "
        f"changed by {updated_by!r} at {updated_at.isoformat()}",
        details={"expected": expected, "actual": actual, **_who(updated_by, updated_at)},
    )


def taken(what: str, value: str, updated_by: str, updated_at: datetime) -> Conflict:
    """Returns the error for a name or id that another script of the tenant has."""
    return Conflict(
        f"script {what} {value!r} is taken: last changed by {updated_by!r} at {updated_at.isoformat()}",
        details={what: value, **_who(updated_by, updated_at)},
    )


def taken_elsewhere(script_id: str) -> Conflict:
    """Returns the error for an id that another tenant has: it tells nothing of that tenant."""
    return Conflict(f"script id {script_id!r} is taken", details={"id": script_id})


def revision_exists(script_id: str, number: int) -> Conflict:
    """Returns the error for a second revision of the same number."""
    return Conflict(
        f"revision {number} of script {script_id!r} exists already, and revisions never change",
        details={"script": script_id, "revision": number},
    )


def stale_tenant(tenant: Tenant, expected: int) -> Conflict:
    """Returns the error for a write of settings that expected another version."""
    if tenant.updated_at is None or tenant.updated_by is None:
        return Conflict(
            f"tenant {tenant.name!r}: got a write of version {expected}, but nothing was set so far",
            details={"expected": expected, "actual": 0},
        )
    return stale(tenant.name, expected, tenant.version, tenant.updated_by, tenant.updated_at, "tenant")


def token_exists(token_id: str) -> Conflict:
    """Returns the error for a second token of the same id."""
    return Conflict(f"token id {token_id!r} is taken", details={"id": token_id})


def _who(updated_by: str, updated_at: datetime) -> dict[str, Any]:
    return {"updated_by": updated_by, "updated_at": updated_at.isoformat()}
