"""What a script can reach: what the list says and nothing else, from its environment, from results and from errors."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from alloy_lua import Alloy, Limits
from alloy_lua.bridges.hosts import default_modules
from alloy_lua.engine import runtime as runtime_module
from alloy_lua.engine.hosttable import HostTable

WALKER = Path(__file__).with_name("reach.lua").read_text()
# Unreachable by any road; what LuaJIT 2.1 and lupa put into a fresh state, and what they could be hidden under.
GONE = [
    "_G",
    "_VERSION",
    "arg",
    "bit",
    "collectgarbage",
    "debug",
    "dofile",
    "ffi",
    "gcinfo",
    "getfenv",
    "io",
    "jit",
    "load",
    "loadfile",
    "loadstring",
    "module",
    "newproxy",
    "os",
    "package",
    "print",
    "python",
    "require",
    "setfenv",
    "table.foreach",
    "table.foreachi",
    "table.getn",
    "table.new",
    "table.clear",
    "table.pack",
    "string.dump",
    "string.gfind",
    "string.buffer",
    "math.mod",
    "coroutine.close",
    "debug.getregistry",
    "jit.util",
    "ffi.C",
    "os.execute",
    "io.open",
    "package.loaded",
    "package.preload",
    "package.loadlib",
    "python.builtins",
    "python.eval",
    "python.as_attrgetter",
]
# LuaJIT's own functions that are offered as they are: pure, constant in cost, no callback, no table that runs share.
NATIVE = {
    "assert", "getmetatable", "ipairs", "rawequal", "rawget", "type",
    "coroutine.isyieldable", "coroutine.running", "coroutine.status", "coroutine.yield",
}  # fmt: skip
LEAK = re.compile(
    r"0x(?!0000)[0-9a-f]{6,}|\[alloy|Traceback|File \"|<class|object at|site-packages|\.py\b|/(?:tmp|home|usr|root)/|b'"
)


@pytest.fixture(scope="module")
def reach() -> Any:
    """The walker, in a runtime with all host modules that was booted with ``debug`` still there for it."""
    read = runtime_module.read_lua
    mark = b"local loaded = package.loaded"
    assert mark in read("boot")
    boot = read("boot").replace(mark, b"assert(loadstring([==[" + WALKER.encode() + b"]==]))(kit)\n" + mark)
    try:
        runtime_module.read_lua = lambda name: boot if name == "boot" else read(name)
        made = runtime_module.Runtime(HostTable(default_modules()))
    finally:
        runtime_module.read_lua = read
    return made._kit["reach"]


def lines(text: str) -> set[str]:
    return set(text.splitlines())


def declared() -> set[str]:
    """Returns the names that the host modules declare, and the modules themselves."""
    names = {module.name for module in default_modules()}
    for module in default_modules():
        names |= {function.name for function in module.functions}
        names |= {f"{module.name}.{name}" for name in module.constants}
    return names


def test_what_is_reachable_is_what_the_list_offers_and_nothing_else(reach: Any) -> None:
    assert lines(reach["names"]()) == lines(reach["offered"]()) | declared()


def test_each_group_of_the_list_gives_its_reason(shared: Alloy) -> None:
    text = (Path(runtime_module.__file__).with_name("lua") / "offered.lua").read_text()
    groups = re.findall(r'\{"([^"]+)",\s+"([^"]+)"', text)
    assert len(groups) > 20
    assert all(len(reason) > 5 and names for reason, names in groups)


def test_nothing_but_tables_and_functions_is_reachable(reach: Any) -> None:
    """No userdata but the two sentinels, no thread, no cdata; nor in metatables that a script cannot ask for."""
    assert lines(reach["odd"](False)) == set()


def test_behind_the_functions_there_is_no_python_object_but_the_broker(reach: Any) -> None:
    """With upvalues, metatables and environments: what a flaw in LuaJIT's debugging of itself could show."""
    found = lines(reach["odd"](True))
    assert {line.rpartition("^")[2] for line in found if line.startswith("python")} == {"broker"}
    assert {line.partition(" ")[0] for line in found} <= {"python", "userdata", "cdata"}


def test_no_function_has_two_names(reach: Any) -> None:
    assert lines(reach["twice"]()) == set()


def test_only_these_functions_are_luajits_own(reach: Any) -> None:
    assert lines(reach["native"]()) == NATIVE


def test_no_shared_table_can_be_written_and_no_environment_holds_anything(reach: Any) -> None:
    assert lines(reach["writable"]()) == set()


def test_nothing_that_is_not_offered_has_a_value(shared: Alloy) -> None:
    for name in GONE:
        parts = name.split(".")
        expression = " and ".join(".".join(parts[:i]) for i in range(1, len(parts) + 1))
        outcome = shared.evaluate(f"return ({expression}) == nil")
        assert outcome.value is True, name


