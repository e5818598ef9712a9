"""Fires many records whose scripts read data, with the reads of all records made together."""

from __future__ import annotations

from collections.abc import Callable

from ..bridges.reads import TRIAL, Reads, Trial
from ..outcome import Outcome
from .registry import Chain

MODULE = "db"


def reads_together(chain: Chain, contextual: frozenset[str]) -> bool:
    """Returns whether runs of this chain may start again: one script, and nothing but ``db`` that it could do twice."""
    if len(chain) != 1 or chain[0].limits.host_calls < 1:
        return False
    return chain[0].program.mentions & contextual == {MODULE}


def fire_together(fire: Callable[[int], Outcome], count: int) -> list[Outcome]:
    """Returns the outcomes of ``count`` records in order.

    Args:
        fire: Fires the record with a number.
        count: How many records there are.
    """
    outcomes: dict[int, Outcome] = {}
    reads, waiting = Reads(), list(range(count))
    while waiting:
        left = []
        for number in waiting:
            trial = Trial(reads)
            token = TRIAL.set(trial)
            try:
                outcome = fire(number)
            finally:
                TRIAL.reset(token)
            if trial.given_up:
                left.append(number)
            else:
                outcomes[number] = outcome
        reads.load()
        waiting = left
    return [outcomes[number] for number in range(count)]
