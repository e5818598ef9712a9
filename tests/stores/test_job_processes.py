"""Durable runs over several processes: kill -9 repeats nothing that is on record, and a zombie is fenced."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from alloy_lua import Alloy, ManualTrigger
from alloy_lua.job_model import OPEN, JobState

WORKER = """
import sqlite3, sys, time
from alloy_lua import Alloy, HostCall

url, effects = sys.argv[1:]
alloy = Alloy(url)

@alloy.function("test.effect")
def effect(call: HostCall, what: str) -> None:
    with sqlite3.connect(effects, timeout=30) as made:
        made.execute("INSERT INTO effects (what) VALUES (?)", (f"{call.run_id}:{call.serial}:{what}",))
    time.sleep(0.02)

alloy.jobs.start(4, silent_s=1)
print("ready", flush=True)
time.sleep(600)
"""
LONG = """
for i = 1, 5 do
  test.effect("a" .. i)
  sleep(0.1)
  test.effect("b" .. i)
end
"""
JOBS, NODES, KILLS = 40, 3, 8


@pytest.fixture
def effects(tmp_path: Path) -> Path:
    path = tmp_path / "effects.db"
    with closing(sqlite3.connect(path)) as made:
        made.execute("PRAGMA journal_mode = wal")
        made.execute("CREATE TABLE effects (what TEXT)")
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(f"{request.param}_url")
    return f"{found}?timeout=30" if request.param == "sqlite" else found


def start(url: str, effects: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WORKER, url, str(effects)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def end(processes: list[subprocess.Popen[str]]) -> None:
    for process in processes:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited for too long"
        time.sleep(0.02)


def made(effects: Path) -> Counter[str]:
    with closing(sqlite3.connect(effects, timeout=30)) as opened:
        return Counter(what for (what,) in opened.execute("SELECT what FROM effects"))


def more_made(effects: Path, before: int, alloy: Alloy) -> bool:
    return sum(made(effects).values()) > before or not alloy.jobs.counts().get(JobState.RUNNING)


def test_killed_runs_go_on_elsewhere_and_repeat_at_most_the_call_under_way(url: str, effects: Path) -> None:
    dice = random.Random(3)
    processes: list[subprocess.Popen[str]] = []
    with Alloy(url) as alloy:
        triggers = [ManualTrigger()]
        alloy.scripts.create(
            "long", LONG, triggers=triggers, capabilities=["durable"], status="active", limits="relaxed"
        )
        jobs = [alloy.jobs.enqueue("long") for _ in range(JOBS)]
        try:
            processes = [start(url, effects) for _ in range(NODES)]
            for _ in range(KILLS):
                until(partial(more_made, effects, sum(made(effects).values()), alloy))
                time.sleep(dice.uniform(0.0, 0.1))
                victim = processes.pop(dice.randrange(NODES))
                end([victim])
                processes.append(start(url, effects))
            until(lambda: not any(alloy.jobs.counts().get(state) for state in OPEN))
        finally:
            end(processes)
        assert alloy.jobs.counts() == {JobState.SUCCEEDED: JOBS}
        found = made(effects)
        lost = 0
        for job in jobs:
            own = {what: count for what, count in found.items() if what.startswith(job.id)}
            assert {what.rpartition(":")[2] for what in own} == {f"{kind}{i}" for kind in "ab" for i in range(1, 6)}
            ended = alloy.jobs.get(job.id)
            assert sum(own.values()) - len(own) <= ended.lost
            lost += ended.lost
        assert lost > 0, "no kill hit a running job: the test showed nothing"


def test_a_process_that_was_only_stopped_finds_its_jobs_gone(url: str, effects: Path) -> None:
    processes: list[subprocess.Popen[str]] = []
    with Alloy(url) as alloy:
        source = 'test.effect("a") for i = 1, 40 do test.effect("turn" .. i) end test.effect("z")'
        alloy.scripts.create(
            "long", source, triggers=[ManualTrigger()], capabilities=["durable"], status="active", limits="relaxed"
        )
        try:
            zombie = start(url, effects)
            processes.append(zombie)
            job = alloy.jobs.enqueue("long")
            until(lambda: len(made(effects)) > 3)
            zombie.send_signal(signal.SIGSTOP)
            processes.append(start(url, effects))
            until(lambda: alloy.jobs.get(job.id).attempt == 2)
            zombie.send_signal(signal.SIGCONT)
            until(lambda: alloy.jobs.get(job.id).state is JobState.SUCCEEDED)
            time.sleep(0.5)
        finally:
            end(processes)
        found, ended = made(effects), alloy.jobs.get(job.id)
        assert len(found) == 42 and sum(found.values()) <= 43
        assert (ended.state, ended.attempt, ended.lost) == (JobState.SUCCEEDED, 2, 1)
