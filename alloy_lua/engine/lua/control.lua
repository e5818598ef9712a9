-- Guarded control flow: pcall, xpcall, error, coroutines, tostring. Nothing here lets a script outlive its run.
--
-- Once a run has ended, every protected call raises again at once; nesting is capped because each level of
-- unwinding costs time (and C stack for coroutines) after the limit was hit.
local kit = ...
local die, ended, serial, yield_slice = kit.meter.die, kit.meter.ended, kit.meter.serial, kit.meter.yield_slice
local error, pcall, type, select, tostring, tonumber, rawget = error, pcall, type, select, tostring, tonumber, rawget
local setmetatable, ipairs, unpack = setmetatable, ipairs, unpack
local rawmetatable = kit.rawmetatable
local create, resume, yield, status, running, isyieldable =
  coroutine.create, coroutine.resume, coroutine.yield, coroutine.status, coroutine.running, coroutine.isyieldable
local format, find, sub = string.format, string.find, string.sub

local MAX_PROTECTED = 190 -- as PUC Lua's 200 C levels
local MAX_COROUTINES = 150
local LONGEST_NUMBER_TEXT = 512 -- bytes of a number given as text to a library function
local OUT_OF_MEMORY = "not enough memory"

local protected_depth, coroutine_depth -- the meter's own (share_state): set back when a run begins
local share = kit.meter.share_state

local function fail_if_over(message)
  local code = ended()
  if code then error(code, 0) end
  if message == OUT_OF_MEMORY then die("memory_exceeded") end
end

-- An error raised in C names the guarded function that called it, not the script: that part is no one's business.
local function plain(message)
  if type(message) == "string" and sub(message, 1, 7) == "[alloy " then
    local _, e = find(message, "]:%d+: ")
    if e then return sub(message, e + 1) end
  end
  return message
end

-- LuaJIT reads a number given as text to its end. What is too long becomes a text that is no number: the function that
-- wanted one then words the error.
local function short(text) return #text <= LONGEST_NUMBER_TEXT and text or "" end
-- An offset or a count given as text counts as the number it says, as in C.
local function number(n)
  if type(n) ~= "string" then return n end
  n = short(n)
  return tonumber(n) or n
end
local function short_numbers(...)
  local list, n = {...}, select("#", ...)
  for i = 1, n do
    if type(list[i]) == "string" then list[i] = short(list[i]) end
  end
  return unpack(list, 1, n)
end
-- Whether there may be a text among more than four arguments.
local function more_text(...)
  if select("#", ...) <= 4 then return false end
  local _, _, _, _, e, f, g, h = ...
  return type(e) == "string" or type(f) == "string" or type(g) == "string" or type(h) == "string" or select("#", ...) > 8
end

local function guarded_error(message, level)
  if type(level) == "string" then level = short(level) end
  return error(message, level)
end

local function after_pcall(ok, ...)
  protected_depth = protected_depth - 1
  if ok then return true, ... end
  fail_if_over((...))
  return false, plain((...))
end
local function guarded_pcall(f, ...)
  if protected_depth >= MAX_PROTECTED then error("pcall nested too deeply", 0) end
  protected_depth = protected_depth + 1
  return after_pcall(pcall(f, ...))
end

-- The handler runs after unwinding: LuaJIT can be made to overflow its stack by a handler run before it.
local function after_xpcall(handler, ok, ...)
  protected_depth = protected_depth - 1
  if ok then return true, ... end
  fail_if_over((...))
  local _, result = guarded_pcall(handler, plain((...)))
  return false, result
end
local function guarded_xpcall(f, handler, ...)
  if protected_depth >= MAX_PROTECTED then error("xpcall nested too deeply", 0) end
  protected_depth = protected_depth + 1
  return after_xpcall(handler, pcall(f, ...))
end

