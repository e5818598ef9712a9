-- The Lua half of the host module str. Plain byte loops and plain finds only: LuaJIT compiles those.
local kit = ...

local byte, char, find, sub = string.byte, string.char, string.find, string.sub
local ascii_lower, ascii_upper, rep, reverse_bytes = string.lower, string.upper, string.rep, string.reverse
local concat, type, tostring = table.concat, type, tostring
local unicode_lower, unicode_upper = kit.host("str.unicode_lower"), kit.host("str.unicode_upper")
local unicode_title, unicode_slug = kit.host("str.unicode_title"), kit.host("str.unicode_slug")

-- Arguments ------------------------------------------------------------------------------------------------

local function as_text(name, index, param, value)
  if type(value) == "number" then return tostring(value) end
  return kit.bad(name, index, param, value, "string")
end

local function as_part(name, index, param, value)
  if type(value) ~= "string" then value = as_text(name, index, param, value) end
  if value == "" then return kit.bad(name, index, param, value, "a string that is not empty") end
  return value
end

local function as_integer(name, index, param, value)
  if type(value) ~= "number" or value % 1 ~= 0 then return kit.bad(name, index, param, value, "integer") end
  return value
end

local function as_limit(name, index, param, value)
  if value == nil then return 1 / 0 end
  value = as_integer(name, index, param, value)
  if value < 1 then return kit.bad(name, index, param, value, "an integer of at least 1") end
  return value
end

-- Code points: a byte from 128 to 191 continues the code point before it ------------------------------------

local is_ascii = kit.is_ascii

local function count_points(s)
  local size = #s
  if size == 0 then return 0 end
  local points = 1
  for i = 2, size do
    local b = byte(s, i)
    if b < 128 or b > 191 then points = points + 1 end
  end
  return points
end

-- Returns the first byte of code point n; one past the end for any later one.
local function start_of_point(s, n)
  local size, i = #s, 1
  while n > 1 and i <= size do
    i = i + 1
    local b = byte(s, i)
    if i > size or b < 128 or b > 191 then n = n - 1 end
  end
  return i
end

-- Returns code points first to last, both counted from 1 and in order.
local function slice(s, first, last)
  local from = start_of_point(s, first)
  local rest = sub(s, from)
  return sub(rest, 1, start_of_point(rest, last - first + 2) - 1)
end

-- Blanks: space, tab, line feed, vertical tab, form feed, carriage return -----------------------------------

-- The first few bytes are looked at without a loop, and counted instead of asked: LuaJIT compiles a hook in one piece
-- as long as it meets neither a loop nor a branch that goes now this way and now that.

local blank = {}
for b = 0, 255 do blank[b] = (b == 32 or (b >= 9 and b <= 13)) and 1 or 0 end

local function first_mark_from(s, i)
  for at = i, #s do
    local b = byte(s, at)
    if b ~= 32 and (b < 9 or b > 13) then return at end
  end
  return #s + 1
end

local function first_mark(s)
  if #s < 3 then return first_mark_from(s, 1) end
  local a, b, c = byte(s, 1, 3)
  local one = blank[a]
  local two = one * blank[b]
  local three = two * blank[c]
  if three == 1 then return first_mark_from(s, 4) end
  return 1 + one + two
end

local function last_mark_from(s, first, i)
  for at = i, first, -1 do
    local b = byte(s, at)
    if b ~= 32 and (b < 9 or b > 13) then return at end
  end
  return first - 1
end

local function last_mark(s, first)
  local size = #s
  if size - first < 2 then return last_mark_from(s, first, size) end
  local c, b, a = byte(s, size - 2, size)
  local one = blank[a]
  local two = one * blank[b]
  local three = two * blank[c]
  if three == 1 then return last_mark_from(s, first, size - 3) end
  return size - one - two
end

local function trim(s)
  if type(s) ~= "string" then s = as_text("str.trim", 1, "s", s) end
  local first = first_mark(s)
  return sub(s, first, last_mark(s, first))
end

local function ltrim(s)
  if type(s) ~= "string" then s = as_text("str.ltrim", 1, "s", s) end
  return sub(s, first_mark(s))
end

local function rtrim(s)
  if type(s) ~= "string" then s = as_text("str.rtrim", 1, "s", s) end
  return sub(s, 1, last_mark(s, 1))
end

local function is_blank(s)
  if s == nil then return true end
  if type(s) ~= "string" then s = as_text("str.is_blank", 1, "s", s) end
  return first_mark(s) > #s
end

-- Case -----------------------------------------------------------------------------------------------------

