"""One version of a worker takes over from another while scripts are edited: nothing is stranded, lost or repeated."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from alloy_lua import Alloy, ManualTrigger
from alloy_lua.job_model import JobState

SHORT = "local t = 0 for i = 1, 100000 do t = t + i end return {version}"
LONG = "sleep(2) return {version}"
BEFORE, AFTER = 30, 10


def start(url: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "alloy_lua.cli.main", "worker", "--slots", "2", "--database", url]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def until(found: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def stopped(process: subprocess.Popen[str]) -> tuple[int, str]:
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    return process.returncode, out


def test_a_new_worker_with_edited_scripts_takes_over_from_an_old_one(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'alloy.db'}?timeout=30"
    with Alloy(url) as alloy:
        for name, source in (("short", SHORT), ("long", LONG)):
            alloy.scripts.create(
                name, source.format(version=1), triggers=[ManualTrigger()], capabilities=["durable"] * (name == "long"),
                status="active",
            )  # fmt: skip
        processes = [start(url)]
        try:
            until(lambda: len(alloy.jobs.nodes()) == 1)
            (old,) = alloy.jobs.nodes()
            long = alloy.jobs.enqueue("long")
            until(lambda: "asleep" in (alloy.jobs.get(long.id).reason or ""))
            jobs = [alloy.jobs.enqueue("short") for _ in range(BEFORE)]
            until(lambda: alloy.jobs.counts().get(JobState.SUCCEEDED, 0) >= 3)
            processes.append(start(url))
            for name, source in (("short", SHORT), ("long", LONG)):
                alloy.scripts.update(name, source.format(version=2))
                alloy.scripts.activate(name)
            later = [alloy.jobs.enqueue("short") for _ in range(AFTER)]
            until(lambda: len(alloy.jobs.nodes()) == 2)
            assert stopped(processes.pop(0)) == (0, "stopped\n")
            assert old.id not in [node.id for node in alloy.jobs.nodes()]
            until(lambda: alloy.jobs.counts() == {JobState.SUCCEEDED: 1 + BEFORE + AFTER})
            assert stopped(processes.pop()) == (0, "stopped\n")
        finally:
            for process in processes:
                process.kill()
                process.communicate()
        ended = [alloy.jobs.get(job.id) for job in (*jobs, *later)]
        assert {(job.attempt, job.failed, job.lost) for job in ended} == {(1, 0, 0)}
        assert alloy.jobs.nodes() == []
        runs = {run.id: run for run in alloy.runs(limit=1000)}
        assert {(runs[job.id].revision, runs[job.id].value) for job in later} == {(2, 2)}
        assert {(runs[job.id].revision, runs[job.id].value) for job in jobs} <= {(1, 1), (2, 2)}
        assert (1, 1) in {(runs[job.id].revision, runs[job.id].value) for job in jobs}
        asleep = alloy.jobs.get(long.id)  # it keeps to the revision that it began with
        assert (runs[asleep.run_id].revision, runs[asleep.run_id].value, asleep.lost) == (1, 1, 0)
