-- Runs one file of a test suite in this state, with all libraries. `meter_text(text)` returns a metered chunk and its
-- names, or nil where the text does not compile; without it everything runs as it is. Returns a report of lines.
local path, meter, meter_text = ...
local loadstring, getinfo, concat, select, tostring, pcall, type = loadstring, debug.getinfo, table.concat, select, tostring, pcall, type
local open, gsub, unpack = io.open, string.gsub, unpack
local lines, passed = {}, 0

local function say(...)
  local shown = {}
  for i = 1, select("#", ...) do shown[i] = tostring((select(i, ...))) end
  lines[#lines + 1] = concat(shown, "\t")
end
print = say
io.write = function(...) say(...) return io.stdout end

math.mod = math.fmod -- as Lua 5.1 has it for compatibility, and the files expect

-- A failed assertion is noted, and the file goes on: LuaJIT itself fails some, and what follows counts, too.
function assert(ok, ...)
  if ok then
    passed = passed + 1
    return ok, ...
  end
  local where = getinfo(2, "Sl")
  say("failed", where and where.short_src .. ":" .. where.currentline, (...))
  return ok, ...
end

-- Whatever the file loads is metered, too.
if meter_text then
  local function load_metered(text, name)
    if type(text) ~= "string" then return loadstring(text, name) end
    local metered, f, t, k = meter_text(text)
    name = name or text
    if not metered then return loadstring(text, name) end
    return meter.load(metered, name, f, t, k)
  end
  local function read(name)
    local file, message = open(name, "rb")
    if not file then return nil, "cannot open " .. tostring(message) end
    local text = file:read("*a")
    file:close()
    return text
  end
  local function load_file(name)
    if name == nil then return nil, "no standard input" end
    local text, message = read(name)
    if not text then return nil, message end
    return load_metered(text, "@" .. name)
  end
  function _G.loadstring(text, name) return load_metered(text, name) end
  function _G.loadfile(name) return load_file(name) end
  function _G.dofile(name)
    local chunk, message = load_file(name)
    if not chunk then error(message, 2) end
    return chunk()
  end
  function _G.load(reader, name)
    if type(reader) == "string" then return load_metered(reader, name) end
    local pieces = {}
    while true do
      local ok, piece = pcall(reader)
      if not ok then return nil, piece end
      if piece == nil or piece == "" then break end
      if type(piece) ~= "string" then return nil, "reader function must return a string" end
      pieces[#pieces + 1] = piece
    end
    return load_metered(concat(pieces), name or "=(load)")
  end
  package.loaders[2] = function(name)
    local file = gsub(package.path, "%?", (gsub(name, "%.", "/")))
    for candidate in file:gmatch("[^;]+") do
      local text = read(candidate)
      if text then return load_metered(text, "@" .. candidate) end
    end
  end
  meter.begin(1e15, 1e6, 1e9)
end

local before = {}
for name in pairs(_G) do before[name] = true end
local chunk, message = loadfile(path)
-- A file may yield at its top level: big.lua is made to be run as a coroutine.
local function run(...)
  if path ~= "big.lua" then return chunk(...) end
  local co = coroutine.create(chunk)
  repeat
    local ok, value = coroutine.resume(co)
    say("yielded", ok, value)
  until coroutine.status(co) == "dead"
end
local results = {pcall(chunk and run or function() error(message, 0) end)}
for i = 1, table.maxn(results) do
  local kind = type(results[i])
  results[i] = (kind == "table" or kind == "function" or kind == "thread" or kind == "userdata") and kind or tostring(results[i])
end
say("ended", unpack(results, 1, table.maxn(results)))
local names = {}
for name, value in pairs(_G) do
  if not before[name] then names[#names + 1] = tostring(name) .. "=" .. type(value) end
end
table.sort(names)
say("globals", concat(names, " "))
say("assertions passed", passed)
return (gsub(gsub(concat(lines, "\n"), "0x%x%x%x%x%x+", "0x"), "in %d+%.%d+ sec", "in some sec"))
