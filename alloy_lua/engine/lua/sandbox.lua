-- What a script can see. Everything reachable is named here, grouped by the reason it is safe.
local kit = ...
local setmetatable, getmetatable, rawget, type, pairs, error = setmetatable, getmetatable, rawget, type, pairs, error
local assert, rawequal, select, tonumber = assert, rawequal, select, tonumber
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
  return tonumber(...)
end

local base = {
  -- pure and constant in cost
  assert = assert, rawequal = rawequal, select = select, type = type,
  -- reads short text only
  tonumber = short_tonumber,
  setmetatable = strong_setmetatable, getmetatable = getmetatable, rawget = iteration.rawget, ipairs = iteration.ipairs,
  -- cannot hold back the end of a run
  error = control.error, pcall = control.pcall, xpcall = control.xpcall,
  -- shows no addresses
  tostring = control.tostring,
  -- same order in every process
  next = iteration.next, pairs = iteration.pairs,
  -- refuses tables that runs share
  rawset = iteration.rawset,
  -- pays for what it moves
  unpack = iteration.unpack,
  -- says something to the host
  abort = kit.abort,
  -- a value
  null = kit.null,
}

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

library("string", kit.string)
library("table", kit.table)
library("math", kit.math)
library("coroutine", control.coroutine)
library("log", kit.log)

set_string_metatable({__index = kit.string, __metatable = false})

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
base.changed = function(field)
  F = K * 2 + F if F < 0 then F = T() end
  if type(field) ~= "string" then kit.bad("changed", 1, "field", field, "string") end
  if not entity_before then return (entity_now and entity_now[field]) ~= nil end
  return not same(entity_now and entity_now[field], entity_before[field], 0)
end

-- Environments: a script that sets no globals may share one; any other gets its own for each run.
local OWN = {__index = base, __metatable = false}
kit.base = base
kit.environment = function(sets_globals)
  if not sets_globals then return base end
  return setmetatable({}, OWN)
end
