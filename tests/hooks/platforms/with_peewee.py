"""Orders in peewee."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import peewee

from alloy_lua.bridges.peewee import Hooked, HookRejected, PeeweeHooks

from .base import STATUSES, Platform


class PeeweePlatform(Platform):
    refused = HookRejected

    def open(self) -> None:
        self.database: Any = (
            peewee.PostgresqlDatabase(self.url) if self.url else peewee.SqliteDatabase(f"{self.folder}/peewee.db")
        )

        class Order(Hooked, peewee.Model):
            """What a customer ordered."""

            name = peewee.CharField(max_length=40, default="")
            email = peewee.CharField(null=True)
            total = peewee.FloatField(default=0)
            status = peewee.CharField(default="new", choices=[(name, name) for name in STATUSES])
            discount = peewee.DecimalField(null=True, max_digits=12, decimal_places=2)
            note = peewee.TextField(null=True)

            class Meta:
                database = self.database
                table_name = "orders"

        self.model: Any = Order
        self.hooks = PeeweeHooks(self.alloy)
        self.hooks.register(Order)
        self.database.create_tables([Order])

    def serve(self) -> None:
        self.hooks.serve(self.model, tenant_field="note")

    @contextmanager
    def count_queries(self) -> Iterator[list[str]]:
        sent: list[str] = []
        real = self.database.execute_sql
        self.database.execute_sql = lambda sql, *more: sent.append(sql) or real(sql, *more)
        try:
            yield sent
        finally:
            del self.database.execute_sql

    def close(self) -> None:
        self.database.close()

    def create(self, **fields: Any) -> int:
        return self.model.create(**fields).id

    def update(self, key: int, **fields: Any) -> None:
        order = self.model.get_by_id(key)
        for name, value in fields.items():
            setattr(order, name, value)
        order.save()

    def update_partly(self, key: int, unsaved: dict[str, Any], **fields: Any) -> None:
        order = self.model.get_by_id(key)
        for name, value in {**unsaved, **fields}.items():
            setattr(order, name, value)
        order.save(only=list(fields))

    def delete(self, key: int) -> None:
        self.model.get_by_id(key).delete_instance()

    def create_many(self, rows: list[dict[str, Any]]) -> None:
        self.model.bulk_create([self.model(**row) for row in rows])

    def update_many(self, **fields: Any) -> None:
        orders = list(self.model.select())
        for order in orders:
            for name, value in fields.items():
                setattr(order, name, value)
        self.model.bulk_update(orders, list(fields))

    def delete_many(self) -> None:
        self.model.bulk_delete(self.model.select())

    def transaction(self) -> AbstractContextManager[Any]:
        return self.database.atomic()

    def rows(self) -> list[dict[str, Any]]:
        return list(self.model.select().order_by(self.model.id).dicts())

    def errors(self, error: Exception) -> dict[str, list[str]]:
        assert isinstance(error, peewee.DataError)
        return error.errors
