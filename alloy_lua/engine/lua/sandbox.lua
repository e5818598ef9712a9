-- What a script can see: what offered.lua names, and the host modules.
local kit = ...
local setmetatable, getmetatable, rawget, type, pairs, error = setmetatable, getmetatable, rawget, type, pairs, error
local assert, ipairs, rawequal, select, tonumber = assert, ipairs, rawequal, select, tonumber
local control, iteration, protected = kit.control, kit.iteration, kit.protected
local set_string_metatable = kit.set_string_metatable

-- What is left in a weak table depends on when garbage is collected, which differs from run to run.
local function strong_setmetatable(t, meta)
  if type(meta) == "table" and rawget(meta, "__mode") ~= nil then error("weak tables are not available", 2) end
  return setmetatable(t, meta)
end

-- LuaJIT reads a number to its end, at some nanoseconds a byte. No number needs so many.
local LONGEST_NUMBER = 65536
local function short_tonumber(...)
  local text = ...
  if type(text) == "string" and #text > 256 then
    kit.meter.charge_bytes(#text * 8)
    if #text > LONGEST_NUMBER then return nil end
  end
  local _, number_base = ...
  if type(number_base) == "string" then return tonumber(text, kit.short(number_base)) end
  return tonumber(...)
end
local function short_select(n, ...)
  if type(n) == "string" then n = kit.short(n) end
  return select(n, ...)
end

local base = {}

-- Returns an empty table that reads like `shown`, lists like it, and refuses every write.
local function read_only(shown, message)
  local proxy = setmetatable({}, {
    __index = shown,
    __newindex = function(_, key) kit.raise("runtime_error", message(key)) end,
    __metatable = false,
  })
  protected[proxy] = shown
  return proxy
end
kit.read_only = read_only

local function library(name, functions)
  base[name] = read_only(functions, function(key)
    return "attempt to change " .. name .. "." .. kit.tostring(key) .. ": libraries are read-only"
  end)
end
kit.library = library

-- Returns the values that `kit.offered[name]` names; every one must be there.
local function offered(name, values)
  local chosen = {}
  for _, group in ipairs(kit.offered[name]) do
    for key in group[2]:gmatch("%S+") do
      chosen[key] = values[key]
      if values[key] == nil then error("not there: " .. name .. "." .. key) end
    end
  end
  return chosen
end

-- Deep equality for `changed`; each pair of tables is paid for.
local function same(a, b, depth)
  if a == b then return true end
  if type(a) ~= "table" or type(b) ~= "table" or depth > 32 then return false end
  a, b = protected[a] or a, protected[b] or b
  for key, value in iteration.pairs(a) do
    F = K + F if F < 0 then F = T() end
    if not same(value, rawget(b, key), depth + 1) then return false end
  end
  for key in iteration.pairs(b) do
    if rawget(a, key) == nil then return false end
  end
  return true
end

local entity_now, entity_before
kit.set_entities = function(entity, before) entity_now, entity_before = entity, before end
local function changed(field)
  F = K * 2 + F if F < 0 then F = T() end
  if type(field) ~= "string" then kit.bad("changed", 1, "field", field, "string") end
  if not entity_before then return (entity_now and entity_now[field]) ~= nil end
  return not same(entity_now and entity_now[field], entity_before[field], 0)
end

for _, name in ipairs({"coroutine", "log", "math", "string", "table"}) do
  library(name, offered(name, name == "coroutine" and control.coroutine or kit[name]))
end
set_string_metatable({__index = kit.string, __metatable = false})
for name, value in pairs(offered("globals", {
  abort = kit.abort, assert = assert, changed = changed, coroutine = base.coroutine, error = control.error,
  getmetatable = getmetatable, ipairs = iteration.ipairs, log = base.log, math = base.math, next = iteration.next,
  null = kit.null, pairs = iteration.pairs, pcall = control.pcall, rawequal = rawequal, rawget = iteration.rawget,
  rawset = iteration.rawset, select = short_select, setmetatable = strong_setmetatable, string = base.string,
  table = base.table, tonumber = short_tonumber, tostring = control.tostring, type = type, unpack = iteration.unpack,
  xpcall = control.xpcall,
})) do base[name] = value end

-- Environments: a script that sets no globals may share one; any other gets its own for each run.
local OWN = {__index = base, __metatable = false}
kit.base = base
kit.environment = function(sets_globals)
  if not sets_globals then return base end
  return setmetatable({}, OWN)
end
