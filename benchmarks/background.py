"""Schedules and jobs: what they cost at rest, how late ticks are, jobs a second, and from commit to run."""

from __future__ import annotations

import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from alloy_lua import Alloy, CronTrigger, ManualTrigger
from alloy_lua.job_model import Job, JobState
from alloy_lua.model import Overlap

from .paired import Pair, claim

SCHEDULES = 10_000
PER_SCRIPT = 50
SECONDS = 15
JOBS = 400
SLOTS = 8


def _schedules(alloy: Alloy, expressions: list[str]) -> None:
    for start in range(0, len(expressions), PER_SCRIPT):
        triggers = [CronTrigger(each, overlap=Overlap.PARALLEL) for each in expressions[start : start + PER_SCRIPT]]
        alloy.scripts.create(f"s{start}", "return 1", triggers=triggers, status="active")


def _measure(expressions: list[str]) -> tuple[float, list[float]]:
    """Returns the share of a core that the scheduler takes, and how late each tick was stored, in seconds."""
    late: list[float] = []
    with tempfile.TemporaryDirectory() as folder, Alloy(f"sqlite:///{folder}/jobs.db") as alloy:
        _schedules(alloy, expressions)
        add = alloy.jobs.add

        def timed(jobs: list[Job]) -> list[bool]:
            new = add(jobs)
            now = datetime.now(UTC).timestamp()
            late.extend(now - job.position / 1e6 for job in jobs)
            return new

        alloy.jobs.add = timed  # type: ignore[method-assign,assignment]
        alloy.scheduler.start()
        time.sleep(10)  # the schedules are worked out
        late.clear()
        started, cpu = time.perf_counter(), time.process_time()
        time.sleep(SECONDS)
        share = (time.process_time() - cpu) / (time.perf_counter() - started)
        return share, sorted(late)


def _claim(name: str, value: float, most: float, unit: str) -> Pair:
    return Pair(name, value / most, value / most, value / most, "at most 1", value <= most, f"{value:.3f} {unit}")


def schedules() -> Iterator[Pair]:
    """10,000 schedules in one process on SQLite: at rest, spread over an hour, spread over a minute."""
    far = (datetime.now(UTC) + timedelta(hours=5)).hour
    at_rest = [f"{n % 60} {n // 60 % 60} {far} * * {n // 3600}" for n in range(SCHEDULES)]
    share, _ = _measure(at_rest)
    yield _claim("share of a core at rest / 1 %", share * 100, 1, "%")
    hourly = [f"{n % 60} {n // 60 % 60} * * * *" for n in range(SCHEDULES)]
    minutely = [f"{n % 60} * * * * *" for n in range(SCHEDULES)]
    for title, expressions in (("an hour", hourly), ("a minute", minutely)):
        share, late = _measure(expressions)
        p99 = late[int(len(late) * 0.99)] * 1000
        yield _claim(f"lateness at p99, spread over {title} / 200 ms", p99, 200, f"ms over {len(late)} ticks")


def _ours(url: str) -> tuple[float, float]:
    """Returns jobs enqueued a second while nobody works, and enqueued and done a second."""
    with Alloy(url) as alloy:
        alloy.scripts.create("noop", "return 1", triggers=[ManualTrigger()], status="active")
        started = time.perf_counter()
        later = [alloy.jobs.enqueue("noop", delay_s=3600) for _ in range(JOBS)]
        enqueued = JOBS / (time.perf_counter() - started)
        for job in later:
            alloy.jobs.cancel(job.id)
        alloy.jobs.start(SLOTS)
        started = time.perf_counter()
        for _ in range(JOBS):
            alloy.jobs.enqueue("noop")
        while alloy.jobs.counts().get(JobState.SUCCEEDED, 0) < JOBS:
            time.sleep(0.02)
        return enqueued, JOBS / (time.perf_counter() - started)


def _dbos(url: str) -> tuple[float, float]:
    command = [sys.executable, "-m", "benchmarks.jobs_peer", url, str(JOBS)]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout.split()
    return float(said[-2]), float(said[-1])


@contextmanager
def _databases(server: str | None) -> Iterator[tuple[str, str]]:
    """Yields the URLs of two empty databases, ours and the peer's, on a server or else on SQLite."""
    with tempfile.TemporaryDirectory() as folder:
        if server is None:
            yield f"sqlite:///{folder}/ours.db", f"sqlite:///{folder}/peer.db"
            return
        import psycopg2

        names = [f"bench_{uuid.uuid4().hex}" for _ in range(2)]
        base = server.rpartition("/")[0]
        with closing(psycopg2.connect(server)) as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            for name in names:
                cursor.execute(f"CREATE DATABASE {name}")
            try:
                yield f"{base}/{names[0]}", f"{base}/{names[1]}".replace("postgresql:", "postgresql+psycopg:")
            finally:
                for name in names:
                    cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def throughput() -> Iterator[Pair]:
    """Jobs that do nothing, one process, against DBOS: enqueued one by one; enqueued and done."""
    server = os.environ.get("ALLOY_TEST_POSTGRESQL_URL")
    for title, where in (("SQLite", None), *((("PostgreSQL", server),) if server else ())):
        ours, peer = [], []
        for _ in range(3):
            with _databases(where) as (here, there):
                ours.append(_ours(here))
                peer.append(_dbos(there))
        for place, what in enumerate(("enqueued", "enqueued and done")):
            yield claim(f"{title}: jobs {what} a second / DBOS", [each[place] for each in ours],
                        [each[place] for each in peer], at_least=0.8, unit=1, unit_name="a second")  # fmt: skip


def commit_to_run() -> Iterator[Pair]:
    """From the commit of a platform's transaction to its hook's first host call, on SQLite."""
    seen: dict[int, float] = {}
    waits = []
    with tempfile.TemporaryDirectory() as folder, Alloy(f"sqlite:///{folder}/jobs.db") as alloy:

        @alloy.function("bench.note")
        def note(n: int) -> None:
            seen[n] = time.perf_counter()

        alloy.scripts.create("hook", "bench.note(entity.id)", on="order.on_commit", status="active")
        alloy.jobs.start(4)
        with closing(sqlite3.connect(f"{folder}/jobs.db", timeout=5)) as platform:
            for n in range(200):
                with platform:
                    alloy.fire_on_commit(platform.execute, "order.on_commit", {"id": n})
                committed = time.perf_counter()
                while n not in seen:
                    time.sleep(0.0005)
                waits.append((seen[n] - committed) * 1000)
    yield _claim("commit to run, p50 / 50 ms", statistics.median(waits), 50, "ms")


GROUPS: tuple[Any, ...] = (schedules, throughput, commit_to_run)
