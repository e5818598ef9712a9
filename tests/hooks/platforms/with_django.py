"""Orders in Django. Settings are made once; each platform points the default database somewhere else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import django
from asgiref.sync import sync_to_async
from django.conf import settings

from .base import STATUSES, Platform

if not settings.configured:
    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
    )
    django.setup()

from django.core.exceptions import ValidationError
from django.db import connection, connections, models, transaction

from alloy_lua.bridges.django import DjangoHooks, HookedModel, HookRejected


class Order(HookedModel):
    """What a customer ordered."""

    name = models.CharField(max_length=40, default="", blank=True)
    email = models.CharField(max_length=80, null=True)
    total = models.FloatField(default=0)
    status = models.CharField(max_length=20, default="new", choices=[(name, name) for name in STATUSES])
    discount = models.DecimalField(null=True, max_digits=12, decimal_places=2)
    note = models.TextField(null=True)

    class Meta:
        app_label = "orders"


def database_of(url: str, folder: str) -> dict[str, Any]:
    if not url:
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{folder}/django.db"}
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    return {
        "ENGINE": "django.db.backends.postgresql", "NAME": parts.path[1:], "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""), "HOST": parts.hostname or query.get("host", [""])[0],
        "PORT": parts.port or "", "OPTIONS": {"options": query["options"][0]},
    }  # fmt: skip


class DjangoPlatform(Platform):
    refused = HookRejected

    def open(self) -> None:
        self.close()
        connections.settings["default"] = connections.configure_settings(
            {"default": database_of(self.url, self.folder)}
        )["default"]
        self.hooks = DjangoHooks(self.alloy)
        self.hooks.register(Order)
        with connection.schema_editor() as editor:
            editor.create_model(Order)

    def serve(self) -> None:
        self.hooks.serve(Order, tenant_field="note")

    @contextmanager
    def count_queries(self) -> Iterator[list[str]]:
        sent: list[str] = []

        def note(execute: Any, sql: str, *more: Any) -> Any:
            sent.append(sql)
            return execute(sql, *more)

        with connection.execute_wrapper(note):
            yield sent

    def close(self) -> None:
        connections.close_all()
        connections["default"]  # there may be none yet
        del connections["default"]

    def create(self, **fields: Any) -> int:
        return Order.objects.create(**fields).pk

    def update(self, key: int, **fields: Any) -> None:
        order = Order.objects.get(pk=key)
        for name, value in fields.items():
            setattr(order, name, value)
        order.save()

    def update_partly(self, key: int, unsaved: dict[str, Any], **fields: Any) -> None:
        order = Order.objects.get(pk=key)
        for name, value in {**unsaved, **fields}.items():
            setattr(order, name, value)
        order.save(update_fields=list(fields))

    def delete(self, key: int) -> None:
        Order.objects.get(pk=key).delete()

    def create_many(self, rows: list[dict[str, Any]]) -> None:
        Order.objects.bulk_create([Order(**row) for row in rows])

    def update_many(self, **fields: Any) -> None:
        Order.objects.order_by("id").update(**fields)

    async def create_async(self, **fields: Any) -> None:
        await Order.objects.acreate(**fields)
        await sync_to_async(self.close)()  # in the thread that wrote

    def delete_many(self) -> None:
        Order.objects.order_by("id").all().delete()

    def transaction(self) -> AbstractContextManager[Any]:
        return transaction.atomic()

    def rows(self) -> list[dict[str, Any]]:
        return list(Order.objects.order_by("id").values())

    def errors(self, error: Exception) -> dict[str, list[str]]:
        assert isinstance(error, ValidationError)
        return error.message_dict
