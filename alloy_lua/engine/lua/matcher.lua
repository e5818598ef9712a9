-- The metered matcher: Lua patterns as lj_lib_string.c matches them, one sixteenth of a unit for each step.
-- Used for subjects longer than a pattern's safe length (patterns.lua). Source: Lua 5.1 manual, section 5.4.1.
local kit = ...
local byte, sub, gsub = string.byte, string.sub, string.gsub
local floor, concat, unpack = math.floor, table.concat, unpack
local error, tonumber, type = error, tonumber, type
local charge_bytes = kit.meter.charge_bytes

local MAX_DEPTH = 200 -- as C's MAXCCALLS
local MAX_CAPTURES = 32
local STEP = 0.0625
local OPEN, POSITION = -1, -2

local subject, length, items = "", 0, nil
local starts, lengths, level = {}, {}, 0
local depth = 0
local match_here

local function run_length(set, s)
  local i = s
  while i <= length and set[byte(subject, i)] do
    F = K * STEP + F if F < 0 then F = T() end
    i = i + 1
  end
  return i - s
end

local function match_repeat(item, s, at)
  local n = run_length(item.set, s)
  local least = item.quantifier == "+" and 1 or 0
  if not items[at + 1] and n >= least then return s + n end
  for i = n, least, -1 do
    local e = match_here(s + i, at + 1)
    if e then return e end
  end
end

local function match_lazy(item, s, at)
  local set = item.set
  while true do
    local e = match_here(s, at + 1)
    if e then return e end
    if s > length or not set[byte(subject, s)] then return nil end
    s = s + 1
  end
end

local function match_open(s, at, mark)
  if level >= MAX_CAPTURES then error("too many captures", 0) end
  starts[level], lengths[level] = s, mark
  level = level + 1
  local e = match_here(s, at + 1)
  if not e then level = level - 1 end
  return e
end

local function match_close(s, at)
  local l = level - 1
  while l >= 0 and lengths[l] ~= OPEN do l = l - 1 end
  if l < 0 then error("invalid pattern capture", 0) end
  lengths[l] = s - starts[l]
  local e = match_here(s, at + 1)
  if not e then lengths[l] = OPEN end
  return e
end

local function balance_end(item, s)
  if byte(subject, s) ~= item.open then return nil end
  local nested, i = 1, s + 1
  while i <= length do
    F = K * STEP + F if F < 0 then F = T() end
    local c = byte(subject, i)
    if c == item.close then
      nested = nested - 1
      if nested == 0 then return i + 1 end
    elseif c == item.open then
      nested = nested + 1
    end
    i = i + 1
  end
end

local function reference_end(item, s)
  local l = item.level - 1
  if l < 0 or l >= level or lengths[l] == OPEN then error("invalid capture index", 0) end
  local n = lengths[l]
  if n < 0 then n = 0 end
  charge_bytes(n)
  if length - s + 1 >= n and sub(subject, starts[l], starts[l] + n - 1) == sub(subject, s, s + n - 1) then
    return s + n
  end
end

local function at_frontier(set, s)
  local before = s == 1 and 0 or byte(subject, s - 1)
  local here = s > length and 0 or byte(subject, s)
  return not set[before] and set[here]
end

-- Returns the offset after the match of items[at..] at s, or nil.
local function match_items(s, at)
  while true do
    F = K * STEP + F if F < 0 then F = T() end
    local item = items[at]
    if not item then return s end
    local kind = item.kind
    if kind == "one" then
      local q = item.quantifier
      if q == "*" or q == "+" then return match_repeat(item, s, at) end
      if q == "-" then return match_lazy(item, s, at) end
      local here = s <= length and item.set[byte(subject, s)]
      if q == "?" then
        if here then
          local e = match_here(s + 1, at + 1)
          if e then return e end
        end
      elseif here then s = s + 1
      else return nil end
    elseif kind == "open" then return match_open(s, at, OPEN)
    elseif kind == "position" then return match_open(s, at, POSITION)
    elseif kind == "close" then return match_close(s, at)
    elseif kind == "end" then return s == length + 1 and s or nil
    elseif kind == "frontier" then
      if not at_frontier(item.set, s) then return nil end
    else
      s = kind == "balance" and balance_end(item, s) or kind == "reference" and reference_end(item, s)
      if not s then return nil end
    end
    at = at + 1
  end
