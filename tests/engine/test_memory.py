"""A run never holds more than its limit and a tenth; out of memory is an end like any other, and harms nobody."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from alloy_lua import Alloy, Limits
from alloy_lua.bridges.hosts import default_modules
from alloy_lua.engine import Engine
from alloy_lua.engine.engine import RunInput

CHUNKS = ("memory/*.lua",)
ENDS = {"memory_exceeded", "fuel_exhausted", "deadline_exceeded", "output_exceeded", "host_calls_exceeded"}
MIB = 2**20


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(default_modules())


@pytest.mark.parametrize("limit", [1 * MIB, 16 * MIB])
def test_a_run_holds_no_more_than_its_limit_and_a_tenth(engine: Engine, chunk: Any, limit: int) -> None:
    limits = Limits(memory_bytes=limit, fuel=2**50, host_calls=2**40, deadline_ms=150)
    given = RunInput(limits)
    given.entity = chunk.data("entity")
    result = engine.run(engine.compile(chunk.source), given)
    assert result.error is not None
    assert result.error.code in ENDS
    assert result.memory_bytes <= limit * 1.1
    clean = engine.run(engine.compile("local t = {} for i = 1, 1000 do t[i] = i end return #t"), RunInput(Limits()))
    assert clean.value == 1000


def test_the_wall_is_the_allocators_own(engine: Engine) -> None:
    source = """
      local s = ("x"):rep(100000)
      local most = 0
      for n = 1, 400 do
        local ok, e = pcall(function() local t = {} for i = 1, n do t[i] = s .. i end end)
        most = n
      end
    """
    result = engine.run(engine.compile(source), RunInput(Limits(memory_bytes=4 * MIB, fuel=2**50, deadline_ms=3000)))
    assert result.error is not None
    assert result.error.code == "memory_exceeded"
    assert 3 * MIB < result.memory_bytes <= 4 * MIB * 1.1


def test_garbage_does_not_count(engine: Engine) -> None:
    sources = (
        "for i = 1, 300 do local s = ('x'):rep(1000000) .. i end return 1",
        "for i = 1, 200000 do local t = {i, i, i, i} end return 1",
        "local kept = {} for i = 1, 40000 do kept[i] = {i} end for i = 1, 300 do local s = ('x'):rep(100000) .. i end return 1",
        "local s = '' for i = 1, 3000 do s = s .. 'xxxxxxxxxx' end return 1",
        "for i = 1, 100 do local t = {} for j = 1, 5000 do t[j] = 'k' .. j end table.concat(t) end return 1",
    )
    limits = Limits(memory_bytes=6 * MIB, fuel=2**50, deadline_ms=5000)
    for source in sources:
        for _ in range(3):
            result = engine.run(engine.compile(source), RunInput(limits))
            assert result.value == 1, (source, result.error)


def test_what_a_run_leaves_behind_does_not_count_for_the_next(alloy: Alloy) -> None:
    small = Limits(memory_bytes=300_000)
    for _ in range(30):
        assert alloy.evaluate("local t = {} for i = 1, 600000 do t[i] = i end return 1").value == 1
        assert alloy.evaluate("local t = {} for i = 1, 5000 do t[i] = i end return 1", limits=small).value == 1


BRIM = """
import sys
from alloy_lua import Alloy
with Alloy() as alloy:
    for pieces in range(6, 20):
        fill = f'''
            local p = "0123456789abcdef"
            for i = 1, 12 do p = p .. p end
            local a = p .. p .. p .. p .. p .. p .. p .. p .. p .. p .. p .. p .. p .. p .. p
            local t = {{}}
            for i = 1, {pieces} do t[i] = a .. i end
            for j = 1, 14 do t[-j] = p:sub(1, 16 * j) .. j end
        '''
        alloy.evaluate(fill, entity={"n": 1})
        outcome = alloy.evaluate("return #entity.a", entity={"a": "y" * 1_000_000})
        assert outcome.value == 1_000_000, outcome
print("alive")
"""


def test_a_heap_left_full_to_the_brim_does_not_end_the_process() -> None:
    """lupa pushes arguments unprotected: refused there, LuaJIT ends the process ("PANIC")."""
    done = subprocess.run([sys.executable, "-c", BRIM], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("alive\n", "")


def test_hundreds_of_runs_out_of_memory_leave_a_healthy_process(alloy: Alloy) -> None:
    alloy.scripts.create("hook", "entity.a = entity.a + 1", on="x.before_create", status="active")
    text = (Path(__file__).parent.parent / "lua" / "memory" / "holders.lua").read_text()
    sources = text.split("\n---\n")
    limits = Limits(memory_bytes=500_000, deadline_ms=60)
    for number in range(300):
        alloy.evaluate(sources[number % len(sources)], entity={"a": 1}, limits=limits)
        assert alloy.fire("x.before_create", {"a": number}).changes == {"a": number + 1}


@pytest.mark.parametrize(
    "source",
    [
        "pcall(function() {fill} end)",
        "xpcall(function() {fill} end, function() while true do end end)",
        "coroutine.resume(coroutine.create(function() {fill} end))",
        "pcall(coroutine.wrap(function() pcall(function() {fill} end) end))",
        "pcall(string.gsub, 'xxx', 'x', function() {fill} end)",
        "pcall(table.sort, {{3, 2, 1}}, function() {fill} end)",
        "pcall(tostring, setmetatable({{}}, {{__tostring = function() {fill} end}}))",
    ],
)
def test_nothing_survives_it(engine: Engine, source: str) -> None:
    text = source.format(fill="local s = 'xxxxxxxx' while true do s = s .. s end") + " while true do end"
    for filler in (text, text.replace("s = s .. s", "s = {s, s, s, s, s, s, s, s}")):
        limits = Limits(memory_bytes=MIB, fuel=2**50, deadline_ms=2000)
        result = engine.run(engine.compile(filler), RunInput(limits))
        assert result.error is not None
        assert result.error.code == "memory_exceeded"


def test_a_state_full_of_programs_gives_way_to_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alloy_lua.engine.runtime.MOST_OWN_BYTES", MIB)
    engine = Engine()
    for number in range(40):
        source = f"local n = {number} if n < 0 then local x " + "x = {1, f = n} " * 500 + "end return n"
        assert engine.run(engine.compile(source), RunInput(Limits())).value == number
    assert 2 < engine.pool.made < 20