local function lower(s)
  if type(s) ~= "string" then s = as_text("str.lower", 1, "s", s) end
  if is_ascii(s) then return ascii_lower(s) end
  return unicode_lower(s)
end

local function upper(s)
  if type(s) ~= "string" then s = as_text("str.upper", 1, "s", s) end
  if is_ascii(s) then return ascii_upper(s) end
  return unicode_upper(s)
end

local function is_letter(b)
  return b >= 97 and b <= 122
end

local function is_digit(b)
  return b >= 48 and b <= 57
end

local function title(s)
  if type(s) ~= "string" then s = as_text("str.title", 1, "s", s) end
  if not is_ascii(s) then return unicode_title(s) end
  s = ascii_lower(s)
  local parts, n, done, inside = {}, 0, 0, false
  for i = 1, #s do
    local b = byte(s, i)
    if not inside and is_letter(b) then
      n = n + 1
      parts[n] = sub(s, done + 1, i - 1) .. char(b - 32)
      done = i
    end
    inside = is_letter(b) or is_digit(b) or (inside and b == 39)
  end
  return concat(parts) .. sub(s, done + 1)
end

local function slug(s)
  if type(s) ~= "string" then s = as_text("str.slug", 1, "s", s) end
  if not is_ascii(s) then s = unicode_slug(s) end
  s = ascii_lower(s)
  local parts, n, start = {}, 0, nil
  for i = 1, #s + 1 do
    local b = byte(s, i) or 32
    local wanted = is_letter(b) or is_digit(b)
    if wanted and not start then
      start = i
    elseif start and not wanted then
      n = n + 1
      parts[n] = sub(s, start, i - 1)
      start = nil
    end
  end
  return concat(parts, "-")
end

-- Parts ----------------------------------------------------------------------------------------------------

local function split(s, sep, limit)
  if type(s) ~= "string" then s = as_text("str.split", 1, "s", s) end
  sep = as_part("str.split", 2, "sep", sep)
  limit = as_limit("str.split", 3, "limit", limit)
  local parts, n, from = {}, 1, 1
  while n < limit do
    local first, last = find(s, sep, from, true)
    if not first then break end
    parts[n] = sub(s, from, first - 1)
    n, from = n + 1, last + 1
  end
  parts[n] = sub(s, from)
  return parts
end

local function join(list, sep)
  if type(list) ~= "table" then return kit.bad("str.join", 1, "list", list, "list") end
  if sep == nil then sep = "" end
  if type(sep) ~= "string" then sep = as_text("str.join", 2, "sep", sep) end
  for i = 1, #list do
    local kind = type(list[i])
    if kind ~= "string" and kind ~= "number" then
      return kit.bad("str.join", 1, "list", list[i], "strings and numbers only")
    end
  end
  return concat(list, sep)
end

local function lines(s)
  if type(s) ~= "string" then s = as_text("str.lines", 1, "s", s) end
  local parts, n, from, i, size = {}, 0, 1, 1, #s
  while i <= size do
    local b = byte(s, i)
    if b == 10 or b == 13 then
      n = n + 1
      parts[n] = sub(s, from, i - 1)
      if b == 13 and byte(s, i + 1) == 10 then i = i + 1 end
      from = i + 1
    end
    i = i + 1
  end
  if from <= size then parts[n + 1] = sub(s, from) end
  return parts
end

local function words(s)
  if type(s) ~= "string" then s = as_text("str.words", 1, "s", s) end
  local parts, n, start = {}, 0, nil
  for i = 1, #s + 1 do
    local b = byte(s, i) or 32
    local blank = b == 32 or (b >= 9 and b <= 13)
    if not blank and not start then
      start = i
    elseif blank and start then
      n = n + 1
      parts[n] = sub(s, start, i - 1)
      start = nil
    end
  end
  return parts
end

-- Search ---------------------------------------------------------------------------------------------------

