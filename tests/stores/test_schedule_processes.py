"""Three processes, kill -9 and restarts: every tick starts, and none twice."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from alloy_lua import Alloy, CronTrigger
from alloy_lua.job_model import OPEN, Job
from alloy_lua.model import Misfire, Overlap

SECOND = timedelta(seconds=1)
SCRIPTS = 4
SECONDS = 7
NODES = 3


def node(url: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "alloy_lua.cli.main", "worker", "--database", url, "--silent", "2"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_every_tick_starts_once_while_processes_are_killed(kind: str, request: pytest.FixtureRequest) -> None:
    url: str = request.getfixturevalue(f"{kind}_url")
    dice = random.Random(7)
    nodes: list[subprocess.Popen[bytes]] = []
    with Alloy(url) as alloy:
        for n in range(SCRIPTS):
            every = CronTrigger("* * * * * *", misfire=Misfire.ALL, misfire_limit=100, overlap=Overlap.PARALLEL)
            source = "local n = 0 for i = 1, 50000 do n = n + i % 7 end return n"
            alloy.scripts.create(f"s{n}", source, triggers=[every], status="active")
        try:
            nodes = [node(url) for _ in range(NODES)]
            until(lambda: len(alloy.jobs.nodes()) == NODES)
            kills, end = 0, time.monotonic() + SECONDS
            while time.monotonic() < end:
                time.sleep(dice.uniform(0.5, 1.5))
                victim = dice.randrange(NODES)
                nodes[victim].kill()
                nodes[victim].wait()
                nodes[victim] = node(url)
                kills += 1
            last = datetime.now(UTC) - SECOND
            until(lambda: all(settled(jobs, last) for jobs in by_script(alloy).values()))
            for n in range(SCRIPTS):
                alloy.scripts.pause(f"s{n}")
            until(lambda: not any(alloy.jobs.counts().get(state) for state in OPEN))
        finally:
            for each in nodes:
                each.send_signal(signal.SIGTERM)
            for each in nodes:
                each.wait(timeout=60)
        assert kills >= 3
        for jobs in by_script(alloy).values():
            seconds = sorted(moment(job) for job in jobs)
            assert len(seconds) >= SECONDS
            assert seconds == [seconds[0] + n * SECOND for n in range(len(seconds))]
            ticked = [job for job in jobs if moment(job) <= last]
            assert [job for job in ticked if job.state != "succeeded" or job.attempt - job.lost != 1] == []


def by_script(alloy: Alloy) -> dict[str, list[Job]]:
    return {name: list(alloy.jobs.list(script=name, limit=1000)) for name in (f"s{n}" for n in range(SCRIPTS))}


def moment(job: Job) -> datetime:
    return datetime.strptime(job.id.rpartition(":")[2], "%Y%m%dT%H%M%S%z")


def settled(jobs: list[Job], last: datetime) -> bool:
    """Returns whether all ticks up to ``last`` have come and ended."""
    moments = {moment(job): job.state for job in jobs}
    return max(moments, default=last - SECOND) >= last and not any(s in OPEN for m, s in moments.items() if m <= last)


def until(true: object, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < deadline, "waited for too long"
        time.sleep(0.05)
