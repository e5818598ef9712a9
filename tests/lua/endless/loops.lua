-- while
while true do end
---
-- while with a condition that calls
local function yes() return true end
while yes() do end
---
-- repeat
repeat until false
---
-- repeat with a body
local n = 0
repeat n = n + 1 until n < 0
---
-- numeric for to infinity
for _ = 1, math.huge do end
---
-- numeric for of step zero
for _ = 1, 2, 0 do end
---
-- numeric for where adding one changes nothing
for _ = 2 ^ 53, 2 ^ 53 + 10 do end
---
-- numeric for downwards without end
for _ = 1, -math.huge, -1 do end
---
-- generic for over a function that never answers nil
for _ in function() return 1 end do end
---
-- generic for over a table with __call
for _ in setmetatable({}, {__call = function() return 1 end}) do end
---
-- generic for in C only: pcall of tostring
for _ in pcall, tostring, 1 do end
---
-- generic for in C only: type
for _ in type, 1 do end
---
-- generic for in C only: select
for _ in select, "#" do end
---
-- generic for in C only: rawequal
for _ in rawequal, 1, 1 do end
---
-- generic for in C only: math.max
for _ in math.max, 1, 1 do end
---
-- generic for in C only: string.rep
for _ in string.rep, "1", 1 do end
---
-- generic for in C only: rawlen by way of string.len
for _ in string.len, "x" do end
---
-- generic for over coroutine.wrap
for _ in coroutine.wrap(function() while true do coroutine.yield(1) end end) do end
---
-- pairs over a table that grows as it is walked
local t = {1}
for k in pairs(t) do t[k + 1] = 1 t[1] = 1 end
while true do for _ in pairs(t) do end end
---
-- ipairs over an __index without end
while true do for _ in ipairs({1, 2, 3}) do end end
---
-- next over and over
local t = {a = 1, b = 2}
while true do local k = next(t) k = next(t, k) end
---
-- goto backwards
::top:: goto top
---
-- goto backwards out of a block
::top:: do goto top end
---
-- goto with two labels
::a:: goto b ::c:: goto a ::b:: goto c
---
-- goto continue in a loop without end
while true do goto continue ::continue:: end
---
-- nested loops
while true do for _ = 1, 1e9 do repeat until true end end
---
-- a loop in straight code of many operations
local a, b = 1, 2
while true do a = a + b * a - b / a + b * a - b / a + b * a - b / a + b * a - b / a + b * a - b / a + b * a - b / a end
---
-- an empty loop around calls of library functions
while true do math.floor(1.5) math.abs(-1) type(1) end
---
-- a loop that makes closures
while true do local f = function() return f end end
