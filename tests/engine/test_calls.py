"""No single call of a library function runs long in C: each pays before it works, or looks at the clock on the way."""

from __future__ import annotations

import time
from typing import Any

import pytest

from alloy_lua import Alloy, Limits
from alloy_lua.bridges.hosts import default_modules
from alloy_lua.engine import Engine
from alloy_lua.engine.engine import RunInput

CLOCKED = Limits(fuel=2**50, deadline_ms=10_000)
OVERRUN = 0.012  # seconds of processor time beyond the deadline; each call below takes three times as long by itself
KEPT = 450_000  # bytes of a runtime's own heap that patterns and formats of many runs may come to

LONG = "local s = (' '):rep(3000000) .. '1' local t = {} for i = 1, 200 do t[i] = s end"
# Called with s, and t = {s, s, ...}: s is a text of three million bytes that says 1.
REFUSED = {
    "math.max": "math.max(unpack(t))",
    "math.min": "math.min(1, 2, 3, 4, 5, s)",
    "math.floor": "math.floor(s)",
    "math.fmod": "math.fmod(5, s)",
    "math.log": "math.log(5, s)",
    "math.random": "math.random(1, s)",
    "math.randomseed": "math.randomseed(s)",
    "string.char": "string.char(unpack(t))",
    "string.char, many": "string.char(1, 2, 3, 4, 5, 6, 7, 8, 9, s)",
    "string.format": "('%d'):rep(200):format(unpack(t))",
    "string.format, text too": "('%s %d'):format('a', s)",
    "string.format, table too": "('%s %d'):format({}, s)",
    "string.rep": "('x'):rep(s)",
    "string.sub": "('x'):sub(1, s)",
    "string.byte": "('x'):byte(s)",
    "string.find": "('x'):find('x', s)",
    "string.match": "('x'):match('x', s)",
    "string.gsub": "('x'):gsub('x', '', s)",
    "select": "select(s, 1)",
    "error": "error('x', s)",
    "tonumber": "tonumber('1', s)",
    "unpack": "unpack({}, 1, s)",
    "table.concat": "table.concat({}, '', 1, s)",
    "table.insert": "table.insert({}, s, 1)",
    "table.move": "table.move({}, 1, s, 1)",
    "table.remove": "table.remove({1}, s)",
}

NUMBERS = "local t = {} for i = 1, 390000 do t[i] = -1.2345678901234e-300 end"
# What comes before it, and the call.
SLOW = {
    "table.concat of numbers": (NUMBERS, "pcall(table.concat, t)"),
    "table.concat that fails late": (NUMBERS + " t[#t + 1] = t", "pcall(table.concat, t)"),
    "string.find, plain": ("local s = ('a'):rep(8000000)", "s:find('aaaaaaab', 1, true)"),
    "string.find, plain, long needle": ("local s = ('a'):rep(8000000)", "s:find('aaaaaaabaaaaaaac', 1, true)"),
    "table.move of few": (
        "local t, u = {}, {} for i = 1, 60000 do t[i * 15] = i end", "table.move(t, 1, 900000, 1, u)"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_long_text_is_no_number(alloy: Alloy, name: str) -> None:
    outcome = alloy.evaluate(
        f"{LONG} local ok, message = pcall(function() return {REFUSED[name]} end) return message", limits=CLOCKED
    )
    assert outcome.error is None
    assert "(number expected, got string)" in outcome.value or "no integer representation" in outcome.value


def test_a_short_text_is_a_number_as_in_lua(alloy: Alloy) -> None:
    source = """
      return table.concat({math.max("3", 1, 2, 3, 4, 5, 6, 7, "8.5"), math.floor(" 0x10 "), ("abc"):sub("2"),
        ("x"):rep("3", 1), ("%d %s"):format("12", "a"), ("%d"):rep(5):format("1", 2, 3, 4, "5"), string.char("65", 66),
        ("abc"):byte("-1"), select("2", 1, "b"), tonumber("11", "2"), table.concat({1, 2, 3}, "-", "2", "3"),
        unpack({1, 2, 3}, "3"), ("aba"):find("a", "2", true), (("aaa"):gsub("a", "b", "2")), math.fmod("7", "4"),
        table.remove({1, 2, 3}, "1")}, " ")
    """
    wanted = "8.5 16 bc x1x1x 12 a 12345 AB 99 b 3 2-3 3 3 bba 3 1"
    assert alloy.evaluate(source).value == wanted


def seconds(alloy: Alloy, source: str, limits: Limits) -> tuple[float, Any]:
    began = time.thread_time()
    outcome = alloy.evaluate(source, limits=limits)
    return time.thread_time() - began, outcome


@pytest.mark.parametrize("name", SLOW)
def test_a_call_that_takes_long_ends_with_the_deadline(alloy: Alloy, name: str) -> None:
    before, call = SLOW[name]
    prepared = min(seconds(alloy, f"{before} return 1", CLOCKED)[0] for _ in range(3))
    limits = Limits(fuel=2**50, deadline_ms=round(prepared * 1000) + 8)
    tries = [seconds(alloy, f"{before} {call} return 1", limits) for _ in range(8)]
    assert any(outcome.error is not None for _, outcome in tries)
    assert min(took for took, _ in tries) - limits.deadline_ms / 1000 < OVERRUN


@pytest.mark.parametrize(
    "call",
    ["pcall(concat, t)", "pcall(format, '%s%s%s%s%y', s, s, s, s)"],
    ids=["table.concat", "string.format"],
)
def test_calls_that_fail_late_are_no_way_around_the_clock(alloy: Alloy, call: str) -> None:
    before = """
      local s, pcall, concat, format = ("x"):rep(1900000), pcall, table.concat, string.format
      local t = {s, s, s, s, {}}
    """
    limits = Limits(fuel=2**50, deadline_ms=10)
    tries = [seconds(alloy, f"{before} {(' ' + call) * 60} while true do end", limits) for _ in range(5)]
    assert min(took for took, _ in tries) < 0.01 + 2 * OVERRUN


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("('%d'):rep(1001):format(1)", "too many directives"),
        ("(('x'):rep(70000)):format()", "format too long"),
        ("(('%%'):rep(70000)):format()", "format too long"),
    ],
)
def test_formats_are_bounded(alloy: Alloy, source: str, message: str) -> None:
    outcome = alloy.evaluate(source)
    assert outcome.error is not None
    assert message in outcome.error.message


