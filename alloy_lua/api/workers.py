"""Threads for what may block: a bounded number of each kind, and a bounded number of calls that wait for one."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from .errors import ApiError

T = TypeVar("T")


class Workers:
    """A pool of threads.

    Args:
        name: What the threads are called.
        threads: How many calls run side by side.
        waiting: How many more may wait.
    """

    def __init__(self, name: str, threads: int, waiting: int) -> None:
        self.name = name
        self._most = threads + waiting
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"alloy-{name}")
        self.under_way = 0

    @property
    def waiting(self) -> int:
        """How many calls wait for a thread."""
        return max(0, self.under_way - self._threads)

    async def run(self, call: Callable[..., T], *arguments: Any) -> T:
        """Returns what ``call`` returns, from a thread.

        Raises:
            ApiError: ``overloaded``: too many calls wait already.
        """
        if self.under_way >= self._most:
            raise ApiError(
                "overloaded", f"{self.under_way} calls wait for the {self.name} threads; try again later"
            )  # fmt: skip
        self.under_way += 1
        around = contextvars.copy_context()
        future = asyncio.get_running_loop().run_in_executor(self._pool, around.run, call, *arguments)
        future.add_done_callback(self._finished)
        return await asyncio.shield(future)  # a caller that has gone does not undo what was begun

    def _finished(self, future: asyncio.Future[Any]) -> None:
        self.under_way -= 1
        if not future.cancelled():
            future.exception()  # seen, even if the caller has gone

    def close(self) -> None:
        """Lets the calls under way finish and takes no more."""
        self._pool.shutdown(wait=True, cancel_futures=True)
