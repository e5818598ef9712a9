-- string: byte, char, len, lower, upper, reverse, rep, sub
assert(("AbC"):byte(2) == 98 and string.char(65, 66) == "AB" and ("abc"):len() == 3)
assert(("AbC"):lower() == "abc" and ("AbC"):upper() == "ABC" and ("abc"):reverse() == "cba")
assert(("ab"):rep(3) == "ababab" and ("ab"):rep(3, "-") == "ab-ab-ab" and ("x"):rep(0) == "" and ("x"):rep(-1) == "")
assert(("hello"):sub(2, 3) == "el" and ("hello"):sub(-3) == "llo" and ("hello"):sub(2, -2) == "ell" and ("x"):sub(5) == "")
assert(not pcall(string.sub, "x", 1, false) and ("x"):sub(1, nil) == "x")
assert(select("#", ("abc"):byte(1, -1)) == 3)
---
-- string: find and match with captures and anchors
assert(("hello world"):find("wor") == 7 and ("a.b"):find(".", 1, true) == 2 and ("aXb"):find("%u") == 2)
local s, e, c = ("key = value"):find("^(%w+)%s*=")
assert(s == 1 and e == 5 and c == "key")
local k, v = ("key = value"):match("^(%w+)%s*=%s*(%w+)$")
assert(k == "key" and v == "value" and ("abc"):match("()b()") == 2)
assert(("f(a(b)c)d"):match("%b()") == "(a(b)c)" and ("THE (quick) fox"):find("%((%a+)%)") == 5)
assert(("x^2"):match("%^(%d)") == "2" and ("aa"):match("(a)%1") == "a" and ("THE END"):find("%f[%a]E") == 5)
---
-- string: gmatch walks over all matches
local out = {}
for k, v in ("a=1, b=2"):gmatch("(%w+)=(%w+)") do out[#out + 1] = k .. v end
assert(table.concat(out, "|") == "a1|b2")
local n = 0
for _ in ("abc"):gmatch("") do n = n + 1 end
assert(n == 4)
---
-- string: gsub with string, table, function and count
assert(("hello"):gsub("l", "L") == "heLLo" and select(2, ("hello"):gsub("l", "L")) == 2)
assert(("hello"):gsub("l", "L", 1) == "heLlo" and ("abc"):gsub("%w", "%0%0") == "aabbcc")
assert(("$a $b"):gsub("%$(%w)", {a = "1"}) == "1 $b" and ("abc"):gsub("", "-") == "-a-b-c-")
assert(("abc"):gsub(".", function(c) if c == "b" then return "[b]" end end) == "a[b]c")
assert(("hello world"):gsub("(%w+) (%w+)", "%2 %1") == "world hello")
---
-- string: format
assert(("%d|%5.1f|%s|%q|%x|%c|%%|%5s|%-5s|"):format(3, 2.25, "x", 'a"b', 255, 65, "r", "l")
  == '3|  2.2|x|"a\\"b"|ff|A|%|    r|l    |')
assert(("%s %s"):format(true, nil) == "true nil" and ("%s"):format(setmetatable({}, {__tostring = function() return "t" end})) == "t")
---
-- string: format does not tell addresses
local text = ("%s"):format({})
assert(text:find("^table: 0x0000"), text)
string.format("%p", {}) -- error: invalid option '%p' to 'format'
---
-- long subjects give the same matches as short ones
local long = ("ab "):rep(3000) .. "end"
assert(long:match("(%a+)$") == "end" and long:find("end") == 9001 and long:match("^%s*(.-)%s*$") == long)
assert(select(2, long:gsub("%a+", "%0")) == 3001 and select(2, long:gsub("(a)(b)", "%2%1")) == 3000)
local n = 0
for w in long:gmatch("%a+") do n = n + #w end
assert(n == 6003)
---
-- table: insert and remove
local t = {1, 2, 3}
table.insert(t, 4); table.insert(t, 1, 0)
assert(table.concat(t, ",") == "0,1,2,3,4")
assert(table.remove(t) == 4 and table.remove(t, 1) == 0 and table.remove({}) == nil)
assert(table.concat(t, ",") == "1,2,3" and #t == 3)
---
-- table: concat
assert(table.concat({1, "a", 2.5}, "-") == "1-a-2.5" and table.concat({}) == "" and table.concat({1, 2, 3}, ",", 2, 3) == "2,3")
---
-- table: sort is stable and takes an order
local t = {5, 2, 8, 1, 9, 3, 7, 4, 6, 10, 12, 11}
table.sort(t)
assert(table.concat(t, " ") == "1 2 3 4 5 6 7 8 9 10 11 12")
table.sort(t, function(a, b) return a > b end)
assert(t[1] == 12 and t[12] == 1)
local people = {}
for i = 1, 40 do people[i] = {key = i % 4, at = i} end
table.sort(people, function(a, b) return a.key < b.key end)
for i = 2, 40 do
  local a, b = people[i - 1], people[i]
  assert(a.key < b.key or (a.key == b.key and a.at < b.at))
end
---
-- table: sort survives an order that contradicts itself
local t = {}
for i = 1, 50 do t[i] = i end
table.sort(t, function() return true end)
table.sort(t, function(a, b) return a ~= b end)
assert(#t == 50)
---
-- table: unpack, maxn and move
assert(select("#", unpack({1, 2, 3})) == 3 and select("#", unpack({}, 1, 5)) == 5 and table.maxn({[7] = 1}) == 7)
if table.move then assert(table.concat(table.move({1, 2, 3}, 1, 3, 2)) == "1123") end
---
-- math: the usual functions
assert(math.floor(-1.5) == -2 and math.ceil(1.2) == 2 and math.abs(-3) == 3 and math.max(1, 3, 2) == 3 and math.min(4, 2) == 2)
assert(math.fmod(7, 3) == 1 and math.sqrt(16) == 4 and math.huge > 1e308 and math.pi > 3.14 and math.modf(3.7) == 3)
assert(2 ^ 10 == 1024 and math.pow(2, 3) == 8 and math.exp(0) == 1 and math.log(1) == 0 and math.log10(1000) == 3)
---
-- math: random stays in its range
for _ = 1, 200 do
  local a, b, c = math.random(), math.random(6), math.random(-2, 2)
  assert(a >= 0 and a < 1 and b >= 1 and b <= 6 and c >= -2 and c <= 2 and b == math.floor(b))
end
---
-- libraries refuse to be changed by assignment
string.upper = nil -- error: attempt to change string.upper: libraries are read-only
---
-- libraries refuse rawset
rawset(math, "pi", 3) -- error: the table is read-only
---
-- libraries refuse table.insert
table.insert(table, 1) -- error: the table is read-only
---
-- libraries refuse table.remove
table.remove(string) -- error: the table is read-only
---
-- libraries refuse table.sort
table.sort(math) -- error: the table is read-only
---
-- libraries refuse table.move into them
table.move({1}, 1, 1, 1, string) -- error: the table is read-only
---
-- libraries refuse a metatable
setmetatable(string, {}) -- error: cannot change a protected metatable
---
-- no metatable of a shared object can be reached
assert(getmetatable("") == false and getmetatable(string) == false and getmetatable(null) == false)
assert(getmetatable(coroutine) == false and getmetatable(log) == false)
---
-- libraries can be listed
local names = {}
for name, f in pairs(coroutine) do names[#names + 1] = name; assert(type(f) == "function") end
assert(table.concat(names, " ") == "create isyieldable resume running status wrap yield", table.concat(names, " "))
assert(next(string) ~= nil)
---
-- listing a library does not give the library itself away
local _, shown = pairs(string)
pcall(rawset, shown, "marked", 1)
for _, part in pairs(shown) do
  if type(part) == "table" then pcall(rawset, part, "marked", 1) end
end
assert(string.marked == nil and not pcall(rawset, string, "marked", 1), "pairs gave away the real library")
---
-- what must not be there is not there
for _, name in ipairs({
  "_G", "_ENV", "_VERSION", "collectgarbage", "debug", "dofile", "ffi", "gcinfo", "getfenv", "io", "jit", "load",
  "loadfile", "loadstring", "module", "newproxy", "os", "package", "print", "python", "require", "setfenv", "bit",
}) do assert(({name = 1})[name] == nil) end
assert(_G == nil and _ENV == nil and _VERSION == nil and collectgarbage == nil and debug == nil and dofile == nil)
assert(ffi == nil and gcinfo == nil and getfenv == nil and io == nil and jit == nil and load == nil)
assert(loadfile == nil and loadstring == nil and module == nil and newproxy == nil and os == nil and package == nil)
assert(print == nil and python == nil and require == nil and setfenv == nil and bit == nil)
assert(string.dump == nil and string.gfind == nil and table.foreach == nil and table.foreachi == nil and table.getn == nil)
---
-- null is one value, equal to itself only, and not nil
assert(null == null and null ~= nil and null ~= false and type(null) == "userdata" and tostring(null) == "null")
assert(null) -- it is true, as every value but nil and false
---
-- null has no fields
return null.x -- error: attempt to index global 'null' (a userdata value)
---
-- table.concat and unpack: false is no number
assert(not pcall(table.concat, {}, ",", false))
assert(not pcall(table.concat, {}, ",", 1, false))
assert(not pcall(unpack, {}, false))
assert(not pcall(unpack, {}, 1, false))
return table.concat({1, 2}, ",", nil, nil)
---
-- string.format: only what %s shows is made text
local ok, why = pcall(function() return string.format("%s %d", {}, print or type) end)
assert(not ok and why:find("number expected, got function", 1, true), why)
return (string.format("%d%% %s", 3, type):gsub("0x%x+", "0x"))
