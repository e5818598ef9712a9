"""Tokens, tenants, reviews and the audit log, as callers see them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta

from ... import access_model as model
from .common import Cursor, Input, Limit, Output, TenantName
from .lifecycle import Reason
from .scripts import RevisionNumber

Person = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S", description="A person or a program.")]
Scope = Annotated[str, Meta(min_length=1, max_length=100)]
Moment = Annotated[datetime, Meta(tz=True)]
TokenId = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"\S", description="A token's public id.")]
_Text = Annotated[str, Meta(min_length=1, max_length=200)]


class NewToken(Input, kw_only=True):
    """A token to be made, for the tenants it names or, if that is said in so many words, for all.

    Attributes:
        name: Who will show it.
        tenants: Where it may act; must be given unless ``all_tenants`` is true.
        all_tenants: It may act in every tenant, those to come too.
        scopes: The permissions it is held to, such as ``scripts.read`` or ``runs.*``; null for all of its role.
        expires_at: When it ends; null for never.
    """

    name: Person
    role: model.Role
    tenants: Annotated[list[TenantName], Meta(min_length=1, max_length=100)] | None = None
    all_tenants: bool = False
    scopes: Annotated[list[Scope], Meta(max_length=100)] | None = None
    expires_at: Moment | None = None
    reason: Reason | None = None


class Token(Output, kw_only=True):
    """A token, without its secret.

    Attributes:
        last_used_at: To the minute or so.
    """

    id: str
    name: str
    role: model.Role
    tenants: list[str] | None
    scopes: list[str] | None
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None


class TokenWithSecret(Token, kw_only=True):
    """A new token.

    Attributes:
        secret: What callers show; told this once.
    """

    secret: str


class TokenPage(Output, kw_only=True):
    """Tokens in order of id, revoked ones too."""

    items: list[Token]
    next_cursor: str | None


class Tenant(Output, kw_only=True):
    """A tenant and its settings.

    Attributes:
        version: Counts the writes of its settings; the ETag.
    """

    name: str
    settings: dict[str, Any]
    version: int
    updated_at: datetime | None
    updated_by: str | None


class TenantPage(Output, kw_only=True):
    """Tenants in order of name."""

    items: list[Tenant]
    next_cursor: str | None


class TenantChange(Input, kw_only=True):
    """New settings of a tenant; those left out stay as they are.

    Attributes:
        settings: ``review_required``: scripts run only after somebody other than their author has approved them.
    """

    settings: dict[_Text, Any]
    reason: Reason | None = None


class NewReview(Input, kw_only=True):
    """A reviewer's word on a revision.

    Attributes:
        revision: The draft if left out.
        reason: Why.
    """

    verdict: model.Verdict
    reason: Annotated[str, Meta(min_length=1, max_length=2000, pattern=r"\S")]
    revision: RevisionNumber | None = None


class Review(Output, kw_only=True):
    """What a reviewer said of a revision, as it would run.

    Attributes:
        sha256: The digest of the text.
        settings_sha256: The digest of the settings that decide when and with what rights it runs.
    """

    id: str
    revision: int
    sha256: str
    settings_sha256: str
    verdict: model.Verdict
    reviewer: str
    reason: str
    created_at: datetime


class ReviewList(Output, kw_only=True):
    """Reviews, oldest first."""

    items: list[Review]


class AuditFilters(Input, kw_only=True):
    """Which entries to list; a filter left out lets all through.

    Attributes:
        everywhere: Entries of all tenants, and those that belong to none.
        action: Such as ``script.activate``.
        kind: What kind of object, such as ``script``.
    """

    everywhere: bool = False
    actor: _Text | None = None
    action: _Text | None = None
    kind: _Text | None = None
    object_id: _Text | None = None
    since: Moment | None = None
    until: Moment | None = None
    cursor: Cursor | None = None
    limit: Limit = 100


class ExportFilters(Input, kw_only=True):
    """Which entries to export, and how."""

    format: Literal["jsonl", "csv"] = "jsonl"
    everywhere: bool = False
    actor: _Text | None = None
    action: _Text | None = None
    kind: _Text | None = None
    object_id: _Text | None = None
    since: Moment | None = None
    until: Moment | None = None


class AuditEntry(Output, kw_only=True):
    """One change: who did what to which object, and from where.

    Attributes:
        before: The digest of the object's state; null where there was none.
        after: The digest of its new state; null where there is none.
        via: ``api``, ``cli`` or ``python``.
        seq: Its place in the log.
        hash: The digest of this entry and the hash before it.
    """

    at: datetime
    actor: str
    action: str
    tenant: str | None
    kind: str
    object_id: str
    name: str
    before: str | None
    after: str | None
    reason: str | None
    details: dict[str, Any] | None
    via: str
    address: str | None
    request_id: str | None
    token_id: str | None
    seq: int
    hash: str


class AuditPage(Output, kw_only=True):
    """Audit entries, newest first."""

    items: list[AuditEntry]
    next_cursor: str | None


class AuditCheck(Output, kw_only=True):
    """Whether the audit log is whole.

    Attributes:
        entries: How many entries were checked.
        broken_at: The first entry that was changed, or follows one that is gone; null if all is well.
        hash: The hash of the last entry; kept elsewhere, it also shows that the end was not cut off.
    """

    entries: int
    broken_at: int | None
    hash: str


class Me(Output, kw_only=True):
    """Who the caller is.

    Attributes:
        tenants: Where they may act; null for every tenant.
        permissions: What they may do there.
    """

    name: str
    role: model.Role
    tenants: list[str] | None
    permissions: list[str]
