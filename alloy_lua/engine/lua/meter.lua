-- The meter of one runtime: fuel, deadline, memory, and the death that nothing survives.
--
-- Every metered chunk shares the upvalues F, T and K of this file (see `attach`). A check reads
-- `F = K + F if F < 0 then F = T() end`: K is read first because an immutable upvalue lets the JIT specialise
-- to the closure. T grants the next slice, or raises once the run is over; from then on every check raises.
local ffi = require("ffi")
ffi.cdef("typedef struct { int64_t s; int64_t ns; } alloy_timespec; int clock_gettime(int, alloy_timespec *);")
local books = ... -- the allocator's: [0] bytes in use, [2] bytes that there may be (boot.lua)
local C, timespec = ffi.C, ffi.new("alloy_timespec")
local stop = ffi.new("int32_t[1]") -- another thread sets it to cancel the run
local tonumber, error, collectgarbage = tonumber, error, collectgarbage
local floor, max, min = math.floor, math.max, math.min
local jit_on, jit_off = jit.on, jit.off
local getupvalue, join, loadstring = debug.getupvalue, debug.upvaluejoin, loadstring

local CLOCK_MONOTONIC = 1
local SLICE_MAX = 512 -- units between two looks at the clock, at most
-- The first slice. LuaJIT compiles a loop as its 57th turn goes; if a refill falls into that turn, it is taken for
-- the way the loop always goes. With slices of 36, 72, 144 and so on it never does, up to 26 checks a turn.
local SLICE_MIN = 36
local SLOW, STUCK = 5e-4, 4e-3 -- seconds a slice may take before slices shrink
local SMALL_HEAP = 1048576 -- bytes
-- A table that is full to the last place is rebuilt for each new key, which takes so many seconds a byte: a slice in
-- which every unit does so must not end later than GRACE after the deadline. Below CALM_HEAP it cannot.
local REBUILD, GRACE, CALM_HEAP = 7.5e-10, 0.012, 131072
local LONG_STRING = 1048576 -- bytes that one operator may go through in a few milliseconds
local NO_JIT = 131072 -- bytes: a compiler that folds constants goes through a longer string many times
local WALL = 1.1 -- of its limit is what a run can hold at all
local OPEN = 2 ^ 50 -- no wall: between runs, and while a host function hands over its result
local PAUSE = 200 -- LuaJIT's own: a collection begins when the heap has doubled

local F, K = 0, -1
local dead = false -- false, or the code of what ended the run
local slice, cap = SLICE_MAX, SLICE_MAX
local granted, limit = 0, 0
local last, deadline, seconds = -1, 0, 0
local worst = 0 -- seconds that one unit may take at the most, by the heap as last looked at; 0 while it is small
-- In bytes: the runtime's own heap; with what the run may hold; where the allocator refuses more; the most seen; the
-- last seen; from where on to look again, and to collect garbage; the longest string known of.
local base, most, wall, peak, seen, watch, full, longest = 0, 0, OPEN, 0, 0, 0, 0, 0
local pause = PAUSE
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

-- Collects garbage, and has the next collection begin in time: LuaJIT by itself waits until the heap has doubled, and
-- collects nothing when the allocator refuses.
local function collect()
  collectgarbage()
  local heap = tonumber(books[0])
  local wanted = min(PAUSE, max(105, floor(100 + 50 * (most - heap) / heap)))
  if wanted ~= pause then
    pause = wanted
    collectgarbage("setpause", pause)
  end
  full = max(most, heap + (wall - most) / 2)
  return heap
end

