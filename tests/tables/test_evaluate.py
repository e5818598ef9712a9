"""evaluate_table: what it returns, chains, readers, named scripts, and what it refuses."""

from __future__ import annotations

import pickle
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from alloy_lua import Alloy, Field, NotFound, Schema, ValidationError
from alloy_lua.tables.report import Report

EVENT = "order.before_create"
PRICE = """
if entity.qty == nil then abort("no quantity") end
entity.total = entity.qty * entity.price
if entity.qty > 100 then entity.note = nil end
if entity.qty == 7 then error("seven") end
"""
ROWS: list[dict[str, Any]] = [
    {"qty": 2, "price": 1.5, "note": "a", "total": 0.0},
    {"qty": None, "price": 1.0, "note": "b", "total": 0.0},
    {"qty": 7, "price": 1.0, "note": "c", "total": 0.0},
    {"qty": 500, "price": 2.0, "note": "d", "total": 1000.0},
]
TABLE = pa.Table.from_pylist(ROWS)


def bind(alloy: Alloy, source: str, name: str = "price", **settings: Any) -> None:
    alloy.scripts.create(name, source, on=EVENT, status="active", **settings)


def test_each_row_has_its_verdict_and_its_changes(alloy: Alloy) -> None:
    bind(alloy, PRICE)
    result = alloy.evaluate_table(EVENT, TABLE)
    assert result.table.column("status").to_pylist() == ["continue", "rejected", "failed", "continue"]
    assert result.table.column("reason").to_pylist() == [None, "no quantity", "seven", None]
    assert result.table.column("error_code").to_pylist() == [None, None, "runtime_error", None]
    changes, changed = (result.table.column(name).to_pylist() for name in ("changes", "changed"))
    assert [row["total"] for row in changes] == [3.0, None, None, None]
    assert [row["note"] for row in changes] == [None] * 4
    assert [row["note"] for row in changed] == [False, False, False, True]  # only the last was set to null
    assert [row["total"] for row in changed] == [True, False, False, False]


def test_apply_makes_the_changes_of_rows_that_go_on(alloy: Alloy) -> None:
    bind(alloy, PRICE + "entity.big = entity.total > 100")
    applied = alloy.evaluate_table(EVENT, TABLE).apply()
    assert applied.schema.names == ["qty", "price", "note", "total", "big"]
    assert applied.to_pylist() == [
        {**ROWS[0], "total": 3.0, "big": False},
        {**ROWS[1], "big": None},
        {**ROWS[2], "big": None},
        {**ROWS[3], "note": None, "big": True},
    ]


def test_apply_replaces_the_verdict_of_an_earlier_evaluation(alloy: Alloy) -> None:
    bind(alloy, PRICE)
    once = alloy.evaluate_table(EVENT, TABLE).apply(verdict=True)
    twice = alloy.evaluate_table(EVENT, once.set_column(0, "qty", pa.array([1, 1, 1, 1]))).apply(verdict=True)
    assert once.schema == twice.schema
    assert once.column("_status").to_pylist() == ["continue", "rejected", "failed", "continue"]
    assert twice.column("_status").to_pylist() == ["continue"] * 4


def test_the_report_counts_rows_and_says_which_engine_ran(alloy: Alloy) -> None:
    bind(alloy, PRICE)
    report = alloy.evaluate_table(EVENT, TABLE).report
    assert (report.rows, report.changed, report.rejected, report.tolerated) == (4, 2, {"no quantity": 1}, 0)
    assert report.failed["runtime_error"].count == 1
    assert report.failed["runtime_error"].examples == [(2, "seven")]
    assert [(each.script, each.revision, each.engine) for each in report.choices] == [("price", 1, "columns")]
    assert report.fuel == sum(alloy.fire(EVENT, row).fuel for row in ROWS)
    assert report.explain().startswith("price (revision 1): columns: ")


