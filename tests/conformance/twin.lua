-- Runs one text in two ways in a bare LuaJIT: as it is, and metered by the product's own meter.
-- Returns `plain(text)` and `metered(text, f, t, k, calm, fuel, seconds)`; both answer: ran, what came of it, [what stopped the meter].
local meter, verify, longest = ...
local loadstring, pcall, setfenv, setmetatable, tostring, type = loadstring, pcall, setfenv, setmetatable, tostring, type
local globals = {}
for name, value in pairs(_G) do globals[name] = value end
globals._G, globals.python = nil, nil
local INDEX = {__index = globals}

-- What a program set globally counts as its outcome, too.
local function outcome(environment, ok, value, ...)
  if type(value) ~= "string" then value = type(value) == "table" and "table" or tostring(value) end
  local names = {}
  for name, global in pairs(environment) do names[#names + 1] = tostring(name) .. "=" .. type(global) end
  table.sort(names)
  return ok, value .. "\n" .. table.concat(names, " ")
end

local function plain(text)
  local main, message = loadstring(text, "=script")
  if not main then return nil, message end
  local environment = setmetatable({}, INDEX)
  return outcome(environment, pcall(setfenv(main, environment)))
end

local function metered(text, f, t, k, calm, fuel, seconds)
  local main, message = meter.load(text, "=script", f, t, k)
  if not main then return nil, message end
  local why = verify(main, f, t, k, longest, calm)
  if why then return nil, why end
  local environment = setmetatable({}, INDEX)
  setfenv(main, environment)
  meter.begin(fuel, seconds, 65536)
  local ok, value = pcall(main)
  local stopped, used = meter.ended(), meter.used()
  meter.begin(1e9, 60, 1e6)
  ok, value = outcome(environment, ok, value)
  return ok, value, stopped, used
end

return plain, metered
