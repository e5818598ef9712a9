"""The tables as the queries see them, bound to one database; `migrations` makes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from peewee import Table


class Tables:
    """A store's tables. Several stores, each with its own, can be open in one process."""

    def __init__(self, database: Any) -> None:
        self.scripts = Table("alloy_scripts").bind(database)
        self.triggers = Table("alloy_triggers").bind(database)
        self.revisions = Table("alloy_revisions").bind(database)
        self.health = Table("alloy_health").bind(database)
        self.runs = Table("alloy_runs").bind(database)
        self.counter = Table("alloy_counter").bind(database)
        self.documents = Table("alloy_documents").bind(database)
        self.key_values = Table("alloy_key_values").bind(database)
        self.key_value_usage = Table("alloy_key_value_usage").bind(database)
        self.tokens = Table("alloy_tokens").bind(database)
        self.keys = Table("alloy_keys").bind(database)
        self.tenants = Table("alloy_tenants").bind(database)
        self.reviews = Table("alloy_reviews").bind(database)
        self.audit = Table("alloy_audit").bind(database)
        self.audit_head = Table("alloy_audit_head").bind(database)
        self.idempotency = Table("alloy_idempotency").bind(database)
        self.migrations = Table("alloy_migrations").bind(database)

    def count_change(self) -> None:
        """Moves the change counter; its row stays locked until the transaction ends, so writers go one by one."""
        self.counter.update(assigned(self.counter, {"value": self.counter.c.value + 1})).execute()


def columns(table: Any, names: Sequence[str]) -> list[Any]:
    """Returns the columns of ``table`` with these names, in order."""
    return [getattr(table.c, name) for name in names]


def assigned(table: Any, values: dict[str, Any]) -> dict[Any, Any]:
    """Returns ``values`` by column instead of by name, as inserts and updates want them."""
    return {getattr(table.c, name): value for name, value in values.items()}
