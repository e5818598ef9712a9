"""Productions for programs that never end by themselves: only the meter stops them (see productions.py for the notation)."""

from __future__ import annotations

from .productions import FORMS, LEAVES

# Each runs for ever, whatever is in it. What is nested in it is mostly a program of the usual kind.
_LOOPS = (
    "while true do$flat:block end", "while true do end", "while $one < 2 do if $one > 5 then break end$flat:block end",
    "repeat$flat:block until false", "repeat local $1 = $one until $1 == 2", "repeat repeat$flat:block until true until false",
    "for $1 = 1, 1e300 do$flat:block end", "for $1 = 1, 0, -1e-300 do end for $1 = 1, 1 / 0 do if $1 < 0 then break end end",
    "for $1 = 2^53, 2^53 + 10 do$flat:block end", "for $1 = 1, 2, 1e-300 do end",
    "for $1 in emit2, 1 do$flat:block end", "for $1, $2 in function() return 1, 2 end do$flat:block end",
    "for $1 in coroutine.wrap(function() while true do coroutine.yield(1) end end) do$flat:block end",
    "do ::$1:: do$flat:block end goto $1 end", "do ::$1:: if $one == 1 then goto $1 end end", "do ::$1:: ::$2:: goto $1 end",
    "do ::$1:: do goto $2 end ::$3:: goto $1 ::$2:: goto $3 end",
    "while true do for i = 1, 2 do if i == 2 then goto $1 end end ::$1:: end",
    "for i = 1, 1e9 do for j = 1, 1e9 do if j > i then goto $1 end end ::$1:: end",
    "local function $1(n) return $1(n + 1) end $1(1)", "local function $1() return pcall($1) end while true do $1() end",
    "local function $1(n) if n == 0 then return 1 end return $1(n - 1) + $1(n - 1) end $1(300)",
    "local $1 = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) while true do pcall(function() return $1[1] end) end",
    "local $1 $1 = setmetatable({}, {__add = function(a, b) return a + b end}) while true do pcall(function() return $1 + 1 end) end",
    "local $1 = setmetatable({}, {__call = function(self) return self() end}) $1()",
    "local $1 = setmetatable({}, {__lt = function(a, b) return a < b end}) while true do pcall(function() return $1 < $1 end) end",
    "local $1 = setmetatable({}, {__concat = function(a, b) return a .. b end}) while true do pcall(function() return $1 .. 1 end) end",
    "local $1, k = {}, '__' .. 'add' $1[k] = function(a, b) return a + b end setmetatable($1, $1) while true do pcall(function() return $1 + 1 end) end",
    "local $1 = {} rawset($1, '__unm', function(a) return -a end) setmetatable($1, $1) while true do pcall(function() return -$1 end) end",
    "local $1 = {} $1.__index = $1 function $1.go(n) return n end local o = setmetatable({}, $1) while true do o.go(1) o.go(o) end",
    "local $1 = {} function $1.__index(t, k) return t[k] end setmetatable($1, $1) while true do pcall(function() return $1.x end) end",
    "while true do pcall(error) end", "while true do pcall(function() while true do end end) end",
    "local $1 = {} while true do $1[#$1 % 7 + 1] = (function(...) return ... end)(1, 2) end",
    "while true do ({1, 2}).x = #'abc' .. 1 end", "while true do local a, b = 1, 2 if a > b then return elseif a == b then break end end",
    "while true do (function() return function() while true do end end end)()() end",
    "while true do table.sort({3, 1, 2}, function(a, b) while true do end end) end",
    "while true do ('abc'):gsub('.', function() while true do end end) end",
    "coroutine.wrap(function() while true do end end)()", "local $1 = function() while true do end end $1()",
    "if $boolean then while true do end else repeat until false end", "do while true do$flat:block end end",
    "while true do goto continue$flat:block ::continue:: end",
    "while not $fn:boolean or true do$flat:block end", "for k in next, {1} do for k in pairs({1, 2}) do while true do end end end",
)  # fmt: skip

PRELUDE = """local one, out = 1, {}
local function emit(...) return ... end
local function emit2(a, b) return a or b end
local function show(x) return type(x) end
local function N(x) return 1 end
local function S(x) return 's' end
local function T(x) return type(x) == "table" and x or {x} end
local function F(x) return type(x) == "function" and x or function(...) return x, ... end end
local G = {}
"""
STATEMENTS = FORMS["statement"]
ENDLESS = {**FORMS, "statement": (*_LOOPS, *STATEMENTS), "endless": _LOOPS, "one": ("one",)}
ENDLESS_LEAVES = {**LEAVES, "block": ("\nemit($list) ", "\nG.x = G.x or one ", "\nlocal a = one + 1 ")}
