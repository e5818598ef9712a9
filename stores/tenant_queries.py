"""Tenants' settings in the database."""

from __future__ import annotations

from typing import Any

from ..access_model import AuditEntry, Tenant
from ..errors import AlloyError
from . import refusals
from .access_rows import TENANT_COLUMNS, tenant_from_row, tenant_values
from .audit_queries import AuditQueries
from .gateway import Gateway
from .rows import key
from .tables import Tables, assigned, columns


class TenantQueries:
    """A `TenantStore` in a database."""

    def __init__(self, gateway: Gateway, tables: Tables, audit: AuditQueries) -> None:
        self._gateway = gateway
        self._tables = tables
        self._tenants = tables.tenants
        self._scripts = tables.scripts
        self._audit = audit

    def get(self, name: str) -> Tenant:
        found = self._select(self._tenants.c.name == key(name))
        return found[0] if found else Tenant(name, {})

    def page(self, *, after: str | None = None, limit: int = 100) -> list[Tenant]:
        with_scripts, with_settings = self._scripts.c.tenant, self._tenants.c.name
        scripts, settings = self._scripts.select(with_scripts), self._tenants.select(with_settings)
        if after is not None:
            scripts, settings = scripts.where(with_scripts > key(after)), settings.where(with_settings > key(after))
        scripts = scripts.distinct().order_by(with_scripts).limit(limit)
        settings = settings.order_by(with_settings).limit(limit)
        names = sorted({name for query in (scripts, settings) for (name,) in self._fetch(query)})[:limit]
        saved = {tenant.name: tenant for tenant in self._select(with_settings.in_(names))} if names else {}
        return [saved.get(name) or Tenant(name, {}) for name in names]

    def save(self, tenant: Tenant, *, expected_version: int, audit: AuditEntry) -> Tenant:
        table = self._tenants
        saved = tenant._replace(version=expected_version + 1)
        values = assigned(table, tenant_values(saved))

        def work() -> bool:
            if expected_version == 0:
                table.insert(values).execute()
            elif (
                not table.update(values)
                .where(table.c.name == key(tenant.name), table.c.version == expected_version)
                .execute()
            ):
                return False
            self._tables.count_change()
            self._audit.append(audit)
            return True

        if not self._gateway.write(work, duplicate=lambda: self._stale(tenant.name, expected_version)):
            raise self._stale(tenant.name, expected_version)
        return saved

    # -- parts -------------------------------------------------------------------------------------------------
    def _stale(self, name: str, expected_version: int) -> AlloyError:
        return refusals.stale_tenant(self.get(name), expected_version)

    def _fetch(self, query: Any) -> Any:
        return self._gateway.read(lambda: self._gateway.database.execute(query).fetchall())

    def _select(self, *where: Any) -> list[Tenant]:
        query = self._tenants.select(*columns(self._tenants, TENANT_COLUMNS)).where(*where)
        return [tenant_from_row(row) for row in self._fetch(query)]
