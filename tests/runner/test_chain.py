"""Several pure scripts on one event: the short way, the general way, and the change from one to the other."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from alloy_lua import Alloy

SCRIPTS = {
    "a-trim": "entity.name = str.trim(entity.name)",
    "b-count": "entity.size = #entity.name log.info('size', entity.size)",
    "c-limit": 'if entity.size > 10 then abort("too long", {field = "name"}) end entity.ok = true',
    "d-total": "if entity.total then entity.total = entity.total + 1 end",
}
RECORDS: list[dict[str, Any]] = [
    {"name": " Ann "},
    {"name": "Ann", "size": 3, "ok": True},
    {"name": " a name that is too long "},
    {"name": 5},
    {"name": None},
    {"name": "Ünï", "total": 2.5},
    {"name": "x", "total": Decimal("2.50")},
    {"name": "x", "total": 2**60},
    {"name": "x", "total": [1]},
    {},
]


@pytest.fixture
def alloy() -> Any:
    with Alloy() as alloy:
        for name, source in SCRIPTS.items():
            alloy.scripts.create(name, source, on="person.before_create", status="active")
        yield alloy


@pytest.mark.parametrize("record", RECORDS, ids=str)
def test_a_chain_comes_to_the_same_on_either_way(alloy: Alloy, record: dict[str, Any]) -> None:
    for _ in range(3):
        short = alloy.fire("person.before_create", record)
        general = alloy.fire("person.before_create", record, params={})
        assert short.as_dict() | {"runs": 0} == general.as_dict() | {"runs": 0}
        assert [(r.script, r.status, r.fuel) for r in short.runs] == [
            (r.script, r.status, r.fuel) for r in general.runs
        ]
        assert short.entity == general.entity


def test_a_later_script_sees_what_an_earlier_one_wrote(alloy: Alloy) -> None:
    outcome = alloy.fire("person.before_create", {"name": "  Bo  "})
    assert outcome.changes == {"name": "Bo", "size": 2, "ok": True}
    assert [run.script for run in outcome.runs] == sorted(SCRIPTS)


def test_runs_of_a_chain_are_counted_once(alloy: Alloy) -> None:
    for record in RECORDS:
        alloy.fire("person.before_create", record)
    counted = {stats.name: stats.runs for stats in alloy.stats()}
    rejected_or_failed_before_d = 3  # one too long, one None, one missing
    assert counted["a-trim"] == len(RECORDS)
    assert counted["d-total"] == len(RECORDS) - rejected_or_failed_before_d
