"""The steps of durable runs in the database: written only by the node that has the job."""

from __future__ import annotations

from ..errors import StoreError
from ..job_model import Job, JobState, Step
from .gateway import Gateway
from .rows import key, optional_key
from .sql import SQL


class _Twice(StoreError):
    """Another node has written this step."""

    def __init__(self) -> None:
        super().__init__("the step is there already")


class StepQueries:
    """The part of a store that keeps steps."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._sql = SQL(gateway)

    def steps(self, job: Job) -> list[Step]:
        sql = "SELECT number, name, error, text FROM alloy_job_steps WHERE tenant = ? AND job_id = ? ORDER BY number"
        rows = self._gateway.read(lambda: self._sql.rows(sql, key(job.tenant), key(job.id)))
        return [Step(*row) for row in rows]

    def record(self, job: Job, step: Step) -> bool:
        values = (key(job.tenant), key(job.id), step.number, step.name, step.error, step.text)
        mine = (key(job.tenant), key(job.id), optional_key(job.owner), job.attempt, JobState.RUNNING.value)
        # In one statement with the test, so that a node that lost the job writes nothing.
        sql = (
            "INSERT INTO alloy_job_steps (tenant, job_id, number, name, error, text) "
            "SELECT ?, ?, ?, ?, ?, ? FROM alloy_jobs "
            "WHERE tenant = ? AND id = ? AND owner = ? AND attempt = ? AND state = ? AND cancel = 0"
        )

        try:
            return bool(self._gateway.write(lambda: self._sql.change(sql, *values, *mine), duplicate=_Twice))
        except _Twice:
            return False

    def forget_step(self, job: Job, step: Step) -> None:
        sql = "DELETE FROM alloy_job_steps WHERE tenant = ? AND job_id = ? AND number = ?"
        self._gateway.write(lambda: self._sql.change(sql, key(job.tenant), key(job.id), step.number))
