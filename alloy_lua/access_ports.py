"""What stores keep of access control: one small protocol for each kind of record. See `ports` for the rest.

A method that takes ``audit`` writes that entry in the same transaction as the change, or neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple, Protocol

from .access_model import AuditEntry, IdempotentCall, Review, Tenant, Token


class AuditQuery(NamedTuple):
    """Which audit entries to list, newest first; None means any. ``before`` is the last ``seq`` of the page before."""

    tenant: str | None = None
    actor: str | None = None
    action: str | None = None
    kind: str | None = None
    object_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None
    limit: int = 100


class TokenStore(Protocol):
    """API tokens. Adding and revoking move the store's change counter, so that every process sees them."""

    def key(self, fresh: str) -> str:
        """Returns the key that this store's tokens are hashed with: ``fresh`` if it had none so far."""

    def add(self, token: Token, *, audit: AuditEntry) -> None:
        """Writes a new token.

        Raises:
            Conflict: The id is taken.
        """

    def add_first(self, token: Token, *, audit: AuditEntry) -> bool:
        """Returns whether ``token`` was written: it is if there never was a token, in whatever process."""

    def get(self, token_id: str) -> Token | None:
        """Returns the token with that id."""

    def page(self, *, after: str | None = None, limit: int = 100) -> list[Token]:
        """Returns the tokens in order of id, revoked ones too, behind the one with the id ``after``."""

    def revoke(self, token_id: str, at: datetime, by: str, *, audit: AuditEntry) -> bool:
        """Returns whether the token was revoked now; it was not if there is none, or it was revoked before."""

    def touch(self, used: Mapping[str, datetime]) -> None:
        """Moves the time of last use of each token forward."""


class TenantStore(Protocol):
    """Tenants' settings. Saving moves the store's change counter."""

    def get(self, name: str) -> Tenant:
        """Returns the tenant's settings; those of version 0 if none were saved."""

    def page(self, *, after: str | None = None, limit: int = 100) -> list[Tenant]:
        """Returns the tenants that have settings or scripts, in order of name, behind ``after``."""

    def save(self, tenant: Tenant, *, expected_version: int, audit: AuditEntry) -> Tenant:
        """Returns the tenant as written, with version ``expected_version + 1``.

        Raises:
            Conflict: It is at another version; details hold ``expected``, ``actual``, ``updated_by``, ``updated_at``.
        """


class ReviewStore(Protocol):
    """What reviewers said of revisions. Reviews go with their script."""

    def add(self, review: Review, *, audit: AuditEntry) -> None:
        """Writes a review.

        Raises:
            NotFound: The tenant has no such script.
        """

    def of_script(self, tenant: str, script_id: str, *, revision: int | None = None) -> list[Review]:
        """Returns the reviews of a script, or of one of its revisions, oldest first."""


class AuditStore(Protocol):
    """The audit log: entries are added, read, and nothing else."""

    def add(self, entry: AuditEntry) -> AuditEntry:
        """Returns the entry as it was written, with its ``seq`` and ``hash``."""

    def matching(self, query: AuditQuery) -> list[AuditEntry]:
        """Returns the matching entries, newest first."""

    def head(self) -> tuple[int, str]:
        """Returns the ``seq`` and the ``hash`` of the last entry that was written; 0 and "" before the first."""

    def oldest_first(self, *, after: int = 0, limit: int = 1000) -> list[AuditEntry]:
        """Returns the entries whose ``seq`` is above ``after``, in order of ``seq``.

        One that does not agree with what it is searched by comes without its hash: it was tampered with.
        """


class IdempotencyStore(Protocol):
    """Calls by idempotency key."""

    def claim(self, call: IdempotentCall, *, now: datetime, forget_before: datetime) -> IdempotentCall:
        """Returns ``call`` if it was written, else the one that was there with the same actor and key.

        One that was first seen before ``forget_before``, or is under way but held only until before ``now``, is
        replaced. Of any number of claims at once, one is written.
        """

    def finish(self, call: IdempotentCall) -> bool:
        """Returns whether the response in ``call`` was kept; it is if ``call.claim`` still is the claim."""

    def release(self, call: IdempotentCall) -> None:
        """Removes the call, if it is under way by ``call.claim``, so that it can be made again."""

    def prune(self, *, older_than: datetime) -> int:
        """Returns how many calls it removed: those first seen before ``older_than``."""
