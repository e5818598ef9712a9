-- Builds the trusted half of a runtime: loads each file of the prelude, then takes away what they needed.
-- Arguments: the path of LuaJIT's own library, a list of {name, text} in load order. Returns the kit that the host keeps.
local library, files = ...
local assert, error, loadstring, setmetatable, collectgarbage, tonumber, type =
  assert, error, loadstring, setmetatable, collectgarbage, tonumber, type
local ffi = require("ffi")
ffi.cdef([[
size_t strspn(const char *s, const char *accept);
void *lua_getallocf(void *L, void **ud);
]])
local C = ffi.C

-- The allocator's own books (lupa's MemoryStatus): [0] bytes in use, [2] bytes that there may be. With them the wall
-- of a run is put up and taken down without a call. `selftest` in runtime.py refuses another layout.
local function allocator_books()
  local thread -- held until it was asked, or it may be collected on the way
  coroutine.wrap(function() thread = coroutine.running() end)()
  local address = tostring(thread):match("0x%x+")
  local data = ffi.new("void *[1]")
  ffi.load(library).lua_getallocf(ffi.cast("void *", ffi.cast("intptr_t", tonumber(address))), data)
  assert(type(thread) == "thread")
  return ffi.cast("size_t *", data[0])
end
local books = allocator_books()

-- Whether a text of 8 to 32 bytes is ASCII: its start and its end, four bytes at a time, which may overlap. strspn makes a
-- table of 256 bytes before it looks at the first.
local cast, bor, band = ffi.cast, bit.bor, bit.band
local text_pointer, words = ffi.typeof("const uint8_t *"), ffi.typeof("const int32_t *")
local HIGH_BITS = bit.tobit(0x80808080)
local function short_ascii(s, n)
  local from = cast(text_pointer, s)
  local first, behind = cast(words, from), cast(words, from + n)
  local all = bor(first[0], first[1], behind[-2], behind[-1])
  if n > 16 then all = bor(all, first[2], first[3], behind[-4], behind[-3]) end
  return band(all, HIGH_BITS) == 0
end
local ascii = {}
for c = 1, 127 do ascii[c] = string.char(c) end
local kit = {
  books = books,
  buffer = require("string.buffer"),
  strspn = function(s, accept) return tonumber(C.strspn(s, accept)) end,
  short_ascii = short_ascii,
  ascii_bytes = table.concat(ascii),
  protected = setmetatable({}, {__mode = "k"}),
  rawmetatable = debug.getmetatable,
  rawlen = table.getn or function(t) return #t end,
  double_cell = ffi.new("union { double d; uint8_t b[8]; }"),
  getinfo = debug.getinfo,
  traceback = debug.traceback,
  setfenv = setfenv,
  xpcall = xpcall,
  type = type,
  tonumber = tonumber,
  setmetatable = setmetatable,
}
local set_metatable = debug.setmetatable
kit.set_string_metatable = function(meta) set_metatable("", meta) end

-- A value of its own that nothing equals and nothing can be read from.
local newproxy, getmetatable = newproxy, getmetatable
local function sentinel(name)
  local value = newproxy(true)
  local meta = getmetatable(value)
  meta.__tostring = function() return name end
  meta.__metatable = false
  return value
end
kit.sentinel = sentinel
kit.null = sentinel("null")
kit.UNSET = sentinel("unset")

-- Trusted files are loaded as scripts are: as a function whose F, T and K are the meter's.

local trusted = {}
local function load_trusted(name, text)
  local chunk = "local F,T,K return function(...) " .. text .. "\nend"
  local main, message = kit.meter.load(chunk, "=[alloy " .. name .. "]", "F", "T", "K")
  if not main then error(message) end
  trusted[#trusted + 1] = main
  return main
end

for i = 1, #files, 2 do
  local name, text = files[i], files[i + 1]
  if name == "meter" then
    kit.meter = assert(loadstring(text, "=[alloy meter]"))(books)
  elseif name == "verify" then
    kit.verify = assert(loadstring(text, "=[alloy verify]"))()
  else
    load_trusted(name, text)(kit)
  end
end

kit.load = kit.meter.load
kit.check_syntax = function(text)
  local chunk, message = loadstring(text, "=script")
  return not chunk and kit.wire(message) or nil
end

kit.driver_of = function(text, main, fuel, seconds, kb)
  return assert(loadstring(text, "=[alloy driver]"))(kit, main, fuel, seconds, kb)
end
-- In a worker process: returns its loop and what fills it (serve.lua), one of two files that use the FFI after this one.
kit.server = function(text, rows, done) return assert(loadstring(text, "=[alloy serve]"))(kit, ffi, rows, done) end
kit.show_books = function() return tonumber(books[0]), tonumber(books[2]) end

-- Runs the Lua half of a host module in an environment of guarded globals and `bit`; returns its functions.
local BIT = bit
-- Returns what makes column drivers (columns.lua), the other file that uses the FFI.
local columns_given = {
  kit = kit, ffi = ffi, bit = bit, assert = assert, error = error, loadstring = loadstring, pcall = pcall,
}
kit.columns = function(text) return assert(loadstring(text, "=[alloy columns]"))(columns_given) end
kit.run_module = function(main, stubs, name)
  local environment = setmetatable({bit = BIT}, {__index = kit.base})
  kit.setfenv(main, environment)
  kit.meter.begin(1e9, 10, 2 ^ 30)
  kit.meter.open()
  trusted[#trusted + 1] = main
  return main({
    bad = kit.bad,
    is_ascii = kit.is_ascii,
    host = function(full) return stubs[full:sub(#name + 2)] end,
  })
end

-- Packed bytes leave as they are, or, where strings cross as UTF-8, as text with one character for each byte.
local gsub, wide = string.gsub, {}
for c = 128, 255 do wide[string.char(c)] = string.char(c < 192 and 194 or 195, c < 192 and c or c - 64) end
kit.set_wire = function(text)
  kit.wire = text and function(s) return (gsub(s, "[\128-\255]", wide)) end or function(s) return s end
end

-- Kept alive for as long as the state: lupa looks up debug.traceback before every call, and with these strings
-- alive the look-up never allocates; LuaJIT's FFI keeps its tables only through its library, and compiled code
-- uses them after the library's last reference is gone.
debug.getregistry()["alloy anchors"] = {"debug", "traceback", ffi, require("jit"), require("jit.util")}
local optimise = require("jit.opt").start
optimise("maxtrace=8000", "maxmcode=16384", "maxrecord=8000")
-- Sets after how many calls a function is compiled; also sets all counters back.
kit.compile_after = function(calls) optimise("hotloop=" .. calls) end
local on, off = require("jit").on, require("jit").off
kit.compile_nothing = function() off() end
-- Has the very next loop turn or call compiled.
kit.record_next = function()
  on()
  optimise("hotloop=1")
end
kit.compile_again = function(calls)
  on()
  optimise("hotloop=" .. calls)
end
-- Forgets the machine code of library functions by themselves, so that what is compiled next takes them in.
local flush = require("jit").flush
kit.flush_libraries = function()
  for i = 1, #trusted do flush(trusted[i], true) end
end

local loaded = package.loaded
for name in pairs(loaded) do loaded[name] = nil end
for name in pairs(_G) do
  if name ~= "_G" then _G[name] = nil end
end
_G._G = nil
return kit
