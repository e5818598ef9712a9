"""Nodes, limits and marks in the database: who takes jobs, how many, and who is gone."""

from __future__ import annotations

from datetime import datetime, timedelta

from ..access_model import AuditEntry
from ..job_model import Job, JobLimit, JobLimits, JobState, Node
from .gateway import Gateway
from .job_queries import SELECT, Log
from .job_rows import LOST, NODE_COLUMNS, job_from_row, node_from_row, reason_text
from .rows import Row, key, micros, moment
from .sql import SQL

RUNNING = JobState.RUNNING.value


class NodeQueries:
    """The part of a store that keeps nodes. Whether one is alive is a matter of the database's own clock."""

    def __init__(self, gateway: Gateway, log: Log) -> None:
        self._gateway = gateway
        self._log = log
        self._sql = SQL(gateway)
        self._now = gateway.dialect.now

    def clock(self) -> datetime:
        ((now,),) = self._gateway.read(lambda: self._sql.rows(f"SELECT {self._now}"))
        return moment(int(now))

    def beat(self, node: Node) -> None:
        seen = f"UPDATE alloy_nodes SET seen_at = {self._now}, slots = ? WHERE id = ?"
        before, after = self._gateway.dialect.insert_new
        new = (
            f"{before} INTO alloy_nodes (id, name, started_at, seen_at, slots) VALUES (?, ?, ?, {self._now}, ?){after}"
        )

        def work() -> None:
            if not self._sql.change(seen, node.slots, key(node.id)):
                self._sql.change(new, key(node.id), node.name, micros("started_at", node.started_at), node.slots)

        self._gateway.write(work)

    def nodes(self) -> list[Node]:
        sql = f"SELECT {', '.join(NODE_COLUMNS)} FROM alloy_nodes ORDER BY id"
        return [node_from_row(row) for row in self._gateway.read(lambda: self._sql.rows(sql))]

    def leave(self, node: str) -> None:
        def work() -> None:
            self._sql.change("DELETE FROM alloy_nodes WHERE id = ?", key(node))
            self._free("owner = ?", key(node))

        self._gateway.write(work)

    def reap(self, silent: timedelta, most_lost: int, now: datetime) -> list[Job]:
        limit = f"{self._now} - {silent // timedelta(microseconds=1)}"
        gone = f"owner NOT IN (SELECT id FROM alloy_nodes WHERE seen_at >= {limit})"
        lost = f"{SELECT} WHERE state = ? AND {gone}"
        if not self._gateway.read(lambda: self._sql.rows(lost, RUNNING)):
            self._gateway.write(lambda: self._sql.change(f"DELETE FROM alloy_nodes WHERE seen_at < {limit}"))
            return []

        def work() -> list[Row]:
            rows = self._sql.rows(lost, RUNNING)
            dead = (
                "UPDATE alloy_jobs SET state = ?, reason = ?, finished_at = ?, owner = NULL, lane = NULL, "
                f"lost = lost + 1 WHERE state = ? AND lost >= ? AND {gone}"
            )
            self._sql.change(dead, JobState.DEAD.value, reason_text(LOST), micros("now", now), RUNNING, most_lost)
            self._free(gone)
            self._sql.change(f"DELETE FROM alloy_nodes WHERE seen_at < {limit}")
            return rows

        return [job_from_row(row) for row in self._gateway.write(work)]

    def _free(self, where: str, *values: object) -> None:
        stopped = (
            f"UPDATE alloy_jobs SET state = ?, owner = NULL, lane = NULL WHERE state = ? AND cancel = 1 AND {where}"
        )
        self._sql.change(stopped, JobState.CANCELLED.value, RUNNING, *values)
        freed = f"UPDATE alloy_jobs SET state = ?, owner = NULL, lost = lost + 1 WHERE state = ? AND {where}"
        self._sql.change(freed, JobState.READY.value, RUNNING, *values)

    # -- limits and marks ----------------------------------------------------------------------------------------
    def set_limits(self, limit: JobLimit, *, audit: AuditEntry | None = None) -> None:
        name = (key(limit.tenant), "" if limit.script_id is None else key(limit.script_id))

        def work() -> None:
            self._sql.change("DELETE FROM alloy_job_limits WHERE tenant = ? AND script_id = ?", *name)
            if limit.limits != JobLimits():
                sql = "INSERT INTO alloy_job_limits (tenant, script_id, running, per_minute) VALUES (?, ?, ?, ?)"
                self._sql.change(sql, *name, *limit.limits)
            self._log(audit)

        self._gateway.write(work)

    def limits(self, tenant: str | None = None) -> list[JobLimit]:
        own, values = ("", ()) if tenant is None else (" WHERE tenant = ?", (key(tenant),))
        sql = f"SELECT tenant, script_id, running, per_minute FROM alloy_job_limits{own} ORDER BY tenant, script_id"
        rows = self._gateway.read(lambda: self._sql.rows(sql, *values))
        return [JobLimit(row[0], row[1] or None, JobLimits(row[2], row[3])) for row in rows]

    def mark(self, name: str) -> datetime | None:
        rows = self._gateway.read(lambda: self._sql.rows("SELECT at FROM alloy_marks WHERE name = ?", key(name)))
        return moment(rows[0][0]) if rows else None

    def set_mark(self, name: str, at: datetime) -> None:
        value = micros("mark", at)
        before, after = self._gateway.dialect.insert_new

        def work() -> None:
            if not self._sql.change("UPDATE alloy_marks SET at = ? WHERE name = ? AND at < ?", value, key(name), value):
                self._sql.change(f"{before} INTO alloy_marks (name, at) VALUES (?, ?){after}", key(name), value)

        self._gateway.write(work)
