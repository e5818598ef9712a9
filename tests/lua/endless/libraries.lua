-- sort comparators that loop
table.sort({3, 1, 2}, function() while true do end end)
---
-- sort of a great table
local t = {}
for i = 1, 40000 do t[i] = (i * 7919) % 40000 end
while true do table.sort(t, function(a, b) return a > b end) table.sort(t) end
---
-- sort comparators that lie
local t = {}
for i = 1, 2000 do t[i] = i end
while true do table.sort(t, function() return true end) end
---
-- sort of long strings
local t, p = {}, ("x"):rep(5000)
for i = 1, 500 do t[i] = p .. i end
while true do table.sort(t) table.sort(t, function(a, b) return a > b end) end
---
-- gsub callbacks that loop
("abc"):gsub(".", function() while true do end end)
---
-- gsub callbacks over and over
local s = ("x"):rep(10000)
while true do s:gsub(".", function(c) return c end) end
---
-- gsub with a table whose __index loops
local t = setmetatable({}, {__index = function(_, k) return k end})
local s = ("x"):rep(10000)
while true do s:gsub(".", t) end
---
-- gsub inside gsub callbacks
local function f(s) return (s:gsub(".", function(c) return f(c .. c) end)) end
while true do pcall(f, "ab") end
---
-- gsub with library functions as callbacks
local s = ("x"):rep(100000)
while true do for _, f in ipairs({pcall, tostring, type, string.upper, string.byte}) do pcall(string.gsub, s, ".", f) end end
---
-- gsub that expands captures
while true do pcall(string.gsub, ("x"):rep(300), "(.)", ("%0%1"):rep(100)) end
---
-- gsub of empty matches
local s = ("x"):rep(100000)
while true do s:gsub("", "-") end
---
-- gsub of a great string, plainly
local s = ("ab"):rep(200000)
while true do s:gsub("a", "b") end
---
-- gmatch over a great string
local s = ("ab "):rep(100000)
while true do for _ in s:gmatch("%a+") do end end
---
-- gmatch that never finds
local s = ("a"):rep(50000)
while true do for _ in s:gmatch(".-b") do end end
---
-- find with a catastrophic pattern
local s = ("a"):rep(30000)
while true do pcall(string.find, s, ".-.-.-.-b") end
---
-- find with nested quantifiers of captures
local s = ("a"):rep(30000)
while true do pcall(string.find, s, "(.-)(.-)(.-)%1%2b") end
---
-- find with optional items
local s = ("a"):rep(300)
while true do pcall(string.find, s, ("a?"):rep(30) .. ("a"):rep(300)) end
---
-- find with balanced pairs
local s = ("("):rep(30000)
while true do pcall(string.find, s, "%b()") end
---
-- find with frontiers
local s = ("a "):rep(100000)
while true do pcall(string.find, s, "%f[%z]%f[^%z]x") end
---
-- many different patterns
local n = 0
while true do n = n + 1 pcall(string.find, "abc", ("[a-z]*x?"):rep(50) .. n) end
---
-- many different classes
local n = 0
while true do n = n + 1 pcall(string.find, "abc", ("[a-z" .. n .. "]+[^" .. n .. "]"):rep(20)) end
---
-- plain finds of long needles
local s, p = ("a"):rep(1000000), ("a"):rep(5000) .. "b"
while true do s:find(p, 1, true) end
---
-- plain finds of one byte that is not there
local s = ("a"):rep(4000000)
while true do s:find("b", 1, true) end
---
-- match that captures all
local s = ("a"):rep(1000000)
while true do s:match("(((((.*)))))") end
---
-- strings that double
local s = "x"
while true do s = s .. s if #s > 4000000 then s = "x" end end
---
-- strings joined by many operands
local s = ("x"):rep(10000)
while true do local _ = s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s end
---
-- strings that grow byte by byte
local s = ""
while true do s = s .. "x" if #s > 20000 then s = "" end end
---
-- concat of great tables
local t = {}
for i = 1, 50000 do t[i] = "xxxxxxxxxx" end
while true do table.concat(t) end
---
-- concat with long separators
local t = {}
for i = 1, 1000 do t[i] = "" end
local sep = ("x"):rep(2000)
while true do table.concat(t, sep) end
---
-- rep, upper, lower, reverse, sub of great strings
local s = ("x"):rep(2000000)
while true do local _ = s:upper(), s:lower(), s:reverse(), s:sub(2), ("y"):rep(2000000) end
---
-- format of great strings
local s = ("x"):rep(1000000)
while true do pcall(string.format, "%s", s) pcall(string.format, "%q", s) end
---
-- format of great widths
while true do for _, f in ipairs({"%99.99f", "%.99f", "%99d", "%.99g"}) do f:format(1e308) end end
---
-- byte and char of thousands
local s = ("x"):rep(7000)
while true do string.char(s:byte(1, 7000)) end
---
-- compare great strings
local a, b = ("a"):rep(2000000) .. "1", ("a"):rep(2000000) .. "2"
while true do local _ = a < b, a <= b, b < a end
---
-- coerce great strings
local a = ("1"):rep(1000000)
while true do local _ = a + 0, -a, a * 2 end
---
-- tonumber of great strings
local a, b = ("1"):rep(1000000), (" "):rep(1000000) .. "z"
while true do tonumber(a) tonumber(a, 10) tonumber(a, 36) tonumber(b) end
---
-- insert at the front of a great table
local t = {}
for i = 1, 50000 do t[i] = i end
while true do table.insert(t, 1, 0) table.remove(t, 1) end
---
-- move of great tables
local t = {}
for i = 1, 50000 do t[i] = i end
while true do table.move(t, 1, 50000, 2) table.move(t, 1, 50000, 1, {}) end
---
-- maxn of a great table
local t = {}
for i = 1, 300000 do t[i + 0.5] = i end
while true do table.maxn(t) table.maxn(t) table.maxn(t) table.maxn(t) end
---
-- next on a table emptied of its keys
local t = {}
for i = 1, 100000 do t[i + 0.5] = true end
for i = 1, 100000 do t[i + 0.5] = nil end
while true do next(t) next(t) next(t) next(t) end
---
-- pairs of a great table
local t = {}
for i = 1, 60000 do t["k" .. i] = i end
while true do for _ in pairs(t) do break end end
---
-- pairs of keys that differ in their last byte
local t, p = {}, ("x"):rep(50000)
for i = 1, 100 do t[p .. i] = true end
while true do for _ in pairs(t) do break end end
---
-- pairs of objects
local t = {}
for i = 1, 20000 do t[{}] = i end
while true do for _ in pairs(t) do break end end
---
-- the length of a great table of holes
local t = {}
for i = 1, 200000 do t[i] = i end
for i = 2, 200000, 2 do t[i] = nil end
while true do local _ = #t, #t, #t, #t end
---
-- a great table that is filled and emptied
while true do
  local t = {}
  for i = 1, 50000 do t[i] = i end
  for i = 1, 50000 do t[i] = nil end
