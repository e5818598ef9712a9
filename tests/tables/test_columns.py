"""The column engine: for every row, what `fire` makes of the same record; and scripts and types that it leaves alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alloy_lua import Alloy, BreakerPolicy
from alloy_lua.errors import LimitExceeded
from alloy_lua.limits import PROFILES
from alloy_lua.tables.answer import Answer
from alloy_lua.tables.columns import ColumnPlan, plan
from alloy_lua.values import jsonable

STATUS = ("continue", "rejected", "failed")


class Both:
    """Runs a script both ways."""

    def __init__(self, alloy: Alloy) -> None:
        self.alloy, self.engine = alloy, alloy._core.engine
        self._events: dict[tuple[str, str], str] = {}
        self._plans: dict[tuple[str, str, pa.Schema], ColumnPlan | str] = {}

    def event(self, source: str, limits: str) -> str:
        """Returns an event to which only this script is bound."""
        key = (source, limits)
        if key not in self._events:
            name = f"s{len(self._events)}"
            self._events[key] = f"{name}.before_create"
            self.alloy.scripts.create(name, source, on=self._events[key], status="active", limits=limits)
        return self._events[key]

    def plan(self, source: str, schema: pa.Schema, limits: str = "default") -> ColumnPlan | str:
        key = (source, limits, schema)
        if key not in self._plans:
            self._plans[key] = plan(self.engine, self.engine.compile(source), PROFILES[limits], schema)
        return self._plans[key]

    def answer(self, source: str, batch: pa.RecordBatch, limits: str = "default") -> Answer:
        found = self.plan(source, batch.schema, limits)
        assert isinstance(found, ColumnPlan), found
        answer = found.run(batch)
        assert isinstance(answer, Answer), answer
        for field in answer.fields.values():
            field.values.validate(full=True)
            assert len(field.values) == len(field.changed) == batch.num_rows
        return answer

    def fired(self, source: str, record: dict[str, Any], limits: str = "default") -> tuple[Any, ...]:
        """Returns status, reason or message, code, changes and fuel, of `fire`."""
        outcome = self.alloy.fire(self.event(source, limits), record)
        if outcome.error is not None:
            return "failed", outcome.error.message, outcome.error.code, {}, outcome.fuel
        changes = outcome.changes if outcome.status.value == "continue" else {}
        reason: Any = outcome.reason
        if isinstance(reason, bytes):  # cut in the midst of a letter; a column holds it as records do
            reason = jsonable(reason)
        return outcome.status.value, reason, None, dict(changes), outcome.fuel

    def compare(self, source: str, batch: pa.RecordBatch, limits: str = "default") -> None:
        answer = self.answer(source, batch, limits)
        assert_told(answer, [self.fired(source, record, limits) for record in batch.to_pylist()])


def assert_told(answer: Answer, fired: list[tuple[Any, ...]]) -> None:
    """Makes sure that an answer tells the same of each row, and the same fuel of all."""
    assert [told(answer, row) for row in range(len(answer.status))] == [each[:-1] for each in fired]
    assert answer.fuel == sum(each[-1] for each in fired)


def told(answer: Answer, row: int) -> tuple[Any, ...]:
    """Returns the same of a row in an answer, but the fuel."""
    changes = {}
    for name, field in answer.fields.items():
        changed, value = field.changed[row].as_py(), field.values[row].as_py()
        assert changed or value is None
        if changed:
            changes[name] = value
    status = STATUS[answer.status[row].as_py()]
    return status, answer.reason[row].as_py(), answer.code[row].as_py(), changes


@pytest.fixture(scope="module")
def both() -> Iterator[Both]:
    with Alloy(breaker=BreakerPolicy(failures=0)) as alloy:
        yield Both(alloy)


NUMBERS = (
    pa.int8(),
    pa.int16(),
    pa.int32(),
    pa.int64(),
    pa.uint8(),
    pa.uint32(),
    pa.uint64(),
    pa.float32(),
    pa.float64(),
)
TEXTS = (
    pa.string(),
    pa.large_string(),
    pa.dictionary(pa.int32(), pa.string()),
    pa.dictionary(pa.int8(), pa.large_string()),
)

# Over the columns a, b (numbers), s, t (texts), f (boolean).
SCRIPTS = (
    'if (entity.a or 0) > 50 then abort("too much") end entity.b = (entity.a or 0) * 2',
    'if entity.s == nil then abort("no " .. "s") else entity.s = str.lower(str.trim(entity.s)) end entity.t = "x"',
    "entity.a = nil entity.s = nil entity.f = nil entity.fresh = nil",
    "entity.b = entity.a + 1",
    'entity.fresh = entity.f and "yes" or "no" entity.f = not entity.f',
    "local n = 0 for i = 1, (entity.a or 3) % 7 do n = n + i end entity.fresh = n",
    'if entity.a == 1 then return abort("one") elseif entity.a == 2 then abort("two", {field = "a"}) end entity.t = entity.s',
    'local function no() abort("inside") end if entity.f then no() end entity.a = 5',
    'if entity.f then pcall(abort, "kept?") end entity.fresh = 1.5',
    'if entity.s == "a" then error("bad") elseif entity.s == "" then error({message = "table", code = "mine"}) end',
    "entity.fresh = entity.a and entity.a / 3 entity.b = entity.b and -entity.b",
    'while entity.s == "a" do end entity.t = entity.s and entity.s:upper() .. "!"',
    'x = (x or 0) + 1 entity.fresh = x if entity.f then abort(x) end',
    'entity.s = string.match(entity.s or "", "^%s*(.-)%s*$") entity.fresh = entity.t and #entity.t',
    'if entity.f == nil then abort() end return entity.f',
    'entity.fresh = string.format("%s %s", tostring(entity.a), tostring(entity.f)) entity.s = entity.t',
    'abort("always") entity.a = 1',
    'abort({})',
    'if entity.f then entity.fresh = {1, 2} end',
    'entity["b"] = entity["a"]',
    "entity.fresh = 0 / 0",
    'if entity.f then entity.fresh = string.rep("long ", 20000) else entity.fresh = "short" end',
)  # fmt: skip


def numbers(kind: pa.DataType) -> st.SearchStrategy[Any]:
    if pa.types.is_float32(kind):
        return st.floats(width=32)
    if pa.types.is_floating(kind):
        return st.floats() | st.integers(-100, 100).map(float)
    bits, signed = kind.bit_width, pa.types.is_signed_integer(kind)
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return st.integers(0, 60) | st.integers(low, high)


@st.composite
def batches(draw: st.DrawFn) -> pa.RecordBatch:
    """Returns a slice of a batch with all columns, some of the null type."""
    rows = draw(st.integers(0, 12))
    first, last = sorted((draw(st.integers(0, rows)), draw(st.integers(0, rows))))
    word = st.sampled_from(["", "a", " A b ", "Zoë", "\0x", "q" * 300]) | st.text(max_size=5)

    def column(kind: pa.DataType, values: st.SearchStrategy[Any], holes: bool) -> pa.Array:
        found = draw(st.lists(st.none() | values if holes else values, min_size=rows, max_size=rows))
        if pa.types.is_dictionary(kind):
            return pa.array(found, kind.value_type).dictionary_encode().cast(kind)
        return pa.array(found, kind)

    columns = {}
    for name in "ab":
        kind = draw(st.sampled_from(NUMBERS))
        columns[name] = column(kind, numbers(kind), draw(st.booleans()))
    for name in "st":
        columns[name] = column(draw(st.sampled_from(TEXTS)), word, draw(st.booleans()))
    columns["f"] = column(pa.bool_(), st.booleans(), draw(st.booleans()))
    empty = draw(st.sampled_from(["", "", "", "a", "s", "f"]))
    if empty:
        columns[empty] = pa.nulls(rows)
    return pa.record_batch(columns).slice(first, last - first)


@settings(max_examples=150, deadline=None)
@given(batch=batches(), source=st.sampled_from(SCRIPTS))
def test_rows_come_to_what_fire_makes_of_them(both: Both, batch: pa.RecordBatch, source: str) -> None:
    found = both.plan(source, batch.schema)
    assert isinstance(found, ColumnPlan), found
    answer = found.run(batch)
    expected = [both.fired(source, record) for record in batch.to_pylist()]
    if isinstance(answer, str):  # only where one column cannot hold what came of the rows
        assert mixed(batch, expected), (answer, expected)
        return
    for field in answer.fields.values():
        field.values.validate(full=True)
    assert_told(answer, expected)


def kind_of(value: Any) -> type:
    return float if type(value) in (int, float) else type(value)


def mixed(batch: pa.RecordBatch, expected: list[tuple[Any, ...]]) -> bool:
    """Returns whether some field got values of several kinds, or of another kind than its column."""
    for name in {name for *_, changes, _ in expected for name in changes}:
        kinds = {kind_of(changes[name]) for *_, changes, _ in expected if changes.get(name) is not None}
        if name in batch.schema.names:
            kinds |= {kind_of(value) for value in batch.column(name).to_pylist() if value is not None}
            kind = batch.schema.field(name).type
            kinds |= {str} if not pa.types.is_null(kind) and not pa.types.is_primitive(kind) else set()
            kinds |= {bool} if pa.types.is_boolean(kind) else {float} if pa.types.is_primitive(kind) else set()
        if len(kinds) > 1:
            return True
    return False


ORDER = pa.struct([("qty", pa.int32()), ("price", pa.float64()), ("name", pa.string()), ("on", pa.bool_())])
ORDERS = (
    "local sum = 0 for _, o in ipairs(entity.items or {}) do if o ~= null then sum = sum + o.qty * o.price end end entity.total = sum",
    'local s = "" for i, o in ipairs(entity.items) do s = s .. i .. tostring(o.name) .. tostring(o.on) end entity.total = s',
    "entity.total = #entity.items + (entity.words and #entity.words or 0)",
    'entity.total = table.concat(entity.words, "-")',
    "local best for _, o in ipairs(entity.items) do if not best or o.qty > best.qty then best = o end end entity.total = best.price",
    'local keys = {} for _, o in ipairs(entity.items) do for k in pairs(o) do entity.total = (entity.total or "") .. k end end',
    "entity.total = entity.one and entity.one.qty == null and -1 or entity.one.qty",
    'if entity.total then entity.items = nil else entity.items = {{qty = 1, price = 2.5, name = "n", on = true}} end',
    "entity.total = tostring(entity.items) .. tostring(entity.one)",
    "local first = entity.items[1] entity.total = first == entity.items[2]",
    "local function price(o) return o.price end entity.total = price(entity.items[#entity.items])",
)  # fmt: skip
SCHEMA = pa.schema(
    [("items", pa.list_(ORDER)), ("words", pa.large_list(pa.string())), ("one", ORDER), ("total", pa.float64())]
)


@st.composite
def order_batches(draw: st.DrawFn) -> pa.RecordBatch:
    holes = draw(st.booleans())
    maybe = (lambda values: st.none() | values) if holes else (lambda values: values)
    order = maybe(
        st.fixed_dictionaries(
            {
                "qty": maybe(st.integers(-5, 5)),
                "price": maybe(st.floats(-9, 9) | st.just(float("nan"))),
                "name": maybe(st.sampled_from(["", "a", "ö"])),
                "on": maybe(st.booleans()),
            }
        )
    )
    row = st.fixed_dictionaries(
        {
            "items": maybe(st.lists(order, max_size=3)),
            "words": maybe(st.lists(maybe(st.sampled_from(["", "w"])), max_size=3)),
            "one": order,
            "total": st.none() | st.just(1.0),
        }
    )
    rows = draw(st.lists(row, max_size=8))
    first, last = sorted((draw(st.integers(0, len(rows))), draw(st.integers(0, len(rows)))))
    return pa.RecordBatch.from_pylist(rows, SCHEMA).slice(first, last - first)


@settings(max_examples=80, deadline=None)
@given(batch=order_batches(), source=st.sampled_from(ORDERS))
def test_lists_and_structs_are_what_fire_shows(both: Both, batch: pa.RecordBatch, source: str) -> None:
    found = both.plan(source, batch.schema)
    assert isinstance(found, ColumnPlan), found
    answer = found.run(batch)
    expected = [both.fired(source, record) for record in batch.to_pylist()]
    if isinstance(answer, str):
        assert mixed(batch, expected), (answer, expected)
        return
    assert_told(answer, expected)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("for k, v in pairs(entity) do end", "the script uses the entity as a whole"),
        ("entity.a = math.random()", "the script does more than read and write a few fields"),
        ("entity.a = ctx.user", "the script does more than read and write a few fields"),
        ('log.info("a")', "the script writes to the log"),
        ("entity.a = entity.day", "column day is of type date32[day]"),
        ("entity.money = 1", "column money is of type decimal128(5, 2)"),
        ("for _, o in ipairs(entity.items) do o.qty = 1 end", "the script may change what is inside items"),
        ("table.insert(entity.items, 1)", "the script may change what is inside items"),
        ("local t = table entity.a = #entity.items", "the script may change what is inside items"),
        ("function entity.items.f() end", "the script uses the entity as a whole"),
        ("local l = entity.items function l.f() end", "the script may change what is inside items"),
        ("local l = entity.items l[1], l[2] = l[2], l[1]", "the script may change what is inside items"),
        ("local l = entity.items l[1] = nil", "the script may change what is inside items"),
    ],
)
def test_what_does_not_go_by_columns_is_told(both: Both, source: str, why: str) -> None:
    schema = pa.schema(
        [("a", pa.int32()), ("day", pa.date32()), ("money", pa.decimal128(5, 2)), ("items", pa.list_(ORDER))]
    )
    assert both.plan(source, schema) == why


def test_two_columns_of_one_name_are_refused(both: Both) -> None:
    assert both.plan("entity.a = 1", pa.schema([("a", pa.int32()), ("a", pa.int32())])) == (
        "two columns have the same name"
    )


def test_values_of_several_kinds_are_told(both: Both) -> None:
    found = both.plan("entity.a = entity.f and 1 or 'one'", pa.schema([("f", pa.bool_())]))
    assert isinstance(found, ColumnPlan)
    answer = found.run(pa.record_batch({"f": pa.array([True, False])}))
    assert answer == "field a gets values of several kinds"


def test_a_batch_without_nulls_may_follow_one_with_nulls(both: Both) -> None:
    for values in ([None, 1], [1, 2], [None, None], [3, None]):
        both.compare("entity.b = entity.a == nil", pa.record_batch({"a": pa.array(values, pa.int32())}))


def test_many_rows_and_longer_texts_than_there_was_room_for(both: Both) -> None:
    rows = 40_000
    batch = pa.record_batch({"a": pa.array(range(rows)), "s": pa.array(["x" * (row % 90) for row in range(rows)])})
    answer = both.answer('entity.s = entity.s .. entity.a .. "!" if entity.a % 7 == 0 then abort("seven") end', batch)
    texts = answer.fields["s"].values.to_pylist()
    assert texts == [f"{'x' * (row % 90)}{row}!" if row % 7 else None for row in range(rows)]
    assert answer.reason.to_pylist() == [None if row % 7 else "seven" for row in range(rows)]


def test_each_row_has_its_own_fuel_and_memory(both: Both) -> None:
    batch = pa.record_batch({"a": pa.array([1, 2, 3, 1])})
    source = 'if entity.a == 2 then while true do end elseif entity.a == 3 then local t = {} for i = 1, 1e9 do t[i] = "x" .. i end end entity.b = 1'
    answer = both.answer(source, batch, "strict")
    assert answer.code.to_pylist()[0::3] == [None, None] and answer.fields["b"].values.to_pylist() == [1, None, None, 1]
    assert answer.code[1].as_py() in ("fuel_exhausted", "deadline_exceeded")
    assert answer.code[2].as_py() in ("fuel_exhausted", "memory_exceeded", "deadline_exceeded")


def test_aborts_that_return_cost_and_say_the_same(both: Both) -> None:
    batch = pa.record_batch({"a": pa.array([1, 2, 3, 4, 5])})
    for source in (
        'if entity.a == 1 then abort("x")entity.b = 1 end entity.b = 2',
        'if entity.a == 1 then return abort(12) else abort({}) end',
        'if entity.a == 1 then abort("x", {y = 1}) end local t = {abort = 1} entity.b = t.abort',
        'repeat abort("in " .. entity.a) until true',
        'local abort = function() end abort("no") entity.b = 1',
        'for i = 1, 3 do if i == entity.a then abort("at " .. i) end end entity.b = 1',
        'local ok = entity.a > 2 or abort("or") entity.b = 1',
        'abort"text"',
    ):  # fmt: skip
        both.compare(source, batch)


def test_threads_have_runtimes_of_their_own(both: Both) -> None:
    batch = pa.record_batch({"a": pa.array(range(20_000))})
    found = both.plan("entity.b = entity.a * 2", batch.schema)
    assert isinstance(found, ColumnPlan)
    answers: list[Answer | str] = []
    threads = [threading.Thread(target=lambda: answers.extend(found.run(batch) for _ in range(5))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = pa.array([2.0 * row for row in range(1, 20_000)])
    assert len(answers) == 20
    for answer in answers:
        assert isinstance(answer, Answer)
        assert answer.fields["b"].values[1:].equals(expected)


def test_a_batch_ends_at_its_deadline(both: Both) -> None:
    batch = pa.record_batch({"a": pa.array([1] * 100)})
    found = both.plan("entity.b = entity.a", batch.schema)
    assert isinstance(found, ColumnPlan)
    with pytest.raises(LimitExceeded) as raised:
        found.run(batch, deadline=time.monotonic() - 1)
    assert raised.value.code == "deadline_exceeded"
    assert isinstance(found.run(batch), Answer)


@pytest.mark.parametrize("fields", [1, 10, 11, 24])
def test_scripts_with_many_fields_run_or_are_refused(both: Both, fields: int) -> None:
    source = " ".join(f"entity.f{i} = entity.f{i} .. '!'" for i in range(fields))
    batch = pa.record_batch({f"f{i}": pa.array(["a", None, "b"]).dictionary_encode() for i in range(fields)})
    found = both.plan(source, batch.schema)
    assert isinstance(found, ColumnPlan) or found == "the script uses too many fields"
    assert isinstance(found, ColumnPlan) == (fields <= 10)
    if isinstance(found, ColumnPlan):
        both.compare(source, batch)


@pytest.mark.parametrize(
    "reason",
    [
        '"größer als " .. entity.n',
        'string.sub("ß", 1, entity.n % 3)',
        '"reason number " .. entity.n',
        'string.rep("long ", entity.n)',
    ],
)
def test_reasons_of_any_text(both: Both, reason: str) -> None:
    batch = pa.record_batch({"n": pa.array(range(1500), pa.int32())})
    both.compare(f"if entity.n % 5 > 0 then abort({reason}) end", batch)


def test_a_batch_out_of_memory_tells_of_every_row(both: Both) -> None:
    source = (
        'if entity.n == 700 then entity.s = string.rep("x", 9e6) .. entity.n else entity.s = "row " .. entity.n end'
    )
    batch = pa.record_batch({"n": pa.array(range(1500), pa.int32()), "s": pa.array(["old"] * 1500)})
    both.compare(source, batch)


def test_a_text_that_outgrows_what_earlier_batches_needed(both: Both) -> None:
    source = 'if entity.n > 0 then entity.t = string.rep("x", entity.n) end'
    schema = pa.schema([("n", pa.int32()), ("t", pa.string())])
    found = both.plan(source, schema)
    assert isinstance(found, ColumnPlan)

    def run(n: int, rows: int) -> int:
        batch = pa.record_batch([pa.array([n] * rows, pa.int32()), pa.nulls(rows, pa.string())], schema=schema)
        answer = found.run(batch)
        assert isinstance(answer, Answer)
        assert answer.fields["t"].values[rows - 1].as_py() == "x" * n
        return int(answer.fields["t"].values.buffers()[2].size)

    assert run(16_000, 10) < 2**19
    assert run(1, 100_000) <= 2**24 + 2**17  # not 100,000 times what ten rows needed
    assert run(2_000, 20_000) < 2**27


@pytest.mark.parametrize("reason", [r'"\255x", {a = 1}', r'("\255"):rep(2000)', '("ß"):rep(2000), {a = 1}'])
def test_reasons_of_rows_that_are_run_again(both: Both, reason: str) -> None:
    batch = pa.record_batch({"n": pa.array(range(4), pa.int32())})
    both.compare(f"if entity.n == 2 then abort({reason}) end", batch)


def test_a_batch_ends_soon_after_its_deadline_whatever_came_before(both: Both) -> None:
    source = "local n = 0 for i = 1, entity.n do n = n + i % 7 end entity.total = n"
    cheap, dear = ({"n": pa.array([turns] * 20_000, pa.int32()), "total": pa.nulls(20_000)} for turns in (1, 80_000))
    both.answer(source, pa.record_batch(cheap))
    found = both.plan(source, pa.record_batch(cheap).schema)
    assert isinstance(found, ColumnPlan)
    looks: list[float] = []
    with pytest.MonkeyPatch.context() as patched, pytest.raises(KeyboardInterrupt):

        def look() -> None:
            looks.append(1)
            if len(looks) == 3:
                raise KeyboardInterrupt

        patched.setattr("alloy_lua.tables.columns.looking_at", lambda deadline: look)
        found.run(pa.record_batch(dear))
    assert len(looks) == 3


def test_no_text_is_given_room_when_the_driver_only_comes_back(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    grown: list[str] = []
    monkeypatch.setattr("alloy_lua.tables.buffers.Texts.grow", lambda texts, name: grown.append(name))
    rows = 2000
    batch = pa.record_batch({"n": pa.array([row % 100 for row in range(rows)], pa.int32())})
    answer = both.answer(
        'if entity.n == 13 then error("unlucky") end for i = 1, 3000 do end entity.y = entity.n', batch
    )
    assert answer.code.to_pylist().count("runtime_error") == rows // 100
    assert grown == []
