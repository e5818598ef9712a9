"""The schema as numbered steps, each applied once, in order, by one process at a time."""

from __future__ import annotations

import time
from typing import NamedTuple

import peewee

from . import access_steps, job_steps, service_steps, tag_steps, tape_steps
from .gateway import Gateway
from .tables import Tables, columns


class Migration(NamedTuple):
    """One step. Its statements never change once released; a later change is a later step."""

    number: int
    title: str
    statements: tuple[str, ...]

    @property
    def name(self) -> str:
        """The number and title, such as ``0001_scripts``."""
        return f"{self.number:04}_{self.title}"


LEDGER = """
CREATE TABLE IF NOT EXISTS alloy_migrations (
    number INTEGER NOT NULL PRIMARY KEY, name {key} NOT NULL, applied_at {big} NOT NULL
) {options}"""

MIGRATIONS = (
    Migration(
        1,
        "scripts",
        (
            """
CREATE TABLE IF NOT EXISTS alloy_scripts (
    id {key} NOT NULL PRIMARY KEY,
    tenant {key} NOT NULL,
    name {key} NOT NULL,
    description {text} NOT NULL,
    status {key} NOT NULL,
    triggers {text} NOT NULL,
    limits {text} NOT NULL,
    capabilities {text} NOT NULL,
    run_as {text},
    priority INTEGER NOT NULL,
    failure_policy {key} NOT NULL,
    draft_revision INTEGER NOT NULL,
    live_revision INTEGER,
    version INTEGER NOT NULL,
    created_at {big} NOT NULL,
    updated_at {big} NOT NULL,
    updated_by {text} NOT NULL,
    search {text} NOT NULL,
    CONSTRAINT alloy_scripts_name UNIQUE (tenant, name)
) {options}""",
            """
CREATE TABLE IF NOT EXISTS alloy_triggers (
    script_id {key} NOT NULL,
    event {key} NOT NULL,
    PRIMARY KEY (script_id, event),
    FOREIGN KEY (script_id) REFERENCES alloy_scripts (id) ON DELETE CASCADE
) {options}""",
            "CREATE INDEX alloy_triggers_event ON alloy_triggers (event)",
            """
CREATE TABLE IF NOT EXISTS alloy_revisions (
    script_id {key} NOT NULL,
    number INTEGER NOT NULL,
    source {text} NOT NULL,
    sha256 {text} NOT NULL,
    author {text} NOT NULL,
    message {text} NOT NULL,
    created_at {big} NOT NULL,
    compiler {text} NOT NULL,
    PRIMARY KEY (script_id, number),
    FOREIGN KEY (script_id) REFERENCES alloy_scripts (id) ON DELETE CASCADE
) {options}""",
            """
CREATE TABLE IF NOT EXISTS alloy_counter (
    id INTEGER NOT NULL PRIMARY KEY, value {big} NOT NULL
) {options}""",
            "INSERT INTO alloy_counter (id, value) SELECT 1, 0 WHERE NOT EXISTS (SELECT 1 FROM alloy_counter)",
        ),
    ),
    Migration(
        2,
        "health",
        (
            """
CREATE TABLE IF NOT EXISTS alloy_health (
    script_id {key} NOT NULL PRIMARY KEY,
    runs {big} NOT NULL DEFAULT 0,
    changed {big} NOT NULL DEFAULT 0,
    rejected {big} NOT NULL DEFAULT 0,
    failed {big} NOT NULL DEFAULT 0,
    skipped {big} NOT NULL DEFAULT 0,
    fuel {big} NOT NULL DEFAULT 0,
    breaker {key} NOT NULL,
    opened_at {big},
    last_error_code {text},
    last_error {text},
    last_error_at {big},
    FOREIGN KEY (script_id) REFERENCES alloy_scripts (id) ON DELETE CASCADE
) {options}""",
        ),
    ),
    Migration(
        3,
        "runs",
        (
            """
CREATE TABLE IF NOT EXISTS alloy_runs (
    tenant {key} NOT NULL,
    id {key} NOT NULL,
    script_id {key} NOT NULL,
    revision {big} NOT NULL,
    event {key},
    entity_type {key},
    entity_id {key},
    status {key} NOT NULL,
    started_at {big} NOT NULL,
    duration_us {big} NOT NULL,
    body {text} NOT NULL,
    PRIMARY KEY (tenant, id)
) {options}""",
            "CREATE INDEX alloy_runs_time ON alloy_runs (started_at, id)",
            "CREATE INDEX alloy_runs_tenant ON alloy_runs (tenant, started_at, id)",
            "CREATE INDEX alloy_runs_script ON alloy_runs (tenant, script_id, started_at)",
            "CREATE INDEX alloy_runs_entity ON alloy_runs (tenant, entity_type, entity_id, started_at)",
        ),
    ),
    *(Migration(*step) for step in access_steps.STEPS),
    *(Migration(*step) for step in service_steps.STEPS),
    *(Migration(*step) for step in tag_steps.STEPS),
    *(Migration(*step) for step in job_steps.STEPS),
    *(Migration(*step) for step in tape_steps.STEPS),
)


class Migrator:
    """Brings one database to the newest schema."""

    def __init__(self, gateway: Gateway, tables: Tables) -> None:
        self._gateway = gateway
        self._tables = tables

    def pending(self) -> list[Migration]:
        """Returns the steps not applied yet, in order."""
        return self._gateway.read(self._pending)

    def apply(self) -> list[Migration]:
        """Returns the steps applied now, in order."""
        return self._gateway.alone(self._apply) if self.pending() else []

    def _pending(self) -> list[Migration]:
        ledger = self._tables.migrations
        try:
            rows = self._gateway.database.execute(ledger.select(ledger.c.number)).fetchall()
        except peewee.PeeweeException as exc:
            if not self._gateway.dialect.schema_missing(exc):
                raise
            return list(MIGRATIONS)
        done = {number for (number,) in rows}
        return [migration for migration in MIGRATIONS if migration.number not in done]

    def _apply(self) -> list[Migration]:
        words = self._gateway.dialect.words()
        self._gateway.database.execute_sql(LEDGER.format_map(words))
        pending = self._pending()
        for migration in pending:
            for statement in migration.statements:
                self._execute(statement.format_map(words))
            self._record(migration)
        return pending

    def _execute(self, sql: str) -> None:
        try:
            self._gateway.database.execute_sql(sql)
        except peewee.PeeweeException as exc:
            if not self._gateway.dialect.tolerable(exc):
                raise

    def _record(self, migration: Migration) -> None:
        table = self._tables.migrations
        row = (migration.number, migration.name, int(time.time() * 1_000_000))
        table.insert([row], columns=columns(table, ("number", "name", "applied_at"))).execute()
