"""A table comes to what `fire` comes to, row by row: over generated schemas, data and scripts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import hypothesis.strategies as st
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings

from alloy_lua import Alloy, BreakerPolicy, InvalidValue, Outcome
from alloy_lua.tables import evaluate
from alloy_lua.tables.fitting import fitting

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
WHOLE = st.integers(-(2**53), 2**53)
TIMES = st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1))
ITEM = pa.struct([("qty", pa.int32()), ("name", pa.string())])
COLUMNS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "bool": (pa.bool_(), st.booleans()),
    "int8": (pa.int8(), st.integers(-128, 127)),
    "int64": (pa.int64(), st.one_of(WHOLE, st.integers(-(2**63), 2**63 - 1))),
    "uint64": (pa.uint64(), st.integers(0, 2**64 - 1)),
    "float64": (pa.float64(), st.floats(-1e12, 1e12)),
    "odd_float": (pa.float64(), st.sampled_from([1.5, float("nan"), float("inf"), -0.0])),
    "string": (pa.string(), TEXTS),
    "large_string": (pa.large_string(), TEXTS),
    "string_view": (pa.string_view(), TEXTS),
    "dictionary": (pa.dictionary(pa.int16(), pa.string()), st.sampled_from(["de", "fr", "it"])),
    "binary": (pa.binary(), st.binary(max_size=8)),
    "decimal": (pa.decimal128(20, 2), st.decimals(-(10**13), 10**13, places=2)),
    "wide_decimal": (pa.decimal128(38, 5), st.decimals(-(10**30), 10**30, places=5)),
    "date": (pa.date32(), st.dates(date(1970, 1, 1), date(2100, 1, 1))),
    "timestamp": (pa.timestamp("us"), TIMES),
    "zoned": (pa.timestamp("us", "UTC"), TIMES.map(lambda at: at.replace(tzinfo=UTC))),
    "time": (pa.time64("us"), st.times()),
    "duration": (pa.duration("us"), st.timedeltas(timedelta(-9999), timedelta(9999))),
    "list": (pa.list_(pa.int64()), st.lists(st.one_of(st.none(), WHOLE), max_size=3)),
    "struct": (ITEM, st.fixed_dictionaries({"qty": st.integers(0, 9), "name": TEXTS})),
    "items": (
        pa.list_(ITEM),
        st.lists(st.fixed_dictionaries({"qty": st.integers(0, 9), "name": st.one_of(st.none(), TEXTS)}), max_size=3),
    ),
    "map": (pa.map_(pa.string(), pa.int64()), st.lists(st.tuples(TEXTS, WHOLE), max_size=2, unique_by=lambda x: x[0])),
}
# What a script may do with the fields a and b, whatever they hold; new values are of the type of a field.
SCRIPTS = (
    "entity.a = entity.b",
    "entity.a, entity.b = entity.b, entity.a",
    "entity.a = nil",
    "if entity.a == nil then abort('no a') end if entity.a == entity.b then entity.b = nil end",
    "if type(entity.a) == 'number' then entity.a = entity.a + 1 end",
    "if type(entity.a) == 'number' and entity.a > 3 then entity.a = math.floor(entity.a / 2) end entity.fresh = 1.5",
    "if type(entity.a) == 'string' then entity.a = entity.a .. '!' end",
    "if type(entity.a) == 'string' then entity.a = string.upper(entity.a) entity.fresh = #entity.a end",
    "if type(entity.a) == 'boolean' then entity.a = not entity.a end",
    "if type(entity.a) == 'table' and entity.a[1] ~= nil then entity.a[1] = entity.a[2] entity.b = nil end",
    "local n = 0 for k, v in pairs(entity) do n = n + 1 end entity.fresh = n",
    "if type(entity.a) == 'table' then for i, item in ipairs(entity.a) do if type(item) == 'table' then item.qty = 7 end end end",
    "local sum = entity.a + 1 entity.fresh = sum",
    "if entity.b == nil then error('no b') end shared = (shared or 0) + 1 entity.fresh = shared",
    "if entity.a == nil then while true do end end",
    "log.info('seen', {a = 1}) abort({field = 'a'})",
    "entity.fresh = ctx.user == 'ann' and 1 or 2",
)  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """Returns a table with columns a, b and another, cut in chunks, some of them with an offset."""
    kinds = [draw(st.sampled_from(sorted(COLUMNS))) for _ in range(2)]
    if draw(st.booleans()):
        kinds[1] = kinds[0]
    rows = draw(st.integers(0, 6))
    columns = [pa.array(range(rows), pa.int32())]
    for kind in kinds:
        arrow, values = COLUMNS[kind]
        columns.append(pa.array([draw(st.one_of(values, values, st.none())) for _ in range(rows)], arrow))
    table = pa.table(columns, names=["id", "a", "b"])
    start = draw(st.integers(0, rows))
    cut = [table.slice(start), table.slice(0, start)] if draw(st.booleans()) else [table.slice(start)]
    return pa.concat_tables(cut)


@pytest.fixture(scope="module")
def alloy() -> Iterator[Alloy]:
    with Alloy(breaker=BreakerPolicy(failures=0)) as made:
        yield made


def bound(alloy: Alloy, scripts: tuple[str, ...]) -> str:
    """Returns the event that runs ``scripts``, which are bound to it at the first call."""
    event = f"thing{'_'.join(str(SCRIPTS.index(source)) for source in scripts)}.before_create"
    if not alloy.scripts.list(event=event):
        for place, source in enumerate(scripts):
            name = f"{event}.{place}"
            alloy.scripts.create(name, source, on=event, status="active", priority=place, limits="external")
    return event


def told(outcome: Outcome) -> tuple[str, str | None, str | None]:
    """Returns status, reason and error code as a row tells them."""
    error = outcome.error
    said = outcome.reason if error is None else error.message
    return outcome.status.value, said, None if error is None else error.code


def held(table: pa.Table, changes: dict[str, Any]) -> dict[str, Any]:
    """Returns changes as the columns hold them."""
    made = {}
    for name, value in changes.items():
        kind = table.schema.field(name).type if name in table.schema.names else pa.float64()
        fitted = None if value is None else fitting(name, kind)(value)
        made[name] = pa.array([fitted], kind.value_type if pa.types.is_dictionary(kind) else kind)[0].as_py()
    return made


def stepwise(
    alloy: Alloy, scripts: tuple[str, ...], table: pa.Table, record: dict[str, Any]
) -> tuple[Any, dict[str, Any]]:
    """Returns what firing the scripts one after the other comes to, the columns holding what each has written."""
    changes: dict[str, Any] = {}
    for source in scripts:
        outcome = alloy.fire(bound(alloy, (source,)), {**record, **changes}, user="ann")
        if outcome.status != "continue":
            return told(outcome), {}
        try:
            changes |= held(table, outcome.changes)
        except InvalidValue as error:
            return ("failed", error.message, error.code), {}
    return ("continue", None, None), changes


@settings(max_examples=150, deadline=None, suppress_health_check=[*HealthCheck])
@given(tables(), st.lists(st.sampled_from(SCRIPTS), min_size=1, max_size=2).map(tuple), st.integers(1, 4))
def test_rows_come_to_what_fire_comes_to(
    alloy: Alloy, table: pa.Table, scripts: tuple[str, ...], batch_rows: int
) -> None:
    event = bound(alloy, scripts)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(evaluate, "BATCH_ROWS", batch_rows)
        result = alloy.evaluate_table(event, table, user="ann", types={"fresh": pa.float64()})
    rows = zip(table.to_pylist(), result.table.to_pylist(), result.apply().to_pylist(), strict=True)
    for record, row, applied in rows:
        expected, changes = stepwise(alloy, scripts, table, record)
        assert (row["status"], row["reason"], row["error_code"]) == expected
        changed = {name for name, is_changed in row.get("changed", {}).items() if is_changed}
        assert changed == set(changes)
        assert repr({name: row["changes"][name] for name in sorted(changed)}) == repr(dict(sorted(changes.items())))
        after = {**record, **dict.fromkeys(applied.keys() - record.keys()), **changes}
        assert repr(sorted(applied.items())) == repr(sorted(after.items()))
        outcome = alloy.fire(event, record, user="ann")
        misfit = expected[2] == "invalid_value"
        if not misfit and repr(outcome.changes) == repr(changes):  # columns hold all that the scripts wrote
            assert told(outcome) == expected
