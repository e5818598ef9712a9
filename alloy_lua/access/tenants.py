"""Tenants and their settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from .. import checks
from ..access_model import Tenant
from ..errors import ValidationError
from ..ports import Store
from .acting import current, require, who
from .digests import digest_of
from .trail import entry


class Setting(NamedTuple):
    """One setting of a tenant: its default, what checks a value of it, and what it means."""

    default: Any
    check: Callable[[Any, str], Any]
    doc: str


SETTINGS = {
    "review_required": Setting(
        False, checks.boolean, "Scripts run only after somebody other than their author has approved them."
    ),
}


class Tenants:
    """The settings of all tenants."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, name: str) -> Tenant:
        """Returns a tenant with all its settings; any name is a tenant, with the defaults until one is changed."""
        require("tenants.read", checks.name(name, "tenant"))
        return _complete(self._store.tenants.get(name))

    def list(self, *, after: str | None = None, limit: int = 100) -> Sequence[Tenant]:
        """Returns the tenants that have scripts or settings, in order of name, behind ``after``."""
        checks.whole_number(limit, "limit", 1, 1000)
        actor = current()
        if actor is None or actor.tenants is None:
            require("tenants.read", None)
            return [_complete(tenant) for tenant in self._store.tenants.page(after=after, limit=limit)]
        own = sorted(name for name in actor.tenants if after is None or name > after)
        return [self.get(name) for name in own[:limit]]

    def update(
        self, name: str, *, expected_version: int | None = None, reason: str | None = None, **settings: Any
    ) -> Tenant:
        """Returns the tenant with new settings.

        Args:
            name: The tenant.
            expected_version: The version this change is based on; None for whatever is there now.
            reason: Why.
            settings: See `SETTINGS`.

        Raises:
            Conflict: Somebody else changed it; the details say who and when.
            ValidationError: A setting is unknown, or its value wrong.
        """
        require("tenants.write", checks.name(name, "tenant"))
        current = self._store.tenants.get(name)
        checked = dict(current.settings)
        for key, value in settings.items():
            checked[key] = _setting(key).check(value, key)
        version = current.version
        if expected_version is not None:
            version = checks.whole_number(expected_version, "expected_version")
        changed = current._replace(settings=checked, updated_at=datetime.now(UTC), updated_by=who())
        audit = entry(
            "tenant.update", tenant=name, object_id=name, name=name, reason=reason, details={"settings": settings},
            before=digest_of(current.settings), after=digest_of(checked),
        )  # fmt: skip
        return _complete(self._store.tenants.save(changed, expected_version=version, audit=audit))


def _setting(name: str) -> Setting:
    found = SETTINGS.get(name)
    if found is None:
        raise ValidationError(f"tenant setting {name!r}: unknown; wanted one of {', '.join(SETTINGS)}")
    return found


def _complete(tenant: Tenant) -> Tenant:
    defaults = {name: setting.default for name, setting in SETTINGS.items()}
    return tenant._replace(settings=defaults | tenant.settings)
