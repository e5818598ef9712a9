-- The meter of one runtime: fuel, deadline, memory, and the death that nothing survives.
--
-- Every metered chunk shares the upvalues F, T and K of this file (see `attach`). A check reads
-- `F = K + F if F < 0 then F = T() end`: K is read first because an immutable upvalue lets the JIT specialise
-- to the closure. T grants the next slice, or raises once the run is over; from then on every check raises.
local ffi = require("ffi")
ffi.cdef("typedef struct { int64_t s; int64_t ns; } alloy_timespec; int clock_gettime(int, alloy_timespec *);")
local C, timespec = ffi.C, ffi.new("alloy_timespec")
local stop = ffi.new("int32_t[1]") -- another thread sets it to cancel the run
local tonumber, error, collectgarbage = tonumber, error, collectgarbage
local floor, max, min = math.floor, math.max, math.min
local getupvalue, join, loadstring = debug.getupvalue, debug.upvaluejoin, loadstring

local CLOCK_MONOTONIC = 1
local SLICE_MAX = 512 -- units between two looks at the clock, at most
-- The first slice. LuaJIT compiles a loop as its 57th turn goes; if a refill falls into that turn, it is taken for
-- the way the loop always goes. With slices of 36, 72, 144 and so on it never does, up to 26 checks a turn.
local SLICE_MIN = 36
local LOOK_EVERY = 16 -- refills between two looks at memory, at most
local SLOW, STUCK = 5e-4, 4e-3 -- seconds a slice may take before slices shrink
local SMALL_HEAP_KB = 1024

local F, K = 0, -1
local dead = false -- false, or the code of what ended the run
local slice, cap, tick = SLICE_MAX, SLICE_MAX, 0
local granted, limit = 0, 0
local last, deadline, seconds = -1, 0, 0
local base_kb, limit_kb, peak_kb = 0, 0, 0
local serial = 0
local protected_depth, coroutine_depth = 0, 0 -- how deep pcall and coroutines are nested (control.lua)
local spent = 0 -- fuel used up to the end of a run that was ended

local function now()
  C.clock_gettime(CLOCK_MONOTONIC, timespec)
  return tonumber(timespec.s) + tonumber(timespec.ns) * 1e-9
end

-- Ends the run for good.
local function die(code)
  if not dead then
    dead = code
    spent = granted - F
    if spent > limit then spent = limit end
  end
  F = -1
  error(dead, 0)
end

-- Looks at memory, and fits the slice to it and to the time that the last one took. The cost of one operation is
-- bounded by the heap, so slice * heap is what has to be bounded.
local function look_at_memory(took)
  tick = LOOK_EVERY
  local kb = collectgarbage("count")
  if kb > peak_kb then peak_kb = kb end
  if kb > limit_kb then
    collectgarbage()
    kb = collectgarbage("count")
    if kb > limit_kb then return die("memory_exceeded") end
  end
  local own = kb - base_kb -- the runtime's own heap is in nobody's operands
  cap = own <= SMALL_HEAP_KB and SLICE_MAX or max(4, floor(SLICE_MAX * SMALL_HEAP_KB / own))
  if took > SLOW then cap = max(1, floor(min(cap, slice) / (took > STUCK and 8 or 2))) end
end

-- Raises if the run has ended or holds too much; host calls ask before they leave Lua.
local function check_memory()
  if dead then error(dead, 0) end
  look_at_memory(0)
end

-- Called when F < 0; returns the new F, or raises. It is compiled into every loop: few branches, seldom taken.
local function T()
  if dead then error(dead, 0) end
  if granted - F > limit then return die("fuel_exhausted") end
  local t = now()
  if last < 0 then
    last = t
    deadline = t + seconds
  end
  if t > deadline then return die("deadline_exceeded") end
  if stop[0] ~= 0 then
    stop[0] = 0
    return die("cancelled")
  end
  local took = t - last
  last = t
  tick = tick - 1
  if tick < 0 or took > SLOW then look_at_memory(took) end
  slice = min(slice * 2, cap)
  local grant = min(slice, max(0, limit - granted))
  granted = granted + grant
  return F + grant
