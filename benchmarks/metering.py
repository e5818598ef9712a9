"""Metered LuaJIT against LuaJIT without metering, and against Lua 5.4 with a count hook, over sixteen kinds of work."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from alloy_lua.engine import Engine
from alloy_lua.engine.runtime import Runtime

from .paired import Pair, interleaved

ROUNDS = 9

def _read_work() -> dict[str, str]:
    parts = Path(__file__).with_name("work.lua").read_text().split("---\n")[1:]
    return {part.splitlines()[0].removeprefix("-- "): part for part in parts}


WORK = _read_work()

_HOOKED = """\
return function(source)
  local main = assert(load(source))
  local left = 1e9
  debug.sethook(function() left = left - 1000 if left < 0 then error("budget") end end, "", 1000)
  return main()
end
"""


def metered(engine: Engine) -> dict[str, Callable[[], Any]]:
    """Returns the work, set up once and called many times, as the engine runs it: metered, its libraries guarded."""
    runtime: Runtime = engine.pool.acquire()
    kit = runtime._kit
    start = runtime._lua.eval("function(begin, main) return function() begin(1e12, 1e6, 1e9) return main() end end")
    calls = {}
    for name, source in WORK.items():
        loaded = runtime.load(engine.compile(source))
        kit["setfenv"](loaded.main, kit["base"])
        calls[name] = start(kit["meter"]["begin"], start(kit["meter"]["begin"], loaded.main)())
    return calls


def plain() -> dict[str, Callable[[], Any]]:
    """Returns the work in a LuaJIT of the same build, without metering and with LuaJIT's own libraries."""
    from lupa.luajit21 import LuaRuntime

    lua = LuaRuntime(unpack_returned_tuples=True, max_memory=256 * 1024 * 1024)
    load = lua.eval("function(source) return assert(loadstring(source))() end")
    return {name: load(source) for name, source in WORK.items()}


def hooked() -> dict[str, Callable[[], Any]]:
    """Returns the work in Lua 5.4 with a count hook every 1,000 instructions, which is how others bound scripts."""
    from lupa.lua54 import LuaRuntime

    lua = LuaRuntime(unpack_returned_tuples=True, max_memory=256 * 1024 * 1024)
    load = lua.execute(_HOOKED)
    return {name: load(source) for name, source in WORK.items()}


def kinds() -> Iterator[Pair]:
    """Geometric means over the sixteen kinds, then each kind against unmetered LuaJIT."""
    ours, bare, hook = metered(Engine()), plain(), hooked()
    against_bare, against_hook, rows = [], [], []
    for name in WORK:
        times = interleaved({"ours": ours[name], "bare": bare[name], "hook": hook[name]}, calls=5, rounds=ROUNDS)
        ratios = sorted(a / b for a, b in zip(times["ours"], times["bare"], strict=True))
        against_bare.append(statistics.median(ratios))
        against_hook.append(statistics.median(h / a for h, a in zip(times["hook"], times["ours"], strict=True)))
        detail = " against ".join(f"{statistics.median(times[k]) * 1e6:,.0f} us" for k in ("ours", "bare"))
        rows.append(
            Pair(f"metered / LuaJIT, {name}", against_bare[-1], ratios[0], ratios[-1], "for information", True, detail)
        )
    mean = _geometric(against_bare)
    yield Pair(
        "metered / LuaJIT, geometric mean of 16",
        mean,
        min(against_bare),
        max(against_bare),
        "at most 1.35",
        mean <= 1.35,
        "range over the kinds",
    )
    mean = _geometric(against_hook)
    yield Pair(
        "Lua 5.4 with count hook / metered, geometric mean",
        mean,
        min(against_hook),
        max(against_hook),
        "at least 5",
        mean >= 5,
        "range over the kinds",
    )
    yield from rows


def _geometric(values: list[float]) -> float:
    return math.exp(statistics.mean(math.log(value) for value in values))


GROUPS = (kinds,)
