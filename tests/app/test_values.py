"""Values between Python and Lua: there and back, and what cannot go."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alloy_lua import Alloy, AlloyError

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
LETTERS = st.text("abcdefgh_", min_size=1, max_size=6).filter(lambda name: not name.startswith("_"))


class Colour(enum.Enum):
    RED = "red"
    BLUE = 7


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Shade(enum.StrEnum):
    LIGHT = "light"
    DARK = "dark"


@dataclasses.dataclass
class Point:
    x: int
    y: float


WHOLE = st.integers(-(2**53) + 1, 2**53 - 1)
REAL = st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: x != 0 or str(x) == "0.0")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
BYTES = st.binary(min_size=1, max_size=20).map(lambda b: b + b"\xff")
DECIMAL = st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**9), max_value=10**9)
AWARE = st.datetimes(timezones=st.just(dt.UTC))
RICH = st.one_of(
    DECIMAL, st.datetimes(), AWARE, st.dates(), st.times(), st.uuids(), st.sampled_from([*Colour, *Level, *Shade])
)
SCALAR = st.one_of(st.none(), st.booleans(), WHOLE, REAL, TEXT, BYTES)
PLAIN = st.recursive(
    SCALAR,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, min_size=1, max_size=4), st.just({}), st.just([])
    ),
    max_leaves=12,
)


def plain(value: Any) -> Any:
    """Returns what a script's plain value for ``value`` is in Python again."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    return value


def same(a: Any, b: Any) -> bool:
    if isinstance(a, dt.datetime | dt.time):  # ISO 8601 has no word for `fold`, which repr shows
        return type(a) is type(b) and a == b
    return type(a) is type(b) and a == b and repr(a) == repr(b)


@QUICK
@given(value=PLAIN.filter(lambda v: v is not None))
def test_a_parameter_comes_back_as_it_went(shared: Alloy, value: Any) -> None:
    outcome = shared.evaluate("return params.x", params={"x": value})
    assert outcome.error is None
    got = outcome.value
    assert got == plain(value) or (value == {} and got == []), (value, got)


@QUICK
@given(record=st.dictionaries(LETTERS, st.one_of(PLAIN, RICH), max_size=5))
@pytest.mark.parametrize("source", ["", "local all = entity", "for k, v in pairs(entity) do entity[k] = v end"])
def test_an_untouched_record_does_not_change(shared: Alloy, source: str, record: dict[str, Any]) -> None:
    outcome = shared.evaluate(source, entity=record)
    assert outcome.error is None
    assert outcome.changes == {}
    assert outcome.entity is record


@QUICK
@given(value=st.one_of(PLAIN, RICH))
def test_a_field_assigned_its_own_value_does_not_change(shared: Alloy, value: Any) -> None:
    for source in ("entity.x = entity.x", "local v = entity.x entity.x = nil entity.x = v"):
        outcome = shared.evaluate(source, entity={"x": value})
        assert outcome.error is None
        assert outcome.changes == {}, (value, outcome.changes)


@QUICK
@given(old=RICH, new=RICH)
def test_a_field_takes_its_type_back_when_another_value_of_that_type_is_assigned(
    shared: Alloy, old: Any, new: Any
) -> None:
    if type(old) is not type(new):
        return
    outcome = shared.evaluate("entity.x = params.v", entity={"x": old}, params={"v": new})
    assert outcome.error is None
    if old == new:
        assert outcome.changes == {}
    elif isinstance(new, decimal.Decimal):
        assert outcome.changes["x"] == new and type(outcome.changes["x"]) is decimal.Decimal
    else:
        assert same(outcome.changes["x"], new)


