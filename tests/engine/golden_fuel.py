"""Writes the golden costs: ``python tests/engine/golden_fuel.py`` rewrites ``tests/lua/golden/fuel.json``.

Each entry is the fuel of one construct or call, less that of the script around it. Look at the difference before it is
committed: a price that changed changes which scripts fit their limits.
"""

from __future__ import annotations

import json
from pathlib import Path

from alloy_lua import Alloy, Limits

PAGE = Path(__file__).parent.parent / "lua" / "golden" / "fuel.json"
LIMITS = Limits(fuel=2**50, deadline_ms=60_000, memory_bytes=2**26)

# Construct or call: what comes before it (paid for, not counted), and the text itself.
CONSTRUCTS: dict[str, tuple[str, str]] = {
    "nothing": ("", ""),
    "local a = 1 + 2": ("", "local a = 1 + 2"),
    "seven operations": ("local a = 1", "local b = a + a + a + a + a + a + a + a"),
    "eight operations": ("local a = 1", "local b = a + a + a + a + a + a + a + a + a"),
    "a hundred operations": ("local a = 1", "\n".join("a = a + 1" for _ in range(100))),
    "a bare block": ("", "do end"),
    "if": ("local a = 1", "if a then a = 2 else a = 3 end"),
    "while, 10 turns": ("local n = 0", "while n < 10 do n = n + 1 end"),
    "repeat, 10 turns": ("local n = 0", "repeat n = n + 1 until n == 10"),
    "for, 10 turns": ("", "for i = 1, 10 do end"),
    "for, no turn": ("", "for i = 1, 0 do end"),
    "for over ipairs, 10 turns": ("local t = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}", "for _ in ipairs(t) do end"),
    "for over pairs of a list, 10 turns": ("local t = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}", "for _ in pairs(t) do end"),
    "for over pairs of 4 names": ("local t = {a = 1, b = 2, c = 3, d = 4}", "for _ in pairs(t) do end"),
    "for over pairs of 1,000 names": (
        "local t = {} for i = 1, 1000 do t['k' .. i] = i end", "for _ in pairs(t) do end"),
    "for over pcall, 10 turns": (
        "local n = 0 local function f() n = n + 1 return n <= 10 or nil end",
        "for x in function() return f() end do end"),
    "goto back, 10 times": ("local n = 0", "do ::top:: n = n + 1 if n <= 10 then goto top end end"),
    "goto forward": ("", "do goto out end ::out::"),
    "function made": ("", "local f = function() end"),
    "function called": ("local function f() end", "f()"),
    "method called": ("local t = {} function t:m() end", "t:m()"),
    "tail call": ("local function g() end local function f() return g() end", "f()"),
    "vararg function called": ("local function f(...) return ... end", "f(1, 2, 3)"),
    "recursion, 10 deep": ("local function f(n) if n > 0 then return 1 + f(n - 1) end return 0 end", "f(10)"),
    "table made": ("", "local t = {1, 2, 3, a = 4}"),
    "field read and written": ("local t = {a = 1}", "t.a = t.a"),
    "global set and read": ("", "g = 1 local a = g"),
    "short strings joined": ("local a = 'a'", "local b = a .. 'b' .. a"),
    "__index function": ("local t = setmetatable({}, {__index = function() return 1 end})", "local a = t.x"),
    "__newindex function": ("local t = setmetatable({}, {__newindex = function() end})", "t.x = 1"),
    "__add function": ("local t = setmetatable({}, {__add = function() return 1 end})", "local a = t + t"),
    "__call function": ("local t = setmetatable({}, {__call = function() end})", "t()"),
    "error caught": ("", "pcall(error, 'x')"),
    "error with a handler": ("", "xpcall(error, function() end, 'x')"),
    "coroutine of 3 turns": (
        "", "local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) co() co() co()"),
}  # fmt: skip

