"""What LuaJIT compiles, compiles metered, passes the verifier, and does the same."""

from __future__ import annotations

import importlib.util
from importlib import resources
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from lupa.luajit21 import LuaRuntime

from alloy_lua.engine.lexer import Kind, tokens
from alloy_lua.engine.metering import meter, names_for

BATCH = 50
LOADER = """
local verify = ...
local function run(main, out)
  local ok, e = pcall(main)
  if not ok then out[#out + 1] = "error: " .. tostring(e) end
  return table.concat(out, "\\n")
end
local function world(out)
  local count = 0
  local function emit(...)
    count = count + 1
    if count > 2000 then error("enough", 0) end
    for i = 1, select("#", ...) do
      local value = select(i, ...)
      out[#out + 1] = type(value) == "table" and "table" or type(value) == "function" and "function" or tostring(value)
    end
    return ...
  end
  return {emit = emit, ipairs = ipairs}
end
local function plain(text)
  local main, message = loadstring(text, "=script")
  if not main then return nil, message end
  local out = {}
  return run(setfenv(main, world(out)), out)
end
local function metered(text, f, t, k)
  local chunk, message = loadstring(text, "=script")
  if not chunk then return nil, message end
  local main, out = chunk(), {}
  local why = verify(main, f, t, k, 256)
  if why then return nil, why end
  for i = 1, 60 do
    local name = debug.getupvalue(main, i)
    if not name then break end
    if name == f then debug.setupvalue(main, i, 1e9) elseif name == k then debug.setupvalue(main, i, -1) end
  end
  return run(setfenv(main, world(out)), out)
end
return plain, metered
"""


def load_programs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("programs", Path(__file__).with_name("programs.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def luajit() -> tuple[Any, Any]:
    """Functions that run a source as it is, and metered: each returns what the program emitted."""
    lua: Any = LuaRuntime(encoding="latin-1", unpack_returned_tuples=True)
    verify = lua.execute((resources.files("alloy_lua.engine") / "lua" / "verify.lua").read_text())
    plain, metered = lua.eval("function(text, ...) return assert(loadstring(text))(...) end")(LOADER, verify)
    return plain, metered


def compare(luajit: tuple[Any, Any], source: bytes) -> bool:
    """Asserts that the source does the same plain and metered; returns whether it compiles."""
    plain, metered = luajit
    shebang = b"--" + source if source.startswith(b"#") else source
    expected = plain(shebang)
    if isinstance(expected, tuple):
        return False
    names = names_for(source)
    for parameters in ("", "..."):
        got = metered(meter(shebang, tokens(shebang), names, parameters), *names)
        if got == expected:
            return True
    raise AssertionError(f"{source!r}: plain {expected!r}, metered {got!r}")


@pytest.mark.parametrize("batch", range(10))
def test_random_programs_do_the_same_metered(batch: int, luajit: tuple[Any, Any]) -> None:
    programs = load_programs()
    compiled = sum(
        compare(luajit, programs.Author(seed).program().encode()) for seed in range(batch * BATCH, (batch + 1) * BATCH)
    )
    assert compiled == BATCH


@pytest.mark.parametrize(
    "source",
    [
        "local goto = 1 emit(goto) goto = 2 emit(goto)",
        "local goto = emit goto (5)",
        "local t = {goto = 5} emit(t.goto) t.goto = 6 emit(t.goto)",
        "local t = {} function t.goto(x) emit(x) end t.goto(1) t:goto(2)",
        "emit(1)--[[\n]]emit(2)--[==[ ]] ]==]emit(3)",
        "emit('a\\\r\nb', 'a\\\n\rb', 'a\\\rb', 'a\\\nb')",
        "emit(#'\\z  \n\r\t\v\f x')",
        "emit(0x1p-1, 0xA.8P+1, 1e-1, 1E1, 3 .. 4, 5 ..'x')",
        "emit(1--[[]]..--\n2)",
        "for i = 1, 2 do emit(i) end emit((function() return 1 end)())",
        "local f = emit f'x' f[[y]] f{1} f\"z\"",
        "do emit(1) end do do emit(2) end end",
        "repeat local x = 1 until x == 1 emit(2)",
        "local a = {f = function() return function() emit(3) end end} a.f()()",
        "if true then emit(1) elseif true then emit(2) else emit(3) end",
        "while true do if true then break end end emit(1)",
        "return emit(1)",
        "local x <const> = 1 emit(x)",
        "::a:: do goto b end ::b:: emit(1)",
        "local i = 0 ::a:: i = i + 1 if i < 3 then goto a end emit(i)",
        "do local i = 0 ::x:: i = i + 1 if i < 3 then goto x end emit(i) end do local i = 9 ::x:: emit(i) end",
        "local é, n\u00a0m = 1, 2 emit(é, n\u00a0m)",
        "local function f(...) return select and 1 or ... end emit(f(2))",
    ],
)  # fmt: skip
def test_tricky_programs_do_the_same_metered(source: str, luajit: tuple[Any, Any]) -> None:
    compare(luajit, source.encode())


@pytest.mark.parametrize("call", ["f(1)", 'f"x"', "f'x'", "f[[x]]", "f{1}", "t.f'x'", "t:f'x'", "f'x' {1}"])
def test_many_calls_in_a_row_are_split_however_they_are_written(call: str, luajit: tuple[Any, Any]) -> None:
    source = f"local function f() return f end local t = {{f = f}}{(chr(10) + call) * 400} emit(1)"
    assert compare(luajit, source.encode())


def test_every_cut_of_a_program_that_compiles_does_the_same(luajit: tuple[Any, Any]) -> None:
    """Cut short at any byte, most programs are broken; those that still compile show odd ends of tokens."""
    source = load_programs().Author(7).program().encode()[:600]
    assert sum(compare(luajit, source[:end]) for end in range(len(source))) > 10


def test_the_tokens_cover_every_byte_but_blanks_and_comments() -> None:
    source = b"local a--[[c]]='s'..\"t\"--\n if a~=0x1p+2 then return a end"
    shown = [token.text for token in tokens(source)]
    assert shown == b"local a = 's' .. \"t\" if a ~= 0x1p+2 then return a end".split(b" ")
    assert all(source[t.start : t.end] == t.text for t in tokens(source))
    assert [t.kind for t in tokens(b"goto x")] == [Kind.NAME, Kind.NAME]


def test_names_of_the_meter_never_occur_in_the_source() -> None:
    tag = names_for(b"")[0][:-1]
    names = names_for(f"local {tag}F = 1".encode())
    assert not any(name.startswith(tag) for name in names)
