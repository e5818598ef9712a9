-- The guarded string library: each function costs fuel in proportion to its work, and none runs long in C.
local kit = ...
local S = string
local byte, sub, rep, find, match, gsub, gmatch, format = S.byte, S.sub, S.rep, S.find, S.match, S.gsub, S.gmatch, S.format
local lower, upper, reverse, len, char = S.lower, S.upper, S.reverse, S.len, S.char
local type, tonumber, select, error, unpack = type, tonumber, select, error, unpack
local concat = table.concat
local charge, charge_bytes = kit.meter.charge, kit.meter.charge_bytes
local long_string, reserve = kit.meter.long_string, kit.meter.reserve
local short, short_numbers, more_text, number, look = kit.short, kit.short_numbers, kit.more_text, kit.number, kit.look
local info, slow, tostring = kit.patterns.info, kit.matcher, kit.tostring

local LONG = 256 -- bytes that one check covers
local SCANNED = 64 -- subjects beyond this pay for the scan
local HUGE = 65536 -- results beyond this make the meter look at memory at once
local LARGEST = 1e8
local MAX_LINEAR = 1e6 -- steps that one scan in C may take
local MAX_PATTERN = 2000 -- bytes
local MAX_FORMAT = 65536 -- bytes
local MAX_SHOWS = 65536 -- bytes, about, of formats whose kind is remembered from run to run
local MAX_DIRECTIVES = 1000 -- in one format
local PIECE = 65536 -- bytes of a text that one plain find in C goes through
local UNCHECKED = 16 -- bytes of a subject whose callbacks C may call: they may have no check of their own
local MAX_NESTED_GSUB = 12 -- C's gsub keeps 8 KB of stack per level and has no limit of its own

local function sized(result)
  local n = #result
  if n > LONG then
    charge_bytes(n)
    if n > HUGE then long_string(n) end
  end
  return result
end
local function pay(s)
  if type(s) == "string" and #s > LONG then charge_bytes(#s) end
end

local G = {len = len}
function G.char(...)
  local a, b, c, d = ...
  if type(a) == "string" or type(b) == "string" or type(c) == "string" or type(d) == "string" or more_text(...) then
    return char(short_numbers(...))
  end
  return char(...)
end
function G.byte(s, i, j)
  if type(i) == "string" then i = short(i) end
  if j == nil then
    if i == nil then return byte(s) end
    return byte(s, i)
  end
  if type(j) == "string" then j = short(j) end
  return byte(s, i, j)
end
function G.sub(s, i, j)
  pay(s)
  if type(i) == "string" then i = short(i) end
  if type(j) == "string" then j = short(j) end
  if j == nil then j = -1 end -- not `j or -1`: false is an error
  return sub(s, i, j)
end
function G.lower(s)
  pay(s)
  return lower(s)
end
function G.upper(s)
  pay(s)
  return upper(s)
end
function G.reverse(s)
  pay(s)
  return reverse(s)
