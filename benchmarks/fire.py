"""Firing: H1 against Python and RestrictedPython, events without scripts, many scripts, many records, two threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from alloy_lua import Alloy, Recording

from .hooks import CHANGES, EVENT, LUA, RECORD, python_hook, restricted_hook
from .paired import Pair, claim, interleaved

CALLS, ROUNDS = 20_000, 11
COMPUTE = "local s = 0 for i = 1, 140000 do s = (s + i * 7) % 1000003 end return s"


def alloy_with_h1(**options: object) -> Alloy:
    """Returns an Alloy in memory with H1 active."""
    alloy = Alloy(**options)  # type: ignore[arg-type]
    alloy.scripts.create("h1", LUA, on=EVENT, status="active")
    outcome = alloy.fire(EVENT, RECORD)
    assert outcome.changes == CHANGES, outcome
    return alloy


def single() -> Iterator[Pair]:
    """H1 whole, changes diffed, all limits on, against the peers; and an event nobody listens to."""
    with alloy_with_h1() as alloy:
        fire = alloy.fire
        times = interleaved(
            {
                "fire": lambda: fire(EVENT, RECORD),
                "nobody": lambda: fire("order.before_update", RECORD),
                "python": python_hook(),
                "restricted": restricted_hook(),
            },
            calls=CALLS,
            rounds=ROUNDS,
        )
    yield claim("fire H1 / RestrictedPython with diff", times["fire"], times["restricted"], at_most=1.6)
    yield claim("fire H1 / plain Python with diff", times["fire"], times["python"], at_most=2.5)
    yield claim("event without scripts / fire H1", times["nobody"], times["fire"], at_most=1 / 6)


def recorded() -> Iterator[Pair]:
    """What keeping every run costs, for information."""
    with alloy_with_h1() as auto, alloy_with_h1(recording=Recording("off")) as off:
        times = interleaved(
            {"auto": lambda: auto.fire(EVENT, RECORD), "off": lambda: off.fire(EVENT, RECORD)},
            calls=CALLS,
            rounds=ROUNDS,
        )
    yield claim("recording auto / off", times["auto"], times["off"], at_most=1.2)


def many_scripts() -> Iterator[Pair]:
    """Fire with 10,000 scripts of other events registered, against 10."""
    with alloy_with_h1() as few, alloy_with_h1() as many:
        fill(few, 10)
        fill(many, 10_000)
        times = interleaved(
            {"many": lambda: many.fire(EVENT, RECORD), "few": lambda: few.fire(EVENT, RECORD)},
            calls=CALLS,
            rounds=ROUNDS,
        )
    yield claim("fire with 10,000 other scripts / with 10", times["many"], times["few"], at_most=1.1)


def fill(alloy: Alloy, count: int) -> None:
    """Adds ``count`` active scripts of other events, taken up in one go."""
    refresh, alloy.scripts._changed = alloy.scripts._changed, lambda: None
    for number in range(count):
        alloy.scripts.create(
            f"other-{number}", f"entity.n = {number}", on=f"other{number}.before_create", status="active"
        )
    alloy.scripts._changed = refresh
    alloy.refresh()


def many_records() -> Iterator[Pair]:
    """fire_many of 10,000 records against fire in a loop: all outcomes kept; and all changes read and kept."""
    records = [dict(RECORD, id=number) for number in range(10_000)]
    with alloy_with_h1() as alloy:
        times = interleaved(
            {
                "loop": lambda: [alloy.fire(EVENT, record) for record in records],
                "many": lambda: alloy.fire_many(EVENT, records),
                "loop, read": lambda: [alloy.fire(EVENT, record).changes for record in records],
                "many, read": lambda: [outcome.changes for outcome in alloy.fire_many(EVENT, records)],
            },
            calls=1,
            rounds=31,
        )
    names = {"unit": 1e3, "unit_name": "ms"}
    yield claim("fire in a loop / fire_many, 10,000 records", times["loop"], times["many"], at_least=2.0, **names)
    yield claim("the same, all changes read", times["loop, read"], times["many, read"], at_least=1.5, **names)


def _in_threads(call: Callable[[], object], threads: int, calls: int) -> float:
    def work() -> None:
        for _ in range(calls):
            call()

    pool = [threading.Thread(target=work) for _ in range(threads)]
    started = time.perf_counter()
    for thread in pool:
        thread.start()
    for thread in pool:
        thread.join()
    return (time.perf_counter() - started) / (threads * calls)


def threads() -> Iterator[Pair]:
    """Two threads on two cores: a hook of about 1 ms, H1, and a plain function, which shows what Python's lock costs.

    H1 is Python for the most part, so two threads take turns. They are no slower if they differ from one thread by
    no more than one thread differs from itself in nine of ten rounds.
    """
    with alloy_with_h1() as alloy:
        alloy.scripts.create("compute", COMPUTE, on="job.before_create", status="active")
        compute = _rounds(lambda: alloy.fire("job.before_create", {}), 600)
        h1 = _rounds(lambda: alloy.fire(EVENT, RECORD), 400_000)
    python = _rounds(python_hook(), 800_000)
    yield claim("one thread / two threads, 1 ms of Lua", compute["one"], compute["two"], at_least=1.8)
    noise = sorted(abs(first / again - 1) for first, again in zip(h1["one"], h1["again"], strict=True))
    least = 1 - noise[len(noise) * 9 // 10]
    yield claim("one thread / two threads, H1", h1["one"], h1["two"], at_least=round(least, 3))
    yield claim("one thread / one thread, H1", h1["one"], h1["again"])
    yield claim("one thread / two threads, plain Python with diff", python["one"], python["two"])


def _rounds(call: Callable[[], object], calls: int) -> dict[str, list[float]]:
    """Returns seconds per call of one thread, of two threads, and of one thread again, in each round."""
    _in_threads(call, 2, calls // 4)
    times: dict[str, list[float]] = {"one": [], "two": [], "again": []}
    for _ in range(11):
        times["one"].append(_in_threads(call, 1, calls))
        times["two"].append(_in_threads(call, 2, calls // 2))
        times["again"].append(_in_threads(call, 1, calls))
    return times


GROUPS = (single, recorded, many_scripts, many_records, threads)
