"""Reads of many records' scripts put together: what one pass over all records asks for is read at once.

`fire_many` runs the script for each record. A read that nobody has made yet does not go to the database: it is noted,
and the run is given up. After the pass all noted reads are made together, and the runs that were given up start
again; they find what they asked for. A script with two reads, the second depending on the first, takes three passes
and two queries, whatever the number of records. This repeats pure work to save round trips, which cost far more.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from contextvars import ContextVar
from typing import Any

from ..errors import HostError

Load = Callable[[Iterable[Any]], Mapping[Any, Any]]
"""Reads what some keys stand for; keys that it does not return stand for nothing."""


class Reads:
    """What has been read for one batch, and what waits to be."""

    def __init__(self) -> None:
        self._known: dict[tuple[Hashable, Any], Any] = {}
        self._wanted: dict[Hashable, tuple[Load, dict[Any, None]]] = {}

    def load(self) -> None:
        """Makes all reads that wait: one call of each loader."""
        wanted, self._wanted = self._wanted, {}
        for group, (load, keys) in wanted.items():
            found = load(keys)
            for key in keys:
                self._known[group, key] = found.get(key)

    def get(self, trial: Trial, group: Hashable, key: Any, load: Load) -> Any:
        """Returns what ``key`` stands for; gives the run up if that has not been read yet."""
        try:
            return self._known[group, key]
        except KeyError:
            self._wanted.setdefault(group, (load, {}))[1][key] = None
            trial.given_up = True
            raise HostError("this run waits for its reads") from None


class Trial:
    """One run of a batch that may have to start again.

    Attributes:
        given_up: Whether it waits for a read: whatever it does or says after that counts for nothing.
        wrote: Whether it has written something: then it must not start again, and reads go to the database.
    """

    __slots__ = ("given_up", "reads", "wrote")

    def __init__(self, reads: Reads) -> None:
        self.reads = reads
        self.given_up = False
        self.wrote = False

    def get(self, group: Hashable, key: Any, load: Load) -> Any:
        """Returns what ``key`` stands for."""
        if self.wrote:
            return load((key,)).get(key)
        return self.reads.get(self, group, key, load)

    def write(self) -> None:
        """Notes a write.

        Raises:
            HostError: The run has been given up, and must not write.
        """
        if self.given_up:
            raise HostError("this run waits for its reads")
        self.wrote = True


TRIAL: ContextVar[Trial | None] = ContextVar("alloy_lua_trial", default=None)
