"""Key-value pairs in the database. A tenant's writes take turns on its usage row, so quota and sums are exact."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from peewee import fn

from ..ports import KeyInfo, Quota
from .gateway import Gateway
from .key_values import added, check_key, check_quota, encoded, weight
from .rows import key, micros, moment
from .tables import Tables, assigned, columns

if TYPE_CHECKING:
    from ..access_model import AuditEntry

T = TypeVar("T")


class KeyValueQueries:
    """The part of a store that keeps key-value pairs; ``log`` appends an audit entry, if any, to the transaction."""

    def __init__(self, gateway: Gateway, tables: Tables, log: Callable[[AuditEntry | None], None]) -> None:
        self._gateway = gateway
        self._log = log
        self._pairs = tables.key_values
        self._usage = tables.key_value_usage

    def get(self, tenant: str, key: str, now: datetime) -> Any:
        found = self._gateway.read(lambda: self._find(tenant, check_key(key), now))
        return None if found is None else found[0]

    def set(
        self, tenant: str, key: str, value: Any, expires_at: datetime | None, quota: Quota, now: datetime, *,
        audit: AuditEntry | None = None,
    ) -> None:  # fmt: skip
        check_key(key)
        text = encoded(value)

        def work() -> None:
            self._put(tenant, key, text, expires_at, quota, now)
            self._log(audit)

        self._in_turn(tenant, work)

    def incr(
        self, tenant: str, key: str, by: int | float, expires_at: datetime | None, quota: Quota, now: datetime
    ) -> int | float:
        check_key(key)

        def work() -> int | float:
            found = self._find(tenant, key, now)
            total = added(key, 0 if found is None else found[0], by)
            ends = expires_at if found is None else None
            self._put(tenant, key, encoded(total), ends, quota, now, keep_expiry=found is not None)
            return total

        return self._in_turn(tenant, work)

    def delete(self, tenant: str, key: str, now: datetime, *, audit: AuditEntry | None = None) -> bool:
        check_key(key)

        def work() -> bool:
            live = self._find(tenant, key, now) is not None
            self._remove(tenant, self._pairs.c.name == key)
            if live:
                self._log(audit)
            return live

        return self._in_turn(tenant, work)

    def keys(self, tenant: str, prefix: str, after: str | None, limit: int, now: datetime) -> list[KeyInfo]:
        table = self._pairs
        live = table.c.expires_at.is_null() | (table.c.expires_at > micros("now", now))
        where = [table.c.tenant == key(tenant), live]
        if prefix:  # the first test is for the index
            where += [table.c.name >= key(prefix), fn.SUBSTR(table.c.name, 1, len(prefix)) == prefix]
        if after is not None:
            where.append(table.c.name > key(after))
        query = table.select(table.c.name, table.c.size, table.c.expires_at).where(*where)
        rows = self._gateway.read(
            lambda: self._gateway.database.execute(query.order_by(table.c.name).limit(limit)).fetchall()
        )
        return [KeyInfo(name, int(size), None if ends is None else moment(ends)) for name, size, ends in rows]

    def usage(self, tenant: str) -> tuple[int, int]:
        return self._gateway.read(lambda: self._used(tenant))

    def prune(self, now: datetime) -> int:
        over = self._pairs.c.expires_at <= micros("now", now)
        query = self._pairs.select(self._pairs.c.tenant).where(over).distinct()
        tenants = self._gateway.read(lambda: self._gateway.database.execute(query).fetchall())
        return sum(self._in_turn(tenant, partial(self._remove, tenant, over)) for (tenant,) in tenants)

    # -- parts -------------------------------------------------------------------------------------------------
    def _in_turn(self, tenant: str, work: Callable[[], T]) -> T:
        """Returns what ``work`` returns, in a transaction that no other write of the tenant runs beside."""
        table = self._usage
        turn = table.update(assigned(table, {"writes": table.c.writes + 1})).where(table.c.tenant == key(tenant))

        def taken() -> T:
            if not turn.execute():
                before, after = self._gateway.dialect.insert_new
                mark = self._gateway.database.param
                self._gateway.database.execute_sql(
                    f"{before} INTO alloy_key_value_usage (tenant, names, size, writes) "
                    f"VALUES ({mark}, 0, 0, 0){after}",
                    (key(tenant),),
                )
                turn.execute()
            return work()

        return self._gateway.write(taken)

    def _find(self, tenant: str, name: str, now: datetime) -> tuple[Any, int] | None:
        """Returns the live value and its size."""
        table = self._pairs
        query = table.select(table.c.body, table.c.size, table.c.expires_at).where(*self._at(tenant, name))
        rows = self._gateway.database.execute(query).fetchall()
        if not rows or (rows[0][2] is not None and rows[0][2] <= micros("now", now)):
            return None
        return json.loads(rows[0][0]), rows[0][1]

    def _put(
        self, tenant: str, name: str, text: str, expires_at: datetime | None, quota: Quota, now: datetime,
        keep_expiry: bool = False,
    ) -> None:  # fmt: skip
        table = self._pairs
        size = weight(name, text)
        rows = self._gateway.database.execute(table.select(table.c.size).where(*self._at(tenant, name))).fetchall()
        known, old = len(rows), rows[0][0] if rows else 0
        keys, total = self._used(tenant)
        if keys + 1 - known > quota.keys or total + size - old > quota.bytes:
            expired = (table.c.expires_at <= micros("now", now)) & (table.c.name != name)
            self._remove(tenant, expired)
            keys, total = self._used(tenant)
        check_quota(tenant, keys + 1 - known, total + size - old, quota)
        values: dict[str, Any] = {"body": text, "size": size}
        if not keep_expiry:
            values["expires_at"] = None if expires_at is None else micros("kv expires_at", expires_at)
        if known:
            table.update(assigned(table, values)).where(*self._at(tenant, name)).execute()
        else:
            table.insert(assigned(table, {"tenant": key(tenant), "name": name, **values})).execute()
        self._weigh(tenant, 1 - known, size - old)

    def _remove(self, tenant: str, where: Any) -> int:
        table = self._pairs
        own = (table.c.tenant == key(tenant), where)
        query = table.select(fn.COUNT(table.c.name), fn.COALESCE(fn.SUM(table.c.size), 0)).where(*own)
        ((count, size),) = self._gateway.database.execute(query).fetchall()
        if count:
            table.delete().where(*own).execute()
            self._weigh(tenant, -count, -int(size))
        return int(count)

    def _used(self, tenant: str) -> tuple[int, int]:
        table = self._usage
        query = table.select(*columns(table, ("names", "size"))).where(table.c.tenant == key(tenant))
        rows = self._gateway.database.execute(query).fetchall()
        return (int(rows[0][0]), int(rows[0][1])) if rows else (0, 0)

    def _weigh(self, tenant: str, keys: int, size: int) -> None:
        table = self._usage
        values = {"names": table.c.names + keys, "size": table.c.size + size}
        if keys or size:
            table.update(assigned(table, values)).where(table.c.tenant == key(tenant)).execute()

    def _at(self, tenant: str, name: str) -> tuple[Any, ...]:
        return self._pairs.c.tenant == key(tenant), self._pairs.c.name == name