def test_later_scripts_see_the_changes_of_those_before_and_no_stopped_rows(alloy: Alloy) -> None:
    bind(alloy, PRICE, priority=1)
    bind(alloy, "entity.note = entity.note .. entity.total", "late", priority=2, failure_policy="open")
    result = alloy.evaluate_table(EVENT, TABLE)
    assert [row["note"] for row in result.table.column("changes").to_pylist()] == ["a3", None, None, None]
    assert [row["note"] for row in result.table.column("changed").to_pylist()] == [True, False, False, True]
    assert result.report.tolerated == 1  # nil .. 1000 in the last row: its policy is open
    fired = [alloy.fire(EVENT, row) for row in ROWS]
    assert result.table.column("status").to_pylist() == [outcome.status.value for outcome in fired]


@pytest.mark.parametrize("source", [TABLE.to_batches()[0], pl.from_arrow(TABLE), pd.DataFrame(ROWS)], ids=type)
def test_batches_and_data_frames_come_in(alloy: Alloy, source: Any) -> None:
    bind(alloy, "entity.total = entity.price * 2")
    result = alloy.evaluate_table(EVENT, source)
    assert pl.from_arrow(pa.table(result)).height == 4
    assert result.apply().column("total").to_pylist() == [3.0, 2.0, 2.0, 4.0]


def test_a_reader_goes_in_and_a_reader_comes_out(alloy: Alloy) -> None:
    bind(alloy, PRICE)
    done: list[tuple[int, int | None]] = []

    def reader() -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_batches(TABLE.schema, TABLE.to_batches(1))

    stream = alloy.evaluate_table(EVENT, reader(), progress=lambda rows, total: done.append((rows, total)))
    assert stream.reader().read_all().equals(alloy.evaluate_table(EVENT, TABLE).table)
    assert done == [(1, None), (2, None), (3, None), (4, None)]
    assert stream.report.rows == 4
    applied = alloy.evaluate_table(EVENT, reader()).apply(verdict=True).read_all()
    assert applied.equals(alloy.evaluate_table(EVENT, TABLE).apply(verdict=True))
    with pytest.raises(ValidationError, match="being read already"):
        stream.apply()


def test_threads_keep_the_order_of_rows(alloy: Alloy) -> None:
    bind(alloy, "entity.total = entity.n % 1000")
    table = pa.table({"n": range(100_000)})
    result = alloy.evaluate_table(EVENT, table, threads=3)
    assert result.apply().column("total").to_pylist() == [n % 1000 for n in range(100_000)]


def test_a_script_by_name_runs_the_revision_asked_for(alloy: Alloy) -> None:
    bind(alloy, "entity.n = 1", "price.list")
    alloy.scripts.update("price.list", source="entity.n = 2")
    table = pa.table({"n": [0]})
    assert alloy.evaluate_table("price.list", table).apply().column("n").to_pylist() == [1]
    assert alloy.evaluate_table("price.list", table, revision=2).apply().column("n").to_pylist() == [2]
    assert alloy.runs() == []


def test_ctx_says_what_fire_says(alloy: Alloy) -> None:
    bind(alloy, "entity.who = ctx.user .. ctx.phase .. tostring(ctx.event)")
    table = pa.table({"who": ["x"]})
    assert alloy.evaluate_table(EVENT, table, user="ann").apply().column("who").to_pylist() == [f"annbefore{EVENT}"]
    assert alloy.evaluate_table("price", table, user="ann").apply().column("who").to_pylist() == ["annmanualnil"]


def test_an_event_without_scripts_changes_nothing(alloy: Alloy) -> None:
    result = alloy.evaluate_table(EVENT, TABLE)
    assert result.table.column("status").to_pylist() == ["continue"] * 4
    assert result.apply().equals(TABLE)


def test_an_empty_table_and_an_empty_reader_have_the_columns(alloy: Alloy) -> None:
    bind(alloy, PRICE)
    empty = TABLE.slice(0, 0)
    assert alloy.evaluate_table(EVENT, empty).table.schema == alloy.evaluate_table(EVENT, TABLE).table.schema
    reader = pa.RecordBatchReader.from_batches(TABLE.schema, [])
    assert alloy.evaluate_table(EVENT, reader).apply().read_all().num_rows == 0


