"""The store on SQLite, PostgreSQL or MySQL, through peewee."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from ..model import Health, Revision, Run, Script
from ..ports import Documents, KeyValues, RunQuery, ScriptQuery
from .dialects import Dialect
from .document_queries import DocumentQueries
from .gateway import Gateway
from .health_queries import HealthQueries
from .key_value_queries import KeyValueQueries
from .migrations import Migrator
from .run_queries import RunQueries
from .script_queries import ScriptQueries
from .tables import Tables

if TYPE_CHECKING:
    from ..access_model import AuditEntry
    from .audit_queries import AuditQueries
    from .idempotency_queries import IdempotencyQueries
    from .jobs import Jobs
    from .outbox_queries import OutboxQueries
    from .review_queries import ReviewQueries
    from .tape_queries import TapeQueries
    from .tenant_queries import TenantQueries
    from .token_queries import TokenQueries


class PeeweeStore:
    """A `Store` in a database; see the protocol for what each method promises.

    ``url`` is shown without its password.
    """

    def __init__(self, dialect: Dialect, url: str) -> None:
        self.url = url
        self._gateway = Gateway(dialect)
        tables = self._tables = Tables(dialect.database)
        self._migrator = Migrator(self._gateway, tables)
        self._scripts = ScriptQueries(self._gateway, tables, self._log)
        self._health = HealthQueries(self._gateway, tables)
        self._runs = RunQueries(self._gateway, tables)
        self.documents: Documents = DocumentQueries(self._gateway, tables, self._log)
        self.kv: KeyValues = KeyValueQueries(self._gateway, tables, self._log)

    # -- access control, loaded when it is first used ------------------------------------------------------------
    @cached_property
    def tokens(self) -> TokenQueries:
        from .token_queries import TokenQueries

        return TokenQueries(self._gateway, self._tables, self.audit)

    @cached_property
    def tenants(self) -> TenantQueries:
        from .tenant_queries import TenantQueries

        return TenantQueries(self._gateway, self._tables, self.audit)

    @cached_property
    def reviews(self) -> ReviewQueries:
        from .review_queries import ReviewQueries

        return ReviewQueries(self._gateway, self._tables, self.audit)

    @cached_property
    def audit(self) -> AuditQueries:
        from .audit_queries import AuditQueries

        return AuditQueries(self._gateway, self._tables)

    @cached_property
    def idempotency(self) -> IdempotencyQueries:
        from .idempotency_queries import IdempotencyQueries

        return IdempotencyQueries(self._gateway, self._tables)

    def _log(self, entry: AuditEntry | None) -> None:
        if entry is not None:
            self.audit.append(entry)

    # -- schema --------------------------------------------------------------------------------------------------
    @cached_property
    def outbox(self) -> OutboxQueries:
        """Loaded when it is first used."""
        from .outbox_queries import OutboxQueries

        return OutboxQueries(self._gateway)

    @cached_property
    def jobs(self) -> Jobs:
        """Loaded when it is first used."""
        from .jobs import Jobs

        return Jobs(self._gateway, self._log)

    @cached_property
    def tapes(self) -> TapeQueries:
        """Loaded when it is first used."""
        from .tape_queries import TapeQueries

        return TapeQueries(self._gateway)

    def migrate(self) -> list[str]:
        return [migration.name for migration in self._migrator.apply()]

    def pending_migrations(self) -> list[str]:
        return [migration.name for migration in self._migrator.pending()]

    def close(self) -> None:
        self._gateway.close()

    # -- scripts ---------------------------------------------------------------------------------------------
    def add_script(self, script: Script, revision: Revision, *, audit: AuditEntry | None = None) -> None:
        self._scripts.add(script, revision, audit)

    def get_script(self, tenant: str, key: str) -> Script:
        return self._scripts.get(tenant, key)

    def list_scripts(self, query: ScriptQuery) -> list[Script]:
        return self._scripts.matching(query)

    def save_script(
        self, script: Script, *, expected_version: int, revision: Revision | None = None,
        audit: AuditEntry | None = None,
    ) -> Script:  # fmt: skip
        return self._scripts.save(script, expected_version, revision, audit)

    def delete_script(
        self, tenant: str, script_id: str, *, expected_version: int, audit: AuditEntry | None = None
    ) -> None:
        self._scripts.delete(tenant, script_id, expected_version, audit)

    def get_revision(self, tenant: str, script_id: str, number: int) -> Revision:
        return self._scripts.get_revision(tenant, script_id, number)

    def list_revisions(self, tenant: str, script_id: str) -> list[Revision]:
        return self._scripts.list_revisions(tenant, script_id)

    def iter_active(self) -> Iterator[Script]:
        return self._scripts.active()

    def change_counter(self) -> int:
        return self._scripts.change_counter()

    # -- health ----------------------------------------------------------------------------------------------
    def get_health(self, tenant: str, script_id: str) -> Health:
        return self._health.get(tenant, script_id)

    def add_health(self, deltas: Sequence[Health]) -> None:
        self._health.add(deltas)

    # -- runs ------------------------------------------------------------------------------------------------
    def add_runs(self, runs: Sequence[Run]) -> None:
        self._runs.add(runs)

    def get_run(self, tenant: str, run_id: str) -> Run:
        return self._runs.get(tenant, run_id)

    def list_runs(self, query: RunQuery) -> list[Run]:
        return self._runs.matching(query)

    def count_runs(self, query: RunQuery) -> int:
        return self._runs.count(query)

    def prune_runs(self, *, older_than: datetime | None = None, keep: int | None = None) -> int:
        return self._runs.prune(older_than, keep)