end

local function anchor() return F, T, K end
local index = {}
for i = 1, 3 do index[(getupvalue(anchor, i))] = i end

-- The state that generated drivers (drivers.py) and control.lua read and write without a call.
local function state()
  return F, K, dead, serial, limit, slice, tick, granted, last, seconds, limit_kb, base_kb, peak_kb,
    protected_depth, coroutine_depth
end
local state_index = {}
for i = 1, 60 do
  local name = getupvalue(state, i)
  if not name then break end
  state_index[name] = i
end
-- Returns `f` with all upvalues that are named like the meter's state joined to it.
local function share_state(f)
  for i = 1, 60 do
    local name = getupvalue(f, i)
    if not name then return f end
    if state_index[name] then join(f, i, state, state_index[name]) end
  end
  return f
end

-- Returns `main` with its upvalues named f, t, k joined to the meter's own.
local function attach(main, f, t, k)
  for i = 1, 255 do
    local name = getupvalue(main, i)
    if not name then return main end
    if name == f then join(main, i, anchor, index.F)
    elseif name == t then join(main, i, anchor, index.T)
    elseif name == k then join(main, i, anchor, index.K) end
  end
end

-- Returns the metered function that `text` (a chunk returning it) holds, or nil and the compiler's message.
local function load_metered(text, name, f, t, k)
  local chunk, message = loadstring(text, name)
  if not chunk then return nil, message end
  return attach(chunk(), f, t, k)
end

-- Starts a run. The clock starts at the first refill: reading it costs more than a short hook.
local function begin(fuel, secs, kb)
  dead = false
  serial = serial + 1
  protected_depth = 0
  coroutine_depth = 0
  limit = fuel
  slice = SLICE_MIN
  cap = SLICE_MAX
  tick = 0
  local grant = fuel < SLICE_MIN and fuel or SLICE_MIN
  granted = grant
  F = grant
  last = -1
  seconds = secs
  limit_kb = base_kb + kb
  peak_kb = 0
end

-- Makes the clock start now (for runs that may wait in host functions before their first refill).
local function start_clock()
  last = now()
  deadline = last + seconds
end

local function used()
  return floor(dead and spent or granted - F)
end
local function charge(n)
  if not (n >= 0) then n = 0 end -- nan or less than nothing must not pay fuel back
  F = F - n
  while F < 0 do F = T() end
end
-- One unit for each 256 bytes of work.
local function charge_bytes(n)
  if not (n >= 0) then n = 0 end
  F = F - floor(n / 256)
  while F < 0 do F = T() end
end
-- Raises if the deadline is over; for long work of our own whose price is fixed.
local function check_time()
  if dead then error(dead, 0) end
  if last >= 0 and now() > deadline then return die("deadline_exceeded") end
end
-- Gives the rest of the slice back, so that the very next check looks at clock and memory.
local function yield_slice()
  if F > 0 then
    granted = granted - F
    F = 0
    tick = 0
  end
end

return {
  attach = attach, share_state = share_state, SLICE_MIN = SLICE_MIN, load = load_metered, begin = begin, start_clock = start_clock, used = used, charge = charge,
  charge_bytes = charge_bytes, yield_slice = yield_slice, die = die,
  check_memory = check_memory, check_time = check_time,
  ended = function() return dead end,
  serial = function() return serial end,
  stop_address = function() return tonumber(ffi.cast("intptr_t", stop)) end,
  remaining = function()
    local left = last < 0 and seconds or deadline - now()
    return max(0, limit - (granted - F)), max(0, left)
  end,
  base_kb = function() return base_kb end,
  set_base = function() base_kb = collectgarbage("count") end,
  peak_kb = function()
    local kb = max(peak_kb, collectgarbage("count")) - base_kb
    return kb > 0 and kb or 0
  end,
}
