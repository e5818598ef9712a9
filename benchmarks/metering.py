"""Metered LuaJIT against LuaJIT without metering, and against Lua 5.4 with a count hook, over sixteen kinds of work."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from alloy_lua.engine import Engine, runtime
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
    ours: Runtime = engine.pool.acquire()
    kit = ours._kit
    start = ours._lua.eval("function(begin, main) return function() begin(1e12, 1e6, 1e9) return main() end end")
    calls = {}
    for name, source in WORK.items():
        loaded = ours.load(engine.compile(source))
        kit["setfenv"](loaded.main, kit["base"])
        calls[name] = start(kit["meter"]["begin"], start(kit["meter"]["begin"], loaded.main)())
    return calls


def metered_alone(engine: Engine) -> dict[str, Callable[[], Any]]:
    """Returns the work metered, in a LuaJIT with its own libraries: what the meter by itself costs."""
    from lupa.luajit21 import LuaRuntime

    lua = LuaRuntime(unpack_returned_tuples=True, max_memory=256 * 1024 * 1024)
    load = lua.eval("function(text) return assert(loadstring(text))(require('ffi').new('size_t[3]')) end")
    meter = load((Path(runtime.__file__).with_name("lua") / "meter.lua").read_bytes())
    start = lua.eval("function(begin, main) return function() begin(1e12, 1e6, 1e9) return main() end end")
    calls = {}
    for name, source in WORK.items():
        program = engine.compile(source)
        main = meter["load"](program.metered, "=script", *program.names)
        calls[name] = start(meter["begin"], start(meter["begin"], main)())
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
    """The meter by itself against bare LuaJIT and Lua 5.4 with a count hook; then with our guarded libraries too."""
    engine = Engine()
    candidates = {"meter": metered_alone(engine), "guarded": metered(engine), "bare": plain(), "hook": hooked()}
    ratios: dict[str, list[float]] = {"meter": [], "guarded": [], "hook": []}
    rows = []
    for name in WORK:
        times = interleaved({key: calls[name] for key, calls in candidates.items()}, calls=5, rounds=ROUNDS)
        for key in ("meter", "guarded"):
            each = sorted(a / b for a, b in zip(times[key], times["bare"], strict=True))
            ratios[key].append(statistics.median(each))
            if key == "guarded":
                continue
            ours, guarded, bare = (statistics.median(times[key]) * 1e6 for key in ("meter", "guarded", "bare"))
            detail = f"{ours:,.0f} us, with guarded libraries {guarded:,.0f} us, bare {bare:,.0f} us"
            rows.append(
                Pair(f"meter / bare, {name}", ratios[key][-1], each[0], each[-1], "for information", True, detail)
            )
        ratios["hook"].append(statistics.median(h / m for h, m in zip(times["hook"], times["meter"], strict=True)))
    yield _mean("meter / bare LuaJIT, geometric mean of 16", ratios["meter"], at_most=1.35)
    yield _mean("Lua 5.4 with count hook / meter, geometric mean of 16", ratios["hook"], at_least=5)
    yield _mean("meter and guarded libraries / bare, geometric mean of 16", ratios["guarded"])
    yield from rows


def _mean(name: str, ratios: list[float], *, at_most: float | None = None, at_least: float | None = None) -> Pair:
    mean = _geometric(ratios)
    holds = (at_most is None or mean <= at_most) and (at_least is None or mean >= at_least)
    target = f"at most {at_most}" if at_most else f"at least {at_least}" if at_least else "for information"
    return Pair(name, mean, min(ratios), max(ratios), target, holds, "lowest and highest of the kinds")


def _geometric(values: list[float]) -> float:
    return math.exp(statistics.mean(math.log(value) for value in values))


GROUPS = (kinds,)
