"""Jobs in the database: stored once by id, handed to one node each, ended only by the node that has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from ..access_model import AuditEntry
from ..job_model import OPEN, Backlog, Job, JobEnd, JobQuery, JobState
from .gateway import Gateway
from .job_rows import BUSY, JOB_COLUMNS, PROGRESS, job_from_row, job_row, no_job, reason_text, wrong_state
from .job_turns import Turns
from .rows import Row, key, micros, moment, optional_key
from .sql import SQL

INSERT_ROWS = 45  # 21 variables a row: below the 999 of the oldest SQLite
KEYS = 400
Log = Callable[["AuditEntry | None"], None]
COLUMNS = ", ".join(JOB_COLUMNS)
SELECT = f"SELECT {COLUMNS} FROM alloy_jobs"
_LANE, _STATE, _FINISHED, _REASON = (JOB_COLUMNS.index(name) for name in ("lane", "state", "finished_at", "reason"))


class JobQueries:
    """The part of a store that keeps jobs; ``log`` appends an audit entry, if there is one, to the transaction."""

    def __init__(self, gateway: Gateway, log: Log) -> None:
        self._gateway = gateway
        self._log = log
        self._sql = SQL(gateway)
        self._turns = Turns(self._sql)

    # -- writing -----------------------------------------------------------------------------------------------
    def add(self, jobs: Sequence[Job], *, audit: AuditEntry | None = None) -> list[bool]:
        rows = [job_row(job) for job in jobs]
        if len(jobs) == 1 and audit is None and not jobs[0].skip_if_busy:
            return [self._gateway.write(lambda: self._insert(rows)) == 1]

        def work() -> list[bool]:
            self._turns.lock()
            busy = self._busy({row[_LANE] for row, job in zip(rows, jobs, strict=True) if job.skip_if_busy})
            known = self._known(rows)
            fresh, new = [], []
            for row, job in zip(rows, jobs, strict=True):
                new.append(row[:2] not in known)
                if new[-1]:
                    known.add(row[:2])
                    fresh.append(_skipped(row) if job.skip_if_busy and row[_LANE] in busy else row)
                    busy.add(row[_LANE])
            for start in range(0, len(fresh), INSERT_ROWS):
                self._insert(fresh[start : start + INSERT_ROWS])
            if fresh:
                self._log(audit)
            return new

        return self._gateway.write(work) if jobs else []

    def claim(self, node: str, slots: int, now: datetime) -> list[Job]:
        at = micros("now", now)
        if slots < 1 or not self._gateway.read(lambda: self._turns.anything(at)):
            return []
        return [job_from_row(row) for row in self._gateway.write(lambda: self._turns.take(key(node), slots, at))]

    def claim_one(self, tenant: str, job_id: str, node: str, now: datetime) -> Job | None:
        def work() -> Row | None:
            self._turns.lock()
            states = (JobState.WAITING.value, JobState.READY.value)
            got = self._sql.change(
                "UPDATE alloy_jobs SET state = ?, owner = ?, attempt = attempt + 1, started_at = ? "
                "WHERE tenant = ? AND id = ? AND state IN (?, ?)",
                JobState.RUNNING.value, key(node), micros("now", now), key(tenant), key(job_id), *states,
            )  # fmt: skip
            return self._row(tenant, job_id) if got else None

        row = self._gateway.write(work)
        return None if row is None else job_from_row(row)

    def end(self, job: Job, end: JobEnd, now: datetime) -> bool:
        own = (key(job.tenant), key(job.id), optional_key(job.owner), job.attempt, JobState.RUNNING.value)
        mine = "WHERE tenant = ? AND id = ? AND owner = ? AND attempt = ? AND state = ?"
        at, failed, tried = micros("now", now), int(end.state is JobState.DEAD), int(not end.parked)
        ended = (
            "UPDATE alloy_jobs SET state = ?, reason = ?, finished_at = ?, failed = failed + ?, owner = NULL, "
            f"lane = NULL {mine}"
        )

        def work() -> bool:
            if end.state is not JobState.SUCCEEDED and self._sql.change(
                f"{ended} AND cancel = 1", JobState.CANCELLED.value, reason_text(end.reason), at, 0, *own
            ):
                return True
            if end.state is JobState.WAITING:
                again = (
                    f"UPDATE alloy_jobs SET state = ?, reason = ?, due_at = ?, owner = NULL, failed = failed + ? {mine}"
                )
                due = at if end.due_at is None else micros("due_at", end.due_at)
                return bool(self._sql.change(again, end.state.value, reason_text(end.reason), due, tried, *own))
            return bool(self._sql.change(ended, end.state.value, reason_text(end.reason), at, failed, *own))

        return self._gateway.write(work)

    def progress(self, job: Job, progress: float, note: str | None) -> bool:
        sql = (
            "UPDATE alloy_jobs SET progress = ?, note = ? "
            "WHERE tenant = ? AND id = ? AND owner = ? AND attempt = ? AND state = ?"
        )
        own = (key(job.tenant), key(job.id), optional_key(job.owner), job.attempt, JobState.RUNNING.value)
        values = (round(progress * PROGRESS), reason_text(note))

        def work() -> bool:
            # MySQL does not count a row that stays as it was.
            kept = "SELECT 1 FROM alloy_jobs WHERE tenant = ? AND id = ? AND owner = ? AND attempt = ? AND state = ?"
            return bool(self._sql.change(sql, *values, *own) or self._sql.rows(kept, *own))

        return self._gateway.write(work)

    def cancel(self, tenant: str, job_id: str, reason: str, now: datetime, *, audit: AuditEntry | None = None) -> Job:
        at, name = micros("now", now), (key(tenant), key(job_id))

        def work() -> bool:
            stop = (
                "UPDATE alloy_jobs SET state = ?, reason = ?, finished_at = ?, cancel = 1, lane = NULL "
                "WHERE tenant = ? AND id = ? AND state IN (?, ?)"
            )
            states = (JobState.WAITING.value, JobState.READY.value)
            ask = "UPDATE alloy_jobs SET cancel = 1, reason = ? WHERE tenant = ? AND id = ? AND state = ?"
            return self._logged(
                self._sql.change(stop, JobState.CANCELLED.value, reason_text(reason), at, *name, *states)
                or self._sql.change(ask, reason_text(reason), *name, JobState.RUNNING.value),
                audit,
            )

        done = self._gateway.write(work)
        job = self.get(tenant, job_id)
        if not done:
            raise wrong_state(job, "a job that has not ended")
        return job

    def again(self, tenant: str, job_id: str, now: datetime, *, audit: AuditEntry | None = None) -> Job:
        sql = (
            "UPDATE alloy_jobs SET state = ?, due_at = ?, finished_at = NULL, cancel = 0, failed = 0, lost = 0, "
            "progress = 0, note = NULL WHERE tenant = ? AND id = ? AND state IN (?, ?)"
        )
        values = (JobState.READY.value, micros("now", now), key(tenant), key(job_id))
        states = (JobState.DEAD.value, JobState.CANCELLED.value)
        done = self._gateway.write(lambda: self._logged(self._sql.change(sql, *values, *states), audit))
        job = self.get(tenant, job_id)
        if not done:
            raise wrong_state(job, "dead or cancelled")
        return job

    def prune(self, before: datetime) -> int:
        states = [state.value for state in JobState if state not in OPEN and state is not JobState.DEAD]
        marks = ", ".join("?" * len(states))
        old = f"DELETE FROM alloy_jobs WHERE state IN ({marks}) AND finished_at < ?"
        steps = (
            "DELETE FROM alloy_job_steps WHERE NOT EXISTS (SELECT 1 FROM alloy_jobs "
            "WHERE alloy_jobs.tenant = alloy_job_steps.tenant AND alloy_jobs.id = alloy_job_steps.job_id)"
        )

        def work() -> int:
            removed = self._sql.change(old, *states, micros("before", before))
            if removed:
                self._sql.change(steps)
            return removed

        return self._gateway.write(work)

    # -- reading -----------------------------------------------------------------------------------------------
    def get(self, tenant: str, job_id: str) -> Job:
        row = self._gateway.read(lambda: self._row(tenant, job_id))
        if row is None:
            raise no_job(tenant, job_id)
        return job_from_row(row)

    def matching(self, query: JobQuery) -> list[Job]:
        tests, values = ["tenant = ?"], [key(query.tenant)]
        for name in ("state", "script_id", "kind"):
            value = getattr(query, name)
            if value is not None:
                tests.append(f"{name} = ?")
                values.append(key(str(value)))

        def work() -> list[Row]:
            if query.before is not None:
                last = self._row(query.tenant, query.before)
                if last is None:
                    return []
                tests.append("(created_at < ? OR (created_at = ? AND id < ?))")
                values.extend((last[4], last[4], last[1]))
            sql = f"{SELECT} WHERE {' AND '.join(tests)} ORDER BY created_at DESC, id DESC LIMIT ?"
            return self._sql.rows(sql, *values, max(query.limit, 0))

        return [job_from_row(row) for row in self._gateway.read(work)]

    def held(self, node: str) -> list[Job]:
        sql = f"{SELECT} WHERE state = ? AND owner = ?"
        rows = self._gateway.read(lambda: self._sql.rows(sql, JobState.RUNNING.value, key(node)))
        return [job_from_row(row) for row in rows]

    def counts(self, tenant: str | None = None) -> dict[JobState, int]:
        own, values = ("", ()) if tenant is None else (" WHERE tenant = ?", (key(tenant),))
        sql = f"SELECT state, COUNT(*) FROM alloy_jobs{own} GROUP BY state"
        return {
            JobState(state): int(count) for state, count in self._gateway.read(lambda: self._sql.rows(sql, *values))
        }

    def backlog(self) -> Backlog:
        states = (*OPEN, JobState.DEAD)
        sql = "SELECT COUNT(*), MIN(due_at) FROM alloy_jobs WHERE state = ?"
        rows = self._gateway.read(lambda: {state: self._sql.rows(sql, state.value)[0] for state in states})
        due = [rows[state][1] for state in (JobState.WAITING, JobState.READY) if rows[state][1] is not None]
        return Backlog({state: int(row[0]) for state, row in rows.items()}, moment(min(due)) if due else None)

    def next_due(self) -> datetime | None:
        sql = "SELECT MIN(due_at) FROM alloy_jobs WHERE state = ?"
        ((due,),) = self._gateway.read(lambda: self._sql.rows(sql, JobState.WAITING.value))
        return None if due is None else moment(due)

    # -- parts -------------------------------------------------------------------------------------------------
    def _logged(self, changed: int, audit: AuditEntry | None) -> bool:
        """Returns whether anything changed; then it is on the audit log."""
        if changed:
            self._log(audit)
        return bool(changed)

    def _row(self, tenant: str, job_id: str) -> Row | None:
        rows = self._sql.rows(f"{SELECT} WHERE tenant = ? AND id = ?", key(tenant), key(job_id))
        return rows[0] if rows else None

    def _insert(self, rows: list[Row]) -> int:
        before, after = self._gateway.dialect.insert_new
        marks = f"({', '.join('?' * len(JOB_COLUMNS))})"
        sql = f"{before} INTO alloy_jobs ({COLUMNS}) VALUES {', '.join([marks] * len(rows))}{after}"
        return self._sql.change(sql, *(value for row in rows for value in row))

    def _known(self, rows: list[Row]) -> set[Any]:
        found: set[Any] = set()
        ids: dict[str, list[str]] = {}
        for row in rows:
            ids.setdefault(row[0], []).append(row[1])
        for tenant, names in ids.items():
            for start in range(0, len(names), KEYS):
                some = names[start : start + KEYS]
                sql = f"SELECT id FROM alloy_jobs WHERE tenant = ? AND id IN ({', '.join('?' * len(some))})"
                found |= {(tenant, name) for (name,) in self._sql.rows(sql, tenant, *some)}
        return found

    def _busy(self, lanes: set[Any]) -> set[Any]:
        found: set[Any] = set()
        names = sorted(lane for lane in lanes if lane is not None)
        for start in range(0, len(names), KEYS):
            some = names[start : start + KEYS]
            sql = f"SELECT lane FROM alloy_jobs WHERE lane IN ({', '.join('?' * len(some))})"
            found |= {lane for (lane,) in self._sql.rows(sql, *some)}
        return found


def _skipped(row: Row) -> Row:
    """Returns the row of a job that is left out; it ends as it is stored."""
    values = list(row)
    values[_LANE], values[_STATE], values[_FINISHED] = None, JobState.SKIPPED.value, row[4]
    values[_REASON] = reason_text(BUSY)
    return tuple(values)
