"""Access control in dictionaries: the parts of the memory store that keep tokens, tenants, reviews, audit and calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from heapq import nsmallest
from threading import RLock

from ..access_model import AuditEntry, IdempotentCall, Review, Tenant, Token
from ..access_ports import AuditQuery
from . import refusals
from .access_rows import as_json, audit_row, call_row, check_texts, review_row, storable_entry, token_row
from .rows import micros


class MemoryAudit:
    """An `AuditStore` that lives as long as its object."""

    def __init__(self) -> None:
        self._entries: list[AuditEntry] = []
        self._lock = RLock()

    def add(self, entry: AuditEntry) -> AuditEntry:
        plain = storable_entry(entry)
        with self._lock:
            previous = self._entries[-1].hash if self._entries else ""
            sealed = plain.sealed(len(self._entries) + 1, previous)
            audit_row(sealed)
            self._entries.append(sealed)
        return sealed

    def matching(self, query: AuditQuery) -> list[AuditEntry]:
        for name, at in (("since", query.since), ("until", query.until)):
            if at is not None:
                micros(name, at)
        found: list[AuditEntry] = []
        for entry in reversed(self._entries):
            if len(found) >= query.limit:
                break
            if _matches(entry, query):
                found.append(entry)
        return found

    def head(self) -> tuple[int, str]:
        with self._lock:
            return (self._entries[-1].seq, self._entries[-1].hash) if self._entries else (0, "")

    def oldest_first(self, *, after: int = 0, limit: int = 1000) -> list[AuditEntry]:
        return self._entries[after : after + limit]


def _matches(entry: AuditEntry, query: AuditQuery) -> bool:
    return (
        query.tenant in (None, entry.tenant)
        and query.actor in (None, entry.actor)
        and query.action in (None, entry.action)
        and query.kind in (None, entry.kind)
        and query.object_id in (None, entry.object_id)
        and (query.since is None or entry.at >= query.since)
        and (query.until is None or entry.at < query.until)
        and (query.before is None or entry.seq < query.before)
    )


class MemoryTokens:
    """A `TokenStore` that lives as long as its object; ``changed`` is called with each write."""

    def __init__(self, lock: RLock, changed: Callable[[], None], audit: MemoryAudit) -> None:
        self._lock = lock
        self._changed = changed
        self._audit = audit
        self._tokens: dict[str, Token] = {}
        self._key: str | None = None

    def key(self, fresh: str) -> str:
        with self._lock:
            self._key = self._key or fresh
            return self._key

    def add(self, token: Token, *, audit: AuditEntry) -> None:
        token_row(token)
        with self._lock:
            if token.id in self._tokens:
                raise refusals.token_exists(token.id)
            self._audit.add(audit)
            self._tokens[token.id] = token
            self._changed()

    def add_first(self, token: Token, *, audit: AuditEntry) -> bool:
        with self._lock:
            if self._tokens:
                return False
            self.add(token, audit=audit)
            return True

    def get(self, token_id: str) -> Token | None:
        return self._tokens.get(token_id)

    def page(self, *, after: str | None = None, limit: int = 100) -> list[Token]:
        with self._lock:
            found = [token for token in self._tokens.values() if after is None or token.id > after]
        return nsmallest(limit, found, key=lambda token: token.id)

    def revoke(self, token_id: str, at: datetime, by: str, *, audit: AuditEntry) -> bool:
        with self._lock:
            token = self._tokens.get(token_id)
            if token is None or token.revoked_at is not None:
                return False
            revoked = token._replace(revoked_at=at, revoked_by=by)
            token_row(revoked)
            self._audit.add(audit)
            self._tokens[token_id] = revoked
            self._changed()
            return True

    def touch(self, used: Mapping[str, datetime]) -> None:
        with self._lock:
            for token_id, at in used.items():
                token = self._tokens.get(token_id)
                if token is not None and (token.last_used_at is None or token.last_used_at < at):
                    self._tokens[token_id] = token._replace(last_used_at=at)


class MemoryTenants:
    """A `TenantStore` that lives as long as its object.

    Args:
        lock: That of the store.
        changed: Called with each write.
        with_scripts: Returns the tenants that have scripts.
        audit: Where writes are logged.
    """

    def __init__(
        self, lock: RLock, changed: Callable[[], None], with_scripts: Callable[[], Iterable[str]], audit: MemoryAudit
    ) -> None:
        self._lock = lock
        self._changed = changed
        self._with_scripts = with_scripts
        self._audit = audit
        self._tenants: dict[str, Tenant] = {}

    def get(self, name: str) -> Tenant:
        return self._tenants.get(name) or Tenant(name, {})

    def page(self, *, after: str | None = None, limit: int = 100) -> list[Tenant]:
        with self._lock:
            names = {*self._tenants, *self._with_scripts()}
        return [self.get(name) for name in nsmallest(limit, (n for n in names if after is None or n > after))]

    def save(self, tenant: Tenant, *, expected_version: int, audit: AuditEntry) -> Tenant:
        check_texts("tenant", tenant, keys=("name",))
        as_json("tenant settings", tenant.settings)
        with self._lock:
            current = self.get(tenant.name)
            if current.version != expected_version:
                raise refusals.stale_tenant(current, expected_version)
            self._audit.add(audit)
            saved = self._tenants[tenant.name] = tenant._replace(version=expected_version + 1)
            self._changed()
        return saved


class MemoryReviews:
    """A `ReviewStore` that lives as long as its object; ``has_script`` says whether a tenant has a script."""

    def __init__(self, lock: RLock, has_script: Callable[[str, str], bool], audit: MemoryAudit) -> None:
        self._lock = lock
        self._has_script = has_script
        self._audit = audit
        self._reviews: dict[str, list[Review]] = {}

    def add(self, review: Review, *, audit: AuditEntry) -> None:
        review_row(review)
        with self._lock:
            if not self._has_script(review.tenant, review.script_id):
                raise refusals.no_script(review.tenant, review.script_id)
            self._audit.add(audit)
            self._reviews.setdefault(review.script_id, []).append(review)

    def of_script(self, tenant: str, script_id: str, *, revision: int | None = None) -> list[Review]:
        with self._lock:
            found = [
                review
                for review in self._reviews.get(script_id, ())
                if review.tenant == tenant and revision in (None, review.revision)
            ]
        return sorted(found, key=lambda review: (review.created_at, review.id))

    def forget(self, script_id: str) -> None:
        """Removes the reviews of a script that was deleted."""
        self._reviews.pop(script_id, None)


class MemoryIdempotency:
    """An `IdempotencyStore` that lives as long as its object."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._calls: dict[tuple[str, str], IdempotentCall] = {}

    def claim(self, call: IdempotentCall, *, now: datetime, forget_before: datetime) -> IdempotentCall:
        call_row(call)
        with self._lock:
            found = self._calls.get((call.actor, call.key))
            if found is None or found.over(now, forget_before):
                found = self._calls[call.actor, call.key] = call
            return found

    def finish(self, call: IdempotentCall) -> bool:
        call_row(call)
        with self._lock:
            if not self._under_way(call):
                return False
            self._calls[call.actor, call.key] = call
            return True

    def release(self, call: IdempotentCall) -> None:
        with self._lock:
            if self._under_way(call):
                del self._calls[call.actor, call.key]

    def prune(self, *, older_than: datetime) -> int:
        with self._lock:
            old = [name for name, call in self._calls.items() if call.created_at < older_than]
            for name in old:
                del self._calls[name]
        return len(old)

    def _under_way(self, call: IdempotentCall) -> bool:
        found = self._calls.get((call.actor, call.key))
        return found is not None and found.claim == call.claim and found.status is None


class MemoryAccess:
    """All of access control in memory.

    Args:
        lock: That of the store.
        changed: Called with each write of a token or a tenant.
        has_script: Says whether a tenant has the script of an id.
        with_scripts: Returns the tenants that have scripts.
    """

    def __init__(
        self, lock: RLock, *, changed: Callable[[], None], has_script: Callable[[str, str], bool],
        with_scripts: Callable[[], Iterable[str]],
    ) -> None:  # fmt: skip
        self.audit = MemoryAudit()
        self.tokens = MemoryTokens(lock, changed, self.audit)
        self.tenants = MemoryTenants(lock, changed, with_scripts, self.audit)
        self.reviews = MemoryReviews(lock, has_script, self.audit)
        self.idempotency = MemoryIdempotency()
