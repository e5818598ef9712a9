"""Several threads work through items together; what came of them is yielded in the order of the items."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Thread, current_thread
from time import monotonic
from typing import Generic, TypeVar

from ..errors import LimitExceeded

Item = TypeVar("Item")
Made = TypeVar("Made")


def in_order(
    work: Callable[[Item], Made], items: Iterable[Item], threads: int, ahead: int | None = None
) -> Iterator[tuple[Item, Made]]:
    """Yields each item with what ``work`` made of it.

    Args:
        work: Called with one item, in any of the threads.
        items: Taken in the thread that reads.
        threads: How many work, the one that reads among them.
        ahead: How many items may be taken before the first of them is yielded; None for all.

    Raises:
        Exception: What ``work`` raised, or the iterator of items.
    """
    team = _Team(work, iter(items), threads - 1, ahead)
    try:
        yield from team.made()
    finally:
        team.dismiss()


class Dismissed(Exception):
    """What a helper is at is no longer wanted."""


def look() -> None:
    """Raises `Dismissed` in a helper whose team was dismissed: work that takes long calls it now and then."""
    thread = current_thread()
    if isinstance(thread, _Helper) and thread.dismissed:
        raise Dismissed


def looking_at(deadline: float | None) -> Callable[[], None]:
    """Returns a function that does `look`, and raises `LimitExceeded` once the deadline has passed."""

    def look_at_clock() -> None:
        look()
        if deadline is not None and monotonic() > deadline:
            raise LimitExceeded("the batch took longer than it may", code="deadline_exceeded")

    return look_at_clock


class _Helper(Thread):
    """A thread of a team. A daemon: a stream that nobody reads to its end must not keep the process from ending."""

    def __init__(self, target: Callable[[], None]) -> None:
        super().__init__(target=target, name="alloy-table", daemon=True)
        self.dismissed = False


class _Team(Generic[Item, Made]):
    """The thread that reads, and its helpers.

    The reader works too, and waits only for what a helper is at. A thread that sleeps and is woken for every item is
    put on the core of whoever woke it, and the two wait there for each other: with two threads besides a reader that
    only collects, a table of plain numbers took a sixth longer.
    """

    def __init__(
        self, work: Callable[[Item], Made], items: Iterator[Item], helpers: int, ahead: int | None
    ) -> None:  # fmt: skip
        self._work, self._items, self._ahead = work, items, ahead
        self._pending: deque[tuple[Item, Future[Made]]] = deque()
        self._todo: SimpleQueue[tuple[Item, Future[Made]] | None] = SimpleQueue()
        self._helpers = [_Helper(self._help) for _ in range(helpers)]

    def made(self) -> Iterator[tuple[Item, Made]]:
        """Yields each item with what was made of it."""
        self._take()
        for helper in self._helpers:
            helper.start()
        while self._pending:
            item, future = self._pending[0]
            if not future.done() and self._work_one():
                continue
            made = future.result()
            self._pending.popleft()
            self._take()
            yield item, made

    def dismiss(self) -> None:
        """Has the helpers end, without what nobody has begun and soon with what they are at; returns when they have."""
        for helper in self._helpers:
            helper.dismissed = True
        try:
            while True:
                self._todo.get_nowait()
        except Empty:
            pass
        for _ in self._helpers:
            self._todo.put(None)
        for helper in self._helpers:
            if helper.ident is not None:
                helper.join()

    def _take(self) -> None:
        """Takes further items, as many as may be ahead."""
        while self._ahead is None or len(self._pending) < self._ahead:
            try:
                item = next(self._items)
            except StopIteration:
                return
            task = item, Future[Made]()
            self._pending.append(task)
            self._todo.put(task)

    def _work_one(self) -> bool:
        """Does the first item that nobody is at; returns whether there was one."""
        try:
            task = self._todo.get_nowait()
        except Empty:
            return False
        assert task is not None
        item, future = task
        try:
            future.set_result(self._work(item))
        except Exception as error:  # raised when it is this item's turn; an interrupt is raised at once
            future.set_exception(error)
        return True

    def _help(self) -> None:
        while (task := self._todo.get()) is not None:
            item, future = task
            try:
                future.set_result(self._work(item))
            except BaseException as error:
                future.set_exception(error)
