-- an empty script costs one unit: its own check
-- fuel: 1
---
-- straight code costs nothing more
-- fuel: 1
local a = 1 + 2
local b = a * a
return b
---
-- each loop turn costs one unit
-- fuel: 11
for _ = 1, 10 do end
---
-- a call of a function that calls others costs one unit
-- fuel: 4
local function f() return type(1) end
f() f() f()
---
-- a call of a function that calls nothing costs nothing
-- fuel: 1
local function f(a) return a + 1 end
return f(f(f(1)))
---
-- it pays at the first statement that calls, not before
-- fuel: 4
local function f(n) if n > 2 then return n end return f(n + 1) end
return f(0)
---
-- where functions may become metamethods every call costs one unit
-- fuel: 4
local function f() end
local methods = setmetatable({}, {__index = f})
f() f() return methods.any
---
-- a callback of gsub costs one unit for each match
-- fuel: 4
return (("abc"):gsub(".", function(c) return c end))
---
-- a while loop pays for each turn, not for the last test
-- fuel: 6
local n = 0
while n < 5 do n = n + 1 end
---
-- a repeat loop pays for each turn
-- fuel: 6
local n = 0
repeat n = n + 1 until n == 5
---
-- a backward goto pays, a forward goto does not
-- fuel: 4
local n = 0
::top::
n = n + 1
if n < 4 then goto top end
goto out
::out::
---
-- a bare block costs one unit
-- fuel: 2
do local a = 1 end
---
-- pcall costs what it calls
-- fuel: 2
pcall(function() return type(1) end)
---
-- eight operations or more in a piece of straight code are paid one by one
-- fuel: 8
local a = 1
return a + a + a + a + a + a + a + a + a
---
-- short strings cost nothing
-- fuel: 1
return ("abc"):upper():lower():reverse():sub(1, 2)
---
-- long strings cost one unit for each 256 bytes, to make and to read
-- fuel: 9
return #("x"):rep(1, "") .. #("xxxxxxxx"):rep(128):upper()
---
-- iterating pairs pays for the walk and for each turn
-- fuel: 9
local n = 0
for _ in pairs({a = 1, b = 2, c = 3}) do n = n + 1 end
---
-- sorting costs the same whatever the order of hashing
-- fuel: 14
local keys = {}
for key in pairs({delta = 1, alpha = 1, charlie = 1, bravo = 1}) do keys[#keys + 1] = key end
table.sort(keys)
return table.concat(keys, " ")
---
-- an error ends the bill
-- fuel: 6
for i = 1, 100 do
  if i == 5 then
    error("stop") -- error: stop
  end
end
---
-- abort costs one unit
-- fuel: 2
abort("no") -- rejected: no
---
-- a log line costs four units
-- fuel: 5
log.info("x")
---
-- a scan of more than 64 bytes costs eight units
-- fuel: 9
return ("a"):rep(200):find("b")
---
-- a match in the metered matcher costs a sixteenth of a unit for each step
-- fuel: 1563
return ("a"):rep(50):find(".-.-b")