@pytest.mark.parametrize(
    ("old", "expression", "new"),
    [
        (1, "2", 2),
        (1, "2.5", 2.5),
        (1.5, "2", 2.0),
        (1.0, "1", None),
        (1, "true", True),
        (True, "1", 1),
        ("a", "'b'", "b"),
        ("a", "'\\255'", b"\xff"),
        (b"\xff", "'a'", b"a"),
        (decimal.Decimal("1.10"), "entity.x * 3", decimal.Decimal("3.3")),
        (decimal.Decimal("1.10"), "1.1", None),
        (dt.date(2026, 1, 2), "'2026-01-03'", dt.date(2026, 1, 3)),
        (dt.time(10, 0), "'11:30'", dt.time(11, 30)),
        (dt.datetime(2026, 1, 2), "'2026-01-02T03:04:05'", dt.datetime(2026, 1, 2, 3, 4, 5)),
        (uuid.UUID(int=1), f"'{uuid.UUID(int=2)}'", uuid.UUID(int=2)),
        (Colour.RED, "7", Colour.BLUE),
        (Level.LOW, "2", Level.HIGH),
        (Shade.LIGHT, "'dark'", Shade.DARK),
        ((1, 2), "{1, 2, 3}", (1, 2, 3)),
        ([1, 2.0], "{1, 3}", [1, 3.0]),
        ({1, 2}, "{2, 1}", None),
        ({1, 2}, "{2, 3}", {2, 3}),
        ([decimal.Decimal("1.5")], "{2.5}", [decimal.Decimal("2.5")]),
        ({"a": dt.date(2026, 1, 1)}, "{a = '2026-02-01'}", {"a": dt.date(2026, 2, 1)}),
        ([], "{}", None),
        ({}, "{}", None),
        ([1], "{}", []),
        ({"a": 1}, "{}", {}),
        ("x", "nil", None),
        (None, "5", 5),
        (5, "null", None),
    ],
    ids=repr,
)
def test_an_assigned_field_takes_the_type_it_had(shared: Alloy, old: Any, expression: str, new: Any) -> None:
    outcome = shared.evaluate(f"entity.x = {expression}", entity={"x": old})
    assert outcome.error is None, outcome.error
    expected = {} if new is None and expression not in ("nil", "null") else {"x": new}
    assert outcome.changes == expected
    assert not expected or same(outcome.changes["x"], new)


@pytest.mark.parametrize(
    ("old", "expression"),
    [
        (dt.date(2026, 1, 2), "'soon'"),
        (dt.datetime(2026, 1, 2), "'31.12.'"),
        (Colour.RED, "'green'"),
        (uuid.UUID(int=1), "'x'"),
        (decimal.Decimal(1), "'abc'"),
    ],
    ids=repr,
)
def test_a_value_that_the_field_s_type_cannot_take_fails_and_changes_nothing(
    shared: Alloy, old: Any, expression: str
) -> None:
    outcome = shared.evaluate(f"entity.x = {expression} entity.y = 2", entity={"x": old, "y": 1})
    assert outcome.status == "failed"
    assert outcome.error is not None and outcome.error.code == "invalid_value" and "field x" in outcome.error.message
    assert outcome.changes == {}


def cyclic() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


ODD: dict[str, Any] = {
    "nan": float("nan"),
    "inf": float("inf"),
    "minus inf": float("-inf"),
    "nested nan": {"a": [1, {"b": float("nan")}]},
    "2**53 + 1": 2**53 + 1,
    "-2**53 - 1": -(2**53) - 1,
    "2**63": 2**63,
    "2**70": 2**70,
    "nested integer": [[2**60]],
    "lone surrogate": "\ud800",
    "surrogate key": {"\ud800": 1},
    "cyclic": cyclic(),
    "deep": deep(101),
    "very deep": deep(600),
    "deeper than Python": deep(20_000),
    "10 MB": "x" * 10_000_000,
    "10 MB of bytes": b"x" * 10_000_000,
    "a million numbers": list(range(1_000_000)),
    "an object": object(),
    "a class": int,
    "a function": len,
    "a module": decimal,
    "a generator": (i for i in range(3)),
    "a complex number": 1j,
    "an exception": ValueError("x"),
    "Decimal nan": decimal.Decimal("NaN"),
    "Decimal inf": decimal.Decimal("Infinity"),
    "Decimal of 40 digits": decimal.Decimal("1." + "1" * 40),
    "Decimal beyond float": decimal.Decimal("1e400"),
    "a time span": dt.timedelta(1),
    "None as key": {None: 1},
    "bool as key": {True: 1},
    "tuple as key": {(1, 2): 1},
    "nan as key": {float("nan"): 1},
    "a great integer as key": {2**60 + 1: 1},
    "an object in a list": [object()],
    "an object in an object": Point(1, object()),  # type: ignore[arg-type]
}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (2**70, "entity.total: got an integer beyond 2^64"),
        (object(), "entity.total: got a value of type object, which has no form in Lua"),
        ("\ud800", "entity.total: got a string with a lone surrogate"),
        (decimal.Decimal("NaN"), "entity.total: got Decimal NaN, wanted a finite number"),
        ([1, {"a": [0, object()]}], "entity.total[2].a[2]: got a value of type object"),
        ({"me": cyclic()}, "entity.total: got a value nested deeper than"),
    ],
)
def test_the_failure_names_the_place(shared: Alloy, value: Any, message: str) -> None:
    outcome = shared.evaluate("local all = entity", entity={"fine": 1, "total": value})
    assert outcome.error is not None and outcome.error.message.startswith(message)
    assert outcome.error.details["field"] == "total"


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("place", ["params", "entity", "whole entity", "before"])
def test_what_cannot_cross_is_a_clear_failure(shared: Alloy, name: str, place: str) -> None:
    given: dict[str, Any] = {place.removeprefix("whole "): {"x": ODD[name]}}
    source = {
        "params": "return params.x",
        "entity": "entity.y = 1 return entity.x",
        "whole entity": "local e = entity e.y = 1",
        "before": "return before.x",
    }[place]
    outcome = shared.evaluate(source, **given)
    assert outcome.status == "failed", (outcome, outcome.value)
    assert outcome.error is not None and outcome.error.code == "invalid_value", outcome.error
    assert len(outcome.error.message) < 400
    assert outcome.changes == {}
    assert shared.evaluate("return 1").value == 1


