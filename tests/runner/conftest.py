"""The tests of this folder run on both tiers: scripts in this process, and in worker processes."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from alloy_lua.isolation import Isolation


@pytest.fixture(scope="session", params=["thread", "process"])
def isolation(request: pytest.FixtureRequest) -> Isolation:
    found: Isolation = request.param
    return found


def in_threads(count: int, work: Callable[[int], None]) -> None:
    """Calls ``work`` with 0, 1, … in as many threads, and fails if one of them does."""
    problems: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=guarded, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()
    assert not problems, problems[:3]