# -- results of host functions ------------------------------------------------------------------------------------
KINDS = """
local seen = {}
local function walk(value, path)
  local kind = type(value)
  if kind == "userdata" and value == null then return end
  assert(kind ~= "userdata" and kind ~= "thread" and kind ~= "cdata" and kind ~= "function", kind .. " at " .. path)
  assert(kind == "nil" or kind == "boolean" or kind == "number" or kind == "string" or kind == "table", kind)
  local meta = getmetatable(value)
  assert(not meta, "a metatable at " .. path)
  if kind == "table" and not seen[value] then
    seen[value] = true
    for key, inner in pairs(value) do walk(key, path .. ".<key>") walk(inner, path .. "." .. tostring(key)) end
  end
end
walk((function(...) assert(select("#", ...) <= 1) return (...) end)((function() EXAMPLE end)()), "result")
"""
FUNCTIONS = [function for module in default_modules() for function in module.functions]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.name)
def test_a_host_functions_result_is_plain(function: Any, shared: Alloy) -> None:
    example = function.example.partition("-->")[0].strip()
    assert example
    outcome = shared.evaluate(KINDS.replace("EXAMPLE", example), capabilities=[function.capability or "none"])
    assert outcome.error is None, outcome.error


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.name)
def test_a_host_functions_errors_are_text_that_tells_nothing_of_the_host(function: Any, shared: Alloy) -> None:
    source = f"""
      local texts = {{}}
      local odd = {{0 / 0, -1e308, ("x"):rep(2000), "\\255\\254", {{1, {{2}}}}, {{a = {{}}}}, function() end, null, true,
        coroutine.create(type), string, "../../etc/passwd", "\\0", "__class__", "%s%n", "$" .. "{{__class__}}"}}
      for i = 1, #odd do
        for j = 1, #odd, 3 do
          local ok, e = pcall({function.name}, odd[i], odd[j], odd[i])
          if not ok then
            assert(type(e) == "string", type(e))
            texts[#texts + 1] = e:sub(1, 300)
          end
        end
      end
      return texts
    """
    outcome = shared.evaluate(source, limits=Limits(fuel=10**9, deadline_ms=5000, host_calls=10**6))
    assert outcome.error is None, outcome.error
    for text in outcome.value:
        assert isinstance(text, str), text
        assert not LEAK.search(text), text


# -- errors -------------------------------------------------------------------------------------------------------
FAILURES = (
    "local x = nil; x.y = 1", "return {} .. {}", "return {} + 1", "return #nil", "nothing()", "return {} < {}",
    "error('x')", "error({message = 'x', code = 'y'})", "error(setmetatable({}, {__tostring = function() return 'z' end}))",
    "error(string)", "error(tostring)", "error(coroutine.create(type))", "error(null)", "error()", "abort('no', {a = 1})",
    "string.rep()", "('x'):bad()", "setmetatable(1, {})", "setmetatable({}, {__mode = 'k'})", "string.upper = 1",
    "hash.sha256(nil)", "json.decode('{')", "crm = 1 crm.lookup()", "local function f() return f() + 1 end f()",
    "while true do end", "local s = 'xxxx' while true do s = s .. s end", "for i = 1, 1e9 do hash.sha256('x') end",
    "coroutine.wrap(function() error('in') end)()", "table.sort({1, 'x'})", "table.concat({{}})", "('x'):rep(1e9)",
    "return function() end", "return coroutine.create(type)", "local t = {} t.t = t return t", "return 0 / 0",
    "('%d'):format('x')", "('%y'):format(1)", "('x'):find('[')", "('x'):gsub('(', '')", "unpack({}, 1, 1e8)",
    "select(0)", "tonumber('1', 99)", "math.random(2, 1)", "next({}, 1)", "pairs(nil)", "ipairs()", "rawset(string, 1, 1)",
    "error('\\255\\254')", "table.insert({}, 5, 1)", "tostring()", "xpcall()", "coroutine.yield(1)", "coroutine.resume(1)",
)  # fmt: skip


@pytest.mark.parametrize("source", FAILURES)
def test_an_error_shows_nothing_of_the_host(source: str, shared: Alloy) -> None:
    caught = shared.evaluate(
        f"local ok, e = pcall(function() {source} end) return {{type(e), type(e) == 'string' and e or '', tostring(e)}}"
    )
    for outcome in (shared.evaluate(source), caught):
        shown = [v.decode(errors="replace") if isinstance(v, bytes) else str(v) for v in outcome.value or ()]
        shown += [str(outcome.reason or ""), repr(outcome.details)]
        if outcome.error is not None:
            shown += [outcome.error.message, *outcome.error.traceback, str(outcome.error.as_dict())]
        for text in shown:
            assert not LEAK.search(text), text


def test_what_pcall_gives_of_a_failure_is_text_or_the_scripts_own(shared: Alloy) -> None:
    source = """
      local kinds = {}
      for _, f in ipairs({
        function() local x; x.y = 1 end, function() hash.sha256() end, function() string.upper = 1 end,
        function() json.decode("{") end, function() ("x"):rep({}) end, function() table.sort({1, {}}) end,
      }) do
        local ok, e = pcall(f)
        assert(not ok and type(e) == "string" and getmetatable(e) == false)
        local ok, e = xpcall(f, function(e) return e end)
        assert(not ok and type(e) == "string")
        local co = coroutine.create(f)
        local ok, e = coroutine.resume(co)
        assert(not ok and type(e) == "string")
      end
      local mine = {}
      local ok, e = pcall(error, mine)
      assert(rawequal(e, mine))
    """
    outcome = shared.evaluate(source)
    assert outcome.error is None, outcome.error