CALLS: dict[str, tuple[str, str]] = {
    "assert": ("", "assert(true)"),
    "changed": ("", "changed('a')"),
    "error and pcall": ("", "pcall(error)"),
    "getmetatable": ("", "getmetatable({})"),
    "ipairs": ("", "ipairs({})"),
    "next, 1 key": ("local t = {a = 1}", "next(t)"),
    "next, 1,000 keys": ("local t = {} for i = 1, 1000 do t['k' .. i] = i end", "next(t)"),
    "pairs": ("", "pairs({})"),
    "pcall": ("", "pcall(type, 1)"),
    "rawequal": ("", "rawequal(1, 1)"),
    "rawget": ("", "rawget({}, 1)"),
    "rawset": ("", "rawset({}, 1, 1)"),
    "select": ("", "select('#', 1, 2)"),
    "setmetatable": ("", "setmetatable({}, {})"),
    "tonumber": ("", "tonumber('12')"),
    "tonumber, 10,000 digits": ("local s = ('1'):rep(10000)", "tonumber(s)"),
    "tostring, number": ("", "tostring(1)"),
    "tostring, table": ("local t = {}", "tostring(t)"),
    "type": ("", "type(1)"),
    "unpack, 3": ("local t = {1, 2, 3}", "unpack(t)"),
    "unpack, 1,000": ("local t = {} for i = 1, 1000 do t[i] = i end", "unpack(t)"),
    "xpcall": ("", "xpcall(type, type, 1)"),
    "string.byte": ("", "('abc'):byte(1, 3)"),
    "string.char": ("", "string.char(65, 66)"),
    "string.find, plain": ("", "('abc'):find('c', 1, true)"),
    "string.find, plain, 10,000 bytes": ("local s = ('a'):rep(10000)", "s:find('b', 1, true)"),
    "string.find, plain, long needle": ("local s, p = ('a'):rep(10000), ('a'):rep(99) .. 'b'", "s:find(p, 1, true)"),
    "string.find": ("", "('abc'):find('%a+')"),
    "string.find, 100 bytes": ("local s = ('a'):rep(100)", "s:find('b')"),
    "string.find, 100,000 bytes": ("local s = ('a'):rep(100000)", "s:find('b')"),
    "string.find, metered matcher": ("local s = ('a'):rep(100)", "s:find('.-.-b')"),
    "string.format": ("", "('%d %s'):format(1, 'x')"),
    "string.format, 10,000 bytes": ("local s = ('a'):rep(10000)", "('%s'):format(s)"),
    "string.gmatch, 3 matches": ("", "for _ in ('a b c'):gmatch('%a') do end"),
    "string.gsub": ("", "('abc'):gsub('b', 'x')"),
    "string.gsub, 10,000 bytes": ("local s = ('a'):rep(10000)", "s:gsub('b', 'x')"),
    "string.gsub, 3 callbacks": ("", "('abc'):gsub('.', function() end)"),
    "string.gsub, table": ("", "('abc'):gsub('.', {a = 'x'})"),
    "string.len": ("", "('abc'):len()"),
    "string.lower": ("", "('ABC'):lower()"),
    "string.lower, 10,000 bytes": ("local s = ('a'):rep(10000)", "s:lower()"),
    "string.match": ("", "('abc'):match('(b)')"),
    "string.rep": ("", "('x'):rep(10)"),
    "string.rep, 10,000 bytes": ("", "('x'):rep(10000)"),
    "string.reverse, 10,000 bytes": ("local s = ('a'):rep(10000)", "s:reverse()"),
    "string.sub": ("", "('abc'):sub(1, 2)"),
    "string.sub, 10,000 bytes": ("local s = ('a'):rep(10000)", "s:sub(2)"),
    "string.upper, 10,000 bytes": ("local s = ('a'):rep(10000)", "s:upper()"),
    "table.concat, 3": ("", "table.concat({1, 2, 3})"),
    "table.concat, 1,000": ("local t = {} for i = 1, 1000 do t[i] = 'xxxxx' end", "table.concat(t)"),
    "table.insert": ("local t = {}", "table.insert(t, 1)"),
    "table.insert in front of 1,000": ("local t = {} for i = 1, 1000 do t[i] = i end", "table.insert(t, 1, 0)"),
    "table.maxn, 1,000": ("local t = {} for i = 1, 1000 do t[i] = i end", "table.maxn(t)"),
    "table.move, 100": ("local t = {} for i = 1, 100 do t[i] = i end", "table.move(t, 1, 100, 2)"),
    "table.remove": ("local t = {1}", "table.remove(t)"),
    "table.remove in front of 1,000": ("local t = {} for i = 1, 1000 do t[i] = i end", "table.remove(t, 1)"),
    "table.sort, 10": ("local t = {5, 3, 8, 1, 9, 2, 7, 4, 6, 0}", "table.sort(t)"),
    "table.sort, 10, with a function": (
        "local t = {5, 3, 8, 1, 9, 2, 7, 4, 6, 0}", "table.sort(t, function(a, b) return a > b end)"),
    "table.sort, 1,000": ("local t = {} for i = 1, 1000 do t[i] = i * 7919 % 1000 end", "table.sort(t)"),
    "math.floor": ("", "math.floor(1.5)"),
    "math.random": ("", "math.random(10)"),
    "coroutine.create": ("", "coroutine.create(type)"),
    "coroutine.wrap": ("", "coroutine.wrap(type)"),
    "coroutine.resume": ("local co = coroutine.create(type)", "coroutine.resume(co, 1)"),
    "coroutine.status": ("local co = coroutine.create(type)", "coroutine.status(co)"),
    "log.info": ("", "log.info('x')"),
    "log.info with data": ("", "log.info('x', {a = {1, 2, 3}})"),
    "abort": ("", "abort('x')"),
    "a host call": ("", "hash.sha256('x')"),
    "a host call with 10,000 bytes": ("local s = ('a'):rep(10000)", "hash.sha256(s)"),
    "a host call with a table": ("", "json.encode({1, 2, {a = 3}})"),
    "a host call that fails": ("", "pcall(json.decode, '{')"),
    "str.trim": ("", "str.trim('  a  ')"),
    "str.split": ("", "str.split('a,b,c', ',')"),
    "str.upper beyond ASCII": ("", "str.upper('ä')"),
}  # fmt: skip


def costs(alloy: Alloy) -> dict[str, int]:
    """Returns the fuel of each construct and call."""
    found = {}
    for name, (before, text) in {**CONSTRUCTS, **CALLS}.items():
        before += ";" if before else ""  # a text may begin with a parenthesis
        with_it = alloy.evaluate(f"{before}\n{text}\n", entity={"a": 1}, limits=LIMITS)
        without = alloy.evaluate(f"{before}\n", entity={"a": 1}, limits=LIMITS)
        if without.error is not None or with_it.error is not None:
            raise AssertionError(f"{name}: {with_it} {without}")
        found[name] = with_it.fuel - without.fuel
    return found


def main() -> None:
    """Writes the page."""
    with Alloy() as alloy:
        found = costs(alloy)
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(json.dumps(found, indent=1) + "\n")
    print(f"{PAGE}: {len(found)} costs")


if __name__ == "__main__":
    main()
