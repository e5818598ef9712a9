-- fuel ends a loop
-- limits: fuel=1000
while true do end -- failed: fuel_exhausted
---
-- fuel ends a repeat loop
-- limits: fuel=1000
repeat until false -- failed: fuel_exhausted
---
-- fuel ends a loop of gotos
-- limits: fuel=1000
::top:: goto top -- failed: fuel_exhausted
---
-- fuel ends recursion
-- limits: fuel=1000
local function f(n) return n > 0 and f(n) or f(n + 1) end
f(1) -- failed: fuel_exhausted
---
-- fuel ends recursion through metamethods
-- limits: fuel=1000
local t = setmetatable({}, {})
getmetatable(t).__index = function(_, k) return t[k + 1] + t[k + 2] end
return t[1] -- failed: fuel_exhausted|stack_overflow
---
-- fuel ends a generic for over a library function
-- limits: fuel=1000
for _ in pcall, tostring, 1 do end -- failed: fuel_exhausted
---
-- fuel ends an endless iterator
-- limits: fuel=1000
for _ in function() return 1 end do end -- failed: fuel_exhausted
---
-- numeric for loops that never end
-- limits: fuel=1000
for _ = 2 ^ 53, 2 ^ 53 + 10 do end -- failed: fuel_exhausted
---
-- numeric for loops of step zero
-- limits: fuel=1000
for _ = 1, 2, 0 do end -- failed: fuel_exhausted
---
-- pcall cannot hold back the end
-- limits: fuel=1000
while true do pcall(function() while true do end end) end -- failed: fuel_exhausted
---
-- nested pcalls cannot hold back the end
-- limits: fuel=5000
local function f() pcall(f) pcall(f) end
f() -- failed: fuel_exhausted
---
-- xpcall handlers cannot hold back the end
-- limits: fuel=1000
xpcall(function() while true do end end, function() while true do end end) -- failed: fuel_exhausted
---
-- coroutines cannot hold back the end
-- limits: fuel=1000
while true do -- failed: fuel_exhausted
  coroutine.resume(coroutine.create(function() while true do end end))
