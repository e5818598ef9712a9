"""Hostile scripts: how soon they end, what they hold, and how long the longest single call takes."""

from __future__ import annotations

import json
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alloy_lua import Alloy, Limits

from .hooks import CHANGES, EVENT, LUA, RECORD
from .paired import Pair

SCRIPTS = Path(__file__).parent.parent / "tests" / "lua"
RUNS = 1_000
MEMORY_RUNS = 10_000
MIB = 2**20


def sources(folder: str) -> list[str]:
    """Returns the scripts of a folder of tests/lua."""
    found: list[str] = []
    for path in sorted((SCRIPTS / folder).glob("*.lua")):
        found += path.read_text().split("\n---\n")
    return found


def resident() -> int:
    """Returns the bytes that this process holds in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def bound(name: str, values: list[float], most: float, unit: str) -> Pair:
    """Returns the claim that 99 in 100 values are at most ``most``; the ratio is p99 to that bound."""
    cuts = statistics.quantiles(values, n=100)
    detail = f"p50 {cuts[49]:.1f} {unit}, p99 {cuts[98]:.1f} {unit}, max {max(values):.1f} {unit}, {len(values)} runs"
    ratio = cuts[98] / most
    return Pair(name, ratio, cuts[49] / most, max(values) / most, f"p99 at most {most:g} {unit}", ratio <= 1, detail)


def endless() -> Iterator[Pair]:
    """A thousand scripts that never stop by themselves, under default limits and with fuel without end"""
    for name, limits in (
        ("default limits", Limits()),
        ("no fuel limit", Limits(fuel=2**50, host_calls=2**40)),
    ):
        yield from _endless(name, limits)


def _endless(name: str, limits: Limits) -> Iterator[Pair]:
    scripts = sources("endless")
    walls: list[float] = []
    processor: list[float] = []
    with Alloy() as alloy:
        alloy.scripts.create("h1", LUA, on=EVENT, status="active")
        stop, wrong, fired = threading.Event(), [0], [0]

        def fire() -> None:
            while not stop.is_set():
                wrong[0] += alloy.fire(EVENT, dict(RECORD)).changes != CHANGES
                fired[0] += 1
                time.sleep(0.002)

        beside = threading.Thread(target=fire)
        beside.start()
        for number in range(RUNS):
            if number == RUNS // 2:
                half = resident()
            source = scripts[number % len(scripts)]
            wall, own = time.perf_counter(), time.thread_time()
            alloy.evaluate(source, entity={"a": []}, before={"a": []}, limits=limits)
            walls.append((time.perf_counter() - wall) * 1e3)
            processor.append((time.thread_time() - own) * 1e3)
        grown = (resident() - half) / MIB
        stop.set()
        beside.join()
    most = limits.deadline_ms + 20
    yield bound(f"{name}: wall clock to the end", walls, most, "ms")
    yield bound(f"{name}: processor time to the end", processor, most, "ms")
    yield Pair(f"{name}: hooks beside, wrong results", wrong[0], 0, 0, "0", wrong[0] == 0, f"{fired[0]:,} fires")
    yield Pair(
        f"{name}: memory grown, second half, MiB", grown, grown, grown, "at most 32", grown <= 32, f"{RUNS} runs"
    )


def memory() -> Iterator[Pair]:
    """Ten thousand runs that run out of memory: peaks by the allocator's count, and the process afterwards"""
    from alloy_lua.bridges.hosts import default_modules
    from alloy_lua.engine import Engine
    from alloy_lua.engine.engine import RunInput

    engine = Engine(default_modules())
    programs = [engine.compile(source) for source in sources("memory")]
    limits = Limits(memory_bytes=MIB, deadline_ms=20)
    peaks, codes = [], {}
    started = resident()
    for number in range(MEMORY_RUNS):
        if number == MEMORY_RUNS // 2:
            started = resident()
        given = RunInput(limits)
        given.entity = {"a": 1}
        result = engine.run(programs[number % len(programs)], given)
        peaks.append(result.memory_bytes / MIB)
        code = result.error.code if result.error else result.status.value
        codes[code] = codes.get(code, 0) + 1
    grown = (resident() - started) / MIB
    yield Pair(
        "most held / limit", max(peaks), statistics.median(peaks), max(peaks), "at most 1.1", max(peaks) <= 1.1,
        json.dumps(codes),
    )  # fmt: skip
    yield Pair("memory grown, second half, MiB", grown, grown, grown, "at most 32", grown <= 32, f"{MEMORY_RUNS} runs")
    value = engine.run(engine.compile("return 6 * 7"), RunInput(Limits())).value
    yield Pair("a harmless run afterwards", value, value, value, "42", value == 42, "")


