"""Many random texts, in worker processes: what a worker dies or hangs of is known by its seed.

A worker takes a range of seeds and writes a line before each text, so that the last line of a dead one names the
text that killed it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, Queue
from random import Random
from typing import Any, NamedTuple

from alloy_lua import CompileError

from .grammar import Grammar
from .mangle import broken
from .mutation import Watch, endless, try_each
from .refusals import reason_of
from .twin import Difference, Refused, Stopped, Twin

ROOT = Path(__file__).parents[2]
BLOCK = 250  # seeds for which a worker keeps its Lua states
SHARE = 1000  # seeds a worker process is given
HANGS = 90  # seconds without a word after which a worker is given up
MODES = ("on", "eager", "off")
STOPPED_AT_MOST = 0.01  # of the programs may be ended by a limit, which leaves nothing to compare


def program(seed: int) -> str:
    """Returns the random program of ``seed``."""
    return Grammar(seed).program()


def text(seed: int) -> str:
    """Returns the broken text of ``seed``."""
    return broken(Random(seed))


def run_program(twin: Twin, seed: int) -> str:
    """Runs one random program in every way; returns how that ended. Raises `Difference`."""
    try:
        twin.compare(program(seed))
    except Stopped as limit:
        return f"stopped: {limit}"
    except Refused as error:
        raise Difference(f"does not compile: {error}") from None
    return "same"


def compile_text(twin: Twin, seed: int) -> str:
    """Compiles one broken text; returns the verdict. Raises `Difference` if LuaJIT's is another."""
    return same_verdict(twin, text(seed))


def same_verdict(twin: Twin, source: str) -> str:
    """Returns what the compiler says of ``source``: compiles, does not, or is refused for a listed reason.

    Raises:
        Difference: LuaJIT's verdict is another, and for no listed reason.
    """
    fine = twin.plain_error(source) is None
    try:
        twin.compile(source)
    except CompileError as error:
        if not fine:
            return "does not compile"
        if reason_of(error.message) is None:
            raise Difference(f"refused: {error.message}") from None
        return "refused for a listed reason"
    if not fine:
        raise Difference("compiles here, but not in LuaJIT")
    return "compiles"


def mutate(watch: Watch, seed: int) -> str:
    """Tries every mutant of one endless program. Raises `Difference` if one gets by that should not."""
    counts = try_each(watch, endless(seed), Random(seed))
    return "ended by fuel" if counts["programs ended by fuel_exhausted"] else "ended by an error of its own"


class Task(NamedTuple):
    """What is made for each block of seeds, and what is done for each of them."""

    begin: Callable[[str], Any]
    perform: Callable[[Any, int], str]
    text: Callable[[int], str]


TASKS = {
    "programs": Task(Twin, run_program, program),
    "texts": Task(Twin, compile_text, text),
    "mutants": Task(lambda mode: Watch(), mutate, endless),
}


def work(task: str, first: int, last: int) -> None:
    """The worker: does the task for each seed, and writes what came of it."""
    for start in range(first, last, BLOCK):
        state = TASKS[task].begin(MODES[start // BLOCK % len(MODES)])
        for seed in range(start, min(start + BLOCK, last)):
            print("at", seed, flush=True)
            try:
                print("ok", TASKS[task].perform(state, seed))
            except Difference as difference:
                print("difference", repr(str(difference)))
        state.close()


class Campaign:
    """Runs a task over a range of seeds on several processes.

    Args:
        task: One of `TASKS`.
        first: The first seed.
        number: How many seeds.
        jobs: How many processes at a time; None for one a core.
    """

    def __init__(self, task: str, first: int, number: int, jobs: int | None = None) -> None:
        self.task = task
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []
        self._shares: Queue[tuple[int, int]] = Queue()
        jobs = jobs or os.cpu_count() or 1
        size = max(BLOCK, min(SHARE, -(-number // jobs)))
        for start in range(first, first + number, size):
            self._shares.put((start, min(start + size, first + number)))
        self._jobs = min(jobs, self._shares.qsize())
        self._seconds = 0.0

    def run(self) -> None:
        """Returns when all seeds are done; ``counts`` and ``faults`` say what came of them."""
        began = time.monotonic()
        threads = [threading.Thread(target=self._serve) for _ in range(self._jobs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._seconds = time.monotonic() - began
        done = sum(self.counts.values())
        stopped = sum(n for name, n in self.counts.items() if name.startswith("stopped"))
        if stopped > max(3, done * STOPPED_AT_MOST):
            self.faults.append(f"{stopped} of {done} programs were stopped by a limit")

    def report(self) -> str:
        """Returns a line of counts, and a line for each fault."""
        counts = ", ".join(f"{n} {name}" for name, n in self.counts.most_common())
        return "\n".join([f"{self.task}: {counts}; {len(self.faults)} faults; {self._seconds:.0f} s", *self.faults])

    def _serve(self) -> None:
        while True:
            try:
                first, last = self._shares.get_nowait()
            except Empty:
                return
            while first < last:
                first = self._share(first, last)

    def _share(self, first: int, last: int) -> int:
        """Has a worker do the seeds; returns the first that is not done, which is ``last`` unless it died."""
        command = [sys.executable, "-m", "tests.conformance", "worker", self.task, str(first), str(last)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT)
        seed, trailing = first, ""
        for line in _lines(process):
            kind, _, rest = line.rstrip("\n").partition(" ")
            if kind == "at":
                seed = int(rest)
            elif kind == "ok":
                self.counts[rest] += 1
            elif kind == "difference":
                self.counts["different"] += 1
                self.faults.append(f"seed {seed}: {rest}")
            else:
                trailing = line.strip()
        if process.wait() == 0:
            return last
        self.counts["died"] += 1
        self.faults.append(f"seed {seed}: the worker died with code {process.returncode} {trailing}")
        return seed + 1


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    """Yields what the process writes, and kills it if it is silent for too long."""
    assert process.stdout is not None
    heard = time.monotonic()
    done = threading.Event()

    def watch() -> None:
        while not done.wait(1):
            if time.monotonic() - heard > HANGS:
                process.kill()
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    for line in process.stdout:
        heard = time.monotonic()
        yield line
    done.set()
    watcher.join()
    process.stdout.close()
