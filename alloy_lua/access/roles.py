"""Which role may do what: one table, and the one check."""

from __future__ import annotations

from types import MappingProxyType

from .. import checks
from ..access_model import Actor, Role
from ..errors import NotFound, PermissionDenied

_BY_ROLE = {
    Role.VIEWER: ("scripts.read", "runs.read", "jobs.read", "catalogue.read", "tenants.read"),
    Role.AUTHOR: ("scripts.write", "scripts.try"),
    Role.REVIEWER: ("scripts.review", "scripts.activate"),
    Role.OPERATOR: (
        "scripts.operate", "scripts.run", "events.fire", "runs.cancel", "jobs.write", "safe_mode.write",
        "kv.read", "kv.write", "audit.read",
    ),
    Role.ADMIN: (
        "scripts.delete", "tokens.read", "tokens.write", "tenants.write", "secrets.read", "secrets.write",
        "egress.read", "egress.write", "settings.read",
    ),
}  # fmt: skip
PERMISSIONS = MappingProxyType({name: role for role, names in _BY_ROLE.items() for name in names})
"""The lowest role that has each permission; the roles above it have it too."""

_RANK = {role: rank for rank, role in enumerate(Role)}
_SCOPES = frozenset(PERMISSIONS) | {name.partition(".")[0] + ".*" for name in PERMISSIONS}


def at_least(role: Role, wanted: Role) -> bool:
    """Returns whether ``role`` may do all that ``wanted`` may."""
    return _RANK[role] >= _RANK[wanted]


def permissions_of(role: Role) -> frozenset[str]:
    """Returns all permissions of ``role``."""
    return frozenset(name for name, lowest in PERMISSIONS.items() if at_least(role, lowest))


def may(actor: Actor, permission: str, tenant: str | None) -> bool:
    """Returns whether ``actor`` has ``permission`` in ``tenant``; None stands for all tenants together."""
    return _in_reach(actor, tenant) and _granted(actor, permission)


def check(actor: Actor, permission: str, tenant: str | None) -> None:
    """Returns None if ``actor`` has ``permission`` in ``tenant``; None stands for all tenants together.

    Raises:
        NotFound: The tenant is out of the actor's reach: the same error as if it did not exist.
        PermissionDenied: The role or the scopes do not go so far; the details say what would.
    """
    if tenant is not None and not _in_reach(actor, tenant):
        raise NotFound(f"tenant {checks.shown(tenant)}: there is none", details={"tenant": tenant})
    if not may(actor, permission, tenant):
        raise PermissionDenied(
            f"{permission}: {actor.name!r} may not; {_wanted(actor, permission)}",
            details={"permission": permission, "role": actor.role.value, "wanted_role": PERMISSIONS[permission].value},
        )


def scopes(value: object) -> frozenset[str] | None:
    """Returns the scopes in a list, None for None.

    Raises:
        ValidationError: One is no permission and no group of them.
    """
    if value is None:
        return None
    return frozenset(checks.choice(scope, "scope", sorted(_SCOPES)) for scope in checks.names(value, "scopes"))


def covers(scopes: frozenset[str] | None, permission: str) -> bool:
    """Returns whether one of ``scopes`` stands for ``permission``; None stands for all."""
    return scopes is None or permission in scopes or permission.partition(".")[0] + ".*" in scopes


def _in_reach(actor: Actor, tenant: str | None) -> bool:
    return actor.tenants is None or tenant in actor.tenants


def _granted(actor: Actor, permission: str) -> bool:
    return at_least(actor.role, PERMISSIONS[permission]) and covers(actor.scopes, permission)


def _wanted(actor: Actor, permission: str) -> str:
    if not at_least(actor.role, PERMISSIONS[permission]):
        return f"got the role {actor.role}, wanted {PERMISSIONS[permission]} or above"
    if not covers(actor.scopes, permission):
        return "it is not in the token's scopes"
    return "wanted the right to all tenants"
