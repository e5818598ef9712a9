"""The fast way, the batch way and the general way give the same outcomes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alloy_lua import Alloy, Outcome
from alloy_lua.limits import PROFILES

QUICK = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

SCRIPTS = {
    "nothing": "",
    "set": "entity.a = 1",
    "copy": "entity.b = entity.a",
    "self": "entity.a = entity.a entity.b = entity.b",
    "clear": "entity.a = nil",
    "clear and read": "local x = entity.a entity.a = nil entity.b = x",
    "swap": "entity.a, entity.b = entity.b, entity.a",
    "number": "if type(entity.a) == 'number' then entity.a = entity.a * 2 end",
    "half": "if type(entity.a) == 'number' then entity.b = entity.a / 2 end",
    "great": "entity.a = 1e17 entity.b = -2^53",
    "text": "if type(entity.a) == 'string' then entity.b = entity.a:upper() .. #entity.a end",
    "bytes": "entity.b = '\\255\\0' entity.a = 'é'",
    "boolean": "entity.a = not entity.a",
    "true for one": "if entity.a == 1 then entity.a = true elseif entity.a == true then entity.a = 1 end",
    "table": "entity.a = {1, {x = 2}} entity.b = {}",
    "null": "entity.a = null",
    "nan": "entity.a = 0 / 0",
    "inf": "entity.b = math.huge",
    "function": "entity.a = function() end",
    "error": "error('bad ' .. tostring(entity.a))",
    "error when": "if entity.a then error({message = 'table'}) end entity.b = 5",
    "abort": "abort('no', {a = entity.a})",
    "abort when": "if entity.b == nil then abort('b is missing') end entity.a = 3",
    "log": "log.info('a', {a = entity.a}) entity.b = 1",
    "return": "return entity.a",
    "return table": "return {entity.a, entity.b}",
    "varargs": "return select('#', ...)",
    "global": "n = (n or 0) + 1 entity.b = n",
    "loop": "local n = 0 for i = 1, 50 do n = n + i end entity.b = n",
    "exhaust": "if entity.a == 1 then while true do end end entity.b = 'fine'",
    "strings": "entity.b = ('x'):rep(70000)",
    "much text": "local s = ('x'):rep(60000) entity.a = s entity.b = s entity.c = s entity.d = s entity.e = s",
    "nested": "if type(entity.a) == 'table' then entity.a.x = 1 end",
    "private": "entity.b = entity._p",
    "private write": "entity._p = 1",
    "host": "entity.b = hash.sha256(tostring(entity.a))",
    "str": "if type(entity.a) == 'string' then entity.b = str.trim(entity.a) end",
    "whole": "for k, v in pairs(entity) do entity.c = k end",
    "type": "entity.b = type(entity.a)",
    "missing": "entity.b = entity.zzz == nil",
}

VALUE = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, -1, 2**31, -(2**31) - 1, 2**53 - 1, 2**53, 2**53 + 1, 2**63, 2**64, 10**30]),
    st.sampled_from([0.0, -0.0, 1.0, 0.5, 1e300, 2.0**53, 1e17, float("nan"), float("inf")]),
    st.integers(-1000, 1000),
    st.floats(-1e6, 1e6),
    st.sampled_from(["", "a", "é", " x ", "\x00", "\ud800", "x" * 300, "ü" * 20_000, "x" * 16_384, "x" * 16_385]),
    st.sampled_from([b"", b"abc", b"\xff"]),
    st.sampled_from([Decimal("1.50"), Decimal("NaN"), Decimal(10)]),
    st.sampled_from([[], {}, [1, None], {"x": 1}, (1, 2), {3}, object()]),
)
RECORD = st.dictionaries(st.sampled_from(["a", "b", "c", "_p", "id"]), VALUE, max_size=4)


def facts(outcome: Outcome) -> tuple[Any, ...]:
    """Returns what an outcome says, in a form that tells 1 from 1.0 and True."""
    error = outcome.error
    return (
        outcome.status.value,
        {name: (type(value).__name__, repr(value)) for name, value in sorted(outcome.changes.items())},
        outcome.reason,
        repr(outcome.details),
        outcome.rejected_by,
        repr(outcome.value),
        outcome.fuel,
        None if error is None else (error.code, error.message, error.line),
        [(line.level, line.message, repr(line.data)) for line in outcome.logs],
        [(run.script, run.revision, run.status.value, run.fuel) for run in outcome.runs],
    )


@pytest.fixture(scope="module")
def fitted() -> Any:
    patient = PROFILES["strict"].with_(deadline_ms=5_000)  # a busy machine must not end one of two equal runs
    with pytest.MonkeyPatch.context() as patch, Alloy() as alloy:
        patch.setitem(PROFILES, "strict", patient)
        for number, source in enumerate(SCRIPTS.values()):
            alloy.scripts.create(f"s{number}", source, on=f"e{number}.before_create", status="active", limits="strict")
        yield alloy


def event_of(name: str) -> str:
    return f"e{list(SCRIPTS).index(name)}.before_create"


@pytest.mark.parametrize("name", SCRIPTS)
@QUICK
@given(record=RECORD)
def test_the_fast_way_gives_what_the_general_way_gives(fitted: Alloy, name: str, record: dict[str, Any]) -> None:
    assert facts(fitted.fire(event_of(name), record)) == facts(fitted.fire(event_of(name), record, params={}))
    fitted.scripts.reset_breaker(f"s{list(SCRIPTS).index(name)}")


@pytest.mark.parametrize("name", SCRIPTS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=st.lists(RECORD, max_size=6))
def test_fire_many_gives_what_fire_gives_one_by_one(fitted: Alloy, name: str, records: list[dict[str, Any]]) -> None:
    together = [facts(outcome) for outcome in fitted.fire_many(event_of(name), records)]
    fitted.scripts.reset_breaker(f"s{list(SCRIPTS).index(name)}")
    assert together == [facts(fitted.fire(event_of(name), record)) for record in records]
    fitted.scripts.reset_breaker(f"s{list(SCRIPTS).index(name)}")


def test_fire_many_takes_thousands_of_records_of_all_kinds(fitted: Alloy) -> None:
    records: list[Any] = [{"a": i} if i % 7 else {"a": str(i)} for i in range(2500)]
    outcomes = fitted.fire_many(event_of("number"), records)
    assert [o.changes for o in outcomes] == [{"a": i * 2} if i % 7 and i else {} for i in range(2500)]


def test_a_batch_does_not_count_the_memory_of_other_records(alloy: Alloy) -> None:
    alloy.scripts.create("big", "entity.text = ('x'):rep(60000)", on="a.before_create", status="active")
    outcomes = alloy.fire_many("a.before_create", [{"text": ""} for _ in range(1000)])
    assert {(o.status.value, o.error and o.error.code) for o in outcomes} == {("continue", None)}


def test_a_failing_record_in_a_batch_leaves_the_others_alone(alloy: Alloy) -> None:
    source = (
        "if entity.n == 3 then error('three') elseif entity.n == 5 then while true do end end entity.n = entity.n + 1"
    )
    alloy.scripts.create("s", source, on="a.before_create", status="active", limits="strict")
    outcomes = alloy.fire_many("a.before_create", [{"n": n} for n in range(8)])
    assert [o.status.value for o in outcomes] == ["continue"] * 3 + ["failed", "continue", "failed"] + ["continue"] * 2
    assert [o.changes.get("n") for o in outcomes] == [1, 2, 3, None, 5, None, 7, 8]
    assert alloy.scripts.health("s").runs == 8


def test_runs_are_counted_alike_on_all_ways(alloy: Alloy) -> None:
    alloy.scripts.create("s", "entity.n = 1", on="a.before_create", status="active")
    for _ in range(5):
        alloy.fire("a.before_create", {"n": 0})
        alloy.fire("a.before_create", {"n": 1}, params={})
    alloy.fire_many("a.before_create", [{"n": 0}, {"n": 1}])
    health = alloy.scripts.health("s")
    assert (health.runs, health.changed, health.fuel) == (12, 6, 12)
    alloy.flush()
    assert len(alloy.runs()) == 12
    assert len({run.id for run in alloy.runs()}) == 12