def test_new_columns_take_declared_types_or_those_that_rows_show(alloy: Alloy) -> None:
    bind(alloy, "if entity.n == 2 then entity.note = 'x' end entity.big = entity.n * 1000")
    batches = pa.table({"n": [1, 2]}).to_batches(1)
    reader = pa.RecordBatchReader.from_batches(batches[0].schema, batches)
    shown = alloy.evaluate_table(EVENT, pa.Table.from_batches(batches)).apply()
    assert shown.schema.types == [pa.int64(), pa.string(), pa.float64()]
    stream = alloy.evaluate_table(EVENT, reader)  # says its schema after the first batch, which had no note
    late = stream.reader().read_all()
    assert late.column("error_code").to_pylist() == [None, "invalid_value"]
    assert "declare one with types" in late.column("reason")[1].as_py()
    types = {"note": pa.large_string(), "big": pa.int16()}
    declared = alloy.evaluate_table(EVENT, pa.table({"n": [2, 40]}), types=types)
    assert declared.apply().to_pylist()[0] == {"n": 2, "note": "x", "big": 2000}
    assert declared.table.column("error_code").to_pylist() == [None, "invalid_value"]  # 40,000 is no int16


def test_a_missing_column_is_an_error_unless_it_is_to_be_null(alloy: Alloy) -> None:
    bind(alloy, "entity.fresh = 1; entity.total = (entity.cupon or 0) + entity.fresh")
    with pytest.raises(ValidationError, match="no column 'cupon', which script price reads; wanted it among qty"):
        alloy.evaluate_table(EVENT, TABLE)
    result = alloy.evaluate_table(EVENT, TABLE, missing="null")
    assert result.apply().column("total").to_pylist() == [1.0] * 4


def test_progress_that_is_no_function_is_refused(alloy: Alloy) -> None:
    bind(alloy, PRICE)
    with pytest.raises(ValidationError, match="progress: got 5, wanted a function"):
        alloy.evaluate_table(EVENT, TABLE, progress=5)  # type: ignore[arg-type]


