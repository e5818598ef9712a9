"""Files of a test suite as scripts of the platform: their assertions must come to the same as in LuaJIT."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lupa.luajit21 import LuaRuntime

from alloy_lua import Alloy, Limits

from .twin import general

LIMITS = Limits(fuel=10**9, deadline_ms=20_000, memory_bytes=256 << 20)
# Before and behind a file, in the sandbox and in LuaJIT: assertions are written down, nothing is printed, and for what
# the sandbox does not have there are stand-ins, so that the rest of the file runs. Files end where those do not do.
SHIM = """local outcomes = {} local print, assert = function() end, function(ok, ...)
outcomes[#outcomes + 1] = ok and "1" or "0" return ok, ... end
local loadstring = function() return function() end end local load, loadfile, dofile = loadstring, loadstring, loadstring
local require, setfenv, getfenv = function() return {} end, function(f) return f end, function() return {} end
local collectgarbage, gcinfo, _G, io = function() return 0 end, function() return 0 end, {}, {write = print, output = print}
local debug, package = {getinfo = function() return {} end}, {loaded = {}, preload = {}, loaders = {}, path = "", cpath = ""}
local os = {clock = function() return 0 end, time = function() return 0 end, setlocale = function() end, date = tostring}
local table = setmetatable({getn = function(t) return #t end, foreach = print, foreachi = print}, {__index = table})
local math, newproxy = setmetatable({mod = math.fmod}, {__index = math}), function() return {} end
local coroutine = coroutine local function file(...) """.replace("\n", " ")
CLOSING = """
end
local ok, e = pcall(file) return table.concat(outcomes) .. " " .. (ok and "to its end" or tostring(e))"""


def compare(path: Path) -> tuple[str, bool]:
    """Returns what came of a file's assertions, in words, and whether it is the same as in LuaJIT."""
    source = SHIM + path.read_bytes().decode("latin-1").removeprefix("#!../lua") + CLOSING
    with Alloy() as alloy:
        outcome = alloy.evaluate(source, limits=LIMITS)
    if outcome.error is not None:
        return f"{outcome.error.code}: {outcome.error.message}", False
    lua: Any = LuaRuntime()
    run = lua.eval("function(text) return assert(loadstring(text, '=script'))() end")
    wanted, end_wanted = general(run(source)).split(" ", 1)
    got, end = general(str(outcome.value)).split(" ", 1)
    for number, (ours, theirs) in enumerate(zip(wanted, got, strict=False)):
        if ours != theirs:
            return f"the first {number} assertions as in LuaJIT, then {theirs} for {ours}", False
    if len(got) != len(wanted) or end != end_wanted:
        return f"{len(got)} assertions and then {end}, in LuaJIT {len(wanted)} and then {end_wanted}", False
    return f"{len(got)} assertions, all as in LuaJIT; ends {end}", True