end
---
-- many small tables kept
local t = {}
while true do t[#t + 1] = {} if #t > 100000 then t = {} end end
---
-- many small tables kept in a ring
local t, n = {}, 0
while true do n = (n + 1) % 60000 t[n] = {n} end
---
-- a long list of linked tables
local head
local n = 0
while true do head = {next = head} n = n + 1 if n > 100000 then head, n = nil, 0 end end
---
-- many strings kept in a ring
local t, n, i = {}, 0, 0
while true do n = (n + 1) % 50000 i = i + 1 t[n] = "string number " .. i end
---
-- many closures kept in a ring
local t, n = {}, 0
while true do n = (n + 1) % 40000 t[n] = function() return n end end
---
-- random numbers and seeds
while true do math.random() math.random(10) math.randomseed(1) end
---
-- the slowest of math
while true do math.fmod(1e308, 1e-308) math.pow(1.0000001, 1e300) math.exp(700) math.sin(1e308) math.tan(1e308) end
---
-- log floods
while true do log.info("x") end
---
-- log floods of great tables
local t = {}
for i = 1, 2000 do t[i] = {i} end
while true do log.info("x", t) end
---
-- log floods of long lines
local s = ("x"):rep(1000000)
while true do log.info(s) end
---
-- changed of great tables
-- entity: {"a": [1, 2, 3]}
-- before: {"a": [1, 2, 3]}
for i = 1, 50000 do entity.a[i] = i end
while true do changed("a") end
---
-- a value that is slow to write out
local t = {}
for i = 1, 100000 do t[i * 2 + 2 ^ 20] = 1 end
return t -- ends: deadline_exceeded|output_exceeded|continue
---
-- a value of shared tables that grows as it is written out
local t = {}
for _ = 1, 30 do t = {t, t} end
return t -- ends: deadline_exceeded|output_exceeded
---
-- an entity that is slow to compare
-- entity: {"a": {}}
local e = entity
for i = 1, 60000 do e["k" .. i] = i end -- ends: continue|deadline_exceeded
