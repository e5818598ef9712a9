"""Scripts' health in the database: counts that only ever grow by single statements, so that no process loses any."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..model import Health
from .gateway import Gateway
from .rows import HEALTH_COLUMNS, HEALTH_COUNTS, health_error, health_from_row, key, opened_at
from .tables import Tables, assigned, columns


class HealthQueries:
    """The part of a store that keeps health. A script's row is made, and goes, with the script."""

    def __init__(self, gateway: Gateway, tables: Tables) -> None:
        self._gateway = gateway
        self._health = tables.health
        self._scripts = tables.scripts

    def get(self, tenant: str, script_id: str) -> Health:
        scripts = self._scripts
        own = scripts.select(scripts.c.id).where(scripts.c.tenant == key(tenant), scripts.c.id == key(script_id))
        query = self._health.select(*columns(self._health, HEALTH_COLUMNS)).where(self._health.c.script_id.in_(own))
        rows = self._gateway.read(lambda: self._gateway.database.execute(query).fetchall())
        return health_from_row(rows[0]) if rows else Health(script_id)

    def add(self, deltas: Sequence[Health]) -> None:
        # In one order for everyone, so that two processes never wait for each other's rows.
        updates = [self._update(delta) for delta in sorted(deltas, key=lambda delta: delta.script_id)]

        def work() -> None:
            for update in updates:
                update.execute()

        if updates:
            self._gateway.write(work)

    def _update(self, delta: Health) -> Any:
        table = self._health
        values: dict[str, Any] = {
            name: getattr(table.c, name) + getattr(delta, name) for name in HEALTH_COUNTS if getattr(delta, name)
        }
        values |= {"breaker": delta.breaker.value, "opened_at": opened_at(delta), **health_error(delta)}
        return table.update(assigned(table, values)).where(table.c.script_id == key(delta.script_id))
