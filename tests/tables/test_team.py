"""Threads that work through items together."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from alloy_lua.tables.team import in_order


def helpers() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "alloy-table"]


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("ahead", [None, 1, 7])
def test_what_was_made_comes_in_the_order_of_the_items(threads: int, ahead: int | None) -> None:
    def slow_at_first(number: int) -> int:
        time.sleep(0.02 if number == 0 else 0)
        return number * 2

    assert list(in_order(slow_at_first, range(50), threads, ahead)) == [(n, n * 2) for n in range(50)]
    assert helpers() == []


def test_the_reader_works_too_and_so_do_all_helpers() -> None:
    everybody = threading.Barrier(3)
    seen = set()

    def work(number: int) -> int:
        if number < 3:
            everybody.wait(10)  # three at a time, or never
        seen.add(threading.current_thread().name)
        return number

    list(in_order(work, range(6), 3))
    assert len(seen) == 2  # the helpers share a name
    assert threading.current_thread().name in seen


def test_no_more_items_are_taken_than_may_be_ahead() -> None:
    taken = []

    def items() -> Iterator[int]:
        for number in range(20):
            taken.append(threading.current_thread())
            yield number

    for place, _ in enumerate(in_order(lambda number: number, items(), 3, ahead=4), 1):
        assert len(taken) <= place + 4
    assert set(taken) == {threading.current_thread()}


@pytest.mark.parametrize("threads", [1, 3])
def test_what_work_raises_comes_in_its_turn_and_ends_the_helpers(threads: int) -> None:
    def work(number: int) -> int:
        if number == 3:
            raise ValueError("three")
        return number

    made = in_order(work, range(100), threads)
    assert [next(made)[0] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(made)
    assert helpers() == []


def test_an_exit_in_a_helper_does_not_leave_the_reader_waiting() -> None:
    def work(number: int) -> int:
        if threading.current_thread().name == "alloy-table":
            raise SystemExit(number)
        time.sleep(0.05)
        return number

    with pytest.raises(SystemExit):
        list(in_order(work, range(4), 2))


def test_a_reader_that_stops_early_leaves_no_helper() -> None:
    made = in_order(lambda number: number, range(1000), 3, ahead=6)
    assert next(made) == (0, 0)
    made.close()  # type: ignore[attr-defined]
    assert helpers() == []


def test_a_stream_that_nobody_reads_on_does_not_keep_the_process() -> None:
    program = (
        "from itertools import count\nfrom alloy_lua.tables.team import in_order\n"
        "kept = in_order(str, count(), 3, ahead=6)\nprint(next(kept))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "(0, '0')\n"
