-- recursion
local function f() return 1 + f() end
while true do pcall(f) end
---
-- tail recursion
local function f() return f() end
f()
---
-- mutual tail recursion
local g
local function f() return g() end
g = function() return f() end
f()
---
-- recursion that doubles
local function f(n) if n == 0 then return 0 end return f(n - 1) + f(n - 1) end
f(200)
---
-- mutual recursion that doubles under pcall
local g
local function f(n) if n > 0 then pcall(g, n - 1) pcall(g, n - 1) end end
g = function(n) if n > 0 then f(n - 1) f(n - 1) end end
f(150)
---
-- method calls
local o = {}
function o:m() return self:m() end
o:m()
---
-- a Y combinator
local function y(f) return f(f) end
y(y)
---
-- varargs that grow
local function f(...) return f(1, ...) end
while true do pcall(f) end
---
-- errors over and over
while true do pcall(error, {}) end
---
-- error handlers that fail
while true do xpcall(error, function() error("again") end, "x") end
---
-- error handlers that loop
xpcall(error, function() while true do end end, "x")
---
-- error handlers inside error handlers
local function h(e) xpcall(error, h, e) return e end
while true do xpcall(error, h, "x") end
---
-- nested pcalls that go on after the end
local function f() pcall(f) pcall(f) pcall(f) pcall(f) end
while true do f() end
---
-- xpcall chains whose handlers go on after the end
local function f(n) if n == 0 then while true do end end xpcall(f, function() f(0) end, n - 1) end
while true do f(150) end
---
-- stack overflows over and over
local function f() f() return 1 end
while true do pcall(f) end
---
-- stack overflows with wide frames
local function f(...) local a, b, c, d, e, g, h, i, j, k = ... f(a, b, c, d, e, g, h, i, j, k, ...) return 1 end
while true do pcall(f, 1, 2, 3, 4, 5, 6, 7, 8) end
---
-- deep recursion, errors at the bottom
local function f(n) if n == 0 then error("x") end return 1 + f(n - 1) end
while true do pcall(f, 20000) end
---
-- deep recursion, table errors at the bottom
local function f(n) if n == 0 then error({}) end return 1 + f(n - 1) end
while true do pcall(f, 20000) end
---
-- an assert that fails over and over
while true do pcall(assert, false, "no") end
---
-- tostring that calls tostring
local t = setmetatable({}, {})
getmetatable(t).__tostring = function(x) return tostring(x) end
while true do pcall(tostring, t) end
---
-- unpack thousands of values
local t = {}
for i = 1, 7000 do t[i] = i end
while true do select("#", unpack(t)) end
---
-- select from the front of thousands of values
local t = {}
for i = 1, 7000 do t[i] = i end
local function f(...) for i = 1, 7000 do local x = select(i, ...) end end
while true do f(unpack(t)) end
---
-- pass thousands of values on
local t = {}
for i = 1, 2000 do t[i] = i end
local function f(...) return ... end
while true do f(f(f(f(unpack(t))))) end
---
-- collect thousands of values in tables
local t = {}
for i = 1, 7000 do t[i] = i end
local function f(...) return {...}, {...}, {...} end
while true do f(unpack(t)) end
