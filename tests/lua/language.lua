-- numeric loops count up, down and by steps
local sum = 0
for i = 1, 10 do sum = sum + i end
for i = 10, 1, -3 do sum = sum + i end
assert(sum == 55 + 10 + 7 + 4 + 1)
for _ = 1, 0 do error("never") end
---
-- while, repeat and break
local n = 0
while true do
  n = n + 1
  if n > 4 then break end
end
repeat local last = n; n = n - 1 until last == 2
assert(n == 1)
---
-- goto continues and jumps back
local odd, i = 0, 0
::again::
i = i + 1
for j = 1, 3 do
  if (i + j) % 2 == 0 then goto continue end
  odd = odd + 1
  ::continue::
end
if i < 3 then goto again end
assert(odd == 4, odd)
---
-- a name may be called goto
local goto = 5
goto = goto + 1
local t = {goto = goto}
assert(t.goto == 6)
---
-- closures keep their own variables
local function counter()
  local n = 0
  return function() n = n + 1; return n end
end
local a, b = counter(), counter()
assert(a() == 1 and a() == 2 and b() == 1)
local made = {}
for i = 1, 3 do made[i] = function() return i end end
assert(made[1]() == 1 and made[3]() == 3)
---
-- varargs, select and unpack
local function f(...) return select("#", ...), ... end
local n, a, b, c = f(nil, false, nil)
assert(n == 3 and a == nil and b == false and c == nil)
assert(select(2, "a", "b", "c") == "b" and select(-1, "a", "b") == "b")
assert(select("#", unpack({1, nil, 3}, 1, 3)) == 3)
assert((f()) == 0)
---
-- a script may use ... at its top level, where it is empty
assert(select("#", ...) == 0)
---
-- multiple assignment evaluates the right side first
local i, t = 1, {}
i, t[i] = i + 1, "x"
assert(i == 2 and t[1] == "x")
local a, b = 1, 2
a, b = b, a
assert(a == 2 and b == 1)
---
-- and, or, not and comparison
assert((nil or "x") == "x" and (false and 1) == false and not nil)
assert("a" < "b" and "a" < "aa" and "Z" < "a" and 1 < 2 and not (1 < 1))
assert(1 ~= "1" and "10" + 5 == 15 and 10 .. 20 == "1020")
---
-- comparing a number with a string is an error
return 1 < "2" -- error: attempt to compare number with string
---
-- operators bind as the manual says
assert(2 ^ 3 ^ 2 == 512 and -2 ^ 2 == -4 and not 1 == 2 == false)
assert(1 .. 2 .. 3 == "123" and 5 % 3 == 2 and -5 % 3 == 1 and 5.5 % 2 == 1.5)
---
-- metatables: index, newindex, call, arithmetic, comparison, concatenation
local log = {}
local mt = {
  __index = function(_, k) return k .. "!" end,
  __newindex = function(t, k, v) rawset(t, k, v * 2) end,
  __call = function(_, x) return x + 1 end,
  __add = function() return "add" end, __unm = function() return "unm" end,
  __concat = function() return "cat" end, __eq = function() return true end,
  __lt = function() return true end, __le = function() return false end,
  __tostring = function() return "shown" end,
}
local a, b = setmetatable({}, mt), setmetatable({}, mt)
assert(a.x == "x!" and a(1) == 2 and a + 1 == "add" and -a == "unm" and a .. "" == "cat")
assert(a == b and a < b and not (a <= b) and tostring(a) == "shown")
a.y = 4
assert(rawget(a, "y") == 8 and not rawequal(a, b))
assert(getmetatable(a) == mt)
---
-- inheritance through __index tables
local Base = {}; Base.__index = Base
function Base:name() return "base" end
function Base:hello() return "hello " .. self:name() end
local Derived = setmetatable({}, {__index = Base}); Derived.__index = Derived
function Derived:name() return "derived" end
assert(setmetatable({}, Derived):hello() == "hello derived")
---
-- a protected metatable stays
local t = setmetatable({}, {__metatable = "locked"})
assert(getmetatable(t) == "locked")
setmetatable(t, {}) -- error: cannot change a protected metatable
---
-- coroutines pass values both ways
local co = coroutine.create(function(a, b)
  local c = coroutine.yield(a + b)
  local d, e = coroutine.yield(c * 2)
  return d + e
end)
local function step(...) return select(2, assert(coroutine.resume(co, ...))) end
assert(step(1, 2) == 3 and step(5) == 10 and step(3, 4) == 7)
assert(coroutine.status(co) == "dead")
local ok, why = coroutine.resume(co)
assert(not ok and why == "cannot resume dead coroutine")
---
-- coroutine.wrap as an iterator
local function range(n) return coroutine.wrap(function() for i = 1, n do coroutine.yield(i) end end) end
local sum = 0
for i in range(100) do sum = sum + i end
assert(sum == 5050)
---
-- an error inside a coroutine comes out of resume, or of wrap
local ok, why = coroutine.resume(coroutine.create(function() error("inside", 0) end))
assert(not ok and why == "inside")
local ok, why = pcall(coroutine.wrap(function() error({code = 7}) end))
assert(not ok and why.code == 7)
---
-- yielding across pcall works
local co = coroutine.wrap(function()
  local ok, value = pcall(function() return coroutine.yield(1) + 1 end)
  coroutine.yield(value)
  return ok
end)
assert(co() == 1 and co(41) == 42 and co() == true)
---
-- yielding outside of a coroutine is an error
assert(coroutine.running() == nil or true)
local ok, why = pcall(coroutine.yield, 1)
assert(not ok and why:find("yield"), why)
---
-- generic for calls iterators of any kind
local function upto(n, i) if i < n then return i + 1 end end
local sum = 0
for i in upto, 5, 0 do sum = sum + i end
assert(sum == 15)
local t = setmetatable({}, {__call = function(_, n, i) if i < n then return i + 1 end end})
for i in t, 3, 0 do sum = sum + i end
assert(sum == 21)
---
-- numbers: literals in every form
assert(0x10 == 16 and 0xA.8p0 == 10.5 and 1e2 == 100 and .5 == 0.5 and 3. == 3 and 0x.1p4 == 1)
assert(1e308 * 10 == math.huge and -1e308 * 10 == -math.huge)
---
-- strings: escapes and long brackets
assert("\65\066\x43\u{44}" == "ABCD" and "a\z
        b" == "ab" and #"\0\0" == 2 and '\'' == "'" and "a\
b" == "a\nb")
assert([[
x]] == "x" and [==[a]]b]=]c]==] == "a]]b]=]c")
---
-- comments of every form
local a = 1 -- plain
--[[ long
do while true do end ]] a = a + 1 --[==[ ]] ]=] ]==] a = a + 1
---[[ not long
a = a + 1
--]]
----[[ a line comment
assert(a == 4)
---
-- words in strings and comments are no code
local s = "--[[" s = s .. " while true do end " .. "--]]"
local t = 'function() repeat until [['
assert(#s == 27 and #t == 26)
---
-- deep recursion ends as an error that names the depth
local function f() return 1 + f() end
f() -- failed: stack_overflow
---
-- tail calls do not use the stack
local function f(n) if n == 0 then return "done" end return f(n - 1) end
assert(f(100000) == "done")
---
-- non-ASCII names are names
local größe = 3
assert(größe == 3)
---
-- globals work and are the script's own
x = 1
local function f() y = x + 1 end
f()
assert(x == 1 and y == 2 and z == nil)
---
-- the globals of an earlier script are gone
assert(x == nil and y == nil)
---
-- a script may give a library's name to its own variable
local string = "mine"
assert(string == "mine")
table = {1}
assert(table[1] == 1)
---
-- calling nil names the variable
nosuchfunction() -- error: attempt to call global 'nosuchfunction' (a nil value)
---
-- indexing nil names the field
local t = {}
return t.a.b -- error: attempt to index field 'a' (a nil value)
---
-- calling a missing method names it
("x"):nosuch() -- error: attempt to call method 'nosuch' (a nil value)
---
-- arithmetic on a table names it
local t = {}
return t + 1 -- error: attempt to perform arithmetic on local 't' (a table value)
---
-- an unfinished string does not compile
local s = "abc -- error: unfinished string
---
-- an unknown label does not compile
goto nowhere -- error: undefined label 'nowhere'
---
-- 64-bit literals are refused
local x = 1LL -- error: 64-bit or imaginary literal
---
-- imaginary literals are refused
local x = 2i -- error: 64-bit or imaginary literal