end

function match_here(s, at)
  depth = depth + 1
  if depth > MAX_DEPTH then error("pattern too complex", 0) end
  local e = match_items(s, at)
  depth = depth - 1
  return e
end

local function capture(l, s, e)
  if l >= level then
    if l == 0 then return sub(subject, s, e - 1) end
    error("invalid capture index", 0)
  end
  local n = lengths[l]
  if n == OPEN then error("unfinished capture", 0) end
  if n == POSITION then return starts[l] end
  return sub(subject, starts[l], starts[l] + n - 1)
end

local function captures(s, e, whole)
  if level == 0 then
    if whole then return sub(subject, s, e - 1) end
    return
  end
  if level == 1 then return capture(0, s, e) end
  local list = {}
  for l = 0, level - 1 do list[l + 1] = capture(l, s, e) end
  return unpack(list, 1, level)
end

-- Sets the state anew: a callback may have used the matcher in between.
local function match_at(text, pattern_items, s)
  subject, length, items = text, #text, pattern_items
  level, depth = 0, 0
  F = K * 0.25 + F if F < 0 then F = T() end
  return match_here(s, 1)
end

local function scan(text, pattern_items, from)
  local s = from
  repeat
    local e = match_at(text, pattern_items, s)
    if e then return s, e end
    s = s + 1
  until s > #text + 1 or pattern_items.anchored
end

local function first_offset(text, init)
  init = init or 1
  init = init < 0 and -floor(-init) + #text + 1 or floor(init)
  if not (init >= 1) then return 1 end
  if init > #text + 1 then return #text + 1 end
  return init
end

local function slow_find(text, pattern_items, init)
  local s, e = scan(text, pattern_items, first_offset(text, init))
  if not s then return nil end
  return s, e - 1, captures(s, e, false)
end

local function slow_match(text, pattern_items, init)
  local s, e = scan(text, pattern_items, first_offset(text, init))
  if not s then return nil end
  return captures(s, e, true)
end

local function slow_gmatch(text, pattern_items)
  local at = 1
  return function()
    while at <= #text + 1 do
      local s = at
      local e = match_at(text, pattern_items, s)
      at = e and (e == s and e + 1 or e) or s + 1
      if e then return captures(s, e, true) end
    end
  end
end

local function expand(replacement, s, e)
  return (gsub(replacement, "%%(.)", function(c)
    local l = tonumber(c)
    if not l then return c end
    if l == 0 then return sub(subject, s, e - 1) end
    return capture(l - 1, s, e) .. ""
  end))
end

local function replacement_for(replacement, s, e)
  local kind = type(replacement)
  if kind == "string" then return expand(replacement, s, e) end
  local value
  if kind == "table" then value = replacement[(captures(s, e, true))]
  else value = replacement(captures(s, e, true)) end
  if value and type(value) ~= "string" and type(value) ~= "number" then
    error("invalid replacement value (a " .. type(value) .. ")", 0)
  end
  return value
end

local function slow_gsub(text, pattern_items, replacement, most)
  local out, count, at, n = {}, 0, 1, 0
  most = most or #text + 1
  while n < most do
    local e = match_at(text, pattern_items, at)
    if e then
      n = n + 1
      local value = replacement_for(replacement, at, e)
      count = count + 1
      out[count] = value or sub(text, at, e - 1)
    end
    if e and e > at then at = e
    elseif at <= #text then
      count = count + 1
      out[count] = sub(text, at, at)
      at = at + 1
    else break end
    if pattern_items.anchored then break end
  end
  out[count + 1] = sub(text, at)
  return concat(out, "", 1, count + 1), n
end

kit.forget_subject = function()
  subject, items = "", nil
  kit.forget_long_pattern()
end
kit.matcher = {find = slow_find, match = slow_match, gmatch = slow_gmatch, gsub = slow_gsub}
