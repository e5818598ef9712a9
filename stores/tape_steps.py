"""The schema of runs recorded for replay."""

from __future__ import annotations

STEPS: tuple[tuple[int, str, tuple[str, ...]], ...] = (
    (
        60,
        "tapes",
        (
            """
CREATE TABLE IF NOT EXISTS alloy_tapes (
    tenant {key} NOT NULL,
    run_id {key} NOT NULL,
    script_id {key} NOT NULL,
    recorded_at {big} NOT NULL,
    expires_at {big} NOT NULL,
    body {text} NOT NULL,
    PRIMARY KEY (tenant, run_id)
) {options}""",
            "CREATE INDEX alloy_tapes_script ON alloy_tapes (tenant, script_id, recorded_at)",
            "CREATE INDEX alloy_tapes_expiry ON alloy_tapes (expires_at)",
        ),
    ),
)