def test_scripts_that_reach_outside_their_row_are_refused(alloy: Alloy) -> None:
    bind(alloy, "http.post('https://example.com')", "notify", capabilities=["http"])
    with pytest.raises(ValidationError, match="script notify: uses http, which reaches outside its row"):
        alloy.evaluate_table(EVENT, TABLE)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"table": [1, 2]}, "wanted a pyarrow Table"),
        ({"threads": 0}, "threads: got 0"),
        ({"missing": "maybe"}, "missing: got 'maybe'"),
        ({"types": {"n": "int"}}, "wanted an Arrow type"),
        ({"revision": 1}, "wanted None for an event"),
        ({"event_or_script": "order.before_creat"}, "did you mean order.before_create"),
        (
            {"table": pa.Table.from_arrays([pa.array([1]), pa.array([1])], names=["n", "n"])},
            "several columns called 'n'",
        ),
    ],
)
def test_wrong_arguments_are_named(alloy: Alloy, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        alloy.evaluate_table(**{"event_or_script": EVENT, "table": TABLE, **given})


def test_a_script_that_is_not_there_is_not_found(alloy: Alloy) -> None:
    with pytest.raises(NotFound):
        alloy.evaluate_table("nothing", TABLE)


def test_neither_runs_nor_breakers_take_notice(alloy: Alloy) -> None:
    bind(alloy, "error('always')")
    result = alloy.evaluate_table(EVENT, pa.table({"n": range(500)}))
    assert result.report.failed["runtime_error"].count == 500
    assert alloy.runs() == [] and alloy.stats()[0].failed == 0


def test_a_spec_is_small_and_picklable(alloy: Alloy) -> None:
    bind(alloy, PRICE)
    spec = alloy.table_spec(EVENT)
    packed = pickle.dumps(spec)
    assert len(packed) < 4_000
    applied = pa.Table.from_batches(pickle.loads(packed).open().batches(TABLE.to_batches()))
    assert applied.equals(alloy.evaluate_table(EVENT, TABLE).apply(verdict=True))


@pytest.mark.parametrize(
    ("source", "why"), [("crm.find('x')", "uses crm"), ("entity.n = math.random()", "random numbers")]
)
def test_a_spec_that_could_not_give_the_same_elsewhere_is_refused(alloy: Alloy, source: str, why: str) -> None:
    alloy.function("crm.find")(lambda name: name)
    bind(alloy, source)
    with pytest.raises(ValidationError, match=why):
        alloy.table_spec(EVENT)
    assert alloy.evaluate_table(EVENT, pa.table({"n": [5.0]})).table.column("status").to_pylist() == ["continue"]


def test_rules_for_fields_travel_with_the_spec(alloy: Alloy) -> None:
    fields = [Field("qty", "integer"), Field("note", "string"), Field("rank", "integer")]
    alloy.entities.add_schema(Schema("order", fields, writable=["note", "rank"]))
    bind(
        alloy, "entity.rank = 3 if entity.qty == 7 then entity.note = 5 end if entity.qty == 2 then entity.qty = 1 end"
    )
    table = TABLE.select(["qty", "note"])
    here = alloy.evaluate_table(EVENT, table)
    assert here.table.column("error_code").to_pylist() == ["invalid_value", None, "invalid_value", None]
    assert here.apply().schema.field("rank").type == pa.int64()
    spec = pickle.loads(pickle.dumps(alloy.table_spec(EVENT)))
    assert pa.Table.from_batches(spec.open().batches(table.to_batches())).equals(here.apply(verdict=True))


def test_numbers_inside_new_columns_are_doubles_from_both_engines(alloy: Alloy) -> None:
    table = pa.concat_tables([pa.table({"n": [1.0, 2.0]}), pa.table({"n": [1.5, 2.0]})])
    for event, more in (("whole.before_create", ""), ("rows.before_create", "log.info('x') ")):
        alloy.scripts.create(event, f"{more}entity.x = {{a = entity.n}}", on=event, status="active")
        result = alloy.evaluate_table(event, table)
        assert result.report.counts()["failed"] == 0
        assert [row["x"]["a"] for row in result.apply().to_pylist()] == [1.0, 2.0, 1.5, 2.0]


def test_a_column_of_nulls_takes_the_type_that_is_declared(alloy: Alloy) -> None:
    alloy.scripts.create("x", "entity.x = 'a' .. entity.n", on="nulls.before_create", status="active")
    table = pa.table({"n": [1, 2], "x": pa.nulls(2)})
    made = alloy.evaluate_table("nulls.before_create", table, types={"x": pa.string()}).apply(verdict=True)
    assert made.column("x").to_pylist() == ["a1", "a2"]
    assert made.schema.field("x").type == pa.string()
    assert made.column("_status").to_pylist() == ["continue", "continue"]


def test_a_number_too_large_for_a_float_column_fails_its_row(alloy: Alloy) -> None:
    for event, more in (("whole.before_update", ""), ("rows.before_update", "log.info('x') ")):
        alloy.scripts.create(event, f"{more}entity.n = entity.n * 1e300", on=event, status="active")
        result = alloy.evaluate_table(event, pa.table({"n": pa.array([1.0, 0.0], pa.float32())}))
        assert result.table.column("error_code").to_pylist() == ["invalid_value", None]


def test_a_reason_known_from_an_earlier_batch_is_counted_under_its_name() -> None:
    whole = Report()
    for reasons in (range(999), range(1999, -1, -1)):
        part = Report()
        part.rejected = {f"r{number}": 1 for number in reasons}
        whole.merge(part)
    assert whole.rejected["r5"] == 2
    assert len(whole.rejected) == 1001
    assert sum(whole.rejected.values()) == 2999
