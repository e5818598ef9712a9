-- MessagePack, the form in which structured values cross between Python and Lua.
-- Source: https://github.com/msgpack/msgpack/blob/master/spec.md (of extension types only one: a secret's name).
--
-- Decoded lists carry the metatable LIST so that an empty one stays a list. A nil inside a list or table becomes
-- `null`; only down to `nil_depth`, where tables hold fields, a nil stays nil. Both directions are paid for in fuel and stop at a depth and at a size.
local kit = ...
local byte, sub, char, reverse, rep = string.byte, string.sub, string.char, string.reverse, string.rep
local floor, type, error, setmetatable, concat = math.floor, type, error, setmetatable, table.concat
local charge, charge_bytes = kit.meter.charge, kit.meter.charge_bytes
local rawget, rawmetatable, rawlen = rawget, kit.rawmetatable, kit.rawlen
local sorted_keys, protected = kit.sorted_keys, kit.protected
local null = kit.null

local LIST = {__metatable = false}
local BIN = {__metatable = false} -- marks {packed}: bytes that are not text
local EXACT = 9007199254740992 -- 2^53: beyond it neighbouring integers are one number

-- A secret is a handle of its own kind; only its name ever crosses.
local SECRET = 1
local secret_names = setmetatable({}, {__mode = "k"})
local secrets = setmetatable({}, {__mode = "v"})
local function secret_of(name)
  local handle = secrets[name]
  if not handle then
    handle = kit.sentinel("secret(" .. name .. ")")
    secrets[name], secret_names[handle] = handle, name
  end
  return handle
end

local function invalid(message) error({code = "invalid_value", message = message}, 0) end

-- Decoding ------------------------------------------------------------------------------------------------
local text, at, deepest, levels, nil_depth
local decode_value

local function unsigned(n)
  local value = 0
  for i = at, at + n - 1 do value = value * 256 + byte(text, i) end
  at = at + n
  return value
end
local function take(n)
  local s = sub(text, at, at + n - 1)
  at = at + n
  return s
end
local function take_secret(n)
  at = at + 1 -- the only type there is
  return secret_of(take(n))
end
-- A double from its bytes by arithmetic: exact, and the same with the JIT cold or hot.
local function real()
  local high, low = unsigned(4), unsigned(4)
  local sign = 1
  if high >= 2147483648 then
    sign = -1
    high = high - 2147483648
  end
  local exponent = floor(high / 1048576)
  local mantissa = (high % 1048576) * 4294967296 + low
  if exponent == 0 then return sign * mantissa * 2 ^ -1074 end
  if exponent == 2047 then
    invalid("got nan or inf, wanted a finite number")
  end
  return sign * (1 + mantissa * 2 ^ -52) * 2 ^ (exponent - 1023)
end
local function signed(n)
  if n == 8 then
    local high, low = unsigned(4), unsigned(4)
    if high >= 2147483648 then high = high - 4294967296 end
    return high * 4294967296 + low
  end
  local value = unsigned(n)
  local half = 2 ^ (8 * n - 1)
  if value >= half then value = value - 2 * half end
  return value
end

local function decode_list(n, depth)
  local list = {}
  for i = 1, n do
    F = K + F if F < 0 then F = T() end
    local value = decode_value(depth + 1)
    if value == nil then value = null end
    list[i] = value
  end
  return setmetatable(list, LIST)
end
local function decode_map(n, depth)
  local map = {}
  for _ = 1, n do
    F = K + F if F < 0 then F = T() end
    local key = decode_value(depth + 1)
    if type(key) ~= "string" and type(key) ~= "number" then
      invalid("table key: got a " .. type(key) .. ", wanted a string or a whole number")
    end
    local value = decode_value(depth + 1)
    if value == nil and depth > nil_depth then value = null end
    map[key] = value
  end
  return map
end