def test_the_greatest_integers_cross_exactly(shared: Alloy) -> None:
    for value in (2**53, -(2**53), 2**53 - 1, 2**31, -(2**31) - 1, 2**32):
        assert same(shared.evaluate("return params.x", params={"x": value}).value, value)


@pytest.mark.parametrize(
    "value", [[], {}, [[]], {"a": []}, {"a": {}}, {1: "a", 2: "b"}, {"1": "a"}, [None, 1], {"a": None}]
)
def test_empty_and_odd_tables_come_back_in_a_field(shared: Alloy, value: Any) -> None:
    outcome = shared.evaluate("local all = entity all.y = 1", entity={"x": value})
    assert outcome.error is None
    assert outcome.changes == {"y": 1}


@pytest.mark.parametrize("value", [-(2**31) - 1, -(2**40) - 7, -(2**53) + 1, 2**40 + 7, 2**53 - 1, -129, -32769, 65536])
def test_integers_of_every_size_cross_exactly_both_ways(shared: Alloy, value: int) -> None:
    assert shared.evaluate("return params.x", params={"x": value}).value == value
    assert (
        shared.evaluate("return params.x == params.y and params.x + 0", params={"x": value, "y": value}).value == value
    )
    assert shared.evaluate(f"return {value}").value == value


def test_a_dataclass_inside_a_record_is_a_table(shared: Alloy) -> None:
    assert shared.evaluate("return entity.p.x + entity.p.y", entity={"p": Point(1, 2.5)}).value == 3.5


def test_nothing_is_half_written_when_one_of_many_fields_is_wrong(shared: Alloy) -> None:
    record = {"a": 1, "b": Colour.RED, "c": 3}
    outcome = shared.evaluate("entity.a = 2 entity.b = 'nothing' entity.c = 4", entity=record)
    assert outcome.status == "failed" and outcome.changes == {} and outcome.entity is record
    assert record == {"a": 1, "b": Colour.RED, "c": 3}


def test_a_value_nested_too_deeply_on_the_way_out_names_the_limit(shared: Alloy) -> None:
    outcome = shared.evaluate("local t = {} for _ = 1, 99 do t = {t} end return t")
    assert outcome.error is not None and "nested deeper" in outcome.error.message
    with pytest.raises(AlloyError):
        outcome.raise_for_status()


@pytest.mark.parametrize("event", ["t.before_update", "t.after_update"])
def test_a_large_record_within_the_input_limit_goes_through_every_time(alloy: Alloy, event: str) -> None:
    """What the engine itself needs to carry and to guard a record is not the script's to pay for."""
    alloy.scripts.create("s", "return #entity.lines", on=event, status="active")
    record = {"lines": [{"sku": f"abc{i}", "n": i, "price": 1.5} for i in range(8_000)]}
    seen = {(o.value, str(o.error)) for o in (alloy.fire(event, record) for _ in range(6))}
    assert seen == {(8_000, "None")}
