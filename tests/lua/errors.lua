-- error with a string adds the position
local ok, e = pcall(function() error("bad") end)
assert(not ok and e:find("^script:%d+: bad$"), e)
---
-- error levels name the caller, or nobody
local function check() error("bad", 2) end
local function caller() check() end
local _, e = pcall(caller)
assert(e:find("^script:%d+: bad$"), e)
local _, e = pcall(function() error("bad", 0) end)
assert(e == "bad")
---
-- an uncaught error carries its line
error("boom") -- error: boom
---
-- error values of any type come through pcall unchanged
for _, value in ipairs({true, {1}, "text", null, function() end}) do
  local _, e = pcall(error, value)
  assert(rawequal(e, value))
end
assert(select("#", pcall(error)) == 2)
---
-- a table as error tells its message
error({message = "from a table"}) -- failed: runtime_error
---
-- an error out of a library function names the script's line
table.concat({{}}) -- error: invalid value (table) at index 1
---
-- an error out of string.format names the script's line
string.format("%d", "x") -- error: bad argument #2 to 'format' (number expected, got string)
---
-- comparing what cannot be compared in sort names the script's line
table.sort({3, "x"}) -- error: attempt to compare
---
-- an error in a sort comparator names its line
table.sort({3, 2, 1}, function()
  error("in the comparator") -- error: in the comparator
end)
---
-- an error in a gsub callback names its line
("abc"):gsub(".", function()
  error("in the callback") -- error: in the callback
end)
---
-- nil is an error value too
error() -- failed: runtime_error
---
-- assert returns its arguments, or raises its message
local a, b = assert(1, 2)
assert(a == 1 and b == 2)
local _, e = pcall(assert, false)
assert(e == "assertion failed!")
local _, e = pcall(assert, nil, "why")
assert(e == "why")
---
-- pcall returns all results
local function f(...) return ... end
assert(select("#", pcall(f, 1, nil, nil)) == 4)
---
-- xpcall calls the handler with the error
local ok, e = xpcall(function() error("x", 0) end, function(m) return m .. "!" end)
assert(not ok and e == "x!")
local ok, a, b = xpcall(function(...) return ... end, error, 1, 2)
assert(ok and a == 1 and b == 2)
---
-- an error in the handler of xpcall does not escape
local ok, e = xpcall(function() error("x", 0) end, function() error("y", 0) end)
assert(not ok and e == "y")
---
-- pcall nests to a limit and stays usable
local depth = 0
local function dive() depth = depth + 1; return select(2, pcall(dive)) end
local e = dive()
assert(e == "pcall nested too deeply" and depth == 191, depth)
assert(pcall(function() end))
---
-- pcall of what cannot be called is an error, not a crash
for _, value in ipairs({0, "x", true, {}}) do
  local ok, e = pcall(value)
  assert(not ok and e:find("attempt to call"))
end
assert(not pcall(nil))
---
-- a caught stack overflow leaves the script running
local function f() return 1 + f() end
local ok, e = pcall(f)
assert(not ok and e:find("stack overflow"))
assert(1 + 1 == 2)
---
-- tostring of every type
assert(tostring(nil) == "nil" and tostring(true) == "true" and tostring(1) == "1" and tostring(0.1) == "0.1")
assert(tostring(1e15) == "1e+15" and tostring(-0.5) == "-0.5" and tostring("x") == "x" and tostring(1/0) == "inf")
assert(tostring(null) == "null")
---
-- tostring must get a value
tostring() -- error: bad argument #1 to 'tostring' (value expected)
---
-- __tostring must return a string
tostring(setmetatable({}, {__tostring = function() return 1 end})) -- error: 'tostring' must return a string
---
-- tonumber reads numbers in every base
assert(tonumber("10") == 10 and tonumber("0x10") == 16 and tonumber(" 1e1 ") == 10 and tonumber("ff", 16) == 255)
assert(tonumber("") == nil and tonumber("1x") == nil and tonumber("9", 8) == nil and tonumber({}) == nil)
---
-- an error message in bytes that are no text is still readable
error("\255 broken") -- error: broken
