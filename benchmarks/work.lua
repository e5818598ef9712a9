-- Sixteen kinds of work, each set up once and returning the function that is timed. Divided by lines of dashes;
-- the first line of each names it.
---
-- fib
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
return function() return fib(25) end
---
-- nested loops
return function() local s = 0 for i = 1, 700 do for j = 1, 700 do s = s + i * j % 7 end end return s end
---
-- while
return function() local i, s = 0, 0 while i < 1e6 do i = i + 1 if i % 3 == 0 then s = s + i end end return s end
---
-- sieve
return function() local n, p, c = 100000, {}, 0 for i = 2, n do p[i] = true end
for i = 2, n do if p[i] then c = c + 1 for j = i * i, n, i do p[j] = false end end end return c end
---
-- string build
return function() local t, c = {}, 0 for i = 1, 20000 do t[#t + 1] = "item" .. i .. ";" end
local s = table.concat(t) for i = 1, #s, 3 do c = c + s:byte(i) end return c end
---
-- table churn
return function() local s = 0 for i = 1, 60000 do local t = {x = i, y = i * 2} local u = {t.x, t.y, 3} s = s + u[1] + u[2] end
return s end
---
-- tables kept
return function() local a, s = {}, 0 for i = 1, 15000 do a[i] = {id = i, name = "n" .. (i % 100), v = i * 1.5} end
for i, r in ipairs(a) do if r.v > 100 then s = s + r.v end end for k, v in pairs(a) do s = s + v.id end return s end
---
-- sort
local seed = 1 local function rnd() seed = (seed * 16807) % 2147483647 return seed end
return function() local t = {} for i = 1, 6000 do t[i] = rnd() end table.sort(t, function(a, b) return a > b end) return t[1] end
---
-- objects
local P = {} P.__index = P function P.new(x, y) return setmetatable({x = x, y = y}, P) end
function P:add(o) return P.new(self.x + o.x, self.y + o.y) end function P:len2() return self.x * self.x + self.y * self.y end
return function() local a, d, s = P.new(0, 0), P.new(1, 2), 0 for i = 1, 100000 do a = a:add(d) s = s + a:len2() end return s end
---
-- closures
local function map(t, f) local r = {} for i = 1, #t do r[i] = f(t[i]) end return r end
local function fold(t, f, z) for i = 1, #t do z = f(z, t[i]) end return z end
return function() local t, s = {}, 0 for i = 1, 100 do t[i] = i end for k = 1, 200 do
s = s + fold(map(t, function(x) return x * k end), function(a, b) return a + b end, 0) end return s end
---
-- coroutines
return function() local co = coroutine.wrap(function() local i = 0 while true do i = i + 1 coroutine.yield(i) end end)
local s = 0 for i = 1, 20000 do s = s + co() end return s end
---
-- pcall
return function() local s = 0 for i = 1, 60000 do local ok, v = pcall(function() return 1 end) s = s + v end return s end
---
-- binary trees
local function grow(d) if d == 0 then return {} end return {grow(d - 1), grow(d - 1)} end
local function count(t) if t[1] then return 1 + count(t[1]) + count(t[2]) end return 1 end return function() return count(grow(12)) end
---
-- ackermann
local function ack(m, n) if m == 0 then return n + 1 elseif n == 0 then return ack(m - 1, 1) end return ack(m - 1, ack(m, n - 1)) end
return function() return ack(2, 300) end
---
-- tail calls
local function loop(n, sum) if n == 0 then return sum end return loop(n - 1, sum + n) end return function() return loop(300000, 0) end
---
-- serializer
local function show(v) if type(v) == "string" then return string.format("%q", v) elseif type(v) ~= "table" then return tostring(v) end
local p = {} if #v > 0 then for i = 1, #v do p[i] = show(v[i]) end return "[" .. table.concat(p, ",") .. "]" end
local names = {} for k in pairs(v) do names[#names + 1] = k end table.sort(names)
for _, k in ipairs(names) do p[#p + 1] = string.format("%q:%s", k, show(v[k])) end return "{" .. table.concat(p, ",") .. "}" end
local doc = {a = 1, b = {1, 2, 3, {x = "y", z = {true, false}}}, c = "hello", d = {e = {f = {g = 1}}}}
return function() local n = 0 for i = 1, 400 do n = n + #show(doc) end return n end
