"""The key-value spaces that scripts reach as ``kv``, for people: read, written and listed, on the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from . import checks
from .access.acting import require
from .access.trail import entry
from .bridges.hosts.kv_module import checked_key, checked_value, ends_after
from .errors import NotFound
from .model import DEFAULT_TENANT
from .ports import KeyInfo, KeyValues, Quota

MOST_KEYS = 1000


class KV:
    """The key-value spaces of all tenants. What scripts write themselves is not on the audit log.

    Args:
        values: Where they are kept.
        quota: What each tenant may keep.
    """

    def __init__(self, values: KeyValues, quota: Quota) -> None:
        self._values = values
        self._quota = quota

    def get(self, key: str, *, tenant: str = DEFAULT_TENANT) -> Any:
        """Returns the value.

        Raises:
            NotFound: The tenant has none of that key.
        """
        require("kv.read", checks.name(tenant, "tenant"))
        found = self._values.get(tenant, checked_key("kv.get", key), _now())
        if found is None:
            raise _none(tenant, key)
        return found

    def set(self, key: str, value: Any, *, ttl_s: float | None = None, tenant: str = DEFAULT_TENANT) -> None:
        """Keeps a value in place of the one there.

        Args:
            key: 1 to 200 characters.
            value: JSON-like, not None; at most 64 KiB as JSON.
            ttl_s: Seconds until it is gone, None for never.
            tenant: Whose it is.

        Raises:
            InvalidValue: The key, the value or the time is none.
            LimitExceeded: The tenant would keep more than it may (``quota_exceeded``).
        """
        require("kv.write", checks.name(tenant, "tenant"))
        name, plain, ends = checked_key("kv.set", key), checked_value(value), ends_after("kv.set", ttl_s)
        details = {"expires_at": None if ends is None else ends.isoformat()}
        audit = entry("kv.set", tenant=tenant, object_id=name, name=name, details=details)
        self._values.set(tenant, name, plain, ends, self._quota, _now(), audit=audit)

    def delete(self, key: str, *, tenant: str = DEFAULT_TENANT) -> None:
        """Removes a value.

        Raises:
            NotFound: The tenant has none of that key.
        """
        require("kv.write", checks.name(tenant, "tenant"))
        name = checked_key("kv.delete", key)
        audit = entry("kv.delete", tenant=tenant, object_id=name, name=name)
        if not self._values.delete(tenant, name, _now(), audit=audit):
            raise _none(tenant, name)

    def keys(
        self, prefix: str = "", *, after: str | None = None, limit: int = 100, tenant: str = DEFAULT_TENANT
    ) -> Sequence[KeyInfo]:
        """Returns the keys that begin with ``prefix``, in order, behind the key ``after``."""
        require("kv.read", checks.name(tenant, "tenant"))
        start = checks.text(prefix, "prefix", 200)
        behind = None if after is None else checked_key("kv.keys", after)
        return self._values.keys(tenant, start, behind, checks.whole_number(limit, "limit", 1, MOST_KEYS), _now())

    def usage(self, *, tenant: str = DEFAULT_TENANT) -> tuple[int, int]:
        """Returns how many keys and bytes the tenant keeps."""
        require("kv.read", checks.name(tenant, "tenant"))
        return self._values.usage(tenant)


def _none(tenant: str, key: str) -> NotFound:
    return NotFound(f"kv key {key[:100]!r}: tenant {tenant!r} has none", details={"key": key[:100]})


def _now() -> datetime:
    return datetime.now(UTC)
