"""What has to be made anew in a forked child: locks and threads that the parent had at that moment."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from typing import Any


def after_fork(method: Callable[[], Any]) -> None:
    """Has a bound method called in every child forked from now on, for as long as its object lives."""
    reference = weakref.WeakMethod(method)

    def call() -> None:
        found = reference()
        if found is not None:
            found()

    os.register_at_fork(after_in_child=call)


_kept: list[Any] = []


def never_free(*things: Any) -> None:
    """Keeps what a forked child has no use for: to free it would copy each of its pages, which the parent shares."""
    _kept.extend(things)
