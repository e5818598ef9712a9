"""The schema of background work, as migration steps: number, title, statements."""

from __future__ import annotations

STEPS: tuple[tuple[int, str, tuple[str, ...]], ...] = (
    (
        40,
        "jobs",
        (
            """
CREATE TABLE IF NOT EXISTS alloy_jobs (
    tenant {key} NOT NULL,
    id {key} NOT NULL,
    script_id {key} NOT NULL,
    kind {key} NOT NULL,
    created_at {big} NOT NULL,
    due_at {big} NOT NULL,
    priority INTEGER NOT NULL,
    lane {key},
    position {big} NOT NULL,
    state {key} NOT NULL,
    attempt INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    lost INTEGER NOT NULL,
    owner {key},
    started_at {big},
    finished_at {big},
    cancel INTEGER NOT NULL,
    progress INTEGER NOT NULL,
    note {text},
    reason {text},
    body {text} NOT NULL,
    PRIMARY KEY (tenant, id)
) {options}""",
            "CREATE INDEX alloy_jobs_turn ON alloy_jobs (state, tenant, priority, due_at)",
            "CREATE INDEX alloy_jobs_due ON alloy_jobs (state, due_at)",
            "CREATE INDEX alloy_jobs_lane ON alloy_jobs (lane, position)",
            "CREATE INDEX alloy_jobs_time ON alloy_jobs (tenant, created_at, id)",
            "CREATE INDEX alloy_jobs_rate ON alloy_jobs (tenant, started_at)",
            """
CREATE TABLE IF NOT EXISTS alloy_nodes (
    id {key} NOT NULL PRIMARY KEY, name {text} NOT NULL, started_at {big} NOT NULL, seen_at {big} NOT NULL,
    slots INTEGER NOT NULL
) {options}""",
            """
CREATE TABLE IF NOT EXISTS alloy_job_limits (
    tenant {key} NOT NULL, script_id {key} NOT NULL, running INTEGER, per_minute INTEGER,
    PRIMARY KEY (tenant, script_id)
) {options}""",
            """
CREATE TABLE IF NOT EXISTS alloy_marks (
    name {key} NOT NULL PRIMARY KEY, at {big} NOT NULL
) {options}""",
            "INSERT INTO alloy_marks (name, at) SELECT 'claim', 0 WHERE NOT EXISTS "
            "(SELECT 1 FROM alloy_marks WHERE name = 'claim')",
        ),
    ),
    (
        41,
        "outbox",
        (
            """
CREATE TABLE IF NOT EXISTS alloy_outbox (
    seq {serial}, id {key} NOT NULL, body {text} NOT NULL, CONSTRAINT alloy_outbox_id UNIQUE (id)
) {options}""",
        ),
    ),
    (
        42,
        "job_steps",
        (
            """
CREATE TABLE IF NOT EXISTS alloy_job_steps (
    tenant {key} NOT NULL, job_id {key} NOT NULL, number INTEGER NOT NULL, name {text} NOT NULL, error {text},
    text {text} NOT NULL, PRIMARY KEY (tenant, job_id, number)
) {options}""",
        ),
    ),
)
