-- Verifies metered texts, and runs them with little fuel: does the fuel go down all the time?
local meter, verify, longest, fuel, gap = ...
local sethook, pcall, setfenv, setmetatable, loadstring = debug.sethook, pcall, setfenv, setmetatable, loadstring
local remaining, begin, ended = meter.remaining, meter.begin, meter.ended
local globals = {}
for name, value in pairs(_G) do globals[name] = value end
globals._G, globals.python = nil, nil

local STEP = 100
local function verdict(text, f, t, k, calm)
  local chunk = assert(loadstring(text, "=script"))
  return (verify(chunk(), f, t, k, longest, calm))
end

-- As the sandbox does: once the run is over, nothing may hold its end back.
local function checked(ok, ...)
  if not ok and ended() then error(ended(), 0) end
  return ok, ...
end
function globals.pcall(...) return checked(pcall(...)) end

local function run(text, f, t, k)
  local main = assert(meter.load(text, "=script", f, t, k))
  setfenv(main, setmetatable({}, {__index = globals}))
  local last, silent, worst = -1, 0, 0
  local function look()
    local now = remaining()
    if now == last and not ended() then
      silent = silent + STEP
      if silent > worst then worst = silent end
      if silent > gap then error("silent", 0) end
    else
      last, silent = now, 0
    end
  end
  local create, resume = coroutine.create, coroutine.resume
  globals.coroutine = setmetatable({
    wrap = function(body)
      local co = create(body)
      return function(...)
        sethook(co, look, "", STEP)
        return select(2, assert(checked(resume(co, ...))))
      end
    end,
    create = function(body)
      local co = create(body)
      sethook(co, look, "", STEP)
      return co
    end,
    resume = function(...) return checked(resume(...)) end,
  }, {__index = coroutine})
  begin(fuel, 60, 65536)
  sethook(look, "", STEP)
  pcall(main)
  sethook()
  return worst <= gap, ended()
end

return verdict, run
