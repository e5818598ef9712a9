"""Recorded runs in the database: written in batches, listed newest first, pruned in steps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache, reduce
from operator import and_
from typing import Any

from peewee import SQL, fn

from ..model import Run
from ..ports import RunQuery
from . import refusals
from .gateway import Gateway
from .rows import MAX_BIG, RUN_COLUMNS, key, micros, run_from_body, run_row
from .tables import Tables

INSERT_ROWS = 80  # 11 variables a row: below the 999 of the oldest SQLite
PRUNE_ROWS = 5_000  # a step that other writers can wait for


class RunQueries:
    """The part of a store that keeps runs."""

    def __init__(self, gateway: Gateway, tables: Tables) -> None:
        self._gateway = gateway
        self._runs = tables.runs

    def add(self, runs: Sequence[Run]) -> None:
        rows = [run_row(run) for run in runs]
        # In one order for everyone, so that two processes never wait for each other's rows.
        rows.sort(key=lambda row: row[:2])
        database, dialect = self._gateway.database, self._gateway.dialect

        def work() -> None:
            for start in range(0, len(rows), INSERT_ROWS):
                chunk = rows[start : start + INSERT_ROWS]
                sql = _insert_sql(dialect.insert_new, database.param, len(chunk))
                database.execute_sql(sql, [value for row in chunk for value in row])

        if rows:
            self._gateway.write(work)

    def get(self, tenant: str, run_id: str) -> Run:
        table = self._runs
        rows = self._fetch(table.select(table.c.body).where(table.c.tenant == key(tenant), table.c.id == key(run_id)))
        if not rows:
            raise refusals.no_run(tenant, run_id)
        return run_from_body(rows[0][0])

    def matching(self, query: RunQuery) -> list[Run]:
        table = self._runs
        where = self._where(query)
        if query.before is not None:
            last = self._started_at(query.tenant, query.before)
            if last is None:
                return []
            where &= self._older(last, key(query.before))
        newest_first = (table.c.started_at.desc(), table.c.id.desc())
        rows = table.select(table.c.body).where(where).order_by(*newest_first).limit(max(query.limit, 0))
        return [run_from_body(text) for (text,) in self._fetch(rows)]

    def count(self, query: RunQuery) -> int:
        ((count,),) = self._fetch(self._runs.select(fn.COUNT(SQL("1"))).where(self._where(query)))
        return int(count)

    def prune(self, older_than: datetime | None, keep: int | None) -> int:
        table = self._runs
        removed = 0
        if older_than is not None:
            removed += self._delete_before(micros("older_than", older_than))
        if keep is not None:
            newest_first = (table.c.started_at.desc(), table.c.id.desc())
            first_out = table.select(table.c.started_at, table.c.id).order_by(*newest_first)
            for started_at, run_id in self._fetch(first_out.limit(1).offset(max(keep, 0))):
                removed += self._delete_before(started_at)
                removed += self._delete((table.c.started_at == started_at) & (table.c.id <= run_id))
        return removed

    # -- parts -------------------------------------------------------------------------------------------------
    def _fetch(self, query: Any) -> Any:
        return self._gateway.read(lambda: self._gateway.database.execute(query).fetchall())

    def _where(self, query: RunQuery) -> Any:
        c = self._runs.c
        tests = [c.tenant == key(query.tenant)]
        for name in ("script_id", "event", "entity_type", "entity_id"):
            value = getattr(query, name)
            if value is not None:
                tests.append(getattr(c, name) == key(value))
        if query.revision is not None:
            tests.append(c.revision == query.revision)
        if query.status is not None:
            tests.append(c.status == query.status.value)
        if query.since is not None:
            tests.append(c.started_at >= micros("since", query.since))
        if query.until is not None:
            tests.append(c.started_at < micros("until", query.until))
        if query.min_duration_us is not None:
            tests.append(c.duration_us >= min(query.min_duration_us, MAX_BIG))
        return reduce(and_, tests)

    def _started_at(self, tenant: str, run_id: str) -> int | None:
        c = self._runs.c
        rows = self._fetch(self._runs.select(c.started_at).where(c.tenant == key(tenant), c.id == key(run_id)))
        return rows[0][0] if rows else None

    def _older(self, started_at: int, run_id: str) -> Any:
        c = self._runs.c
        return (c.started_at < started_at) | ((c.started_at == started_at) & (c.id < run_id))

    def _delete(self, where: Any) -> int:
        return int(self._gateway.write(lambda: self._runs.delete().where(where).execute()))

    def _delete_before(self, limit: int) -> int:
        table = self._runs
        removed = 0
        step = table.select(table.c.started_at).where(table.c.started_at < limit).order_by(table.c.started_at)
        while rows := self._fetch(step.limit(1).offset(PRUNE_ROWS)):
            removed += self._delete(table.c.started_at <= rows[0][0])
        return removed + self._delete(table.c.started_at < limit)


@lru_cache(maxsize=INSERT_ROWS)
def _insert_sql(words: tuple[str, str], mark: str, rows: int) -> str:
    """Written by hand: building it as a query costs 30 µs a row, more than the insert itself."""
    before, after = words
    marks = ", ".join([mark] * len(RUN_COLUMNS))
    values = ", ".join([f"({marks})"] * rows)
    return f"{before} INTO alloy_runs ({', '.join(RUN_COLUMNS)}) VALUES {values}{after}"
