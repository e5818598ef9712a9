"""Tapes in the database: runs recorded for replay, listed newest first, removed when they have expired."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ..model import Tape
from ..ports import TapeQuery
from . import refusals
from .gateway import Gateway
from .rows import Row, key, micros, moment
from .sql import SQL

_COLUMNS = "tenant, run_id, script_id, recorded_at, expires_at, body"


class TapeQueries:
    """The part of a store that keeps tapes."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._sql = SQL(gateway)

    def add(self, tapes: Sequence[Tape]) -> None:
        # In one order for everyone, so that two processes never wait for each other's rows.
        rows = sorted(_row(tape) for tape in tapes)
        before, after = self._gateway.dialect.insert_new
        sql = f"{before} INTO alloy_tapes ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?){after}"

        def work() -> None:
            for row in rows:
                self._sql.change(sql, *row)

        if rows:
            self._gateway.write(work)

    def get(self, tenant: str, run_id: str) -> Tape:
        found = self._select("tenant = ? AND run_id = ?", key(tenant), key(run_id))
        if not found:
            raise refusals.no_tape(tenant, run_id)
        return found[0]

    def matching(self, query: TapeQuery) -> list[Tape]:
        where, values = ["tenant = ?"], [key(query.tenant)]
        for test, value in (
            ("script_id = ?", None if query.script_id is None else key(query.script_id)),
            ("recorded_at >= ?", None if query.since is None else micros("since", query.since)),
            ("recorded_at < ?", None if query.until is None else micros("until", query.until)),
        ):
            if value is not None:
                where.append(test)
                values.append(value)  # type: ignore[arg-type]
        if query.before is not None:
            last = self._select("tenant = ? AND run_id = ?", key(query.tenant), key(query.before))
            if not last:
                return []
            at = micros("recorded_at", last[0].recorded_at)
            where.append("(recorded_at < ? OR (recorded_at = ? AND run_id < ?))")
            values += [at, at, key(query.before)]  # type: ignore[list-item]
        order = f"ORDER BY recorded_at DESC, run_id DESC LIMIT {max(query.limit, 0):d}"
        return self._select(f"{' AND '.join(where)} {order}", *values)

    def delete(self, tenant: str, run_id: str) -> bool:
        return bool(self._change("tenant = ? AND run_id = ?", key(tenant), key(run_id)))

    def prune(self, now: datetime) -> int:
        return self._change("expires_at <= ?", micros("now", now))

    def trim(self, tenant: str, script_id: str, keep: int) -> int:
        order = f"ORDER BY recorded_at DESC, run_id DESC LIMIT 1 OFFSET {max(keep, 0):d}"
        whose = (key(tenant), key(script_id))
        first_out = self._select(f"tenant = ? AND script_id = ? {order}", *whose)
        if not first_out:
            return 0
        at = micros("recorded_at", first_out[0].recorded_at)
        older = "(recorded_at < ? OR (recorded_at = ? AND run_id <= ?))"
        return self._change(f"tenant = ? AND script_id = ? AND {older}", *whose, at, at, key(first_out[0].run_id))

    def _select(self, where: str, *values: object) -> list[Tape]:
        sql = f"SELECT {_COLUMNS} FROM alloy_tapes WHERE {where}"
        return [_tape(row) for row in self._gateway.read(lambda: self._sql.rows(sql, *values))]

    def _change(self, where: str, *values: object) -> int:
        return self._gateway.write(lambda: self._sql.change(f"DELETE FROM alloy_tapes WHERE {where}", *values))


def _row(tape: Tape) -> Row:
    return (
        key(tape.tenant), key(tape.run_id), key(tape.script_id), micros("tape recorded_at", tape.recorded_at),
        micros("tape expires_at", tape.expires_at), tape.body,
    )  # fmt: skip


def _tape(row: Row) -> Tape:
    tenant, run_id, script_id, recorded_at, expires_at, body = row
    return Tape(tenant, run_id, script_id, moment(recorded_at), moment(expires_at), body)
