-- __index that calls itself twice
local t = setmetatable({}, {})
getmetatable(t).__index = function(_, k) if k == 0 then return 1 end return t[k - 1] + t[k - 1] end
return t[60]
---
-- __index over and over
local t = setmetatable({}, {__index = function() return 1 end})
while true do local x = t.x end
---
-- __newindex over and over
local t = setmetatable({}, {__newindex = function() end})
while true do t.x = 1 end
---
-- __call over and over
local t = setmetatable({}, {__call = function() end})
while true do t() end
---
-- __call that calls itself
local t = setmetatable({}, {__call = function(t) return t() end})
t()
---
-- arithmetic metamethods
local m = setmetatable({}, {})
for _, name in ipairs({"add", "sub", "mul", "div", "mod", "pow", "unm"}) do
  getmetatable(m)["__" .. name] = function() return m end
end
while true do m = -(m + m - m * m / m % m ^ m) end
---
-- __add that doubles
local m = setmetatable({}, {})
local depth = 0
getmetatable(m).__add = function(a, b)
  depth = depth + 1
  if depth < 60 then local _ = a + b, a + b end
  depth = depth - 1
  return m
end
while true do local _ = m + m end
---
-- __concat that doubles
local m = setmetatable({}, {})
local depth = 0
getmetatable(m).__concat = function(a, b)
  depth = depth + 1
  if depth < 60 then local _ = (a .. b) .. (b .. a) end
  depth = depth - 1
  return m
end
while true do local _ = m .. m .. m .. m end
---
-- comparison metamethods
local mt = {__lt = function() return true end, __le = function() return true end, __eq = function() return true end}
local a, b = setmetatable({}, mt), setmetatable({}, mt)
while a < b and a <= b and a == b do end
---
-- __eq that loops
local a, b
local mt = {__eq = function() return a == b end}
a, b = setmetatable({}, mt), setmetatable({}, mt)
while true do pcall(function() return a == b end) end
---
-- __lt that loops in C only
local t = setmetatable({}, {__lt = pcall})
while true do local _ = t < t end
---
-- __len is not asked for
local t = setmetatable({}, {__len = function() while true do end end})
while true do local _ = #t end
---
-- __tostring that loops
tostring(setmetatable({}, {__tostring = function() while true do end end}))
---
-- __tostring in format
local t = setmetatable({}, {__tostring = function() return "x" end})
while true do ("%s%s%s%s"):format(t, t, t, t) end
---
-- a chain of a thousand __index tables
local t = {}
for _ = 1, 90 do t = setmetatable({}, {__index = t}) end
while true do local _ = t.x, t.y, t.z, t.u, t.v, t.w end
---
-- metamethods that are library functions
local t = setmetatable({}, {__index = pcall, __call = pcall, __add = xpcall, __concat = pcall, __unm = pcall})
while true do local _ = t.x, t + t, t .. t, -t end
---
-- __index in a loop inside a coroutine inside pcall
local t = setmetatable({}, {__index = function(t, k) return k end})
while true do pcall(coroutine.wrap(function() for i = 1, 1e9 do local _ = t[i] end end)) end
---
-- methods of strings
while true do local _ = ("x").len, ("x"):len() end
