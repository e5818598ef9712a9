-- Walks everything that a script can reach, as tests/engine/test_reach.py asks. Loaded while `debug` is still there.
-- `kit` is the runtime's own. Returns functions that take the name of a root and answer lists of lines.
local kit = ...
local getmetatable_of, getupvalue, getfenv_of = debug.getmetatable, debug.getupvalue, debug.getfenv
local next, type, rawget, tostring, pcall, pairs, ipairs, concat = next, type, rawget, tostring, pcall, pairs, ipairs, table.concat
local sort, address, info = table.sort, tostring, debug.getinfo

-- Calls visit(value, path) for each value reachable from root: fields and keys of tables, what read-only tables show,
-- metatables that getmetatable gives away, and where `deep`, all metatables, upvalues and environments too.
local function walk(root, name, deep, visit)
  local seen, queue, paths, head, tail = {}, {root}, {name}, 1, 1
  local function push(value, path)
    if value == nil then return end
    local kind = type(value)
    if kind ~= "table" and kind ~= "function" and kind ~= "userdata" and kind ~= "thread" and kind ~= "cdata" then return end
    tail = tail + 1
    queue[tail], paths[tail] = value, path
  end
  while head <= tail do
    local value, path = queue[head], paths[head]
    queue[head] = nil
    head = head + 1
    if seen[value] then visit(value, path, true)
    else
      seen[value] = path
      visit(value, path, false)
      local kind = type(value)
      if kind == "table" then
        local shown = kit.protected[value] or value
        for key, inner in next, shown do
          push(key, path .. ".<key>")
          push(inner, path .. "." .. (type(key) == "string" and key or "[" .. address(key) .. "]"))
        end
      end
      local meta = getmetatable_of(value)
      if meta then
        local given = rawget(meta, "__metatable")
        if given == nil or deep then push(meta, path .. ".<metatable>") else push(given, path .. ".<metatable>") end
      end
      if deep and kind == "function" then
        for i = 1, 255 do
          local upvalue, inner = getupvalue(value, i)
          if not upvalue then break end
          push(inner, path .. "^" .. upvalue)
        end
        push(getfenv_of(value), path .. ".<environment>")
      end
    end
  end
end

local roots = {base = kit.base, strings = getmetatable_of("").__index, real = _G}

local M = {}
-- Returns "path" of each function, library and value under the environment.
function M.names()
  local list = {}
  for key, value in next, kit.base do
    list[#list + 1] = key
    if type(value) == "table" then
      for inner in next, kit.protected[value] do list[#list + 1] = key .. "." .. inner end
    end
  end
  return concat(list, "\n")
end
-- Returns "name" of each name in the list that the sandbox is built from.
function M.offered()
  local list = {}
  for library, groups in next, kit.offered do
    for _, group in ipairs(groups) do
      for name in group[2]:gmatch("%S+") do list[#list + 1] = (library == "globals" and "" or library .. ".") .. name end
    end
  end
  return concat(list, "\n")
end
-- Returns "kind path" of each value that is no table and no function; lupa's objects are of kind python.
function M.odd(deep)
  local list = {}
  for name, root in pairs(roots) do
    walk(root, name, deep, function(value, path, again)
      local kind = type(value)
      if not again and kind ~= "table" and kind ~= "function" and value ~= kit.null and value ~= kit.UNSET then
        local meta = getmetatable_of(value)
        if meta and rawget(meta, "__call") and rawget(meta, "__gc") then kind = "python" end
        list[#list + 1] = kind .. " " .. path
      end
    end)
  end
  return concat(list, "\n")
end
-- Returns "path path" of functions reachable by two names.
function M.twice()
  local list, first = {}, {}
  walk(kit.base, "", false, function(value, path, again)
    if type(value) == "function" then
      if again then list[#list + 1] = (first[value] or "?") .. " " .. path else first[value] = path end
    end
  end)
  return concat(list, "\n")
end
-- Returns the path of each reachable function that is LuaJIT's own.
function M.native()
  local list = {}
  walk(kit.base, "", false, function(value, path, again)
    if type(value) == "function" and not again and info(value, "S").what == "C" then list[#list + 1] = path:sub(2) end
  end)
  return concat(list, "\n")
end
-- Returns the path of each reachable function whose environment is not empty, or of a table that can be written.
function M.writable()
  local list = {}
  walk(kit.base, "", false, function(value, path, again)
    if again then return end
    if type(value) == "function" then
      local environment = getfenv_of(value)
      local key = next(environment) -- that of a host module's Lua half holds `bit`, which its functions use
      if key == "bit" then key = next(environment, key) end
      if key ~= nil and environment ~= kit.base then
        list[#list + 1] = "environment " .. path
      end
    elseif type(value) == "table" and value ~= kit.base and not kit.protected[value] then
      list[#list + 1] = "table " .. path
    end
  end)
  return concat(list, "\n")
end
kit.reach = M