local READERS = {
  [0xc0] = function() return nil end,
  [0xc2] = function() return false end,
  [0xc3] = function() return true end,
  [0xc4] = function() return take(unsigned(1)) end,
  [0xc5] = function() return take(unsigned(2)) end,
  [0xc6] = function() return take(unsigned(4)) end,
  [0xc7] = function() return take_secret(unsigned(1)) end,
  [0xd4] = function() return take_secret(1) end,
  [0xd5] = function() return take_secret(2) end,
  [0xd6] = function() return take_secret(4) end,
  [0xd7] = function() return take_secret(8) end,
  [0xd8] = function() return take_secret(16) end,
  [0xcb] = function() return real() end,
  [0xcc] = function() return unsigned(1) end,
  [0xcd] = function() return unsigned(2) end,
  [0xce] = function() return unsigned(4) end,
  [0xcf] = function() return unsigned(8) end,
  [0xd0] = function() return signed(1) end,
  [0xd1] = function() return signed(2) end,
  [0xd2] = function() return signed(4) end,
  [0xd3] = function() return signed(8) end,
  [0xd9] = function() return take(unsigned(1)) end,
  [0xda] = function() return take(unsigned(2)) end,
  [0xdb] = function() return take(unsigned(4)) end,
  [0xdc] = function(depth) return decode_list(unsigned(2), depth) end,
  [0xdd] = function(depth) return decode_list(unsigned(4), depth) end,
  [0xde] = function(depth) return decode_map(unsigned(2), depth) end,
  [0xdf] = function(depth) return decode_map(unsigned(4), depth) end,
}

function decode_value(depth)
  if depth > deepest then invalid("value nested deeper than " .. levels .. " levels") end
  local tag = byte(text, at)
  at = at + 1
  if tag < 0x80 then return tag end
  if tag >= 0xe0 then return tag - 256 end
  if tag < 0x90 then return decode_map(tag - 0x80, depth) end
  if tag < 0xa0 then return decode_list(tag - 0x90, depth) end
  if tag < 0xc0 then return take(tag - 0xa0) end
  return READERS[tag](depth)
end

