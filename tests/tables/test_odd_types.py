"""Types and values that Arrow has and others have not: views, runs, fixed sizes, small dictionaries, far dates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from alloy_lua import Alloy, BreakerPolicy
from alloy_lua.tables.columns import is_utf8
from alloy_lua.tables.layouts import layout_of

QTY = pa.struct([("qty", pa.int32())])
RUNS = pa.run_end_encoded(pa.int32(), pa.string())


@pytest.fixture(scope="module")
def alloy() -> Iterator[Alloy]:
    with Alloy(breaker=BreakerPolicy(failures=0)) as alloy:
        yield alloy


def evaluated(alloy: Alloy, table: Any, *sources: str, **how: Any) -> Any:
    event = f"e{len(alloy.scripts.list())}.before_create"
    for place, source in enumerate(sources):
        alloy.scripts.create(f"{event[:-14]}-{place}", source, on=event, status="active", priority=place)
    return alloy.evaluate_table(event, table, **how)


def column(values: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_struct(kind):  # Arrow makes no structs of runs from Python
        return pa.StructArray.from_arrays([pa.array([each and each["q"] for each in values], kind[0].type)], ["q"])
    return pa.nulls(len(values), kind) if values == [None] * len(values) else pa.array(values, kind)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["a", "b", None], pa.string_view()),
        ([b"a", b"b", None], pa.binary_view()),
        ([["a"], ["b"], None], pa.list_(pa.string_view())),
        ([["a"], ["b"], None], pa.list_(pa.string_view(), 1)),
        ([{"q": "a"}, {"q": "b"}, {"q": None}], pa.struct([("q", pa.string_view())])),
        ([[("k", "a")], [], None], pa.map_(pa.string(), pa.string_view())),
        (["a", "a", None], RUNS),
        ([None] * 3, pa.run_end_encoded(pa.int16(), pa.string_view())),
        ([{"q": "a"}, {"q": "a"}, {"q": None}], pa.struct([("q", RUNS)])),
    ],
    ids=str,
)
def test_a_chain_takes_columns_that_arrow_cannot_filter(alloy: Alloy, values: list[Any], kind: pa.DataType) -> None:
    table = pa.table({"id": [1, 2, 3], "c": column(values, kind)})
    seen = evaluated(alloy, table, "if entity.id == 2 then abort('no') end", "entity.n = entity.c == nil and 1 or 0")
    assert seen.report.counts()["failed"] == 0
    assert seen.apply().column("n").to_pylist() == [int(values[0] is None), None, int(values[2] is None)]
    assert seen.apply().column("c").to_pylist() == values
    emptied = evaluated(
        alloy, table, "if entity.id == 2 then abort('no') end", "entity.c = nil", "entity.n = entity.id"
    )
    assert emptied.apply().column("c").to_pylist() == [None, values[1], None]
    emptied.apply().validate(full=True)


@pytest.mark.parametrize("kind", [pa.string_view(), RUNS], ids=str)
def test_a_chain_writes_views_and_runs(alloy: Alloy, kind: pa.DataType) -> None:
    table = pa.table({"id": [1, 2, 3], "name": pa.array(["a", "b", "c"], kind)})
    sources = "if entity.id == 2 then abort('no') end", "entity.name = string.upper(entity.name)"
    assert evaluated(alloy, table, *sources).apply().column("name").to_pylist() == ["A", "b", "C"]
    stream = evaluated(alloy, pa.RecordBatchReader.from_batches(table.schema, table.to_batches()), *sources)
    assert stream.apply().read_all().column("name").to_pylist() == ["A", "b", "C"]


@pytest.mark.parametrize(
    ("written", "kind", "old"),
    [
        ("{1.5}", pa.list_(pa.int32()), [1]),
        ("{1e10}", pa.list_(pa.int32()), [1]),
        ("{1e300}", pa.list_(pa.float32()), [1]),
        ("{true}", pa.list_(pa.float64()), [1.5]),
        ("{1}", pa.list_(pa.string()), ["x"]),
        ("'text'", pa.list_(pa.int32()), [1]),
        ("{qty = 1.5}", QTY, {"qty": 1}),
        ("{qty = 4, zzz = 4}", QTY, {"qty": 1}),
        ("{zzz = 4}", QTY, {"qty": 1}),
        ("{{qty = 4, zzz = 4}}", pa.list_(QTY), [{"qty": 1}]),
    ],
    ids=str,
)
def test_lists_and_structs_that_do_not_fit_fail_by_columns_as_by_rows(
    alloy: Alloy, written: str, kind: pa.DataType, old: Any
) -> None:
    table = pa.table({"id": [1, 2, 3], "a": pa.array([old] * 3, kind)})
    script = f"if entity.id == 2 then entity.a = {written} end"
    by_columns = evaluated(alloy, table, script)
    assert "columns: the buffers" in by_columns.report.explain()
    assert by_columns.table.column("error_code").to_pylist() == [None, "invalid_value", None]
    assert by_columns.apply().column("a").to_pylist() == [old] * 3
    by_rows = evaluated(alloy, table, f"{script} log.info('row')")
    assert by_rows.table.equals(by_columns.table)


def test_lists_and_structs_that_fit_are_written_whole(alloy: Alloy) -> None:
    table = pa.table({"a": pa.array([[1]], pa.list_(pa.int32())), "s": pa.array([{"qty": 1}], QTY)})
    done = evaluated(alloy, table, "entity.a = {1, 2} entity.s = {qty = 7}")
    assert "columns: the buffers" in done.report.explain()
    assert done.apply().to_pylist() == [{"a": [1, 2], "s": {"qty": 7}}]


def test_another_length_of_a_fixed_size_list_fails_its_row(alloy: Alloy) -> None:
    table = pa.table({"id": [1, 2, 3], "a": pa.array([[1, 2]] * 3, pa.list_(pa.int32(), 2))})
    done = evaluated(
        alloy, table, "if entity.id == 2 then entity.a = {entity.a[1]} elseif entity.id == 3 then entity.a = {5, 6} end"
    )
    assert done.table.column("error_code").to_pylist() == [None, "invalid_value", None]
    assert done.apply().column("a").to_pylist() == [[1, 2], [1, 2], [5, 6]]


def test_a_small_dictionary_gets_room_for_new_words(alloy: Alloy) -> None:
    small = pa.dictionary(pa.int8(), pa.string())
    table = pa.table({"i": range(200), "c": pa.array(["x"] * 200).dictionary_encode().cast(small)})
    done = evaluated(alloy, table, "entity.c = 'v' .. entity.i").apply()
    assert done.schema.field("c").type == pa.dictionary(pa.int32(), pa.string())
    assert done.column("c").to_pylist() == [f"v{i}" for i in range(200)]
    chained = evaluated(alloy, table, "entity.c = 'v' .. entity.i", "entity.i = #entity.c").apply()
    assert chained.column("i").to_pylist() == [len(f"v{i}") for i in range(200)]
    assert evaluated(alloy, table, "entity.n = #entity.c").apply().schema.field("c").type == small


@pytest.mark.parametrize(
    "values",
    [
        pa.array([0, 2**60, None], pa.timestamp("s")),
        pa.array([0, 253402300800, None], pa.timestamp("s", "UTC")),
        pa.array([0, 2**30, None], pa.date32()),
    ],
    ids=lambda values: str(values.type),
)
def test_a_time_beyond_python_fails_its_row(alloy: Alloy, values: pa.Array) -> None:
    for column in (values, pa.StructArray.from_arrays([values], ["inside"])):
        done = evaluated(alloy, pa.table({"at": column}), "entity.n = entity.at == nil and 0 or 1")
        assert done.table.column("error_code").to_pylist() == [None, "invalid_value", None]
        assert done.apply().column("n").to_pylist() == [1, None, 0 if column is values else 1]


def bad_texts() -> pa.Array:
    """Returns three texts; the second is not UTF-8."""
    ends = pa.array([0, 1, 2, 3], pa.int32()).buffers()[1]
    return pa.Array.from_buffers(pa.string(), 3, [None, ends, pa.py_buffer(b"a\xffb")])


@pytest.mark.parametrize("source", ["entity.n = #entity.s", "log.info('rows') entity.n = #entity.s"])
def test_bytes_that_are_no_text_fail_their_row(alloy: Alloy, source: str) -> None:
    done = evaluated(alloy, pa.table({"s": bad_texts()}), source)
    assert done.table.column("error_code").to_pylist() == [None, "invalid_value", None]
    assert done.apply().column("n").to_pylist() == [1, None, 1]


def test_bytes_that_are_no_text_are_found_inside_and_only_in_the_rows_at_hand() -> None:
    bad = bad_texts()
    inside = (
        bad,
        pa.DictionaryArray.from_arrays(pa.array([0, 1, 2], pa.int8()), bad),
        pa.ListArray.from_arrays(pa.array([0, 1, 2, 3], pa.int32()), bad),
        pa.StructArray.from_arrays([bad], ["s"]),
    )
    for values in inside:
        layout = layout_of(values.type, values)
        assert layout is not None
        assert not is_utf8(values, layout)
        assert is_utf8(values.slice(2), layout) or pa.types.is_dictionary(values.type)


@pytest.mark.parametrize("lists", [[[], []], [None, None], [["ö"], []], [[""], [None]]])
def test_lists_of_few_texts_or_none_are_utf8(lists: list[Any]) -> None:
    for kind in (pa.list_(pa.string()), pa.large_list(pa.large_string())):
        values = pa.array(lists, kind)
        layout = layout_of(kind, values)
        assert layout is not None
        assert is_utf8(values, layout) and is_utf8(values.slice(1), layout)


def test_texts_in_lists_and_structs_are_held_to_the_input_limit(alloy: Alloy) -> None:
    names = [f"f{n}" for n in range(8)]
    kind = pa.struct([(name, pa.string()) for name in names])
    table = pa.table(
        {
            "l": [["x" * 16_000] * 100, ["x" * 16_000] * 20],
            "s": pa.array([dict.fromkeys(names, "y" * 99)] * 2, kind),
            "d": pa.array([["z"], ["z"]], pa.list_(pa.dictionary(pa.int32(), pa.string()))),
        }
    )
    for source in ("entity.n = #entity.l + #entity.s.f1", "entity.n = #entity.l + #entity.d"):
        done = evaluated(alloy, table, source)
        assert "columns: the buffers" in done.report.explain()
        event = f"e{len(alloy.scripts.list()) - 1}.before_create"
        fired = [alloy.fire(event, record) for record in table.to_pylist()]
        assert [one.error and one.error.code for one in fired] == ["invalid_value", None]
        assert done.table.column("reason").to_pylist() == [fired[0].error and fired[0].error.message, None]


def test_words_of_a_dictionary_count_each_time(alloy: Alloy) -> None:
    word = pa.array(["x" * 16_000])
    lists = pa.ListArray.from_arrays([0, 100, 101], pa.DictionaryArray.from_arrays(pa.array([0] * 101), word))
    done = evaluated(alloy, pa.table({"l": lists}), "entity.n = #entity.l")
    assert "columns: the buffers" in done.report.explain()
    assert done.table.column("error_code").to_pylist() == ["invalid_value", None]
