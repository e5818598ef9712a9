"""Scripts over tables: one script over Arrow columns against Python functions over rows, and polars expressions."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import polars as pl
import pyarrow as pa

from alloy_lua import Alloy
from alloy_lua.tables.result import TableResult

from .paired import Pair, claim, interleaved, seconds_per_call

ROWS, ROUNDS = 2_000_000, 5
EVENT = "order.before_create"
PYTHON_ROWS = 200_000  # the peers that run a Python function a row get fewer; all times are by row

NUMERIC = """\
local total = entity.qty * entity.price
if total > 9900 then abort("amount over limit") end
if entity.tier >= 2 and total > 500 then entity.discount = total * 0.1
elseif total > 1000 then entity.discount = total * 0.05
else entity.discount = 0 end
"""
STRINGS = """\
local email = str.lower(str.trim(entity.email))
if not str.contains(email, "@") then abort("bad email") end
if entity.country == "XX" then abort("blocked country") end
entity.email = email
if entity.country == "DE" or entity.country == "FR" then entity.status = "eu" else entity.status = "row" end
"""
MATCHED = STRINGS.replace("str.trim(entity.email)", 'string.match(entity.email, "^%s*(.-)%s*$")').replace(
    'str.contains(email, "@")', 'string.match(email, "@")'
)
NESTED = """\
local sum = 0
for _, item in ipairs(entity.items) do sum = sum + item.qty * item.price end
if sum == 0 then abort("empty order") end
if entity.coupon == "TEN" then sum = sum * 0.9 end
entity.total = sum
"""
Row = dict[str, Any]
Hook = Callable[[Row], "tuple[str | None, Row]"]


def numeric(row: Row) -> tuple[str | None, Row]:
    """Returns why the row is rejected, and its changes."""
    total = row["qty"] * row["price"]
    if total > 9900:
        return "amount over limit", {}
    if row["tier"] >= 2 and total > 500:
        discount = total * 0.1
    elif total > 1000:
        discount = total * 0.05
    else:
        discount = 0.0
    return None, {"discount": discount} if discount != row["discount"] else {}


def strings(row: Row) -> tuple[str | None, Row]:
    """Returns why the row is rejected, and its changes."""
    email = row["email"].strip().lower()
    if "@" not in email:
        return "bad email", {}
    if row["country"] == "XX":
        return "blocked country", {}
    changes = {"email": email} if email != row["email"] else {}
    status = "eu" if row["country"] in ("DE", "FR") else "row"
    if status != row["status"]:
        changes["status"] = status
    return None, changes


def nested(row: Row) -> tuple[str | None, Row]:
    """Returns why the row is rejected, and its changes."""
    total = 0.0
    for item in row["items"]:
        total += item["qty"] * item["price"]
    if total == 0:
        return "empty order", {}
    if row["coupon"] == "TEN":
        total *= 0.9
    return None, {"total": total} if total != row["total"] else {}


def orders(rows: int) -> pa.RecordBatch:
    """Returns orders: numbers, e-mail addresses that all differ, countries, 0 to 5 items."""
    draw = random.Random(1)
    counts = [draw.randrange(6) for _ in range(rows)]
    ends = [0]
    for count in counts:
        ends.append(ends[-1] + count)
    items = pa.StructArray.from_arrays(
        [
            pa.array([draw.randrange(1, 10) for _ in range(ends[-1])], pa.int32()),
            pa.array([draw.random() * 100 for _ in range(ends[-1])]),
        ],
        ["qty", "price"],
    )
    emails = [
        f"{'  ' * (k % 7 == 0)}User{k}{'@Example.COM' if k % 50 else ''}{' ' * (k % 5 == 0)}" for k in range(rows)
    ]
    return pa.record_batch(
        {
            "qty": pa.array([draw.randrange(1, 101) for _ in range(rows)], pa.int32()),
            "price": pa.array([draw.random() * 100 for _ in range(rows)]),
            "tier": pa.array([draw.randrange(4) for _ in range(rows)], pa.int8()),
            "discount": pa.array([0.0] * rows),
            "email": pa.array(emails),
            "country": pa.array(draw.choices(["DE", "FR", "US", "GB", "PL", "XX"], [25, 20, 25, 15, 13, 2], k=rows)),
            "status": pa.array(["new"] * rows),
            "coupon": pa.array(draw.choices(["TEN", "", "NONE"], k=rows)),
            "total": pa.array([0.0] * rows),
            "items": pa.ListArray.from_arrays(pa.array(ends, pa.int32()), items),
        }
    )


@contextmanager
def evaluating(source: str) -> Iterator[Callable[..., TableResult]]:
    """Yields a function that runs a script over a table, all default limits on."""
    with Alloy() as alloy:
        alloy.scripts.create("hook", source, on=EVENT, status="active")
        yield partial(alloy.evaluate_table, EVENT)


def by_columns(result: TableResult) -> TableResult:
    """Returns the result itself, made sure that the column engine made it."""
    assert [choice.engine for choice in result.report.choices] == ["columns"], result.report.explain()
    return result


def over_ready(hook: Hook, rows: list[Row]) -> Callable[[], object]:
    """Returns a call of ``hook`` for each of ``rows``."""
    return lambda: [hook(row) for row in rows]


def converting(hook: Hook, batch: pa.Table) -> Callable[[], object]:
    """Returns the same from and to Arrow."""

    def call() -> object:
        answers = [hook(row) for row in batch.to_pylist()]
        names = {name for _, changes in answers for name in changes}
        columns = {name: pa.array([changes.get(name) for _, changes in answers]) for name in names}
        return columns, pa.array([reason for reason, _ in answers], pa.string())

    return call


def polars_numeric(frame: pl.DataFrame) -> pl.DataFrame:
    """Returns reason and changes of `NUMERIC`."""
    total = pl.col("qty") * pl.col("price")
    reason = pl.when(total > 9900).then(pl.lit("amount over limit"))
    tenth = pl.when((pl.col("tier") >= 2) & (total > 500)).then(total * 0.1)
    discount = tenth.when(total > 1000).then(total * 0.05).otherwise(0.0)
    kept = pl.when((total <= 9900) & (discount != pl.col("discount"))).then(discount)
    return frame.select(reason=reason, discount=kept)


def polars_strings(frame: pl.DataFrame) -> pl.DataFrame:
    """Returns reason and changes of `STRINGS`."""
    email = pl.col("email").str.strip_chars().str.to_lowercase()
    country = pl.col("country")
    bad, blocked = ~email.str.contains("@", literal=True), country == "XX"
    reason = pl.when(bad).then(pl.lit("bad email")).when(blocked).then(pl.lit("blocked country"))
    status = pl.when(country.is_in(["DE", "FR"])).then(pl.lit("eu")).otherwise(pl.lit("row"))
    fine = ~(bad | blocked)
    return frame.select(
        reason=reason,
        email=pl.when(fine & (email != pl.col("email"))).then(email),
        status=pl.when(fine & (status != pl.col("status"))).then(status),
    )


def per_row(times: list[float], rows: int) -> list[float]:
    """Returns seconds a row."""
    return [seconds / rows for seconds in times]


def columns() -> Iterator[Pair]:
    """A script over an Arrow table, one thread, all limits on: numbers, texts, and a loop over lists of items."""
    big = pa.Table.from_batches([orders(ROWS)])
    small = big.slice(0, PYTHON_ROWS)
    for name, source, hook, names, ready, converted in (
        ("H1 numbers", NUMERIC, numeric, ["qty", "price", "tier", "discount"], 12.0, 50.0),
        ("H2 texts", STRINGS, strings, ["email", "country", "status"], 1.7, 5.0),
        ("H3 items", NESTED, nested, ["items", "coupon", "total"], 3.0, 25.0),
    ):
        with evaluating(source) as evaluate:
            needed = small.select([each for each in names if each in small.column_names])
            rows = needed.to_pylist()
            answer = by_columns(evaluate(small))
            assert answer.table.column("reason").to_pylist() == [reason for reason, _ in map(hook, rows)]
            times = interleaved(
                {
                    "columns": lambda evaluate=evaluate: evaluate(big),  # type: ignore[misc]
                    "ready": over_ready(hook, rows),
                    "converting": converting(hook, needed),
                },
                calls=1,
                rounds=ROUNDS,
            )
        own = per_row(times["columns"], ROWS)
        ready_times, converting_times = (per_row(times[key], PYTHON_ROWS) for key in ("ready", "converting"))
        yield claim(f"Python over ready dicts / evaluate_table, {name}", ready_times, own, at_least=ready)
        yield claim(f"Python with conversions / evaluate_table, {name}", converting_times, own, at_least=converted)


def expressions() -> Iterator[Pair]:
    """The same against polars expressions on its own threads."""
    table = pa.Table.from_batches([orders(ROWS)])
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    for name, source, call in (("H1", NUMERIC, polars_numeric), ("H2", STRINGS, polars_strings)):
        with evaluating(source) as evaluate:
            times = interleaved(
                {"table": lambda evaluate=evaluate: evaluate(table), "polars": lambda call=call: call(frame)},  # type: ignore[misc]
                calls=1,
                rounds=ROUNDS,
            )
        own, theirs = per_row(times["table"], ROWS), per_row(times["polars"], ROWS)
        yield claim(f"evaluate_table / polars expressions, {name}", own, theirs, at_most=4.0)


def patterns() -> Iterator[Pair]:
    """H2 written with string.match against H2 with the str helpers."""
    table = pa.Table.from_batches([orders(ROWS // 4)])
    with evaluating(MATCHED) as matched, evaluating(STRINGS) as helped:
        times = interleaved({"match": lambda: matched(table), "str": lambda: helped(table)}, calls=1, rounds=ROUNDS)
    yield claim("string.match / str helpers, H2", times["match"], times["str"], at_most=2.0, unit=1e3, unit_name="ms")


_LOOP = """\
local ffi = require("ffi")
local rows = 65536
local a, b, marks = ffi.new("double[?]", rows), ffi.new("double[?]", rows), ffi.new("int8_t[?]", rows)
for i = 0, rows - 1 do a[i], b[i] = i * 7919 % 1000, i * 104729 % 100 end
return function(times)
  for _ = 1, times do
    for i = 0, rows - 1 do
      local total = a[i] * b[i]
      if total > 90000 then marks[i] = 1 elseif total > 50000 then marks[i] = 2 else marks[i] = 0 end
    end
  end
