"""Schemas: what a field takes and refuses, on every way a script runs; the static report; the stub file."""

from __future__ import annotations

import enum
import re
import subprocess
import sys
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from lupa.luajit21 import LuaRuntime

from alloy_lua import Alloy, Field, InvalidValue, Schema, ValidationError
from alloy_lua.cli.main import main
from alloy_lua.findings import findings
from alloy_lua.schema import TYPES

ORDER = Schema(
    "order",
    [
        Field("id", "integer"),
        Field("total", "number", required=True, doc="with tax"),
        Field("status", "string", choices=("new", "paid")),
        Field("discount", "decimal"),
        Field("due", "date"),
        Field("name", "string", max_length=5),
        Field("customer_id", "integer", relation="customer"),
        Field("notes", "list"),
    ],
    writable=["total", "status", "discount", "due", "name", "notes", "customer_id"],
    doc="What a customer ordered.",
)


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("kind", "given", "held"),
    [
        ("string", "a", "a"), ("integer", 5, 5), ("integer", 5.0, 5), ("number", 5, 5), ("number", 0.5, 0.5),
        ("boolean", True, True), ("decimal", 0.1, Decimal("0.1")), ("decimal", "1.20", Decimal("1.20")),
        ("decimal", 3, Decimal(3)), ("date", "2026-01-31", date(2026, 1, 31)),
        ("datetime", "2026-01-31T12:00:00", datetime(2026, 1, 31, 12)), ("bytes", "ab", b"ab"),
        ("uuid", "12345678-1234-5678-1234-567812345678", UUID("12345678-1234-5678-1234-567812345678")),
        ("list", [1], [1]), ("list", {}, []), ("table", {"a": 1}, {"a": 1}), ("any", Colour.RED, Colour.RED),
        ("string", Colour.RED, Colour.RED), ("string", None, None),
    ],
)  # fmt: skip
def test_a_field_takes_what_fits_it(kind: str, given: Any, held: Any) -> None:
    schema = Schema("x", [Field("f", kind)])
    cast = schema.cast({"f": given})["f"]
    assert cast == held and type(cast) is type(held)


