-- Lua patterns: parsed to items, with a bound on the worst case of matching them in C.
--
-- The bound walks the items and keeps "visits = c * n^d": how often control can reach an item for a subject of
-- n bytes. A repetition multiplies later visits by n, unless nothing after it can fail, or what must come next
-- is disjoint from the repeated class (then only one continuation survives its first step).
-- `info(p).longest` is the longest subject whose worst case stays under MAX_STEPS; longer subjects go to the
-- metered matcher (matcher.lua), unless the whole scan is linear.
local kit = ...
local byte, sub, find, gmatch = string.byte, string.sub, string.find, string.gmatch
local floor = math.floor
local tonumber = tonumber
local yield_slice, check_time, charge_bytes = kit.meter.yield_slice, kit.meter.check_time, kit.meter.charge_bytes

local MAX_STEPS = 20000
local MAX_CACHED = 262144 -- bytes, about: patterns and classes stay from run to run
local LONGEST_CACHED = 256 -- bytes
local SET_BYTES, ITEM_BYTES, PATTERN_BYTES = 2400, 200, 400 -- what is kept for each, about
local MAX_COEFFICIENT = 100
local QUANTIFIERS = {["*"] = true, ["+"] = true, ["-"] = true, ["?"] = true}

local EVERY_BYTE = ""
for c = 0, 255 do EVERY_BYTE = EVERY_BYTE .. string.char(c) end

local cache, sets, cached = {}, {}, 0
local emptied = 0 -- how often both were
local function keep(bytes)
  cached = cached + bytes
  if cached > MAX_CACHED then
    cache, sets, cached = {}, {}, bytes
    emptied = emptied + 1
  end
end
-- A literal's set has one entry, and there are no more than 256: they stay.
local literals = {}

