"""The trusted Lua files keep nothing global: what a script does to names can never reach them."""

from __future__ import annotations

from importlib import resources
from typing import Any

import pytest
from lupa.luajit21 import LuaRuntime

FOLDER = resources.files("alloy_lua.engine") / "lua"
SCRIPTS = ("boot", "driver", "verify", "meter")
GLOBALS_OF = """
local util = require("jit.util")
local GGET, GSET = 54, 55
local function walk(proto, found, top)
  local info = util.funcinfo(proto)
  for pc = 1, info.bytecodes - 1 do
    local ins = util.funcbc(proto, pc)
    local op = bit.band(ins, 0xff)
    if op == GGET or op == GSET then
      local name = util.funck(proto, -bit.rshift(ins, 16) - 1)
      found[#found + 1] = (top and "top " or "inner ") .. (op == GSET and "set " or "get ") .. tostring(name)
    end
  end
  for i = -1, -100000, -1 do
    local constant = util.funck(proto, i)
    if constant == nil then break end
    if type(constant) == "proto" then walk(constant, found, false) end
  end
end
return function(text)
  local found = {}
  walk(assert(loadstring("local F,T,K return function(...) " .. text .. "\\nend"))(), found, true)
  return table.concat(found, "\\n")
end
"""


@pytest.fixture(scope="module")
def globals_of() -> Any:
    lua: Any = LuaRuntime(encoding="latin-1")
    return lua.execute(GLOBALS_OF)


@pytest.mark.parametrize("path", sorted(p.name for p in FOLDER.iterdir() if p.name.endswith(".lua")))
def test_functions_of_a_trusted_file_use_no_globals(path: str, globals_of: Any) -> None:
    """Its main chunk, which runs while booting only, may read globals; nothing may set one."""
    found = globals_of((FOLDER / path).read_text()).splitlines()
    allowed = "top get " if path != "boot.lua" else ("top get ", "inner get ")
    assert [use for use in found if not use.startswith(allowed)] == []


def test_the_walk_sees_globals(globals_of: Any) -> None:
    assert globals_of("local f = function() x = y end return z") == "top get z\ninner get y\ninner set x"