end
function G.rep(s, n, sep)
  if type(s) == "number" then s = s .. "" end
  if type(sep) == "number" then sep = sep .. "" end
  n = number(n)
  if type(s) == "string" and type(n) == "number" and n > 0 then
    local total = n * (#s + (type(sep) == "string" and #sep or 0))
    if total > LARGEST then error("resulting string too large", 2) end
    if total > LONG then charge_bytes(total) end
    if n > LONG then charge_bytes(n) end
    if total > HUGE then
      reserve(total)
      long_string(total)
    end
  end
  if sep == nil then return rep(s, n) end
  return rep(s, n, sep)
end

-- What is known of a format: whether it shows values by %s or %q, which could be tables (and show an address).
local shows, shows_bytes = {}, 0
local function examine(f)
  local bare = gsub(f, "%%%%", "")
  local _, directives = gsub(bare, "%%", "")
  if directives > MAX_DIRECTIVES then
    error("format with too many directives (" .. directives .. ", wanted at most " .. MAX_DIRECTIVES .. ")", 4)
  end
  if find(bare, "%%[-+ #0-9.]*p") then error("invalid option '%p' to 'format'", 4) end
  local found = find(bare, "%%[-+ #0-9.]*[sq]") ~= nil
  if #f <= LONG then
    shows_bytes = shows_bytes + 80 + #f
    if shows_bytes > MAX_SHOWS then shows, shows_bytes = {}, 80 + #f end
    shows[f] = found
  end
  return found
end

local SHOWN = {table = true, ["function"] = true, thread = true, userdata = true}
local NUMERIC = {} -- directives that refuse what is no number; any other would show an address
for kind in gmatch("cdiuoxXaAeEfFgG", ".") do NUMERIC[kind] = true end
-- `price` is that of one directive, negative as K is.
local function checked(price, f, ...)
  local list, n, i = {...}, select("#", ...), 0
  for kind in gmatch(f, "%%[-+ #0]*%d*%.?%d*(.)") do
    F = price + F if F < 0 then F = T() end
    if kind ~= "%" then i = i + 1 end
    if NUMERIC[kind] then
      if type(list[i]) == "string" then list[i] = short(list[i]) end
    elseif SHOWN[type(list[i])] then list[i] = tostring(list[i]) end
  end
  return (format(f, unpack(list, 1, n))) -- no tail call: an error names this one
end
local function long(v) return type(v) == "string" and #v > LONG end
local unfinished = false -- whether the last call of format failed: it may have taken long, and paid nothing
local function formatted(f, ...)
  local a, b, c, d = ...
  if shows[f] or (shows[f] == nil and examine(f)) then
    if SHOWN[type(a)] or SHOWN[type(b)] or SHOWN[type(c)] or SHOWN[type(d)] or select("#", ...) > 4 then
      return checked(K, f, ...)
    end
    if long(a) or long(b) or long(c) or long(d) then return checked(0, f, ...) end
  elseif type(a) == "string" or type(b) == "string" or type(c) == "string" or type(d) == "string" or more_text(...) then
    return (format(f, short_numbers(...)))
  end
  return (format(f, ...))
end
function G.format(f, ...)
  if unfinished then look() end
  unfinished = true
  if type(f) == "string" then
    if #f > LONG then
      charge_bytes(#f)
      if #f > MAX_FORMAT then error("format too long (" .. #f .. " bytes, wanted at most " .. MAX_FORMAT .. ")", 2) end
    end
    f = formatted(f, ...)
  else f = format(f, ...) end
  unfinished = false
  return sized(f)
end

-- What find(s, p, at, true) says, in pieces of s: C takes some nanoseconds for each byte of s, unless p is one byte.
local function find_in_pieces(s, p, at)
  local n, m, piece = #s, #p, 4096
  if m < 2 then return find(s, p, at, true) end
  while n - at > PIECE do
    local a = find(sub(s, at, at + piece + m - 2), p, 1, true)
    if a then return at + a - 1, at + a + m - 2 end
    at = at + piece
    if piece < PIECE then piece = piece * 2 else look() end
  end
  return find(s, p, at, true)
end

-- memchr and memcmp: n * m at worst. Long needles are looked for by their head.
local function plain_find(s, p, init)
  local n, m = #s, #p
  init = tonumber(init) or 1
  init = init < 0 and init + -init % 1 + n + 1 or init - init % 1
  if not (init >= 1) then init = 1 end
  if init > n + 1 then return nil end
  if n > LONG then charge_bytes(n) end
  if m <= 8 then return find_in_pieces(s, p, init) end
  if n * m <= 262144 then return find(s, p, init, true) end
  local head, at = sub(p, 1, 8), init
  while true do
    local a = find_in_pieces(s, head, at)
    charge_bytes(((a or n) - at) * 8 + 256)
    if not a then return nil end
    if sub(s, a, a + m - 1) == p then return a, a + m - 1 end
    charge_bytes(m)
    at = a + 1
  end
end

-- Returns the items for the metered matcher if s is too long for p to be safe in C; else pays for the scan.
local function unsafe_items(s, p)
  if #p > MAX_PATTERN then error("pattern too long (" .. #p .. " bytes, wanted at most " .. MAX_PATTERN .. ")", 3) end
  local known = info(p)
  if not known then return nil end
  local n = #s
  if n > known.longest then
    if not known.linear or n * known.coefficient > MAX_LINEAR then return known.items end
    charge_bytes(n * known.coefficient)
  elseif n > SCANNED then
    F = K * 8 + F if F < 0 then F = T() end
  end
end
local function text(s) return type(s) == "number" and s .. "" or s end

function G.find(s, p, init, plain)
  s, p, init = text(s), text(p), number(init)
  if type(s) == "string" and type(p) == "string" then
    if plain then return plain_find(s, p, init) end
    local items = unsafe_items(s, p)
    if items then return slow.find(s, items, init) end
  end
  return find(s, p, init or 1)
end

-- What LuaJIT can compile, where C's match would end the machine code: a text with no magic in it, and trimming.
local TRIM = "^%s*(.-)%s*$"
local function mark_from(s, i, last, step)
  for at = i, last, step do
    local b = byte(s, at)
    if b ~= 32 and (b < 9 or b > 13) then return at end
  end
  return last + step
end
local function mark(s, i, last, step)
  local b = byte(s, i)
  if b and b ~= 32 and (b < 9 or b > 13) then return i end
  return mark_from(s, i, last, step)
end
local function trimmed(s)
  local n = #s
  local first = mark(s, 1, n, 1)
  return sub(s, first, mark(s, n, first, -1))
end

function G.match(s, p, init)
  s, p, init = text(s), text(p), number(init)
  if type(s) == "string" and type(p) == "string" then
    local items = unsafe_items(s, p)
    if items then return slow.match(s, items, init) end
    if init == nil then
      if p == TRIM then return trimmed(s) end
      local known = info(p)
      if known and known.literal then return find(s, p, 1, true) and p or nil end
    end
  end
  return match(s, p, init or 1)
end
-- C's iterator rescans from where it stands: each step is one bounded match, paid for by the loop's own check.
function G.gmatch(s, p)
  s, p = text(s), text(p)
  if type(s) == "string" and type(p) == "string" then
    local literal = byte(p, 1) == 94 and "%" .. p or p -- gmatch has no anchor
    local items = unsafe_items(s, literal)
    if items then return slow.gmatch(s, items) end
  end
  return gmatch(s, p)
end

local function replaced(s, r, a, e, ...)
  if not a then return nil end
  local key = ...
  if select("#", ...) == 0 then key = sub(s, a, e) end
  local value
  if type(r) == "table" then value = r[key]
  elseif select("#", ...) == 0 then value = r(key)
  else value = r(...) end
  if not value then return a, e, sub(s, a, e) end
  if type(value) == "number" then value = value .. "" end
  if type(value) ~= "string" then error("invalid replacement value (a " .. type(value) .. ")", 0) end
  return a, e, value
end
-- gsub with callbacks as a loop over find: no C frame between the callbacks.
local function gsub_loop(s, p, r, most)
  local out, count, at, n, size = {}, 0, 1, 0, #s
  most = most or size + 1
  local anchored = byte(p, 1) == 94
  while n < most do
    F = K + F if F < 0 then F = T() end
    local a, e, value = replaced(s, r, find(s, p, at))
    if not a then break end
    n = n + 1
    if a > at then
      count = count + 1
      out[count] = sub(s, at, a - 1)
    end
    count = count + 1
    out[count] = value
    if e >= a then at = e + 1
    elseif a <= size then
      count = count + 1
      out[count] = sub(s, a, a)
      at = a + 1
    else
      at = a
      break
    end
    if anchored then break end
  end
  if at <= size then
    count = count + 1
    out[count] = sub(s, at)
  end
  return concat(out, "", 1, count), n
end

local nested, nested_serial = 0, 0
local function gsub_callback(s, p, r, most)
  local current = kit.meter.serial()
  if nested_serial ~= current then
    nested_serial = current
    nested = 0
  end
  if nested >= MAX_NESTED_GSUB or #s > (type(r) == "function" and UNCHECKED or LONG) then return gsub_loop(s, p, r, most) end
  nested = nested + 1 -- an error in the callback leaves it high: later calls are only slower
  local out, n
  if most == nil then out, n = gsub(s, p, r) else out, n = gsub(s, p, r, most) end
  nested = nested - 1
  charge(n)
  return out, n
end
local REPLACEMENTS = {string = true, table = true, ["function"] = true}
function G.gsub(s, p, r, most)
  s, p, r, most = text(s), text(p), text(r), number(most)
  if (most ~= nil and type(most) ~= "number") or type(s) ~= "string" or type(p) ~= "string" or not REPLACEMENTS[type(r)] then return gsub(s, p, r, most) end
  local items = unsafe_items(s, p)
  local out, n
  if items then out, n = slow.gsub(s, items, r, most)
  elseif type(r) ~= "string" then out, n = gsub_callback(s, p, r, most)
  elseif most == nil then out, n = gsub(s, p, r)
  else out, n = gsub(s, p, r, most) end
  return sized(out), n
end

-- One C call instead of a loop: LuaJIT compiles a caller in one piece only if it meets no loop. strspn stops at
-- NUL, so a string with one counts as not plain ASCII.
local strspn, ascii, short_ascii = kit.strspn, kit.ascii_bytes, kit.short_ascii
kit.is_ascii = function(s)
  local n = #s
  if n >= 8 and n <= 32 then return short_ascii(s, n) end
  pay(s)
  return strspn(s, ascii) == #s
end

kit.string = G