end
---
-- a wrapped coroutine inside pcall cannot hold back the end
-- limits: fuel=1000
pcall(coroutine.wrap(function() pcall(function() while true do end end) end)) -- failed: fuel_exhausted
---
-- sort comparators pay
-- limits: fuel=1000
local t = {}
for i = 1, 100 do t[i] = i end
table.sort(t, function() while true do end end) -- failed: fuel_exhausted
---
-- sorting itself pays
-- limits: fuel=2000
local t = {}
for i = 1, 900 do t[i] = -i end
table.sort(t) -- failed: fuel_exhausted
---
-- gsub callbacks pay
-- limits: fuel=1000
("abc"):gsub(".", function() while true do end end) -- failed: fuel_exhausted
---
-- a pcall inside a gsub callback cannot hold back the end
-- limits: fuel=1000
("abc"):gsub(".", function() pcall(function() while true do end end) end) -- failed: fuel_exhausted
---
-- __tostring pays
-- limits: fuel=1000
tostring(setmetatable({}, {__tostring = function() while true do end end})) -- failed: fuel_exhausted
---
-- pairs of a large table pays
-- limits: fuel=2000
local t = {}
for i = 1, 500 do t["k" .. i] = i end
while true do for _ in pairs(t) do break end end -- failed: fuel_exhausted
---
-- large strings pay
-- limits: fuel=1000
local s = ("x"):rep(100000)
for _ = 1, 100 do s:upper() end -- failed: fuel_exhausted
---
-- string.rep pays before it works
-- limits: fuel=1000
local s = ("x"):rep(50000000) -- failed: fuel_exhausted
---
-- catastrophic patterns pay
-- limits: fuel=10000
("a"):rep(5000):find(".-.-.-.-b") -- failed: fuel_exhausted
---
-- the end of fuel is exact
-- limits: fuel=101
-- fuel: 101
for _ = 1, 100 do end
---
-- one unit less is not enough
-- limits: fuel=100
-- fuel: 100
for _ = 1, 100 do end -- failed: fuel_exhausted
---
-- the deadline ends a loop
-- limits: fuel=1000000000 deadline_ms=30
while true do end -- failed: deadline_exceeded
---
-- the deadline cannot be held back
-- limits: fuel=1000000000 deadline_ms=30
while true do pcall(function() while true do end end) end -- failed: deadline_exceeded
---
-- the deadline ends straight calls of library functions
-- limits: fuel=1000000000 deadline_ms=30
local s = ("ab"):rep(50000)
while true do s:gsub("a", "b") end -- failed: deadline_exceeded
---
-- the deadline ends a matcher
-- limits: fuel=1000000000 deadline_ms=30
("a"):rep(20000):find(".-.-.-b") -- failed: deadline_exceeded
---
-- memory: a growing table
-- limits: memory_bytes=2000000 fuel=100000000 deadline_ms=2000
local t = {}
while true do t[#t + 1] = {} end -- failed: memory_exceeded
---
-- memory: a growing string
-- limits: memory_bytes=2000000
local s = "xxxxxxxxxxxxxxxx"
while true do s = s .. s end -- failed: memory_exceeded|fuel_exhausted
---
-- memory: one great string
-- limits: memory_bytes=1000000
local s = ("x"):rep(90000000) -- failed: memory_exceeded
---
-- memory: pcall cannot hold back the end
-- limits: memory_bytes=2000000 fuel=100000000 deadline_ms=2000
local t = {}
while true do pcall(function() while true do t[#t + 1] = ("x"):rep(100) .. #t end end) end -- failed: memory_exceeded
---
-- memory: closures, coroutines and varargs
-- limits: memory_bytes=2000000 fuel=100000000 deadline_ms=2000
local t = {}
while true do -- failed: memory_exceeded
  t[#t + 1] = coroutine.create(function(...) return t, ... end)
end
---
-- memory: table.concat
-- limits: memory_bytes=2000000 deadline_ms=1000
local t = {}
for i = 1, 1000 do t[i] = ("x"):rep(1000) end
while true do t = {table.concat(t), table.concat(t)} end -- failed: memory_exceeded|fuel_exhausted
---
-- memory that is garbage does not count
-- limits: memory_bytes=4000000 fuel=100000000 deadline_ms=5000
for i = 1, 300 do local t = ("x"):rep(100000) .. i end
---
-- output: a value too large
-- limits: output_bytes=1000
return ("x"):rep(2000) -- failed: output_exceeded
---
-- output: changes too large
-- limits: output_bytes=1000
-- entity: {"a": 1}
entity.a = ("x"):rep(2000) -- failed: output_exceeded
---
-- output: a table that grows when it is written out
local t = {}
for _ = 1, 25 do t = {t, t} end
return t -- failed: output_exceeded|deadline_exceeded
---
-- output: details of abort too large
-- limits: output_bytes=1000
abort("x", {text = ("x"):rep(2000)}) -- failed: output_exceeded
---
-- output: too deep
local t = {}
for _ = 1, 40 do t = {t} end
return t -- failed: invalid_value
---
-- output: contains itself
local t = {}
t.self = t
return t -- failed: invalid_value
---
-- output: a function
return {f = function() end} -- failed: invalid_value
---
-- output: nan
return 0 / 0 -- failed: invalid_value
---
-- output: inf in a field
-- entity: {"a": 1}
entity.a = math.huge -- failed: invalid_value
---
-- log lines beyond the limit are counted, not kept
-- limits: log_lines=3
for i = 1, 10 do log.info("line " .. i) end
---
-- log text beyond the limit is counted, not kept
-- limits: log_bytes=100
for i = 1, 10 do log.info(("x"):rep(60)) end
---
-- a log flood pays
-- limits: fuel=10000
while true do log.info("x") end -- failed: fuel_exhausted
---
-- host calls end at their limit
-- limits: host_calls=3
for i = 1, 4 do hash.sha256("x") end -- failed: host_calls_exceeded
---
-- pcall cannot hold back the end of host calls
-- limits: host_calls=3
while true do pcall(hash.sha256, "x") end -- failed: host_calls_exceeded
---
-- host calls after the end do nothing
-- limits: fuel=1000
pcall(function() while true do end end) -- failed: fuel_exhausted
hash.sha256("x")