def test_a_long_format_pays_before_it_is_read(alloy: Alloy) -> None:
    before = "local f = ('x'):rep(60000) .. '%y' "
    assert alloy.evaluate(f"{before} pcall(string.format, f)").fuel - alloy.evaluate(before).fuel >= 60000 // 256


def test_move_and_concat_in_pieces_do_as_in_one(alloy: Alloy) -> None:
    source = """
      local n, t = 5000, {}
      for i = 1, n do t[i] = i end
      table.move(t, 1, n, 3)
      for i = 1, n do assert(t[i + 2] == i, i) end
      table.move(t, 3, n + 2, 1)
      for i = 1, n do assert(t[i] == i, i) end
      local u = table.move(t, 1, n, 11, {})
      for i = 1, n do assert(u[i + 10] == i, i) end
      local s = ""
      for i = 1, n do s = s .. i .. ", " end
      assert(table.concat(t, ", ", 1, n) == s:sub(1, -3))
      assert(table.concat(t, ", ", 1, 4097) == s:sub(1, #table.concat(t, ", ", 1, 4097)))
      t[n] = false
      local ok, message = pcall(table.concat, t)
      assert(not ok and message:find("invalid value (boolean) at index 5000 in table for 'concat'", 1, true), message)
      local text = ("x"):rep(200000) .. "needle in" .. ("y"):rep(100000)
      for _, p in ipairs({"needle", "xn", "in", "y", "xx", "nyy", "no such", "needle iny"}) do
        for _, from in ipairs({1, 2.5, -100000.5, 4097, 65000, 199995, 200001, -5, 300009, 300010}) do
          local a, b = text:find(p, from, true)
          local c, d = text:find(p, from)
          assert(a == c and b == d, p)
        end
      end
      return "same"
    """
    outcome = alloy.evaluate(source, limits=Limits(fuel=2**50, deadline_ms=10_000))
    assert outcome.value == "same", outcome.error


def test_arguments_of_host_functions_have_a_number_of_values(alloy: Alloy) -> None:
    source = "local e, t = {}, {} for i = 1, 500000 do t[i] = e end return select(2, pcall(json.encode, t))"
    outcome = alloy.evaluate(source, limits=CLOCKED)
    assert "json.encode: got arguments with more than 50000 values inside" in outcome.value


@pytest.mark.parametrize(
    "source",
    [
        'for i = 1, 500 do pcall(string.find, "a", "[" .. ("x"):rep(1900) .. i .. "]") end',
        'for i = 1, 5000 do pcall(string.find, "a", "[x" .. i .. "]a%d+b(c)" .. i) end',
        'for i = 1, 300 do pcall(string.find, "a", (("[a" .. i .. "]"):rep(40))) end',
        'for i = 1, 300 do local p = "" for k = 1, 40 do p = p .. "[" .. k .. "x" .. i .. "]" end pcall(string.find, "a", p) end',
        'for i = 1, 5000 do pcall(string.format, ("x"):rep(240) .. i) end',
    ],
)
def test_what_is_remembered_from_run_to_run_is_bounded(source: str) -> None:
    engine = Engine(default_modules())

    def run(text: str) -> int:
        given = RunInput(CLOCKED)
        assert engine.run(engine.compile(text), given).error is None
        meters = [runtime._kit["meter"] for runtime in (*engine.pool.seat, *engine.pool._idle)]
        for meter in meters:
            meter["sweep"]()
        return max(int(meter["base"]()) for meter in meters)

    small = run('return ("a"):find("%a")')
    assert run(source) - small < KEPT
