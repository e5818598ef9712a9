"""The records of access control: who may do what, and what was done. Standard library only."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, NamedTuple


class Role(StrEnum):
    """What somebody may do; each role may do all that those before it may."""

    VIEWER = "viewer"
    AUTHOR = "author"
    REVIEWER = "reviewer"
    OPERATOR = "operator"
    ADMIN = "admin"


class Actor(NamedTuple):
    """Whoever makes a call.

    Attributes:
        name: Who it is, as revisions, reviews and the audit log keep it.
        role: What it may do.
        tenants: Where it may do it; None for every tenant.
        scopes: The permissions it is held to (``scripts.read``, ``runs.*``); None for all of its role.
        token_id: The token it showed, None if it was made known in another way.
    """

    name: str
    role: Role
    tenants: frozenset[str] | None = None
    scopes: frozenset[str] | None = None
    token_id: str | None = None


class Token(NamedTuple):
    """An API token as it is stored: its secret is not in it, only a keyed hash.

    Attributes:
        id: Public; part of the token's text.
        name: Who shows it: the name of its `Actor`. Two tokens may have the same one, for a change-over.
        digest: The keyed hash of the token's text, hex digits.
        tenants, scopes: As in `Actor`.
        last_used_at: To the minute or so.
    """

    id: str
    name: str
    role: Role
    tenants: tuple[str, ...] | None
    scopes: tuple[str, ...] | None
    digest: str
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    revoked_by: str | None = None


class Tenant(NamedTuple):
    """A tenant's settings. A tenant needs no row of its own: without one, version is 0 and all is as by default.

    Attributes:
        settings: What was set; see `alloy_lua.access.tenants.SETTINGS` for names and defaults.
        version: Counts the writes.
    """

    name: str
    settings: dict[str, Any]
    version: int = 0
    updated_at: datetime | None = None
    updated_by: str | None = None


class Verdict(StrEnum):
    """What a reviewer said."""

    APPROVE = "approve"
    REJECT = "reject"


class Review(NamedTuple):
    """One person's word on one revision as it would run; never changed.

    Attributes:
        sha256: The digest of the revision's text.
        settings_sha256: The digest of the script's settings that decide when and with what rights it runs.
    """

    id: str
    tenant: str
    script_id: str
    revision: int
    sha256: str
    settings_sha256: str
    verdict: Verdict
    reviewer: str
    reason: str
    created_at: datetime


class AuditEntry(NamedTuple):
    """One change that was made: who did what to which object, and from where.

    Attributes:
        at: When.
        actor: Who.
        action: What, such as ``script.activate``.
        tenant: Whose object it is; None for what belongs to no one tenant.
        kind: What kind of object: script, token, tenant, ….
        object_id: Which one.
        name: What people call it.
        before, after: The SHA-256 of the object's state; None where there was or is none.
        reason: Why, in the actor's words.
        details: Further facts, JSON-like.
        via: ``api``, ``cli`` or ``python``.
        address: The network address the call came from.
        request_id: The HTTP request.
        token_id: The token the actor showed.
        seq: Its place in the log, from 1 without gaps; given by the store.
        hash: The SHA-256 over this entry and the hash before it; given by the store.
    """

    at: datetime
    actor: str
    action: str
    tenant: str | None
    kind: str
    object_id: str
    name: str
    before: str | None = None
    after: str | None = None
    reason: str | None = None
    details: dict[str, Any] | None = None
    via: str = "python"
    address: str | None = None
    request_id: str | None = None
    token_id: str | None = None
    seq: int = 0
    hash: str = ""

    def sealed(self, seq: int, previous: str) -> AuditEntry:
        """Returns the entry at place ``seq``, with the hash over itself and ``previous``, the hash before it."""
        placed = self._replace(seq=seq, at=self.at.astimezone(UTC), hash="")
        said = placed._asdict() | {"at": placed.at.isoformat()}
        return placed._replace(hash=sha256(json.dumps([previous, said], sort_keys=True).encode()).hexdigest())


class IdempotentCall(NamedTuple):
    """A call that carries an idempotency key, and its response once there is one.

    Attributes:
        actor, key: Together they name the call.
        fingerprint: The SHA-256 of what was asked for.
        claim: Names the attempt that is, or was, under way.
        status: The HTTP status; None while it is under way.
        headers, body: The response.
        created_at: When the key was first seen.
        held_until: Until when the attempt under way may be trusted to be alive.
    """

    actor: str
    key: str
    fingerprint: str
    claim: str
    created_at: datetime
    held_until: datetime
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def over(self, now: datetime, forget_before: datetime) -> bool:
        """Returns whether it stands in nobody's way: it is too old, or is under way in a process that has died."""
        return self.created_at < forget_before or (self.status is None and self.held_until < now)
