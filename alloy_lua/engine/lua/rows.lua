-- Rows of scalars in MessagePack, read and written in straight lines for the batch drivers (drivers.py): LuaJIT
-- compiles a whole row, the script in the middle included, to one piece of machine code.
local kit = ...
local byte, sub, char, floor, type, error = string.byte, string.sub, string.char, math.floor, type, error
local out = kit.buffer.new()
local cell, big_endian = kit.double_cell, kit.big_endian

local EXACT = 9007199254740992
local NAN = 0 / 0

local function unsigned(text, at, n)
  local value = 0
  for i = at, at + n - 1 do value = value * 256 + byte(text, i) end
  return value
end

local function double(text, at)
  local a, b, c, d = byte(text, at + 1), byte(text, at + 2), byte(text, at + 3), byte(text, at + 4)
  local e, f, g, h = byte(text, at + 5), byte(text, at + 6), byte(text, at + 7), byte(text, at + 8)
  local sign = 1
  if a >= 128 then
    sign = -1
    a = a - 128
  end
  local exponent = a * 16 + floor(b / 16)
  local mantissa = ((b % 16 * 65536 + c * 256 + d) * 256 + e) * 16777216 + f * 65536 + g * 256 + h
  if exponent == 0 then return sign * mantissa * 2 ^ -1074 end
  if exponent == 2047 then return NAN end -- the drivers refuse it
  return sign * (1 + mantissa * 2 ^ -52) * 2 ^ (exponent - 1023)
end

local function read_long(text, at, tag)
  if tag >= 0xcc and tag <= 0xcf then
    local n = 2 ^ (tag - 0xcc)
    return unsigned(text, at + 1, n), at + 1 + n
  elseif tag == 0xd3 then
    local high, low = unsigned(text, at + 1, 4), unsigned(text, at + 5, 4)
    if high >= 2147483648 then high = high - 4294967296 end
    return high * 4294967296 + low, at + 9
  elseif tag >= 0xd0 and tag <= 0xd2 then
    local n = 2 ^ (tag - 0xd0)
    local value = unsigned(text, at + 1, n)
    if value >= 2 ^ (8 * n - 1) then value = value - 2 ^ (8 * n) end
    return value, at + 1 + n
  end
  if tag ~= 0xd9 and tag ~= 0xda and tag ~= 0xdb then error("no scalar") end
  local n = tag == 0xda and 2 or tag == 0xdb and 4 or 1 -- str 8, 16, 32
  local size = unsigned(text, at + 1, n)
  return sub(text, at + 1 + n, at + n + size), at + 1 + n + size
end

-- Returns the scalar at `at` and the offset behind it.
local function read(text, at)
  local tag = byte(text, at)
  if tag == 0xcb then return double(text, at), at + 9 end
  if tag >= 0xa0 and tag < 0xc0 then
    local size = tag - 0xa0
    return sub(text, at + 1, at + size), at + 1 + size
  end
  if tag < 0x80 then return tag, at + 1 end
  if tag == 0xc0 then return nil, at + 1 end
  if tag == 0xc2 then return false, at + 1 end
  if tag == 0xc3 then return true, at + 1 end
  if tag >= 0xe0 then return tag - 256, at + 1 end
  return read_long(text, at, tag)
end

local function write_number(x)
  if x >= 0 and x < 128 and x == floor(x) then return out:put(char(x)) end
  if x == floor(x) and x >= -EXACT and x <= EXACT then
    if x >= 0 then return out:put("\207", big_endian(8, x)) end
    return out:put("\211", big_endian(4, 4294967296 + floor(x / 4294967296)), big_endian(4, x % 4294967296))
  end
  cell.d = x
  local b = cell.b
  out:put(char(0xcb, b[7], b[6], b[5], b[4], b[3], b[2], b[1], b[0]))
end

local function write(value)
  local kind = type(value)
  if kind == "string" then
    local size = #value
    if size < 32 then out:put(char(0xa0 + size), value)
    else out:put("\219", big_endian(4, size), value) end
  elseif kind == "number" then write_number(value)
  elseif value == nil then out:put("\192")
  else out:put(value and "\195" or "\194") end
end

local function write_bytes(s) out:put("\198", big_endian(4, #s), s) end

kit.rows = {
  read = read, write = write, write_bytes = write_bytes,
  -- Returns the offset of the first element of a list.
  first = function(text)
    local tag = byte(text, 1)
    return tag == 0xdc and 4 or tag == 0xdd and 6 or 2
  end,
  begin = function(count)
    out:reset()
    out:put("\221", big_endian(4, count))
  end,
  mark = function(s) out:put(s) end,
  finish = function()
    local packed = out:get()
    if #packed > 1048576 then out:free() end
    return packed
  end,
}
