"""Documents and key-value pairs in dictionaries: the parts of the memory store that are not about scripts."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

from ..ports import Document, KeyInfo, Quota
from .key_values import added, check_key, check_quota, encoded, weight
from .rows import check_document

if TYPE_CHECKING:
    from ..access_model import AuditEntry


class MemoryDocuments:
    """`Documents` that live as long as their object; ``changed`` and ``log`` are called with each write."""

    def __init__(self, changed: Callable[[], None], log: Callable[[AuditEntry | None], None]) -> None:
        self._changed = changed
        self._log = log
        self._documents: dict[tuple[str, str, str], Document] = {}

    def put(self, document: Document, *, audit: AuditEntry | None = None) -> None:
        body = json.loads(check_document(document))
        self._log(audit)
        self._documents[document.kind, document.tenant, document.name] = document._replace(body=body)
        self._changed()

    def get(self, tenant: str, kind: str, name: str) -> Document | None:
        return self._documents.get((kind, tenant, name))

    def of_kind(self, kind: str, tenant: str | None = None) -> list[Document]:
        found = [one for one in list(self._documents.values()) if one.kind == kind and tenant in (None, one.tenant)]
        return sorted(found, key=lambda one: (one.tenant, one.name))

    def delete(self, tenant: str, kind: str, name: str, *, audit: AuditEntry | None = None) -> bool:
        found = self._documents.pop((kind, tenant, name), None)
        if found is not None:
            self._log(audit)
        self._changed()
        return found is not None


class _Space:
    __slots__ = ("pairs", "size")

    def __init__(self) -> None:
        self.pairs: dict[str, tuple[str, datetime | None]] = {}
        self.size = 0

    def live(self, key: str, now: datetime) -> str | None:
        text, ends = self.pairs.get(key, (None, None))
        return None if ends is not None and ends <= now else text

    def remove(self, key: str) -> bool:
        found = self.pairs.pop(key, None)
        if found is None:
            return False
        self.size -= weight(key, found[0])
        return True

    def expire(self, now: datetime) -> int:
        over = [key for key, (_, ends) in self.pairs.items() if ends is not None and ends <= now]
        return sum(map(self.remove, over))


class MemoryKeyValues:
    """`KeyValues` that live as long as their object; ``log`` puts an audit entry, if there is one, on the log."""

    def __init__(self, log: Callable[[AuditEntry | None], None]) -> None:
        self._log = log
        self._spaces: dict[str, _Space] = {}
        self._lock = Lock()

    def get(self, tenant: str, key: str, now: datetime) -> Any:
        check_key(key)
        with self._lock:
            space = self._spaces.get(tenant)
            text = space.live(key, now) if space is not None else None
        return None if text is None else json.loads(text)

    def set(
        self, tenant: str, key: str, value: Any, expires_at: datetime | None, quota: Quota, now: datetime, *,
        audit: AuditEntry | None = None,
    ) -> None:  # fmt: skip
        check_key(key)
        text = encoded(value)
        with self._lock:
            self._put(tenant, key, text, expires_at, quota, now)
            self._log(audit)

    def incr(
        self, tenant: str, key: str, by: int | float, expires_at: datetime | None, quota: Quota, now: datetime
    ) -> int | float:
        check_key(key)
        with self._lock:
            space = self._spaces.setdefault(tenant, _Space())
            text = space.live(key, now)
            total = added(key, 0 if text is None else json.loads(text), by)
            ends = expires_at if text is None else space.pairs[key][1]
            self._put(tenant, key, encoded(total), ends, quota, now)
            return total

    def delete(self, tenant: str, key: str, now: datetime, *, audit: AuditEntry | None = None) -> bool:
        check_key(key)
        with self._lock:
            space = self._spaces.setdefault(tenant, _Space())
            live = space.live(key, now) is not None
            space.remove(key)
            if live:
                self._log(audit)
            return live

    def keys(self, tenant: str, prefix: str, after: str | None, limit: int, now: datetime) -> list[KeyInfo]:
        with self._lock:
            space = self._spaces.get(tenant) or _Space()
            found = [key for key in space.pairs if key.startswith(prefix) and (after is None or key > after)]
            live = sorted(key for key in found if space.live(key, now) is not None)
            return [KeyInfo(key, weight(key, space.pairs[key][0]), space.pairs[key][1]) for key in live[:limit]]

    def usage(self, tenant: str) -> tuple[int, int]:
        with self._lock:
            space = self._spaces.get(tenant) or _Space()
            return len(space.pairs), space.size

    def prune(self, now: datetime) -> int:
        with self._lock:
            return sum(space.expire(now) for space in self._spaces.values())

    def _put(self, tenant: str, key: str, text: str, expires_at: datetime | None, quota: Quota, now: datetime) -> None:
        space = self._spaces.setdefault(tenant, _Space())
        known = key in space.pairs
        change = weight(key, text) - (weight(key, space.pairs[key][0]) if known else 0)
        if len(space.pairs) + 1 - known > quota.keys or space.size + change > quota.bytes:
            space.expire(now)
            known = key in space.pairs
            change = weight(key, text) - (weight(key, space.pairs[key][0]) if known else 0)
        check_quota(tenant, len(space.pairs) + 1 - known, space.size + change, quota)
        space.pairs[key] = (text, expires_at)
        space.size += change