-- Looks at memory, and fits the slice to it and to the time that the last one took: the cost of one operation is
-- bounded by the heap.
local function look_at_memory(took)
  books[2] = wall -- a stack overflow inside a host call may have left it down
  local heap = tonumber(books[0])
  local grown = heap - seen
  if heap > peak then peak = heap end
  if heap > full or heap + 2 * grown > wall then
    heap = collect()
    if heap > most then return die("memory_exceeded") end
  end
  seen = heap
  local own = heap - base -- the runtime's own heap is in nobody's operands
  watch = heap + max(SMALL_HEAP / 4, min(own, (most - heap) / 2))
  cap = own <= SMALL_HEAP and SLICE_MAX or max(4, floor(SLICE_MAX * SMALL_HEAP / own))
  worst = own > CALM_HEAP and own * REBUILD or 0
  if longest > 0 then cap = min(cap, max(1, floor(LONG_STRING / longest))) end
  if took > SLOW then
    cap = max(1, floor(min(cap, slice) / (took > STUCK and 8 or 2)))
    watch = 0 -- it may have been the machine: the next slice says
  end
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
    if tonumber(books[0]) - base > NO_JIT then slice = 2 end -- how long the first slice took is not known
  end
  if t > deadline then return die("deadline_exceeded") end
  if stop[0] ~= 0 then
    stop[0] = 0
    return die("cancelled")
  end
  local took = t - last
  last = t
  if tonumber(books[0]) > watch or took > SLOW then look_at_memory(took) end
  slice = min(slice * 2, cap)
  if worst > 0 then slice = min(slice, max(1, floor((deadline - t + GRACE) / worst))) end
  local grant = min(slice, max(0, limit - granted))
  granted = granted + grant
  return F + grant
end

local function anchor() return F, T, K end
local index = {}
for i = 1, 3 do index[(getupvalue(anchor, i))] = i end

-- The state that generated drivers (drivers.py) and control.lua read and write without a call.
local function state()
  return F, K, dead, serial, limit, slice, granted, last, seconds, base, most, wall, peak, seen, watch, full, longest,
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

-- Gives the rest of the slice back, so that the very next check looks at clock and memory.
local function yield_slice()
  if F > 0 then
    granted = granted - F
    F = 0
  end
  watch = 0
end
-- The same, where a string of so many bytes may have come in: operators go through it at one unit's price.
local function long_string(bytes)
  if bytes > longest then
    longest = bytes
    if bytes > NO_JIT then jit_off() end
  end
  yield_slice()
end
local function forget_long_string()
  if longest > NO_JIT then jit_on() end
  longest = 0
end

-- Collects what earlier runs left: all that is there between runs is the runtime's own.
local function sweep()
  if pause ~= PAUSE then
    pause = PAUSE
    collectgarbage("setpause", pause)
  end
  collectgarbage()
  base = tonumber(books[0])
end

-- Starts a run that may hold `bytes`. The clock starts at the first refill: reading it costs more than a short hook.
local function begin(fuel, secs, bytes)
  dead = false
  serial = serial + 1
  protected_depth = 0
  coroutine_depth = 0
  limit = fuel
  slice = SLICE_MIN
  cap = SLICE_MAX
  local grant = fuel < SLICE_MIN and fuel or SLICE_MIN
  granted = grant
  F = grant
  last = -1
  seconds = secs
  most = base + bytes
  wall = base + bytes * WALL
  full = most
  watch = 0
  forget_long_string()
  peak = 0
  seen = tonumber(books[0])
  books[2] = wall
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
-- Looks at the clock a last time, unless the run was too short for any look; a run that is late must not end well.
local function finish()
  if not dead and last >= 0 and now() > deadline then
    dead = "deadline_exceeded"
    spent = granted - F
  end
end
-- Ends the run if so many more bytes are more than it may hold; collects garbage first if that could help.
local function reserve(bytes)
  if tonumber(books[0]) + bytes > wall and collect() + bytes > wall then return die("memory_exceeded") end
end

return {
  attach = attach, share_state = share_state, load = load_metered, begin = begin, start_clock = start_clock, used = used,
  charge = charge, charge_bytes = charge_bytes, yield_slice = yield_slice, long_string = long_string, reserve = reserve,
  forget_long_string = forget_long_string, die = die, check_memory = check_memory, check_time = check_time, sweep = sweep,
  -- Takes the wall down, for what the host does between runs and within them; `close` puts it up again.
  open = function() books[2] = OPEN end,
  close = function() books[2] = wall end,
  base = function() return base end,
  ended = function() return dead end,
  finish = finish,
  serial = function() return serial end,
  stop_address = function() return tonumber(ffi.cast("intptr_t", stop)) end,
  remaining = function()
    local left = last < 0 and seconds or deadline - now()
    return max(0, limit - (granted - F)), max(0, left)
  end,
  -- Returns the most bytes that the run has been seen to hold above the runtime's own heap.
  peak = function() return max(0, max(peak, tonumber(books[0])) - base) end,
}