# The largest that default limits let each function have, or the largest that its own cap allows.
CALLS: dict[str, tuple[str, str]] = {
    "string.rep": ("", "('x'):rep(8000000)"),
    "string.upper": ("local s = ('x'):rep(5000000)", "s:upper()"),
    "string.lower": ("local s = ('X'):rep(5000000)", "s:lower()"),
    "string.reverse": ("local s = ('x'):rep(7000000)", "s:reverse()"),
    "string.sub": ("local s = ('x'):rep(7000000)", "s:sub(2)"),
    "string.byte": ("local s = ('x'):rep(7900)", "s:byte(1, -1)"),
    "string.char": ("local t = {('x'):rep(7900):byte(1, -1)}", "string.char(unpack(t))"),
    "string.format %s": ("local s = ('x'):rep(4000000)", "('%s'):format(s)"),
    "string.format %q": ("local s = ('\"'):rep(2000000)", "('%q'):format(s)"),
    "string.format %99.99f": (
        "local t = {} for i = 1, 50 do t[i] = 1e308 end", "('%99.99f'):rep(50):format(unpack(t))"
    ),
    "string.find plain": ("local s = ('a'):rep(8000000)", "s:find('b', 1, true)"),
    "string.find pattern": ("local s = ('a'):rep(990000)", "s:find('b')"),
    "string.find, 20,000 steps": ("local s = ('a'):rep(27)", "s:find('.-.-.-b')"),
    "string.match all": ("local s = ('a'):rep(990000)", "s:match('^.*')"),
    "string.gsub": ("local s = ('a'):rep(500000)", "s:gsub('a', 'b')"),
    "string.gsub, callback": ("local s = ('a'):rep(250)", "s:gsub('.', string.upper)"),
    "string.gmatch, one step": ("local s = ('a'):rep(990000)", "s:gmatch('b')()"),
    "tostring": ("", "tostring(1e300 / 3)"),
    "tonumber": ("local s = ('1'):rep(65000)", "tonumber(s, 36)"),
    "s + 0": ("local s = ('1'):rep(4000000)", "s + 0"),
    "s < s": ("local a, b = ('a'):rep(3500000) .. '1', ('a'):rep(3500000) .. '2'", "a < b"),
    "s .. s": ("local a = ('a'):rep(4000000)", "a .. 'b'"),
    "#t with holes": ("local t = {} for i = 1, 500000 do t[i] = i end for i = 2, 500000, 2 do t[i] = nil end", "#t"),
    "next on an emptied table": (
        "local t = {} for i = 1, 150000 do t[i + 0.5] = 1 end for i = 1, 150000 do t[i + 0.5] = nil end", "next(t)"),
    "t[k] = v that rehashes": ("local t = {} for i = 1, 131072 do t[i + 0.5] = 1 end", "rawset(t, 0.25, 1)"),
    "table.insert in front": ("local t = {} for i = 1, 300000 do t[i] = i end", "table.insert(t, 1, 0)"),
    "table.remove in front": ("local t = {} for i = 1, 300000 do t[i] = i end", "table.remove(t, 1)"),
    "table.concat": ("local t = {} for i = 1, 300000 do t[i] = 'xx' end", "table.concat(t)"),
    "table.move": ("local t = {} for i = 1, 400000 do t[i] = i end", "table.move(t, 1, 400000, 2)"),
    "unpack": ("local t = {} for i = 1, 7900 do t[i] = i end", "unpack(t)"),
    "select": ("local t = {} for i = 1, 7900 do t[i] = i end", "select(2, unpack(t))"),
    "coroutine.create": ("", "coroutine.create(pcall)"),
    "hash.sha256": ("local s = ('x'):rep(1000000)", "hash.sha256(s)"),
    "base64.encode": ("local s = ('x'):rep(1000000)", "base64.encode(s)"),
    "base64.decode": ("local s = ('x'):rep(1000000)", "base64.decode(s)"),
    "json.encode": ("local t = {} for i = 1, 14000 do t[i] = 'k' .. i end", "json.encode(t)"),
    "json.encode, 5,000 keys": ("local t = {} for i = 1, 5000 do t['k' .. i] = i end", "json.encode(t)"),
    "json.decode": ("local s = '[' .. ('{},'):rep(14000) .. '1]'", "json.decode(s)"),
    "json.decode, text": ("local s = '\"' .. ('a'):rep(1000000) .. '\"'", "json.decode(s)"),
    "json.decode, escapes": ("local s = '\"' .. ('\\\\u00e4'):rep(59000) .. '\"'", "json.decode(s)"),
    "regex.test": ("local s = ('a'):rep(100000)", "pcall(regex.test, s, '(a{1,20}){1,4}b')"),
    "regex.find_all": ("local s = ('a'):rep(999)", "regex.find_all(s, 'a')"),
    "regex.replace": ("local s = ('a'):rep(999)", "regex.replace(s, 'a', '$0$0')"),
    "regex.test, compile": ("", "regex.test('x', '(([a-z]{1,20}){1,10}[0-9]){1,3}')"),
    "money.sum": ("local t = {} for i = 1, 5000 do t[i] = '1.5' end", "money.sum(t)"),
    "money.allocate": ("local t = {} for i = 1, 1000 do t[i] = '1.5' end", "money.allocate('10000.00', t)"),
    "str.lower": ("local s = ('Ä'):rep(65000)", "str.lower(s)"),
    "str.title": ("local s = ('ä '):rep(16000)", "str.title(s)"),
    "str.slug": ("local s = ('ä'):rep(4000)", "str.slug(s)"),
    "time.format": ("local f = ('%A'):rep(50)", "time.format('2026-01-01', f)"),
    "time.add": ("", "time.add('2026-01-01', {months = 95000})"),
    "validate.email": ("local s = ('a'):rep(1000000)", "validate.email(s)"),
    "uuid.is_valid": ("local s = ('a'):rep(1000000)", "validate.uuid(s)"),
}  # fmt: skip


def calls() -> Iterator[Pair]:
    """The longest single call of each library function, operator and host function under default limits"""
    limits = Limits(fuel=2**50, deadline_ms=5000)
    with Alloy() as alloy:
        for name, (before, call) in CALLS.items():
            took = [
                _best(alloy, f"{before}\n{body}\n return 1", limits)
                for body in ("", f"local _ = {call}", f"local _ = {call} local _ = {call}")
            ]
            each = max(0.0, min(took[1] - took[0], took[2] - took[1])) * 1e3
            yield Pair(name, each, each, each, "at most 10 ms", each <= 10, f"{each:.2f} ms")


def _best(alloy: Alloy, source: str, limits: Limits) -> float:
    return min(_seconds(alloy, source, limits) for _ in range(5))


def _seconds(alloy: Alloy, source: str, limits: Limits) -> float:
    began = time.thread_time()
    outcome: Any = alloy.evaluate(source, limits=limits)
    took = time.thread_time() - began
    if outcome.value != 1:
        raise AssertionError(f"{source}: {outcome}")
    return took


GROUPS = (endless, calls, memory)