-- Returns the value that `packed` holds: at most `depth_limit` levels of tables inside `outer` ones of our own.
local function decode(packed, depth_limit, outer, keep_nil)
  charge_bytes(#packed)
  text, at = packed, 1
  levels, deepest, nil_depth = depth_limit, depth_limit + outer, keep_nil
  local value = decode_value(0)
  text = ""
  return value
end

-- Encoding ------------------------------------------------------------------------------------------------
local pieces, count = {}, 0
local size, largest, open = 0, 0, nil
local room = 0 -- for values inside tables
local secrets_leave = false
local encode_value

local function put(s)
  size = size + #s
  if size > largest then
    error({code = "output_exceeded", message = "the script's output is larger than " .. largest .. " bytes"}, 0)
  end
  count = count + 1
  pieces[count] = s
end
local function big_endian(n, value)
  local s = ""
  for _ = 1, n do
    s = char(value % 256) .. s
    value = floor(value / 256)
  end
  return s
end
local function head(n, small, small_limit, tag8, tag16, tag32)
  if n < small_limit then return char(small + n) end
  if tag8 and n < 256 then return char(tag8, n) end
  if n < 65536 then return char(tag16) .. big_endian(2, n) end
  return char(tag32) .. big_endian(4, n)
end

local function encode_integer(x)
  if x >= 0 then
    if x < 128 then return put(char(x)) end
    if x < 256 then return put(char(0xcc, x)) end
    if x < 65536 then return put("\205" .. big_endian(2, x)) end
    if x < 4294967296 then return put("\206" .. big_endian(4, x)) end
    return put("\207" .. big_endian(8, x))
  end
  if x >= -32 then return put(char(256 + x)) end
  if x >= -2147483648 then return put("\210" .. big_endian(4, 4294967296 + x)) end
  local low = x % 4294967296
  return put("\211" .. big_endian(4, 4294967296 + floor(x / 4294967296)) .. big_endian(4, low))
end
local cell = kit.double_cell -- a union of a double and its bytes
local function encode_number(x)
  if x == floor(x) and x >= -EXACT and x <= EXACT then return encode_integer(x) end
  if x ~= x or x - x ~= 0 then invalid("got " .. (x ~= x and "nan" or "inf") .. ", wanted a finite number") end
  cell.d = x
  local b = cell.b
  put(char(0xcb, b[7], b[6], b[5], b[4], b[3], b[2], b[1], b[0]))
end
local function encode_string(s)
  put(head(#s, 0xa0, 32, 0xd9, 0xda, 0xdb))
  put(s)
end

local function encode_list(t, n, depth)
  put(head(n, 0x90, 16, nil, 0xdc, 0xdd))
  for i = 1, n do encode_value(rawget(t, i), depth + 1) end
end
local function encode_map(t, n, keys, others, depth)
  put(head(n + others, 0x80, 16, nil, 0xde, 0xdf))
  for i = 1, n do
    encode_integer(i)
    encode_value(rawget(t, i), depth + 1)
  end
  for i = 1, others do
    local key = keys[i]
    if type(key) == "string" then encode_string(key)
    elseif type(key) == "number" and key == floor(key) then encode_number(key)
    else invalid("table key: got a " .. type(key) .. ", wanted a string or a whole number") end
    encode_value(rawget(t, key), depth + 1)
  end
end
local function encode_bytes(s)
  put("\198" .. big_endian(4, #s))
  put(s)
end
local function encode_table(t, depth)
  if rawmetatable(t) == BIN then return encode_bytes(rawget(t, 1)) end
  if depth >= deepest then invalid("value nested deeper than " .. levels .. " levels") end
  if open[t] then invalid("a table that contains itself cannot leave the script") end
  open[t] = true
  local shown = protected[t] or t
  local n = rawlen(shown)
  local keys, others = sorted_keys(shown, n)
  room = room - n - others
  if room < 0 then error({code = "too_many_values"}, 0) end
  if others == 0 and (n > 0 or rawmetatable(shown) == LIST) then encode_list(shown, n, depth)
  else encode_map(shown, n, keys, others, depth) end
  open[t] = nil
end

function encode_value(value, depth)
  F = K + F if F < 0 then F = T() end
  local kind = type(value)
  if kind == "string" then encode_string(value)
  elseif kind == "number" then encode_number(value)
  elseif kind == "nil" or value == null then put("\192")
  elseif kind == "boolean" then put(value and "\195" or "\194")
  elseif kind == "table" then encode_table(value, depth)
  elseif secret_names[value] then
    if not secrets_leave then invalid("got a secret, which can only be handed to host functions") end
    local name = secret_names[value]
    put(char(0xc7, #name, SECRET))
    put(name)
  else invalid("got a " .. kind .. ", wanted nil, boolean, number, string or table") end
end

-- Returns `value` packed: at most `depth_limit` levels of tables inside `outer` ones of our own. Raises
-- {code, message} if it cannot leave Lua, or is too deep or too large. Secrets leave only `with_secrets`. There may be
-- `values` values in its tables, or as many as fit.
local function encode(value, depth_limit, outer, size_limit, with_secrets, values)
  pieces, count, secrets_leave = {}, 0, with_secrets
  size, largest, levels, deepest, open = 0, size_limit, depth_limit, depth_limit + outer, {}
  room = values or 1 / 0
  encode_value(value, 0)
  charge_bytes(size)
  local packed = concat(pieces, "", 1, count)
  pieces = {}
  return packed
end

-- Lets what a failed call was at be collected.
kit.forget_packing = function() text, pieces, open = "", {}, nil end
kit.msgpack = {decode = decode, encode = encode}
kit.big_endian, kit.output_error = big_endian, invalid
kit.LIST, kit.BIN = LIST, BIN
