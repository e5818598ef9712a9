"""Calm scripts: none of their functions can become a metamethod, so only functions that call need a check."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from alloy_lua.engine import Engine
from alloy_lua.engine.lexer import tokens
from alloy_lua.engine.metering import Names, meter, names_for
from alloy_lua.engine.runtime import Runtime
from alloy_lua.errors import CompileError

RECURSIVE = "if k < 1 then return 1 end return t[k - 1] + t[k - 1]"


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


@pytest.fixture(scope="module")
def runtime(engine: Engine) -> Iterator[Runtime]:
    runtime = engine.pool.acquire()
    yield runtime
    engine.pool.release(runtime)


def metered(source: str) -> tuple[bytes, Names]:
    text = source.encode()
    names = names_for(text)
    return meter(text, tokens(text), names, "...", calm=True), names


def accepted(runtime: Runtime, text: bytes, names: Names) -> bool:
    try:
        runtime._verified(text, names, "=script", True)
    except CompileError:
        return False
    return True


def bodies(text: bytes, names: Names) -> str:
    """Returns the metered text with @ for each check."""
    fuel, refill, minus_one = names
    check = rf" {fuel}={minus_one}(\*\d+)?\+{fuel} if {fuel}<0 then {fuel}={refill}\(\) end ".encode()
    return re.sub(check, b"@", text).split(b"function(...)", 1)[1].rsplit(b"\nend", 1)[0].decode()


@pytest.mark.parametrize(
    ("source", "calm"),
    [
        ("local function f(a) return a + 1 end return f(1)", True),
        ("local P = {} P.__index = P return setmetatable({}, P)", True),
        ("local t = {} t[a] = 1", True),
        ("rawset(t, 1, 2)", True),
        ("local f = setmetatable", True),
        ("local t = {} t.__index = function() end", True),
        ("setmetatable({}, {__index = function() end})", False),
        ("setmetatable({}, {__index = other})", False),
        ("local P, Q = {}, {} P.__index = Q return setmetatable({}, P)", False),
        ("local t = {} t[a] = 1 return setmetatable({}, t)", False),
        ("local s = setmetatable rawset(t, 1, 2)", False),
        ("local t = {[a] = 1} return setmetatable({}, t)", False),
        ("local function f() setmetatable({}, t) end local function g() t[a] = 1 end", False),
        ("::top:: if f() then goto top end", False),
    ],
)
def test_a_script_is_calm_if_no_function_of_it_can_become_a_metamethod(engine: Engine, source: str, calm: bool) -> None:
    assert engine.compile(source).calm is calm


@pytest.mark.parametrize(
    ("source", "marked"),
    [
        ("return function(a) return a + 1 end", "@return function(a) return a + 1 end"),
        (
            "local function f(n) if n < 2 then return n end return f(n - 1) end",
            "@local function f(n) if n < 2 then return n end @return f(n - 1) end",
        ),
        (
            "local function f(n) if n then return 1 elseif g(n) then return 2 end end",
            "@local function f(n) @if n then return 1 elseif g(n) then return 2 end end",
        ),
        (
            "local function f(n) if n then return g() else n = 1 end g() end",
            "@local function f(n) if n then @return g() else n = 1 end @g() end",
        ),
        ("local function f() for i = 1, 2 do g() end end", "@local function f() for i = 1, 2 do@ g() end end"),
        ("local function f() for i in g do end end", "@local function f() @for i in g do@ end end"),
        ("local function f() while g() do end end", "@local function f() @while g() do@ end end"),
        ("local function f() repeat until g() g() end", "@local function f() repeat@ until g() g() end"),
        ("local function f() local a = g 'x' end", "@local function f() @local a = g 'x' end"),
        ("local function f() local a = 1 g{1} end", "@local function f() local a = 1 @g{1} end"),
        (
            "return function(a) return function(b) return a(b) end end",
            "@return function(a) return function(b) @return a(b) end end",
        ),
        (
            "return function(a) local b = a + a + a + a b = b + b + b c = a + a + a + b + b + b return c end",
            "@return function(a) local b = a + a + a + a b = b + b + b @c = a + a + a + b + b + b return c end",
        ),
        (
            "return function(a) local b = a.x if b < 2 then b = -b end return b .. b end",
            "@return function(a) local b = a.x if b < 2 then @b = -b end return b .. b end",
        ),
        (
            "local t = f .. f return function(a) return a.x < 2 end",
            "@local t = f .. f return function(a) return a.x < 2 end",
        ),
    ],
)
def test_where_a_calm_function_is_checked(runtime: Runtime, source: str, marked: str) -> None:
    text, names = metered(source)
    assert bodies(text, names) == marked
    assert accepted(runtime, text, names)


@pytest.mark.parametrize(
    "source",
    [
        "local function f(n) if n < 2 then return n end return f(n - 1) + f(n - 2) end return f(9)",
        "local function f(n) if n then return g() elseif n == 1 then return h() end return g() end return f(1)",
        "for k in g do h(k) end",
        "while g() do end",
        "local t = {} function t:m(n) if n < 1 then return n end return self:m(n - 1) end return t:m(3)",
    ],
)
def test_no_check_of_a_calm_program_can_be_left_out(runtime: Runtime, source: str) -> None:
    text, names = metered(source)
    fuel, refill, minus_one = names
    check = re.compile(rf" {fuel}={minus_one}(\*\d+)?\+{fuel} if {fuel}<0 then {fuel}={refill}\(\) end ".encode())
    found = list(check.finditer(text))
    assert len(found) >= 2
    for match in found:
        assert not accepted(runtime, text[: match.start()] + b" " + text[match.end() :], names)


@pytest.mark.parametrize(
    "source",
    [
        f"return setmetatable({{}}, {{__index = function(t, k) {RECURSIVE} end}})",
        f"local mt = {{}} mt[x] = function(t, k) {RECURSIVE} end return setmetatable({{}}, mt)",
        f"local mt = {{}} rawset(mt, x, function(t, k) {RECURSIVE} end) return setmetatable({{}}, mt)",
    ],
)
def test_a_script_metered_as_calm_that_is_not_is_refused(runtime: Runtime, source: str) -> None:
    text, names = metered(source)
    assert not accepted(runtime, text, names)


def test_a_long_function_without_calls_is_checked_all_the_same(runtime: Runtime) -> None:
    fields = "".join(f"local a{i} = t.a.b.c.d " for i in range(60))
    text, names = metered(f"return function(t) {fields} return t end")
    assert bodies(text, names).count("@") == 9  # one for 32 uses of tables
    assert accepted(runtime, text, names)
    bare = text.replace(f" {names.fuel}={names.minus_one}".encode(), f" {names.fuel}=1+{names.minus_one}".encode())
    assert not accepted(runtime, bare, names)


@pytest.mark.parametrize(
    "statement", ["f(1);", "(f)(1);", "f'x';", "f{a = 1; b = f(1)};", "if f() then f(); return 1; end;"]
)
def test_long_runs_of_statements_ended_by_semicolons_are_split(engine: Engine, statement: str) -> None:
    for opening, closing in (
        ("", ""),
        ("local function g() ", "end"),
        ("repeat ", "until f()"),
        ("f(function() ", "end)"),
    ):
        engine.compile(f"local f = type {opening}{statement * 400} {closing}")
