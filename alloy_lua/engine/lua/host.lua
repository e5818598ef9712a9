-- What a script says to the host: log lines, rejection, and calls of Python functions through one broker.
local kit = ...
local meter, identity = kit.meter, kit.identity
local charge, charge_bytes, yield_slice, die, ended = meter.charge, meter.charge_bytes, meter.yield_slice, meter.die, meter.ended
local serial = meter.serial
local encode, decode = kit.msgpack.encode, kit.msgpack.decode
local type, error, pcall, select, tostring, setmetatable = type, error, pcall, select, tostring, setmetatable
local getinfo = kit.getinfo
local BIN = kit.BIN
local null = kit.null

local MAX_ARGUMENTS = 32
local VALUE_DEPTH = 32
local ARGUMENT_BYTES = 1048576
local ARGUMENT_VALUES = 50000 -- so that reading them takes Python a few milliseconds

-- Errors with a code ------------------------------------------------------------------------------------------
local codes, codes_serial = {}, -1

local function position()
  for level = 2, 20 do
    local info = getinfo(level, "Sl")
    if not info then return "" end
    if info.source == "=script" then return "script:" .. info.currentline .. ": " end
  end
  return ""
end

-- Raises `message` in the script as an ordinary string error whose code is remembered for the outcome.
local function raise(code, message)
  local current = serial()
  if codes_serial ~= current then codes, codes_serial = {}, current end
  local full = position() .. message
  codes[full] = code
  error(full, 0)
end
kit.raise = raise
kit.code_of = function(message, of) return codes_serial == of and codes[message] or nil end

local function shown(value)
  if value == null then return "null" end
  return type(value)
end
kit.bad = function(name, index, param, value, wanted)
  raise("invalid_value", "bad argument #" .. index .. " (" .. param .. ") to " .. name .. ": got " .. shown(value)
    .. ", wanted " .. wanted)
end

-- Log ---------------------------------------------------------------------------------------------------------
local lines, line_count, line_bytes, lost_lines, log_serial = {}, 0, 0, 0, -1
local max_lines, max_bytes = 200, 65536

local function log_line(level, message, data)
  F = K * 4 + F if F < 0 then F = T() end
  local current = serial()
  if log_serial ~= current then lines, line_count, line_bytes, lost_lines, log_serial = {}, 0, 0, 0, current end
  if type(message) ~= "string" then message = kit.tostring(message) end
  if line_count >= max_lines or line_bytes + #message > max_bytes then
    lost_lines = lost_lines + 1
    return
  end
  local packed
  if data ~= nil then
    local ok, result = pcall(encode, data, VALUE_DEPTH, 0, max_bytes - line_bytes)
    if not ok then
      kit.fail_if_over(result)
      if type(result) == "table" and result.code == "output_exceeded" then
        lost_lines = lost_lines + 1
        return
      end
      raise("invalid_value", "log data: " .. (type(result) == "table" and result.message or tostring(result)))
    end
    packed = result
  end
  charge_bytes(#message)
  line_bytes = line_bytes + #message + (packed and #packed or 0)
  line_count = line_count + 1
  lines[line_count] = {level, message, packed and setmetatable({packed}, BIN) or nil}
end
kit.log = {
  debug = function(message, data) log_line("debug", message, data) end,
  info = function(message, data) log_line("info", message, data) end,
  warn = function(message, data) log_line("warn", message, data) end,
  error = function(message, data) log_line("error", message, data) end,
}
kit.has_logged = function() return log_serial == serial() end
-- Returns the lines and how many were not kept, for the run `of`.
kit.logged = function(of)
  if log_serial ~= of then return nil, 0 end
  return lines, lost_lines
end
kit.set_log_limits = function(count, bytes) max_lines, max_bytes = count, bytes end

-- Rejection: a death of its own kind, so that no pcall holds it back -----------------------------------------------
local reason, details
local function reject(why, facts)
  if why == nil then why = "rejected" end
  if type(why) ~= "string" and type(why) ~= "number" then
    kit.bad("abort", 1, "reason", why, "string")
  end
  if facts ~= nil and type(facts) ~= "table" then kit.bad("abort", 2, "details", facts, "table") end
  reason, details = why .. "", facts
end
kit.abort = function(why, facts)
  F = K + F if F < 0 then F = T() end
  reject(why, facts)
  die("rejected")
end
-- `abort` for programs that return what it returns (engine/aborts.py): raising costs a hundred times more.
local REJECTED = kit.sentinel("rejected")
kit.REJECTED = REJECTED
kit.returning_abort = function(why, facts)
  F = K + F if F < 0 then F = T() end
  reject(why, facts)
  return REJECTED
end
kit.rejection = function() return reason, details end
-- Lets what the last run said be collected.
kit.forget_words = function()
  reason, details = nil, nil
  lines, codes = {}, {}
end

-- Calls of Python functions -----------------------------------------------------------------------------------
local broker
local calls, calls_serial, max_calls = 0, -1, 200
kit.set_broker = function(callable) broker = callable end
kit.set_call_limit = function(count) max_calls = count end

local function pack_arguments(name, ...)
  local n = select("#", ...)
  if n > MAX_ARGUMENTS then raise("invalid_value", name .. ": got " .. n .. " arguments, wanted at most " .. MAX_ARGUMENTS) end
  local list = {...}
  for i = 1, n do
    if list[i] == nil then list[i] = null end
  end
  local ok, packed = pcall(encode, setmetatable(list, kit.LIST), VALUE_DEPTH, 1, ARGUMENT_BYTES, true, ARGUMENT_VALUES)
  if ok then return packed end
  kit.fail_if_over(packed)
  if type(packed) == "table" and packed.code == "output_exceeded" then
    raise("invalid_value", name .. ": got arguments of more than " .. ARGUMENT_BYTES .. " bytes")
  end
  if type(packed) == "table" and packed.code == "too_many_values" then
    raise("invalid_value", name .. ": got arguments with more than " .. ARGUMENT_VALUES .. " values inside")
  end
  raise("invalid_value", name .. ": " .. (type(packed) == "table" and packed.message or tostring(packed)))
end

-- Returns a Lua function that calls the Python half of host function number `id`.
kit.host_function = function(id, name, cost)
  return function(...)
    charge(cost)
    local current = serial()
    if calls_serial ~= current then calls, calls_serial = 0, current end
    if calls >= max_calls then die("host_calls_exceeded") end
    calls = calls + 1
    local packed = pack_arguments(name, ...)
    meter.check_memory()
    packed = kit.wire(packed)
    meter.open() -- lupa cannot take a refusal of the allocator while it hands over the answer
    local code, answer, spent = broker(id, packed)
    meter.close()
    if spent > 0 then charge(spent) end
    meter.long_string(#answer) -- the host took time: the next check looks at the clock
    F = K + F if F < 0 then F = T() end
    if code == "interrupted" then die(code) end
    if code ~= "" then raise(code, answer) end
    return decode(answer, 100, 0, -1)
  end
end
