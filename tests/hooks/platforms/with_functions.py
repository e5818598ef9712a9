"""Orders in plain functions over sqlite3: as dicts, dataclasses, attrs and pydantic objects."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, ClassVar

import attrs
import pydantic

from alloy_lua import Field, Rejected, Schema
from alloy_lua.bridges.records import HookRejected, RecordHooks

from .base import Platform

COLUMNS = ("name", "email", "total", "status", "discount", "note")


class FunctionsPlatform(Platform):
    refused: type[Exception] = Rejected
    kind: ClassVar[Any] = dict

    def open(self) -> None:
        self.database = sqlite3.connect(f"{self.folder}/functions.db", isolation_level=None, check_same_thread=False)
        self.database.row_factory = sqlite3.Row
        self.database.execute(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, name TEXT, email TEXT, total REAL, status TEXT,"
            " discount TEXT, note TEXT)"
        )
        self.switch_on()
        self.define()

    def switch_on(self) -> None:
        names = [Field("id", "integer"), *(Field(name, "string") for name in ("name", "email", "status", "note"))]
        fields = [*names, Field("total", "number"), Field("discount", "decimal")]
        self.alloy.entities.add_schema(Schema("order", fields))

    def define(self) -> None:
        database, alloy = self.database, self.alloy

        def stored(order: Any) -> Any:
            return self.load(self.fields_of(order)["id"])

        def write(order: Any) -> Any:
            fields = self.fields_of(order)
            names = ("id", *COLUMNS)
            values = [str(v) if isinstance(v, Decimal) else v for v in map(fields.get, names)]
            marks = ", ".join("?" * len(names))
            row = database.execute(f"INSERT OR REPLACE INTO orders ({', '.join(names)}) VALUES ({marks})", values)
            return self.make({**fields, "id": row.lastrowid})

        @alloy.hooked("order.create")
        def create(order: Any) -> Any:
            return write(order)

        @alloy.hooked("order.create", many=True)
        def create_all(orders: list[Any]) -> list[Any]:
            return [write(order) for order in orders]

        @alloy.hooked("order.update", previous=stored)
        def update(order: Any) -> None:
            write(order)

        @alloy.hooked("order.update", previous=stored, many=True)
        def update_all(orders: list[Any]) -> None:
            for order in orders:
                write(order)

        @alloy.hooked("order.delete", previous=stored)
        def delete(order: Any) -> None:
            database.execute("DELETE FROM orders WHERE id = ?", (self.fields_of(order)["id"],))

        @alloy.hooked("order.delete", previous=stored, many=True)
        def delete_all(orders: list[Any]) -> None:
            database.executemany("DELETE FROM orders WHERE id = ?", [(self.fields_of(o)["id"],) for o in orders])

        self.writes = {f.__name__: f for f in (create, create_all, update, update_all, delete, delete_all)}

    def make(self, fields: dict[str, Any]) -> Any:
        return fields

    def fields_of(self, order: Any) -> dict[str, Any]:
        return order

    def load(self, key: int) -> Any:
        return self.make(dict(self.database.execute("SELECT * FROM orders WHERE id = ?", (key,)).fetchone()))

    def changed(self, order: Any, fields: dict[str, Any]) -> Any:
        return self.make({**self.fields_of(order), **fields})

    def write(self, how: str, order: Any) -> Any:
        with self.transaction():
            return self.writes[how](order)

    def close(self) -> None:
        if self.database.in_transaction:
            self.database.rollback()

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        outermost = not self.database.in_transaction
        with self.alloy.unit_of_work():
            self.database.execute("BEGIN" if outermost else "SAVEPOINT s")
            try:
                yield
            except BaseException:
                self.database.execute("ROLLBACK" if outermost else "ROLLBACK TO s")
                raise
            self.database.execute("COMMIT" if outermost else "RELEASE s")

    def create(self, **fields: Any) -> int:
        defaults = {"name": "", "total": 0.0, "status": "new"}
        return int(self.fields_of(self.write("create", self.make({**defaults, **fields})))["id"])

    def update(self, key: int, **fields: Any) -> None:
        self.write("update", self.changed(self.load(key), fields))

    def update_partly(self, key: int, unsaved: dict[str, Any], **fields: Any) -> None:
        self.update(key, **fields)  # a function writes what it is given

    def delete(self, key: int) -> None:
        self.write("delete", self.load(key))

    def _all(self) -> list[Any]:
        return [self.load(row["id"]) for row in self.rows()]

    def create_many(self, rows: list[dict[str, Any]]) -> None:
        self.write("create_all", [self.make({"name": "", "total": 0.0, "status": "new", **row}) for row in rows])

    def update_many(self, **fields: Any) -> None:
        self.write("update_all", [self.changed(order, fields) for order in self._all()])

    def delete_many(self) -> None:
        self.write("delete_all", self._all())

    def rows(self) -> list[dict[str, Any]]:
        return [dict(row) for row in self.database.execute("SELECT * FROM orders ORDER BY id")]

    def errors(self, error: Exception) -> dict[str, list[str]]:
        from alloy_lua.bridges.writes import field_errors

        assert isinstance(error, Rejected)
        return field_errors(error)


class RecordsPlatform(FunctionsPlatform):
    refused = HookRejected

    def switch_on(self) -> None:
        RecordHooks(self.alloy).register(self.kind, "order")

    def make(self, fields: dict[str, Any]) -> Any:
        discount = fields.get("discount")
        return self.kind(**{**fields, "discount": None if discount is None else Decimal(discount)})

    def errors(self, error: Exception) -> dict[str, list[str]]:
        assert isinstance(error, ValueError)
        return error.errors


@dataclasses.dataclass
class DataOrder:
    name: str = ""
    email: str | None = None
    total: float = 0.0
    status: str = "new"
    discount: Decimal | None = None
    note: str | None = None
    id: int | None = None


class DataclassPlatform(RecordsPlatform):
    kind = DataOrder

    def fields_of(self, order: Any) -> dict[str, Any]:
        return dataclasses.asdict(order)


@attrs.define
class AttrsOrder:
    name: str = ""
    email: str | None = None
    total: float = 0.0
    status: str = "new"
    discount: Decimal | None = None
    note: str | None = None
    id: int | None = None


class AttrsPlatform(RecordsPlatform):
    kind = AttrsOrder

    def fields_of(self, order: Any) -> dict[str, Any]:
        return attrs.asdict(order)


class PydanticOrder(pydantic.BaseModel):
    name: str = ""
    email: str | None = None
    total: float = 0.0
    status: str = "new"
    discount: Decimal | None = None
    note: str | None = None
    id: int | None = None


class PydanticPlatform(RecordsPlatform):
    refused = pydantic.ValidationError
    kind = PydanticOrder

    def fields_of(self, order: Any) -> dict[str, Any]:
        return order.model_dump()

    def errors(self, error: Exception) -> dict[str, list[str]]:
        assert isinstance(error, pydantic.ValidationError)
        found: dict[str, list[str]] = {}
        for problem in error.errors():
            found.setdefault(".".join(map(str, problem["loc"])) or "__all__", []).append(problem["msg"])
        return found
