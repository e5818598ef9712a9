"""A worker whose disk is full: it says so, loses and repeats nothing, and goes on by itself when there is room again.

The worker is a process of its own whose files may not grow: to SQLite that is a disk without room.
"""

from __future__ import annotations

import queue
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from alloy_lua import Alloy, ManualTrigger
from alloy_lua.job_model import JobState

WORKER = """
import sys, threading, time
from alloy_lua import Alloy

go_on = threading.Event()
alloy = Alloy(sys.argv[1])

def say(line):
    sys.stdout.write(line + "\\n")  # in one piece: several threads speak
    sys.stdout.flush()

@alloy.function("test.ran")
def ran(what: str) -> None:
    say("ran " + what)
    if what == "slow":
        go_on.wait(30)

def listen():
    sys.stdin.readline()
    go_on.set()

threading.Thread(target=listen, daemon=True).start()
alloy.jobs.start(2)
told = "?"
while True:
    if alloy.jobs.trouble != told:
        told = alloy.jobs.trouble
        say("trouble " + str(told))
    time.sleep(0.02)
"""
NO_ROOM = 1  # bytes that a file may have


@contextmanager
def worker(url: str) -> Iterator[tuple[subprocess.Popen[str], Callable[[str], str]]]:
    """Gives the process, and what waits for the next line that begins so."""
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    lines: queue.Queue[str] = queue.Queue()
    reader = threading.Thread(target=lambda: [lines.put(line.rstrip()) for line in process.stdout])  # type: ignore[union-attr]
    reader.start()

    def next_line(start: str) -> str:
        while not (line := lines.get(timeout=30)).startswith(start):
            pass
        return line

    try:
        yield process, next_line
    finally:
        process.kill()
        process.communicate()
        reader.join()


def room(process: subprocess.Popen[str], most: int) -> None:
    _, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most, hard))


def until(found: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_full_disk_is_told_and_nothing_is_lost_or_repeated(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'alloy.db'}?timeout=30"
    with Alloy(url) as alloy:
        alloy.scripts.create(
            "job", "test.ran(params.n)", triggers=[ManualTrigger()], status="active", limits="external"
        )
        with worker(url) as (process, line):
            assert line("trouble") == "trouble None"
            under_way = alloy.jobs.enqueue("job", {"n": "slow"})
            line("ran slow")
            room(process, NO_ROOM)
            waiting = [alloy.jobs.enqueue("job", {"n": f"job-{n}"}) for n in range(5)]
            assert str(tmp_path / "alloy.db") in line("trouble")
            assert process.stdin is not None
            process.stdin.write("go on\n")  # its script ends, and its end cannot be taken down
            process.stdin.flush()
            time.sleep(1.5)  # longer than the worker waits between two looks
            assert process.poll() is None
            assert alloy.jobs.counts() == {JobState.READY: 5, JobState.RUNNING: 1}
            assert all(alloy.jobs.get(job.id).attempt == 0 for job in waiting)
            room(process, resource.RLIM_INFINITY)
            assert line("trouble") == "trouble None"
            until(lambda: alloy.jobs.counts() == {JobState.SUCCEEDED: 6})
            assert {alloy.jobs.get(job.id).attempt for job in (under_way, *waiting)} == {1}
        with Alloy(url) as again:
            assert again.jobs.counts() == {JobState.SUCCEEDED: 6}
