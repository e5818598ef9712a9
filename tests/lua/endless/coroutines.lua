-- a coroutine that loops
coroutine.wrap(function() while true do end end)()
---
-- a coroutine that yields for ever
local co = coroutine.wrap(function() while true do coroutine.yield() end end)
while true do co() end
---
-- coroutines made over and over
while true do coroutine.create(function() end) end
---
-- wraps made and finished over and over
while true do coroutine.wrap(function() end)() end
---
-- a coroutine that goes on after the end
local co = coroutine.create(function() while true do pcall(coroutine.yield) end end)
while true do coroutine.resume(co) end
---
-- two coroutines that resume each other
local a, b
a = coroutine.create(function() while true do coroutine.yield() end end)
b = coroutine.create(function() while true do coroutine.resume(a) coroutine.yield() end end)
while true do coroutine.resume(b) end
---
-- coroutines that fail
while true do coroutine.resume(coroutine.create(error), "x") end
---
-- wraps that fail under pcall
while true do pcall(coroutine.wrap(error), "x") end
---
-- coroutines nested to the limit
local function f(n) if n > 0 then return coroutine.wrap(f)(n - 1) end end
while true do pcall(f, 140) end
---
-- coroutines nested beyond the limit
local function f() return coroutine.wrap(f)() end
while true do pcall(f) end
---
-- a wrap inside pcall inside a wrap
local function f() pcall(coroutine.wrap(f)) pcall(coroutine.wrap(f)) end
f()
---
-- a resume of a dead coroutine
local co = coroutine.create(function() end)
coroutine.resume(co)
while true do coroutine.resume(co) end
---
-- status and running over and over
local co = coroutine.create(function() end)
while true do coroutine.status(co) coroutine.running() coroutine.isyieldable() end
---
-- thousands of values through yield
local t = {}
for i = 1, 5000 do t[i] = i end
local co = coroutine.wrap(function() while true do coroutine.yield(unpack(t)) end end)
while true do co() end
---
-- a great stack in each of many coroutines
local function f(n) if n == 0 then coroutine.yield() end return 1 + f(n - 1) end
while true do coroutine.wrap(f)(3000) end
---
-- wrap as a sort comparator
local t = {}
for i = 1, 500 do t[i] = i end
while true do
  pcall(table.sort, t, coroutine.wrap(function() while true do coroutine.yield(true) end end))
end
---
-- wrap as a gsub callback
while true do
  pcall(string.gsub, ("x"):rep(200), ".", coroutine.wrap(function() while true do coroutine.yield("y") end end))
end
