"""Records of access control to database rows and back; see `rows` for how time, JSON and text are kept."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from ..access_model import AuditEntry, IdempotentCall, Review, Role, Tenant, Token, Verdict
from ..errors import ValidationError
from .rows import MAX_KEY, Row, key, micros, moment, optional_key, storable, unreadable

R = TypeVar("R")

TOKEN_COLUMNS = Token._fields
TENANT_COLUMNS = Tenant._fields
REVIEW_COLUMNS = Review._fields
AUDIT_COLUMNS = ("seq", "at", "tenant", "actor", "action", "kind", "object_id", "body")
CALL_COLUMNS = (
    "actor", "name", "fingerprint", "claim", "created_at", "held_until", "status", "headers", "body",
)  # fmt: skip

_ENCODE = json.JSONEncoder(separators=(",", ":")).encode


def check_texts(kind: str, record: Any, *, keys: tuple[str, ...]) -> None:
    """Returns None if every database can hold the texts of a named tuple; ``keys`` are columns to search by.

    Raises:
        ValidationError: The field is named; or a time has no zone.
    """
    for name, value in record._asdict().items():
        if isinstance(value, datetime):
            micros(f"{kind} {name}", value)
        if not isinstance(value, str):
            continue
        if not storable(value):
            wanted = "got a NUL or half a surrogate pair, wanted text that UTF-8 can hold"
            raise ValidationError(f"{kind} {name}: {wanted}", details={"field": name})
        if name in keys and len(value) > MAX_KEY:
            raise ValidationError(
                f"{kind} {name}: got {len(value)} characters, wanted at most {MAX_KEY}", details={"field": name}
            )


def as_json(what: str, value: Any) -> str:
    """Returns ``value`` as JSON text.

    Raises:
        ValidationError: It is not JSON-like.
    """
    try:
        return _ENCODE(value)
    except (TypeError, ValueError, RecursionError) as exc:
        raise ValidationError(f"{what}: got a value that is not JSON-like: {exc}") from exc


def _optional_micros(name: str, at: datetime | None) -> int | None:
    return None if at is None else micros(name, at)


def _optional_moment(value: int | None) -> datetime | None:
    return None if value is None else moment(value)


def _read(table: str, row: Row, make: Callable[[], R]) -> R:
    try:
        return make()
    except (KeyError, TypeError, ValueError) as exc:
        raise unreadable(table, row[0], exc) from exc


# -- tokens --------------------------------------------------------------------------------------------------
def token_row(token: Token) -> Row:
    """Returns the values of `TOKEN_COLUMNS`."""
    check_texts("token", token, keys=("id", "digest"))
    values = token._asdict()
    values["role"] = token.role.value
    for name in ("tenants", "scopes"):
        values[name] = None if values[name] is None else _ENCODE(values[name])
    for name in ("created_at", "expires_at", "last_used_at", "revoked_at"):
        values[name] = _optional_micros(f"token {name}", values[name])
    return tuple(values.values())


def token_from_row(row: Row) -> Token:
    """Returns the token in a row of `TOKEN_COLUMNS`."""

    def make() -> Token:
        values = dict(zip(TOKEN_COLUMNS, row, strict=True))
        values["role"] = Role(values["role"])
        for name in ("tenants", "scopes"):
            values[name] = None if values[name] is None else tuple(json.loads(values[name]))
        for name in ("created_at", "expires_at", "last_used_at", "revoked_at"):
            values[name] = _optional_moment(values[name])
        return Token(**values)

    return _read("alloy_tokens", row, make)


# -- tenants -------------------------------------------------------------------------------------------------
def tenant_values(tenant: Tenant) -> dict[str, Any]:
    """Returns the values of `TENANT_COLUMNS` by name."""
    check_texts("tenant", tenant, keys=("name",))
    return tenant._asdict() | {
        "settings": as_json("tenant settings", tenant.settings),
        "updated_at": _optional_micros("tenant updated_at", tenant.updated_at),
    }


def tenant_from_row(row: Row) -> Tenant:
    """Returns the tenant in a row of `TENANT_COLUMNS`."""
    name, settings, version, updated_at, updated_by = row
    return _read(
        "alloy_tenants", row, lambda: Tenant(name, json.loads(settings), version, moment(updated_at), updated_by)
    )


# -- reviews -------------------------------------------------------------------------------------------------
def review_row(review: Review) -> Row:
    """Returns the values of `REVIEW_COLUMNS`."""
    check_texts("review", review, keys=("id", "tenant", "script_id"))
    values = review._asdict() | {
        "verdict": review.verdict.value,
        "created_at": micros("review created_at", review.created_at),
    }
    return tuple(values.values())


def review_from_row(row: Row) -> Review:
    """Returns the review in a row of `REVIEW_COLUMNS`."""

    def make() -> Review:
        values = dict(zip(REVIEW_COLUMNS, row, strict=True))
        return Review(**values | {"verdict": Verdict(values["verdict"]), "created_at": moment(values["created_at"])})

    return _read("alloy_reviews", row, make)


# -- the audit log -------------------------------------------------------------------------------------------
def storable_entry(entry: AuditEntry) -> AuditEntry:
    """Returns the entry as it comes back from a store: its details are plain JSON.

    Raises:
        ValidationError: They are not JSON-like, or its time has no zone.
    """
    micros("audit at", entry.at)
    return entry._replace(details=json.loads(as_json("audit details", entry.details)))


def audit_row(entry: AuditEntry) -> Row:
    """Returns the values of `AUDIT_COLUMNS` for a sealed entry."""
    at = micros("audit at", entry.at)
    return (
        entry.seq, at, optional_key(entry.tenant), key(entry.actor), key(entry.action), key(entry.kind),
        key(entry.object_id), as_json("audit entry", entry._asdict() | {"at": at}),
    )  # fmt: skip


def audit_from_body(text: str) -> AuditEntry:
    """Returns the entry that a ``body`` column holds."""

    def make() -> AuditEntry:
        values: Mapping[str, Any] = json.loads(text)
        return AuditEntry(**{**values, "at": moment(values["at"])})

    return _read("alloy_audit", (text[:80],), make)


def audit_from_row(row: Row) -> AuditEntry:
    """Returns the entry in a row of `AUDIT_COLUMNS`; without its hash if the columns are not those of its body."""
    found = audit_from_body(row[-1])
    return found if audit_row(found) == row else found._replace(hash="")


# -- idempotency keys ----------------------------------------------------------------------------------------
def call_row(call: IdempotentCall) -> Row:
    """Returns the values of `CALL_COLUMNS`."""
    return (
        key(call.actor), key(call.key), call.fingerprint, call.claim, micros("call created_at", call.created_at),
        micros("call held_until", call.held_until), call.status, _ENCODE(call.headers),
        b64encode(call.body).decode("ascii"),
    )  # fmt: skip


def call_from_row(row: Row, actor: str, name: str) -> IdempotentCall:
    """Returns the call in a row of `CALL_COLUMNS`, of the actor and key it was asked for by."""
    _, _, fingerprint, claim, created_at, held_until, status, headers, body = row

    def make() -> IdempotentCall:
        pairs = tuple((header, value) for header, value in json.loads(headers))
        begun, held = moment(created_at), moment(held_until)
        return IdempotentCall(actor, name, fingerprint, claim, begun, held, status, pairs, b64decode(body))

    return _read("alloy_idempotency", row, make)