-- Returns the 256-entry set of bytes that `text`, a single class in pattern syntax, matches.
local function class_set(text)
  local set = sets[text] or literals[text]
  if set then return set end
  if #text == 1 and text ~= "." then
    set = {[byte(text)] = true, size = 1}
    literals[text] = set
    return set
  end
  set = {}
  local size = 0
  for c = 0, 255 do set[c] = false end
  for c in gmatch(EVERY_BYTE, text) do
    set[byte(c)] = true
    size = size + 1
  end
  set.size = size
  if #text <= LONGEST_CACHED then
    keep(SET_BYTES + #text)
    sets[text] = set
  end
  return set
end

local function disjoint(a, b)
  for c = 0, 255 do
    if a[c] and b[c] then return false end
  end
  return true
end

-- Returns the offset after the bracket class that starts at i, or nil if it is malformed.
local function bracket_end(p, i)
  local n = #p
  local e = i + 1
  if sub(p, e, e) == "^" then e = e + 1 end
  repeat
    if e > n then return nil end
    local c = sub(p, e, e)
    e = e + 1
    if c == "%" then
      if e > n then return nil end
      e = e + 1
    end
  until sub(p, e, e) == "]" or e > n
  if e > n then return nil end
  return e + 1
end

-- Returns the next single-class item and the offset after it, or nil if the pattern is malformed.
local function parse_class(p, i, c)
  local n = #p
  local e
  if c == "%" then
    if i + 1 > n then return nil end
    e = i + 2
  elseif c == "[" then
    e = bracket_end(p, i)
    if not e then return nil end
  else
    e = i + 1
  end
  local text = sub(p, i, e - 1)
  if text == "$" or text == "^" then text = "%" .. text end -- literal in the middle of a pattern
  local item = {kind = "one", set = class_set(text), width = e - i}
  local q = sub(p, e, e)
  if QUANTIFIERS[q] then
    item.quantifier = q
    e = e + 1
  end
  return item, e
end

-- Returns the item at i and the offset after it, or nil if the pattern is malformed (C then reports it).
local function parse_item(p, i)
  local c, d = sub(p, i, i), sub(p, i + 1, i + 1)
  if c == "(" then
    if d == ")" then return {kind = "position"}, i + 2 end
    return {kind = "open"}, i + 1
  elseif c == ")" then
    return {kind = "close"}, i + 1
  elseif c == "$" and i == #p then
    return {kind = "end"}, i + 1
  elseif c == "%" and d == "b" then
    local x, y = byte(p, i + 2, i + 3)
    if not y then return nil end
    return {kind = "balance", open = x, close = y}, i + 4
  elseif c == "%" and find(d, "^%d") then
    return {kind = "reference", level = tonumber(d)}, i + 2
  elseif c == "%" and d == "f" then
    if sub(p, i + 2, i + 2) ~= "[" then return nil end
    local e = bracket_end(p, i + 2)
    if not e then return nil end
    return {kind = "frontier", set = class_set(sub(p, i + 2, e - 1)), width = e - i}, e
  end
  return parse_class(p, i, c)
end

local function parse(p)
  local zero = find(p, "\0", 1, true) -- C ends a pattern at its first NUL
  if zero then p = sub(p, 1, zero - 1) end
  local items, i = {}, 1
  if sub(p, 1, 1) == "^" then
    items.anchored = true
    i = 2
  end
  while i <= #p do
    check_time()
    local item, e = parse_item(p, i)
    if not item then return nil end
    items[#items + 1] = item
    i = e
  end
  return items
end

local CAPTURE = {open = true, close = true, position = true}

-- Returns following[i]: the first item after i that is no capture, and the place of the first of all.
local function next_consuming(items)
  local following, found = {}, nil
  for i = #items, 0, -1 do
    following[i] = found
    if i > 0 and not CAPTURE[items[i].kind] then found = i end
  end
  return following
end

-- Returns fails[i]: whether anything after item i can fail.
local function can_fail_after(items)
  local fails, failing, nullable = {}, false, true
  for i = #items, 1, -1 do
    fails[i] = failing
    local item = items[i]
    local kind, q = item.kind, item.quantifier
    if CAPTURE[kind] then -- captures consume nothing
    elseif kind == "end" then failing = true
    elseif kind == "one" and (q == "*" or q == "-") and item.set.size == 256 and nullable then failing = false
    elseif kind == "one" and (q == "*" or q == "?" or q == "-") then -- matches the empty string
    else
      failing = true
      nullable = false
    end
  end
  return fails
end

local function must_differ(item, following)
  return following and following.kind == "one" and (following.quantifier == nil or following.quantifier == "+")
    and disjoint(item.set, following.set)
end

-- Returns the worst case of one match attempt as coefficients by degree, and whether failing starts are retried.
local function worst_case(items)
  local c, d = 1, 0
  local poly, degree = {[0] = 0}, 0
  local function add(k, deg)
    poly[deg] = (poly[deg] or 0) + k
    if deg > degree then degree = deg end
  end
  local fails, next_item = can_fail_after(items), next_consuming(items)
  for i = 1, #items do
    local item = items[i]
    local kind, q, width = item.kind, item.quantifier, item.width
    local following = next_item[i] and items[next_item[i]]
    if kind == "one" and not q then
      add(c * width, d)
    elseif kind == "one" and q == "?" then
      add(c * (width + 1), d)
      if fails[i] and not must_differ(item, following) then c = c * 2 end
    elseif kind == "one" then
      add(c * width, d + 1)
      if not fails[i] then -- the first continuation succeeds
      elseif must_differ(item, following) then add(c * following.width, d + 1)
      elseif following and following.kind == "end" then add(c, d + 1)
      else d = d + 1 end
    elseif kind == "balance" or kind == "reference" then add(c, d + 1)
    elseif kind == "frontier" then add(c * 2 * width, d)
    else add(c, d) end
  end
  local at = next_item[0]
  local first = at and items[at]
  local once = items.anchored
    or (first and first.kind == "one" and (first.quantifier == nil or first.quantifier == "+") and not fails[at])
  return poly, degree, once and 0 or 1
end

local function longest_within(poly, degree, starts)
  local function steps(n)
    local sum = 0
    for d = 0, degree do sum = sum + (poly[d] or 0) * (n + 1) ^ d end
    return starts == 1 and sum * (n + 1) or sum
  end
  local low, high = 0, 1e9
  if steps(high) <= MAX_STEPS then return high end
  while high - low > 1 do
    local middle = floor((low + high) / 2)
    if steps(middle) <= MAX_STEPS then low = middle else high = middle end
  end
  return low
end

local function analyse(p)
  local items = parse(p)
  if not items then return false end
  local poly, degree, starts = worst_case(items)
  local coefficients = 0
  for d = 0, degree do coefficients = coefficients + (poly[d] or 0) end
  return {
    items = items,
    longest = longest_within(poly, degree, starts),
    linear = degree + starts <= 1 and coefficients < MAX_COEFFICIENT,
    coefficient = coefficients,
    literal = p ~= "" and not find(p, "[%z%^$*+?.()[%]%%-]"),
  }
end

-- A long pattern is never kept beyond the run, and pays each time.
local long_pattern, long_known
local function long_info(p)
  charge_bytes(#p * 16)
  if p ~= long_pattern then
    long_pattern, long_known = nil, nil
    long_known = analyse(p)
    long_pattern = p
  end
  return long_known
end

-- Returns what is known of pattern p, or false if it is malformed. The cost in fuel must not depend on the cache (fuel
-- is deterministic), so a miss only hands the slice back: the next check
-- looks at the clock.
local function info(p)
  local known = cache[p]
  if known ~= nil then return known end
  yield_slice()
  if #p > LONGEST_CACHED then return long_info(p) end
  local before = emptied
  known = analyse(p)
  keep(PATTERN_BYTES + #p + ITEM_BYTES * (known and #known.items or 0))
  if emptied == before then cache[p] = known end -- or its sets would be kept, but not counted
  return known
end

kit.forget_long_pattern = function() long_pattern, long_known = nil, nil end
kit.patterns = {info = info, parse = parse}
