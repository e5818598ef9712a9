"""Tokens, tenants, reviews: who may do what, and who agreed."""

from __future__ import annotations

from ...access.roles import covers, permissions_of
from ...errors import ValidationError
from ..cursors import cursor_of, key_of
from ..endpoint import ANY_TOKEN, Group
from ..reply import Reply
from ..service import Call
from ..wire.access import (
    Me,
    NewReview,
    NewToken,
    Review,
    ReviewList,
    Tenant,
    TenantChange,
    TenantPage,
    Token,
    TokenId,
    TokenPage,
    TokenWithSecret,
)
from ..wire.common import PageQuery, ScriptKey, TenantName
from ..wire.fill import filled
from ..wire.lifecycle import Move

TOKENS = Group("tokens", "API tokens: shown once, kept as a keyed hash.", tenant=False)
TENANTS = Group("tenants", "Tenants and their settings.", tenant=False)
REVIEWS = Group("reviews", "A second person's word on what is to run.")


@TOKENS.get("/me", ANY_TOKEN, Me)
def who_am_i(call: Call) -> Me:
    """Say who the caller is and what they may do."""
    actor = call.actor
    assert actor is not None
    held = sorted(name for name in permissions_of(actor.role) if covers(actor.scopes, name))
    return Me(
        name=actor.name, role=actor.role, tenants=None if actor.tenants is None else sorted(actor.tenants),
        permissions=held,
    )  # fmt: skip


@TOKENS.get("/tokens", "tokens.read", TokenPage, anywhere=True)
def list_tokens(call: Call, query: PageQuery) -> TokenPage:
    """List the tokens within the caller's reach."""
    found = call.alloy.tokens.list(after=key_of(query.cursor), limit=query.limit + 1)
    page = found[: query.limit]
    return TokenPage(
        items=[filled(Token, token) for token in page],
        next_cursor=cursor_of(page[-1].id) if len(found) > len(page) else None,
    )


@TOKENS.post(
    "/tokens",
    "tokens.write",
    TokenWithSecret,
    status=201,
    anywhere=True,
    keeps_secret=True,
    example={"name": "shop", "role": "operator", "tenants": ["default"], "scopes": ["events.fire"]},
)
def create_token(call: Call, body: NewToken) -> Reply:
    """Make a token. Its secret is in the reply, and nowhere else ever again.

    Nobody can give more rights than they have. Either ``tenants`` or ``all_tenants`` must be given.
    """
    if (body.tenants is None) is not body.all_tenants:
        got = "both" if body.all_tenants else "neither"
        raise ValidationError(
            f"body: tenants: got {got}, wanted a list of tenants, or all_tenants true without one",
            details={"in": "body", "field": "tenants"},
        )
    token, secret = call.alloy.tokens.create(
        body.name, body.role, tenants=body.tenants, scopes=body.scopes, expires_at=body.expires_at
    )
    return Reply(filled(TokenWithSecret, token, secret=secret), headers={"Location": f"{call.path}/{token.id}"})


@TOKENS.get("/tokens/{token}", "tokens.read", Token, anywhere=True)
def get_token(call: Call, token: TokenId) -> Token:
    """Read a token, without its secret."""
    return filled(Token, call.alloy.tokens.get(token))


@TOKENS.post("/tokens/{token}/revoke", "tokens.write", Token, anywhere=True, example={"reason": "was in a log"})
def revoke_token(call: Call, token: TokenId, body: Move) -> Token:
    """End a token: within two seconds no process takes it any more."""
    return filled(Token, call.alloy.tokens.revoke(token, reason=body.reason))


@TENANTS.get("/tenants", "tenants.read", TenantPage, anywhere=True)
def list_tenants(call: Call, query: PageQuery) -> TenantPage:
    """List the tenants that have scripts or settings."""
    found = call.alloy.tenants.list(after=key_of(query.cursor), limit=query.limit + 1)
    page = found[: query.limit]
    return TenantPage(
        items=[filled(Tenant, tenant) for tenant in page],
        next_cursor=cursor_of(page[-1].name) if len(found) > len(page) else None,
    )


@TENANTS.get("/tenants/{tenant}", "tenants.read", Tenant, anywhere=True)
def get_tenant(call: Call, tenant: TenantName) -> Reply:
    """Read a tenant's settings."""
    found = call.alloy.tenants.get(tenant)
    return Reply(filled(Tenant, found), headers={"ETag": f'"{found.version}"'})


@TENANTS.patch(
    "/tenants/{tenant}",
    "tenants.write",
    Tenant,
    anywhere=True,
    versioned=True,
    example={"settings": {"review_required": True}},
)
def change_tenant(call: Call, tenant: TenantName, body: TenantChange) -> Reply:
    """Change a tenant's settings."""
    found = call.alloy.tenants.update(
        tenant, expected_version=call.expected_version, reason=body.reason, **body.settings
    )
    return Reply(filled(Tenant, found), headers={"ETag": f'"{found.version}"'})


@REVIEWS.get("/scripts/{script}/reviews", "scripts.read", ReviewList)
def list_reviews(call: Call, script: ScriptKey) -> ReviewList:
    """List what was said of a script's revisions."""
    found = call.alloy.reviews.list(script, tenant=call.tenant)
    return ReviewList(items=[filled(Review, review) for review in found])


@REVIEWS.post(
    "/scripts/{script}/reviews",
    "scripts.review",
    Review,
    status=201,
    example={"verdict": "approve", "reason": "tried on last week's orders"},
)
def review_script(call: Call, script: ScriptKey, body: NewReview) -> Review:
    """Approve or reject a revision: this text with the settings that the script has now.

    Nobody reviews what they wrote.
    """
    found = call.alloy.reviews.add(script, body.verdict, body.reason, revision=body.revision, tenant=call.tenant)
    return filled(Review, found)