-- How many pcalls stand open in a coroutine that is not running.
local WEAK = {__mode = "k"}
local held, holding = setmetatable({}, WEAK), false -- and whether there has been any since this was emptied
local function hold(co, count)
  held[co] = count > 0 and count or nil
  holding = true
  protected_depth = protected_depth - count
end
local function enter(co)
  local count = held[co] or 0
  if protected_depth + count > MAX_PROTECTED then error("pcall nested too deeply", 3) end
  protected_depth = protected_depth + count
end

local function after_resume(co, depth, ok, ...)
  coroutine_depth = coroutine_depth - 1
  if holding or protected_depth ~= depth then hold(co, protected_depth - depth) end
  if ok then return true, ... end
  fail_if_over((...))
  return false, plain((...))
end
local function guarded_resume(co, ...)
  F = K * 4 + F if F < 0 then F = T() end
  if type(co) ~= "thread" then return resume(co) end
  if coroutine_depth >= MAX_COROUTINES then error("coroutines nested too deeply", 2) end
  local depth = protected_depth
  if holding then enter(co) end
  coroutine_depth = coroutine_depth + 1
  return after_resume(co, depth, resume(co, ...))
end
local function after_wrap(co, depth, ok, ...)
  coroutine_depth = coroutine_depth - 1
  if holding or protected_depth ~= depth then hold(co, protected_depth - depth) end
  if ok then return ... end
  fail_if_over((...))
  error(plain((...)), 0)
end
local function guarded_create(f)
  F = K * 16 + F if F < 0 then F = T() end
  return create(f)
end
local function guarded_wrap(f)
  local co = guarded_create(f)
  return function(...)
    F = K * 4 + F if F < 0 then F = T() end
    if coroutine_depth >= MAX_COROUTINES then error("coroutines nested too deeply", 2) end
    local depth = protected_depth
    if holding then enter(co) end
    coroutine_depth = coroutine_depth + 1
    return after_wrap(co, depth, resume(co, ...))
  end
end

-- Addresses would tell one process from another: objects are numbered in the order they are first shown.
local names, next_name, names_serial
local function identity(value)
  local current = serial()
  if names_serial ~= current then
    names_serial = current
    names = setmetatable({}, {__mode = "k"})
    next_name = 0
  end
  local name = names[value]
  if not name then
    next_name = next_name + 1
    name = format("%s: 0x%08x", type(value), next_name)
    names[value] = name
  end
  return name
end

local PLAIN = {string = true, number = true, boolean = true, ["nil"] = true}
local function guarded_tostring(...)
  if select("#", ...) == 0 then error("bad argument #1 to 'tostring' (value expected)", 2) end
  local value = ...
  if PLAIN[type(value)] then return tostring(value) end
  F = K * 2 + F if F < 0 then F = T() end
  local meta = rawmetatable(value)
  local show = type(meta) == "table" and rawget(meta, "__tostring")
  if not show then return identity(value) end
  local text = show(value)
  if type(text) ~= "string" then error("'tostring' must return a string to 'tostring'", 2) end
  return text
end

for _, f in ipairs({
  after_pcall, guarded_pcall, after_xpcall, guarded_xpcall, hold, enter, after_resume, guarded_resume, after_wrap, guarded_wrap,
}) do share(f) end

kit.short, kit.short_numbers, kit.more_text, kit.number = short, short_numbers, more_text, number
-- Looks at clock and memory, at no price.
kit.look = function()
  yield_slice()
  F = T()
end
kit.identity = identity
-- Lets what a run's coroutines left be collected.
kit.forget_depths = function()
  if holding then held, holding = setmetatable({}, WEAK), false end
end
kit.tostring = guarded_tostring
kit.fail_if_over = fail_if_over
kit.control = {
  pcall = guarded_pcall, xpcall = guarded_xpcall, error = guarded_error, tostring = guarded_tostring,
  coroutine = {
    create = guarded_create, resume = guarded_resume, wrap = guarded_wrap, yield = yield, status = status,
    running = running, isyieldable = isyieldable,
  },
}
