"""The outcomes of fire_many are a sequence, made when they are read."""

from __future__ import annotations

import pytest

from alloy_lua import Alloy
from alloy_lua.runner.batch import CHUNK

EVENT = "order.before_create"
SCRIPT = """
if entity.n % 100 == 7 then abort("no sevens") end
if entity.n == 8 then entity.n = entity.n + nil end
if entity.n % 2 == 0 then entity.even = true end
"""


@pytest.fixture
def records() -> list[dict[str, int]]:
    return [{"n": n} for n in range(2 * CHUNK + 10)]


@pytest.fixture
def alloy():
    with Alloy() as made:
        made.scripts.create("parity", SCRIPT, on=EVENT, status="active")
        yield made


def told(outcome) -> tuple[object, ...]:
    revisions = [(run.script, run.status, run.fuel) for run in outcome.runs]
    return outcome.status, outcome.changes, outcome.fuel, outcome.reason, outcome.entity, revisions, outcome.eventful


def test_each_outcome_is_what_fire_makes_of_the_record(alloy, records):
    outcomes = alloy.fire_many(EVENT, records)
    assert len(outcomes) == len(records)
    assert [told(outcome) for outcome in outcomes] == [told(alloy.fire(EVENT, record)) for record in records]


@pytest.mark.parametrize("place", [0, 7, 8, CHUNK - 1, CHUNK, 2 * CHUNK + 9, -1, -CHUNK])
def test_an_index_reads_one(alloy, records, place):
    outcomes = alloy.fire_many(EVENT, records)
    assert told(outcomes[place]) == told(list(outcomes)[place])
    assert outcomes[place].entity["n"] == records[place]["n"]


def test_a_slice_reads_some(alloy, records):
    outcomes = alloy.fire_many(EVENT, records)
    for part in (slice(CHUNK - 2, CHUNK + 2), slice(None, None, 100), slice(-3, None), slice(5, 2)):
        assert [told(outcome) for outcome in outcomes[part]] == [told(outcome) for outcome in list(outcomes)[part]]


@pytest.mark.parametrize("place", [2 * CHUNK + 10, -2 * CHUNK - 11])
def test_an_index_outside_is_refused(alloy, records, place):
    with pytest.raises(IndexError):
        alloy.fire_many(EVENT, records)[place]


def test_reading_again_runs_nothing_again(alloy, records):
    outcomes = alloy.fire_many(EVENT, records)
    first = [outcome.runs[0].id for outcome in outcomes]
    assert [outcome.runs[0].id for outcome in outcomes] == first
    assert len(set(first)) == len(records)
