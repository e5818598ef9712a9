-- The guarded table library, raw access, and iteration in an order that is the same in every process.
--
-- LuaJIT hashes strings with a seed of its own, so native `pairs` differs from process to process. Here keys
-- come as 1..n, then other numbers ascending, then strings by bytes, then booleans, then objects by first use.
local kit = ...
local rawget, rawset, rawnext, type, select, error, tonumber = rawget, rawset, next, type, select, error, tonumber
local rawequal, rawlen = rawequal, kit.rawlen
local ipairs, unpack, setmetatable = ipairs, unpack, setmetatable
local concat, insert, remove, maxn, move = table.concat, table.insert, table.remove, table.maxn, table.move
local floor = math.floor
local charge, charge_bytes, long_string = kit.meter.charge, kit.meter.charge_bytes, kit.meter.long_string
local check_time = kit.meter.check_time
local number, look, new_buffer = kit.number, kit.look, kit.buffer.new
local serial = kit.meter.serial
local protected = kit.protected -- proxies of libraries and read-only tables -> what they show
local identity = kit.identity

local RUN = 8 -- elements sorted by insertion before merging
local LONG = 256
local JOINED = 4096 -- elements that one call of C joins
local MOVED = 1024 -- elements that one call of C moves

local function writable(t, name)
  if protected[t] then error("bad argument #1 to '" .. name .. "' (the table is read-only)", 3) end
end

-- Merge sort: n log n comparisons at worst, each paid for, whatever the order function does.
local function less_than(a, b) return a < b end

local function insertion_runs(t, n, less)
  for low = 1, n, RUN do
    local high = low + RUN - 1
    if high > n then high = n end
    for i = low + 1, high do
      F = K + F if F < 0 then F = T() end
      local value, j = t[i], i - 1
      while j >= low and less(value, t[j]) do
        t[j + 1] = t[j]
        j = j - 1
      end
      t[j + 1] = value
    end
  end
end

local function merge(from, to, low, middle, high, less)
  local i, j, k = low, middle, low
  while i < middle and j < high do
    F = K + F if F < 0 then F = T() end
    local a, b = from[i], from[j]
    if less(b, a) then
      to[k] = b
      j = j + 1
    else
      to[k] = a
      i = i + 1
    end
    k = k + 1
  end
  while i < middle do
    to[k] = from[i]
    i = i + 1
    k = k + 1
  end
  while j < high do
    to[k] = from[j]
    j = j + 1
    k = k + 1
  end
end

local function merge_sort(t, n, less)
  insertion_runs(t, n, less)
  if n <= RUN then return end
  local from, to, width = t, {}, RUN
  while width < n do
    charge(floor(n / 16))
    for low = 1, n, 2 * width do
      local middle, high = low + width, low + 2 * width
      if middle > n + 1 then middle = n + 1 end
      if high > n + 1 then high = n + 1 end
      merge(from, to, low, middle, high, less)
    end
    from, to = to, from
    width = width * 2
  end
  if from ~= t then
    for i = 1, n do t[i] = from[i] end
  end
end

local G = {}
-- Native `maxn` goes through all slots in one call.
function G.maxn(t)
  if type(t) ~= "table" then return maxn(t) end
  local greatest, walked = 0, 0
  for key in rawnext, t do
    walked = walked + 1
    if walked % 1024 == 0 then check_time() end
    if type(key) == "number" and key > greatest then greatest = key end
  end
  charge(floor(walked / 8))
  return greatest
end
function G.sort(t, less)
  if type(t) ~= "table" then error("bad argument #1 to 'sort' (table expected, got " .. type(t) .. ")", 2) end
  if less ~= nil and type(less) ~= "function" then
    error("bad argument #2 to 'sort' (function expected, got " .. type(less) .. ")", 2)
  end
  writable(t, "sort")
  local n = #t
  if n > 1 then merge_sort(t, n, less or less_than) end
end

-- Native `insert` walks from the end to the place, wherever that is.
function G.insert(t, ...)
  if type(t) ~= "table" then return insert(t, ...) end
  writable(t, "insert")
  if select("#", ...) ~= 2 then return insert(t, ...) end
  local at, value = ...
  at = tonumber(number(at))
  if not at then error("bad argument #2 to 'insert' (number expected, got " .. type((...)) .. ")", 2) end
  local n = #t
  at = at - at % 1
  if not (at >= 1 and at <= n + 1) then error("bad argument #2 to 'insert' (position out of bounds)", 2) end
  if n - at > 32 then charge_bytes((n - at) * 16) end
  return insert(t, at, value)
