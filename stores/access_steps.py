"""The schema of access control: tokens, tenants, reviews, the audit log, idempotency keys. Steps from 4 on."""

from __future__ import annotations

STEPS: tuple[tuple[int, str, tuple[str, ...]], ...] = (
    (
        4,
        "tokens",
        (
            """
CREATE TABLE IF NOT EXISTS alloy_tokens (
    id {key} NOT NULL PRIMARY KEY,
    name {text} NOT NULL,
    role {key} NOT NULL,
    tenants {text},
    scopes {text},
    digest {key} NOT NULL,
    created_at {big} NOT NULL,
    created_by {text} NOT NULL,
    expires_at {big},
    last_used_at {big},
    revoked_at {big},
    revoked_by {text}
) {options}""",
            """
CREATE TABLE IF NOT EXISTS alloy_keys (
    name {key} NOT NULL PRIMARY KEY, value {text} NOT NULL
) {options}""",
        ),
    ),
    (
        5,
        "tenants",
        (
            """
CREATE TABLE IF NOT EXISTS alloy_tenants (
    name {key} NOT NULL PRIMARY KEY,
    settings {text} NOT NULL,
    version INTEGER NOT NULL,
    updated_at {big} NOT NULL,
    updated_by {text} NOT NULL
) {options}""",
        ),
    ),
    (
        6,
        "reviews",
        (
            """
CREATE TABLE IF NOT EXISTS alloy_reviews (
    id {key} NOT NULL PRIMARY KEY,
    tenant {key} NOT NULL,
    script_id {key} NOT NULL,
    revision INTEGER NOT NULL,
    sha256 {text} NOT NULL,
    settings_sha256 {text} NOT NULL,
    verdict {key} NOT NULL,
    reviewer {text} NOT NULL,
    reason {text} NOT NULL,
    created_at {big} NOT NULL,
    FOREIGN KEY (script_id) REFERENCES alloy_scripts (id) ON DELETE CASCADE
) {options}""",
            "CREATE INDEX alloy_reviews_script ON alloy_reviews (script_id, revision)",
        ),
    ),
    (
        7,
        "audit",
        (
            """
CREATE TABLE IF NOT EXISTS alloy_audit (
    seq {big} NOT NULL PRIMARY KEY,
    at {big} NOT NULL,
    tenant {key},
    actor {key} NOT NULL,
    action {key} NOT NULL,
    kind {key} NOT NULL,
    object_id {key} NOT NULL,
    body {text} NOT NULL
) {options}""",
            "CREATE INDEX alloy_audit_tenant ON alloy_audit (tenant, seq)",
            "CREATE INDEX alloy_audit_object ON alloy_audit (object_id, seq)",
            "CREATE INDEX alloy_audit_actor ON alloy_audit (actor, seq)",
            """
CREATE TABLE IF NOT EXISTS alloy_audit_head (
    id INTEGER NOT NULL PRIMARY KEY, seq {big} NOT NULL, hash {key} NOT NULL
) {options}""",
            "INSERT INTO alloy_audit_head (id, seq, hash) "
            "SELECT 1, 0, '' WHERE NOT EXISTS (SELECT 1 FROM alloy_audit_head)",
        ),
    ),
    (
        8,
        "idempotency",
        (
            """
CREATE TABLE IF NOT EXISTS alloy_idempotency (
    actor {key} NOT NULL,
    name {key} NOT NULL,
    fingerprint {key} NOT NULL,
    claim {key} NOT NULL,
    created_at {big} NOT NULL,
    held_until {big} NOT NULL,
    status INTEGER,
    headers {text} NOT NULL,
    body {text} NOT NULL,
    PRIMARY KEY (actor, name)
) {options}""",
            "CREATE INDEX alloy_idempotency_time ON alloy_idempotency (created_at)",
        ),
    ),
)
