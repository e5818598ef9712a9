-- a growing list of tables
local t = {}
while true do t[#t + 1] = {} end
---
-- a growing list of numbers
local t, n = {}, 0
while true do n = n + 1 t[n] = n end
---
-- a growing hash
local t, n = {}, 0
while true do n = n + 1 t[n + 0.5] = true end
---
-- a string that doubles
local s = "xxxxxxxxxxxxxxxx"
while true do s = s .. s end
---
-- a string of many operands
local s = ("x"):rep(60000)
while true do s = s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s end
---
-- a string that grows
local s, x = "", ("x"):rep(1000)
while true do s = s .. x end
---
-- one great rep
local s = ("x"):rep(90000000)
---
-- reps kept
local t = {}
while true do t[#t + 1] = ("x"):rep(100000) .. #t end
---
-- great reps kept
local t = {}
while true do t[#t + 1] = ("x"):rep(3000000) .. #t end
---
-- short strings kept
local t = {}
while true do t[#t + 1] = "string number " .. #t end
---
-- closures kept
local t = {}
while true do local n = #t t[n + 1] = function() return n end end
---
-- coroutines kept
local t = {}
while true do t[#t + 1] = coroutine.create(function(...) return t, ... end) end
---
-- coroutines with great stacks kept
local t = {}
local function f(n) if n == 0 then coroutine.yield() end return 1 + f(n - 1) end
while true do t[#t + 1] = coroutine.wrap(f) t[#t](2000) end
---
-- a linked list
local head
while true do head = {head} end
---
-- constant tables kept
local t = {}
while true do
  t[#t + 1] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30,
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30}
end
---
-- varargs kept
local t, big = {}, {}
for i = 1, 7000 do big[i] = i end
local function f(...) return {...} end
while true do t[#t + 1] = f(unpack(big)) end
---
-- table.concat
local t = {}
for i = 1, 1000 do t[i] = ("x"):rep(1000) end
while true do t = {table.concat(t), table.concat(t)} end
---
-- table.concat with long separators
local t = {}
for i = 1, 5000 do t[i] = "" end
table.concat(t, ("x"):rep(100000))
---
-- gsub that expands
(("x"):rep(3000)):gsub("x", ("%0"):rep(3000))
---
-- gsub with a callback that expands
local big = ("x"):rep(100000)
;(("x"):rep(10000)):gsub("x", function() return big end)
---
-- gsub with a callback that keeps
local t = {}
while true do (("x"):rep(200)):gsub("x", function(c) t[#t + 1] = {c} end) end
---
-- a comparator that keeps
local t, kept = {}, {}
for i = 1, 1000 do t[i] = i end
while true do table.sort(t, function(a, b) kept[#kept + 1] = {a, b} return a > b end) end
---
-- sort of a list that just fits
local t = {}
for i = 1, 600000 do t[i] = -i end
while true do table.sort(t) end
---
-- upper of a string that just fits
local s = ("x"):rep(12000000)
local t = {}
while true do t[#t + 1] = s:upper() s = s:lower() .. "y" end
---
-- format of strings that just fit
local s = ("x"):rep(5000000)
while true do s = ("%s%s%s"):format(s, s, s) end
---
-- reverse of a string that just fits
local s = ("x"):rep(14000000)
return #s:reverse() + #s:sub(2)
---
-- string.char
local t = {}
while true do t[#t + 1] = string.char(("x"):rep(5000):byte(1, -1)) .. #t end
---
-- table.move into a great table
local t = {}
for i = 1, 200000 do t[i] = i end
while true do t = table.move(t, 1, #t, #t + 1) end
---
-- table.insert
local t = {}
while true do table.insert(t, {1, 2}) end
---
-- caught, over and over
local t = {}
while true do pcall(function() while true do t[#t + 1] = ("x"):rep(100) .. #t end end) end
---
-- caught by xpcall, handler goes on
local t = {}
while true do xpcall(function() while true do t[#t + 1] = {} end end, function() t[#t + 1] = {} end) end
---
-- in a coroutine, caught
local t = {}
while true do coroutine.resume(coroutine.create(function() while true do t[#t + 1] = {} end end)) end
---
-- in a compiled loop
local t = {}
for i = 1, 1e9 do t[i] = i * 0.5 end
---
-- just before a host call
local t = {}
for i = 1, 1e9 do t[i] = {i} if i % 1000 == 0 then hash.sha256("x") end end
---
-- in arguments of a host call
local t = {}
for i = 1, 60000 do t[i] = {i, "x" .. i} end
while true do t[#t + 1] = select(2, pcall(json.encode, t)) .. #t end
---
-- in results of a host call
local s = "[" .. ("[],"):rep(14000) .. "[]]"
local t = {}
while true do t[#t + 1] = {pcall(json.decode, s)} end
---
-- in log data
local t = {}
for i = 1, 400000 do t[i] = i end
while true do log.info("x", t) t[#t + 1] = {} end
---
-- in a log message
local s = ("x"):rep(7000000)
while true do log.info(s .. s) end
---
-- in the message of an error
error(("x"):rep(9000000) .. ("y"):rep(9000000))
---
-- in details of abort
local t = {}
for i = 1, 300000 do t[i] = {i} end
abort("x", t)
---
-- in a returned value
local t = {}
for i = 1, 900000 do t[i] = i end
return t
---
-- in keys walked in order
local t = {}
for i = 1, 200000 do t["k" .. i] = i end
for _ in pairs(t) do end
---
-- in tostring names of objects
local t = {}
while true do t[#t + 1] = tostring({}) end
---
-- in names of objects that are dropped
local t = {}
while true do for i = 1, 1000 do t[i] = {} tostring(t[i]) end end
---
-- in many patterns
local n = 0
while true do n = n + 1 pcall(string.find, "x", ("[a-z" .. n .. "]"):rep(20)) end
---
-- in the matcher
local s = ("a"):rep(10000000)
s:find(".-.-b")
---
-- in a string given back by match
local s = ("a"):rep(6000000)
local t = {}
while true do t[#t + 1] = s:match("a(.*)") .. "b" end
---
-- in raised messages
local t = {}
while true do
  local ok, e = pcall(function() string["x" .. #t .. ("y"):rep(500)] = 1 end)
  t[#t + 1] = e
end
---
-- in globals
local n = 0
while true do n = n + 1 g = {g, n} end
---
-- in fields of the entity
-- entity: {"a": 1}
local e, n = entity, 0
while true do n = n + 1 e["f" .. n] = ("x"):rep(100) .. n end
---
-- in upvalues of recursion
local function f(n) local t = {n} return function() return f(n + 1), t end end
local g = f(1)
local t = {}
while true do t[#t + 1] = g g = g() end
---
-- in the stack
local function f(...) local t = {...} return f(t, t, t, ...) end
while true do pcall(f) end