@pytest.mark.parametrize(
    ("field", "given", "message"),
    [
        (Field("f", "string"), 5, "field f: got the number 5, wanted a string"),
        (Field("f", "integer"), 5.5, "field f: got the number 5.5, wanted an integer"),
        (Field("f", "integer"), True, "field f: got the boolean True, wanted an integer"),
        (Field("f", "number"), "5", "field f: got the string '5', wanted a number"),
        (Field("f", "boolean"), 1, "field f: got the number 1, wanted a boolean"),
        (Field("f", "decimal"), "much", "field f: got the string 'much', wanted a decimal"),
        (Field("f", "decimal"), True, "field f: got the boolean True, wanted a decimal"),
        (Field("f", "date"), "soon", "field f: got the string 'soon', wanted a date"),
        (Field("f", "uuid"), 5, "field f: got the number 5, wanted a uuid"),
        (Field("f", "list"), {"a": 1}, "field f: got the table {'a': 1}, wanted a list"),
        (Field("f", required=True), None, "field f: got nil, wanted a value: it is required"),
        (Field("f", "string", choices=("a", "b")), "c", "field f: got the string 'c', wanted one of a, b"),
        (Field("f", "string", max_length=3), "four", "field f: got 4 characters, wanted at most 3"),
    ],
)
def test_a_field_refuses_what_does_not(field: Field, given: Any, message: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        Schema("x", [field]).cast({"f": given})
    assert caught.value.message == message
    assert caught.value.details["field"] == "f"


def test_a_schema_refuses_names_and_types_that_are_none() -> None:
    with pytest.raises(ValidationError, match=r"order: writable names 'b', wanted some of a"):
        Schema("order", [Field("a")], writable=["b"])
    with pytest.raises(ValidationError, match=r"order.a: type: got 'text', wanted one of"):
        Schema("order", [Field("a", "text")])


SOURCES = {
    "short": "entity.due = '2026-01-31' entity.discount = 1.5",
    "general": "entity.due = '2026-01-31' entity.discount = 1.5 return ctx.phase",
}


@pytest.fixture
def shop(alloy: Alloy) -> Alloy:
    alloy.entities.add_schema(ORDER)
    return alloy


def test_every_way_of_running_casts(shop: Alloy) -> None:
    wanted = {"due": date(2026, 1, 31), "discount": Decimal("1.5")}
    for name, source in SOURCES.items():
        script = shop.scripts.create(name, source, on="order.before_create", status="active")
        assert shop.fire("order.before_create", {"total": 1}).changes == wanted, name
        for outcome in shop.fire_many("order.before_create", [{"total": n} for n in range(40)]):
            assert outcome.changes == wanted, name
        shop.scripts.pause(script.name)


@pytest.mark.parametrize("more", ["", " return ctx.phase"], ids=["short", "general"])
def test_every_way_of_running_refuses_alike(shop: Alloy, more: str) -> None:
    source = 'if entity.total > 1 then entity.status = "payed" end' + more
    shop.scripts.create("status", source, on="order.before_create", status="active")
    single = [shop.fire("order.before_create", {"total": n}) for n in (1, 2)]
    many = shop.fire_many("order.before_create", [{"total": n} for n in (1, 2)])
    for good, bad in (single, many):
        assert good and good.changes == {}
        assert bad.error is not None and bad.error.code == "invalid_value"
        assert bad.error.message == "field status: got the string 'payed', wanted one of new, paid"
    shop.flush()
    assert len(shop.runs(status="failed")) == 2


@pytest.mark.parametrize("more", ["", " return ctx.phase"], ids=["short", "general"])
def test_fields_that_are_none_are_read_as_nil_and_not_written(shop: Alloy, more: str) -> None:
    shop.scripts.create("x", "entity.name = tostring(entity.secret)" + more, on="order.before_create", status="active")
    assert shop.fire("order.before_create", {"total": 1, "secret": "s"}).changes == {"name": "nil"}
    shop.scripts.create("y", "entity.id = 5" + more, on="order.before_create", status="active")
    outcome = shop.fire("order.before_create", {"total": 1})
    assert outcome.error is not None and outcome.error.message == "order.id may not be written"


# -- the report ----------------------------------------------------------------------------------------------------
def test_the_report_finds_unknown_fields_with_a_suggestion(shop: Alloy) -> None:
    source = 'if entity.totl > 1 then\n  entity["stauts"] = "paid"\nend\nreturn before.nam, changed("dew")'
    told = [(f.line, f.column, f.field, f.code) for f in shop.report(source, "order.before_update")]
    assert told == [
        (1, 11, "totl", "unknown_field"), (2, 10, "stauts", "unknown_field"), (4, 15, "nam", "unknown_field"),
        (4, 28, "dew", "unknown_field"),
    ]  # fmt: skip
    assert shop.report(source, "order.before_update")[0].message == "order has no field 'totl'; did you mean 'total'?"


def test_the_report_finds_writes_that_will_be_refused(shop: Alloy) -> None:
    assert [f.code for f in shop.report("entity.id = 5", "order.before_create")] == ["read_only_field"]
    assert [f.code for f in shop.report("entity.total = 5", "order.after_create")] == ["read_only_field"]
    assert shop.report("entity.total = 5 return entity.id == 5", "order.before_create") == []


def test_the_report_leaves_alone_what_is_not_the_entity(shop: Alloy) -> None:
    source = "local before = {} return before.x, params.entity.x, 'entity.x' -- entity.x"
    assert shop.report(source, "order.before_create") == []
    assert shop.report("return entity.x", "customer.before_create") == []


# -- stubs ---------------------------------------------------------------------------------------------------------
TYPE = re.compile(
    r"(string|integer|number|boolean|table|any|nil|alloy\.secret|any\[\]|fun\(.*\): (?:string|\{.*\})|table<string, any>|entity\.[\w.]+|"
    r'\(?"[^"]*"(\|"[^"]*")*\)?)(\|(string|integer|number|boolean|table|any|nil|any\[\]|entity\.[\w.]+))*\??'
)


def test_the_stub_file_is_lua_and_its_annotations_have_types(shop: Alloy) -> None:
    shop.entities.add_schema(Schema("customer", [Field(f"f_{kind}", kind) for kind in TYPES]))

    @shop.function("crm.lookup", capability="crm.read")
    def lookup(key: str, end: int = 0) -> dict[str, Any]:
        """The customer's record."""
        return {}

    text = shop.stubs()
    LuaRuntime().compile(text)
    seen = 0
    for line in text.splitlines():
        if mark := re.match(r"---@(?:field|param) \S+ (.+)$", line):
            assert TYPE.match(mark[1]), line
            seen += 1
        elif mark := re.match(r"---@(?:return|type) (.+)$", line):
            assert TYPE.fullmatch(mark[1]), line
            seen += 1
    assert seen > 100
    assert (
        "---The customer's record.\n---\n---Needs capability `crm.read`.\n---@param key string\n---@param end_? integer\n---@return table\nfunction crm.lookup(key, end_) end\n"
        in text
    )
    assert "---@field total number with tax\n" in text
    assert '---@field status ("new"|"paid")?\n' in text
    assert "---@field customer_id integer? id of customer\n" in text
    assert "---@type entity.customer|entity.order\nentity = {}\n" in text


def test_every_host_function_and_global_is_in_the_stub_file(shared: Alloy) -> None:
    lua = LuaRuntime()
    lua.execute(shared.stubs())
    for module in shared.host_functions():
        for function in module.functions:
            assert lua.eval(f"type({function.name})") == "function", function.name
    for name in ("entity", "before", "params", "ctx", "log"):
        assert lua.eval(f"type({name})") == "table"


PLATFORM = """\
from alloy_lua import Alloy, Field, Schema

alloy = Alloy()
alloy.entities.add_schema(Schema("order", [Field("total", "number")]))
"""


def test_the_command_line_knows_a_platforms_entities(tmp_path: Path) -> None:
    (tmp_path / "shop_hooks.py").write_text(PLATFORM)
    (tmp_path / "hook.lua").write_text("-- on: order.before_create\nentity.totl = 5\n")

    def call(*arguments: str) -> str:
        command = [sys.executable, "-m", "alloy_lua.cli", *arguments]
        command[1:3] = ["-c", "import sys; from alloy_lua.cli.main import main; sys.exit(main())"]
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout

    assert "hook.lua:2:8: warning: order has no field 'totl'; did you mean 'total'?" in call(
        "check", "hook.lua", "--platform", "shop_hooks:alloy"
    )
    call("stubs", "--platform", "shop_hooks:alloy", "--output", "types/alloy.lua")
    assert "---@class entity.order\n---@field total number?\n" in (tmp_path / "types" / "alloy.lua").read_text()


@pytest.mark.parametrize("where", ["shop", "no_such_module_at_all:alloy", "json:dumps"])
def test_a_wrong_platform_is_refused(where: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stubs", "--platform", where]) == 1
    assert f"platform{' ' + where if ':' in where else ''}" in capsys.readouterr().err


def test_the_report_counts_columns_in_characters() -> None:
    from alloy_lua.events import parse_event

    (found,) = findings('local x = "é" return entity.nam', parse_event("order.before_create"), ORDER)
    assert found.column == 29