end
function G.remove(t, at)
  if type(t) == "table" then
    writable(t, "remove")
    at = number(at)
    if type(at) == "number" then
      local moved = #t - at
      if moved > 32 then charge_bytes(moved * 16) end
    end
  end
  if at == nil then return remove(t) end
  return remove(t, at)
end
-- What C makes of a number where it wants a whole one of 32 bits.
local function int32(n)
  if not (n >= -2147483648 and n < 2147483648) then return -2147483648 end
  return n < 0 and n + -n % 1 or n - n % 1
end
-- Joins thousands of elements: what has been joined is paid for, and the clock looked at, on the way.
local function join(t, sep, i, j)
  local joined = new_buffer()
  while j - i >= JOINED do
    local text = concat(t, sep, i, i + JOINED - 1)
    joined:put(text)
    if sep ~= nil then joined:put(sep) end
    charge_bytes(#text * 2)
    look()
    i = i + JOINED
  end
  local text = concat(t, sep, i, j)
  charge_bytes(#text * 2)
  joined:put(text)
  text = joined:get()
  if #text > 65536 then long_string(#text) end
  return text
end
local unfinished = false -- whether the last call of concat failed: it may have taken long, and paid little
function G.concat(t, sep, i, j)
  if unfinished then look() end
  if i == nil then i = 1 else i = number(i) end
  j = number(j)
  if type(t) == "table" then
    if j == nil then j = #t end
    local n = (type(j) == "number" and j or #t) - (type(i) == "number" and i or 1)
    if n > 32 then charge(floor(n / 16)) end
    unfinished = true
    if not (n < JOINED) and type(i) == "number" and type(j) == "number" then
      i, j = int32(i), int32(j)
      local text = j - i >= JOINED and join(t, sep, i, j)
      unfinished = not text
      if text then return text end
    end
  end
  local text = concat(t, sep, i, j)
  unfinished = false
  if #text > LONG then
    charge_bytes(#text * 2)
    if #text > 65536 then long_string(#text) end
  end
  return text
end
local function whole(n, value)
  value = tonumber(number(value))
  if not value or value - value ~= 0 then
    error("bad argument #" .. n .. " to 'move' (number has no integer representation)", 3)
  end
  return value - value % 1
end
-- From the end where the places overlap, as C does.
local function move_many(a, f, e, t, b)
  local shift, step = t - f, MOVED
  local from_end = t > f and t <= e and rawequal(a, b)
  for i = 0, e - f, step do
    local low = from_end and e - i - step + 1 or f + i
    local high = low + step - 1
    if low < f then low = f end
    if high > e then high = e end
    charge(high - low + 1)
    move(a, low, high, low + shift, b)
  end
  return b
end
function G.move(a, f, e, t, b)
  if type(b or a) == "table" then writable(b or a, "move") end
  f, e, t = whole(2, f), whole(3, e), whole(4, t)
  if e - f < MOVED then
    if e >= f then charge(e - f + 1) end
    return move(a, f, e, t, b or a)
  end
  return move_many(a, f, e, t, b or a)
end
local function guarded_unpack(t, i, j)
  i, j = number(i), number(j)
  local n = (type(j) == "number" and j or type(t) == "table" and #t or 0) - (type(i) == "number" and i or 1)
  if n > 16 then charge(floor(n / 16)) end
  if i == nil then i = 1 end
  if j == nil and type(t) == "table" then j = #t end
  return unpack(t, i, j)
end

-- Keys in order -------------------------------------------------------------------------------------------
local RANK = {number = 1, string = 2, boolean = 3}
local function key_before(a, b)
  local x, y = type(a), type(b)
  if x ~= y then return (RANK[x] or 4) < (RANK[y] or 4) or (RANK[x] == RANK[y] and x < y) end
  if x == "number" or x == "string" then return a < b end
  if x == "boolean" then return a and not b end
  return identity(a) < identity(b)
end

local function insert_keys(keys, low, high)
  for i = low + 1, high do
    local value, j = keys[i], i - 1
    while j >= low and key_before(value, keys[j]) do
      keys[j + 1] = keys[j]
      j = j - 1
    end
    keys[j + 1] = value
  end
end
local function merge_keys(from, to, low, middle, high)
  local i, j = low, middle
  for k = low, high - 1 do
    if k % 1024 == 0 then check_time() end
    if i < middle and (j >= high or not key_before(from[j], from[i])) then
      to[k] = from[i]
      i = i + 1
    else
      to[k] = from[j]
      j = j + 1
    end
  end
end
-- Native order decides how many comparisons a sort makes; the price must not depend on it.
local function sort_keys(keys, n)
  charge(floor(n / 4) + 1)
  for low = 1, n, RUN do
    if low % 1024 == 1 then check_time() end
    insert_keys(keys, low, low + RUN - 1 < n and low + RUN - 1 or n)
  end
  local from, to, step = keys, {}, RUN
  while step < n do
    charge(floor(n / 4))
    for low = 1, n, 2 * step do
      if low % 1024 == 1 then check_time() end
      merge_keys(from, to, low, low + step < n + 1 and low + step or n + 1, low + 2 * step < n + 1 and low + 2 * step or n + 1)
    end
    from, to = to, from
    step = step * 2
  end
  return from
end

-- Returns the keys of t outside 1..n in order, and their number.
local function other_keys(t, n)
  local keys, count, seen = {}, 0, 0
  for key in rawnext, t do
    seen = seen + 1
    if seen % 1024 == 0 then check_time() end
    if not (type(key) == "number" and key >= 1 and key <= n and key == floor(key)) then
      count = count + 1
      keys[count] = key
    end
  end
  charge(floor(seen / 8))
  if count > 1 then return sort_keys(keys, count), count end
  return keys, count
end

-- One function for all loops and its state in a table: a closure for each loop could not be compiled.
local function step(state)
  local t, n, i = state.t, state.n, state.i
  while i < n do
    i = i + 1
    local value = rawget(t, i)
    if value ~= nil then
      state.i = i
      return i, value
    end
    F = K + F if F < 0 then F = T() end
  end
  state.i = i
  local keys = state.keys
  if not keys then
    keys, state.count = other_keys(t, n)
    state.keys = keys
  end
  local at, count = state.at, state.count
  while at < count do
    at = at + 1
    local key = keys[at]
    local value = rawget(t, key)
    if value ~= nil then
      state.at = at
      return key, value
    end
    F = K + F if F < 0 then F = T() end
  end
  state.at = at
  return nil
end
local function copy(t)
  local c = {}
  for key, value in rawnext, t do c[key] = value end
  return c
end
local function ordered_pairs(t)
  F = K * 4 + F if F < 0 then F = T() end
  local kind = type(t)
  if kind ~= "table" then error("bad argument #1 to 'pairs' (table expected, got " .. kind .. ")", 2) end
  if protected[t] then t = copy(protected[t]) end -- the loop's state is in the script's hands
  return step, {t = t, n = rawlen(t), i = 0, at = 0, count = 0}, nil
end

-- `next` keeps the order of the last table it was asked about.
local last_table, last_keys, last_count, last_place, last_serial
local function index_keys(t)
  local n = rawlen(t)
  local keys, count = {}, 0
  for i = 1, n do
    if rawget(t, i) ~= nil then
      count = count + 1
      keys[count] = i
    end
  end
  charge(floor(n / 8))
  local others, more = other_keys(t, n)
  for i = 1, more do keys[count + i] = others[i] end
  count = count + more
  local place = {}
  for i = 1, count do place[keys[i]] = i end
  last_table, last_keys, last_count, last_place, last_serial = t, keys, count, place, serial()
end

local function ordered_next(t, key)
  F = K * 2 + F if F < 0 then F = T() end
  if type(t) ~= "table" then error("bad argument #1 to 'next' (table expected, got " .. type(t) .. ")", 2) end
  t = protected[t] or t
  if key == nil then
    if rawnext(t) == nil then return nil end
    index_keys(t)
  elseif last_table ~= t or last_serial ~= serial() then
    index_keys(t)
  end
  local at = key == nil and 0 or last_place[key]
  if not at then error("invalid key to 'next'", 2) end
  while at < last_count do
    at = at + 1
    local following = last_keys[at]
    local value = rawget(t, following)
    if value ~= nil then return following, value end
  end
  return nil
end

local function guarded_rawset(t, key, value)
  if type(t) == "table" then writable(t, "rawset") end
  return rawset(t, key, value)
end

kit.sorted_keys = function(t, n) return other_keys(t, n) end
kit.table = G
kit.iteration = {
  pairs = ordered_pairs, ipairs = ipairs, next = ordered_next, unpack = guarded_unpack,
  rawset = guarded_rawset, rawget = rawget,
}
-- Lets a finished run's table be collected.
kit.forget_iteration = function()
  last_table, last_keys, last_place = nil, nil, nil
  kit.forget_depths()
end
