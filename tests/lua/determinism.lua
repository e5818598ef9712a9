-- pairs goes over 1..n, other numbers, strings, booleans, objects
local a, b = {}, {}
local t = {[true] = 1, z = 1, a = 1, [10] = 1, [-1] = 1, [2.5] = 1, "x", "y", [false] = 1, [b] = 1}
local seen = {}
for k in pairs(t) do seen[#seen + 1] = type(k) == "table" and "object" or tostring(k) end
local text = table.concat(seen, " ")
assert(text == "1 2 -1 2.5 10 a z true false object", text)
---
-- next goes in the same order as pairs
local t = {c = 1, a = 1, b = 1, 1, 2}
local seen, k = {}, nil
repeat
  k = next(t, k)
  seen[#seen + 1] = tostring(k)
until k == nil
assert(table.concat(seen, " ") == "1 2 a b c nil")
---
-- string keys come by bytes
local seen = {}
for k in pairs({["é"] = 1, e = 1, E = 1, ["10"] = 1, ["9"] = 1, [""] = 1}) do seen[#seen + 1] = k end
assert(table.concat(seen, ",") == ",10,9,E,e,é", table.concat(seen, ","))
---
-- fields may be cleared and changed while pairs walks
local t = {a = 1, b = 2, c = 3}
local seen = ""
for k in pairs(t) do t.b = nil; t[k] = 0; seen = seen .. k end
assert(seen == "ac" or seen == "abc")
---
-- objects are numbered in the order they are first shown
local a, b = {}, {}
assert(tostring(b) == "table: 0x00000001" and tostring(a) == "table: 0x00000002" and tostring(b) == "table: 0x00000001")
assert(tostring(function() end):find("^function: 0x0000") and tostring(coroutine.create(function() end)):find("^thread: 0x"))
---
-- next of a key that is not there is an error
next({}, "x") -- error: invalid key to 'next'
---
-- next of an empty table is nil
assert(next({}) == nil and next({nil}) == nil)
---
-- random draws the same numbers for the same run
local a, b, c = math.random(1000), math.random(1000), math.random(1000)
assert(a == math.random(1000) or true)
math.randomseed(7)
local first = math.random()
math.randomseed(7)
assert(first == math.random())
---
-- what a script sees does not depend on garbage collection: there are no weak tables
setmetatable({}, {__mode = "v"}) -- error: weak tables are not available