end
"""


def _bare_loops() -> Callable[[bool], object]:
    """Returns a call of two bare LuaJIT loops over numbers, one after the other or side by side."""
    from lupa.luajit21 import LuaRuntime

    loops = [LuaRuntime().execute(_LOOP) for _ in range(2)]

    def call(together: bool) -> None:
        helpers = [threading.Thread(target=loop, args=(300,)) for loop in loops]
        for helper in helpers:
            helper.start()
            if not together:
                helper.join()
        for helper in helpers:
            helper.join()

    call(together=False)
    return call


def threads() -> Iterator[Pair]:
    """evaluate_table with threads=2 on two cores; and bare LuaJIT loops in the same rounds, which share nothing.

    Each round has an engine of its own: what LuaJIT makes of a loop differs from runtime to runtime, and with two of
    them a lucky one would decide.
    """
    table = pa.Table.from_batches([orders(ROWS)])
    loops = _bare_loops()
    apart: list[float] = []
    together: list[float] = []
    for name, source in (("H1", NUMERIC), ("H2", STRINGS), ("H3", NESTED)):
        one, two = [], []
        for _ in range(4 * ROUNDS + 1):
            with evaluating(source) as evaluate:
                evaluate(table, threads=2)
                one.append(seconds_per_call(lambda evaluate=evaluate: evaluate(table), 2))  # type: ignore[misc]
                two.append(seconds_per_call(lambda evaluate=evaluate: evaluate(table, threads=2), 2))  # type: ignore[misc]
            apart.append(seconds_per_call(partial(loops, False), 1))
            together.append(seconds_per_call(partial(loops, True), 1))
        yield claim(f"one thread / two threads, {name}", one, two, at_least=1.7, unit=1e3, unit_name="ms")
    yield claim("the same, bare LuaJIT loops", apart, together, unit=1e3, unit_name="ms")


GROUPS = (columns, expressions, patterns, threads)
