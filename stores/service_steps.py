"""The schema of what operators and scripts keep beside the scripts: documents and key-value pairs. Steps from 20 on."""

from __future__ import annotations

STEPS: tuple[tuple[int, str, tuple[str, ...]], ...] = (
    (
        20,
        "documents",
        (
            """
CREATE TABLE IF NOT EXISTS alloy_documents (
    tenant {key} NOT NULL,
    kind {key} NOT NULL,
    name {key} NOT NULL,
    body {text} NOT NULL,
    updated_at {big} NOT NULL,
    updated_by {text} NOT NULL,
    PRIMARY KEY (kind, tenant, name)
) {options}""",
        ),
    ),
    (
        21,
        "key_values",
        (
            """
CREATE TABLE IF NOT EXISTS alloy_key_values (
    tenant {key} NOT NULL,
    name {key} NOT NULL,
    body {text} NOT NULL,
    size {big} NOT NULL,
    expires_at {big},
    PRIMARY KEY (tenant, name)
) {options}""",
            "CREATE INDEX alloy_key_values_expiry ON alloy_key_values (expires_at)",
            """
CREATE TABLE IF NOT EXISTS alloy_key_value_usage (
    tenant {key} NOT NULL PRIMARY KEY,
    names {big} NOT NULL,
    size {big} NOT NULL,
    writes {big} NOT NULL
) {options}""",
        ),
    ),
)
