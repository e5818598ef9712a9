"""Whose job is next: fair between tenants, by priority within one, in order within a lane, and within the limits."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ..job_model import JobLimits, JobState
from .job_rows import JOB_COLUMNS
from .rows import Row
from .sql import SQL

TENANTS = 100  # looked at in one turn; the next turn begins behind the last one
MINUTE = 60_000_000
WAITING, READY, RUNNING = JobState.WAITING.value, JobState.READY.value, JobState.RUNNING.value
_SELECT = ", ".join(f"j.{name}" for name in JOB_COLUMNS)
_FIRST_OF_LANE = (
    "(j.lane IS NULL OR NOT EXISTS (SELECT 1 FROM alloy_jobs e WHERE e.lane = j.lane "
    "AND (e.position < j.position OR (e.position = j.position AND e.id < j.id))))"
)
_STATE, _ATTEMPT, _OWNER, _STARTED = (JOB_COLUMNS.index(name) for name in ("state", "attempt", "owner", "started_at"))
Limits = dict[tuple[str, str], JobLimits]


class Turns:
    """Hands out ready jobs. All of it runs within a transaction that holds one lock, so that limits are exact."""

    def __init__(self, sql: SQL) -> None:
        self._sql = sql
        self._last_tenant = ""

    def lock(self) -> None:
        """Makes other transactions that lock wait until this one ends."""
        self._sql.change("UPDATE alloy_marks SET at = at + 1 WHERE name = 'claim'")

    def anything(self, now: int) -> bool:
        """Returns whether there may be a job to take, at little cost."""
        ready = "SELECT 1 FROM alloy_jobs WHERE state = ? LIMIT 1"
        due = "SELECT 1 FROM alloy_jobs WHERE state = ? AND due_at <= ? LIMIT 1"
        return bool(self._sql.rows(ready, READY) or self._sql.rows(due, WAITING, now))

    def take(self, node: str, slots: int, now: int) -> list[Row]:
        """Returns the rows of up to ``slots`` jobs, marked as running on ``node``."""
        self.lock()
        self._sql.change("UPDATE alloy_jobs SET state = ? WHERE state = ? AND due_at <= ?", READY, WAITING, now)
        tenants = self._tenants()
        if not tenants:
            return []
        room = _Room(self._sql, now)
        choices = {tenant: self._candidates(tenant, slots, room) for tenant in tenants}
        taken: list[Row] = []
        while len(taken) < slots and choices:
            tenant = min(choices, key=lambda name: room.tenants[name])  # the first of equals: in order of turns
            row = next((row for row in choices[tenant] if room.allows(row)), None)
            if row is None:
                del choices[tenant]
                continue
            choices[tenant].remove(row)
            room.add(row)
            taken.append(row)
            self._last_tenant = tenant
        self._start(taken, node, now)
        return [_started(row, node, now) for row in taken]

    def _tenants(self) -> list[str]:
        """The tenants with ready jobs, from the one behind the last that got a turn, around to it."""
        behind = "SELECT tenant FROM alloy_jobs WHERE state = ? AND tenant > ? ORDER BY tenant LIMIT 1"
        found: list[str] = []
        last, wrapped = self._last_tenant, not self._last_tenant
        while len(found) < TENANTS:
            rows = self._sql.rows(behind, READY, last)
            if rows and not (wrapped and found and rows[0][0] in found):
                last = rows[0][0]
                found.append(last)
            elif wrapped:
                break
            else:
                last, wrapped = "", True
        return found

    def _candidates(self, tenant: str, count: int, room: _Room) -> list[Row]:
        full = room.full_scripts(tenant)
        others = f" AND j.script_id NOT IN ({', '.join('?' * len(full))})" if full else ""
        sql = (
            f"SELECT {_SELECT} FROM alloy_jobs j WHERE j.state = ? AND j.tenant = ?{others} AND {_FIRST_OF_LANE} "
            "ORDER BY j.priority DESC, j.due_at, j.position, j.id LIMIT ?"
        )
        return self._sql.rows(sql, READY, tenant, *full, count)

    def _start(self, rows: list[Row], node: str, now: int) -> None:
        sql = (
            "UPDATE alloy_jobs SET state = ?, owner = ?, attempt = attempt + 1, started_at = ? "
            "WHERE tenant = ? AND id = ?"
        )
        for row in rows:
            self._sql.change(sql, RUNNING, node, now, row[0], row[1])


class _Room:
    """How many jobs run, and how many more may start, by tenant and by script."""

    def __init__(self, sql: SQL, now: int) -> None:
        self.tenants: Counter[str] = Counter()
        self._scripts: Counter[tuple[str, str]] = Counter()
        running = "SELECT tenant, script_id, COUNT(*) FROM alloy_jobs WHERE state = ? GROUP BY tenant, script_id"
        for tenant, script, count in sql.rows(running, RUNNING):
            self.tenants[tenant] += count
            self._scripts[tenant, script] += count
        self._limits: Limits = {
            (tenant, script): JobLimits(most, rate)
            for tenant, script, most, rate in sql.rows(
                "SELECT tenant, script_id, running, per_minute FROM alloy_job_limits"
            )
        }
        self._begun: dict[tuple[str, str], int] = {}
        for (tenant, script), limits in self._limits.items():
            if limits.per_minute is not None:
                own, values = (" AND script_id = ?", (script,)) if script else ("", ())
                count = f"SELECT COUNT(*) FROM alloy_jobs WHERE tenant = ? AND started_at > ?{own}"
                self._begun[tenant, script] = sql.rows(count, tenant, now - MINUTE, *values)[0][0]

    def allows(self, row: Row) -> bool:
        """Returns whether the job in ``row`` may start now."""
        tenant, script = row[0], row[2]
        return not self._full((tenant, ""), self.tenants[tenant]) and not self._full(
            (tenant, script), self._scripts[tenant, script]
        )

    def full_scripts(self, tenant: str) -> list[str]:
        """Returns the scripts of a tenant that no job may start of."""
        own = [name for name in self._limits if name[0] == tenant and name[1]]
        return [name[1] for name in own if self._full(name, self._scripts[name])]

    def add(self, row: Row) -> None:
        """Counts the job in ``row`` as started."""
        tenant, script = row[0], row[2]
        self.tenants[tenant] += 1
        self._scripts[tenant, script] += 1
        for name in ((tenant, ""), (tenant, script)):
            if name in self._begun:
                self._begun[name] += 1

    def _full(self, name: tuple[str, str], running: int) -> bool:
        limits = self._limits.get(name)
        if limits is None:
            return False
        if limits.running is not None and running >= limits.running:
            return True
        return limits.per_minute is not None and self._begun[name] >= limits.per_minute


def _started(row: Row, node: str, now: int) -> Row:
    values: list[Any] = list(row)
    values[_STATE], values[_OWNER], values[_STARTED] = RUNNING, node, now
    values[_ATTEMPT] += 1
    return tuple(values)