local function starts_with(s, prefix)
  if type(s) ~= "string" then s = as_text("str.starts_with", 1, "s", s) end
  if type(prefix) ~= "string" then prefix = as_text("str.starts_with", 2, "prefix", prefix) end
  return sub(s, 1, #prefix) == prefix
end

local function ends_with(s, suffix)
  if type(s) ~= "string" then s = as_text("str.ends_with", 1, "s", s) end
  if type(suffix) ~= "string" then suffix = as_text("str.ends_with", 2, "suffix", suffix) end
  return #suffix <= #s and sub(s, #s - #suffix + 1) == suffix
end

local function contains(s, part)
  if type(s) ~= "string" then s = as_text("str.contains", 1, "s", s) end
  if type(part) ~= "string" then part = as_text("str.contains", 2, "part", part) end
  return find(s, part, 1, true) ~= nil
end

local function index_of(s, part, from)
  if type(s) ~= "string" then s = as_text("str.index_of", 1, "s", s) end
  part = as_part("str.index_of", 2, "part", part)
  from = as_limit("str.index_of", 3, "from", from == nil and 1 or from)
  local first = find(s, part, start_of_point(s, from), true)
  if not first then return nil end
  return count_points(sub(s, 1, first - 1)) + 1
end

local function count(s, part)
  if type(s) ~= "string" then s = as_text("str.count", 1, "s", s) end
  part = as_part("str.count", 2, "part", part)
  local n = 0
  local _, last = find(s, part, 1, true)
  while last do
    n = n + 1
    _, last = find(s, part, last + 1, true)
  end
  return n
end

local function replace(s, from, to, limit)
  if type(s) ~= "string" then s = as_text("str.replace", 1, "s", s) end
  from = as_part("str.replace", 2, "from", from)
  if type(to) ~= "string" then to = as_text("str.replace", 3, "to", to) end
  limit = as_limit("str.replace", 4, "count", limit)
  local parts, n, start = {}, 0, 1
  while n < limit do
    local first, last = find(s, from, start, true)
    if not first then break end
    n = n + 1
    parts[n] = sub(s, start, first - 1)
    start = last + 1
  end
  parts[n + 1] = sub(s, start)
  return concat(parts, to)
end

-- Lengths and positions, in code points --------------------------------------------------------------------

local function length(s)
  if type(s) ~= "string" then s = as_text("str.length", 1, "s", s) end
  return count_points(s)
end

local function sub_points(s, first, last)
  if type(s) ~= "string" then s = as_text("str.sub", 1, "s", s) end
  first = as_integer("str.sub", 2, "i", first)
  last = last == nil and -1 or as_integer("str.sub", 3, "j", last)
  local points = count_points(s)
  if first < 0 then first = points + first + 1 end
  if last < 0 then last = points + last + 1 end
  if first < 1 then first = 1 end
  if last > points then last = points end
  if first > last then return "" end
  if points == #s then return sub(s, first, last) end
  return slice(s, first, last)
end

local function reverse(s)
  if type(s) ~= "string" then s = as_text("str.reverse", 1, "s", s) end
  if is_ascii(s) then return reverse_bytes(s) end
  local parts, n, stop = {}, 0, #s
  for i = #s, 1, -1 do
    local b = byte(s, i)
    if b < 128 or b > 191 or i == 1 then
      n = n + 1
      parts[n] = sub(s, i, stop)
      stop = i - 1
    end
  end
  return concat(parts)
end

local function truncate(s, n, ellipsis)
  if type(s) ~= "string" then s = as_text("str.truncate", 1, "s", s) end
  n = as_integer("str.truncate", 2, "n", n)
  if n < 0 then return kit.bad("str.truncate", 2, "n", n, "an integer of at least 0") end
  if ellipsis == nil then ellipsis = "\226\128\166" end
  if type(ellipsis) ~= "string" then ellipsis = as_text("str.truncate", 3, "ellipsis", ellipsis) end
  if count_points(s) <= n then return s end
  local kept = n - count_points(ellipsis)
  if kept < 0 then return slice(s, 1, n) end
  return slice(s, 1, kept) .. ellipsis
end

local function padding(name, s, width, fill)
  width = as_integer(name, 2, "width", width)
  if fill == nil then fill = " " end
  if type(fill) ~= "string" then fill = as_text(name, 3, "fill", fill) end
  if count_points(fill) ~= 1 then return kit.bad(name, 3, "fill", fill, "one character") end
  local missing = width - count_points(s)
  return missing > 0 and rep(fill, missing) or ""
end

local function pad_left(s, width, fill)
  if type(s) ~= "string" then s = as_text("str.pad_left", 1, "s", s) end
  return padding("str.pad_left", s, width, fill) .. s
end

local function pad_right(s, width, fill)
  if type(s) ~= "string" then s = as_text("str.pad_right", 1, "s", s) end
  return s .. padding("str.pad_right", s, width, fill)
end

return {
  trim = trim, ltrim = ltrim, rtrim = rtrim, is_blank = is_blank,
  lower = lower, upper = upper, title = title, slug = slug,
  split = split, join = join, lines = lines, words = words,
  starts_with = starts_with, ends_with = ends_with, contains = contains, index_of = index_of, count = count,
  replace = replace, length = length, sub = sub_points, reverse = reverse, truncate = truncate,
  pad_left = pad_left, pad_right = pad_right,
}
