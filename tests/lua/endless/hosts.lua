-- host calls
while true do hash.sha256("x") end
---
-- host calls under pcall
while true do pcall(hash.sha256, "x") end
---
-- host calls that fail
while true do pcall(json.decode, "{") end
---
-- hashes of great strings
local s = ("x"):rep(1000000)
while true do hash.sha256(s) hash.md5(s) end
---
-- json of great tables
local t = {}
for i = 1, 14000 do t[i] = {i} end
while true do pcall(json.encode, t) end
---
-- json of great texts
local s = "[" .. ("1,"):rep(14000) .. "1]"
while true do pcall(json.decode, s) end
---
-- json of many levels
local s = ("["):rep(300000)
while true do pcall(json.decode, s) end
---
-- json of many keys
local t = {}
for i = 1, 14000 do t[i] = '"k' .. i .. '":' .. i end
local s = "{" .. table.concat(t, ",") .. "}"
while true do pcall(json.decode, s) end
---
-- arguments that are packed for nothing
local t = {}
for i = 1, 3000 do t[i] = ("x"):rep(300) end
while true do pcall(hash.sha256, t) end
---
-- regex of great texts
local s = ("ab "):rep(30000)
while true do pcall(regex.find_all, s, "[a-z]+") pcall(regex.replace, s, "a", "$0$0") end
---
-- regex of great counts
local s = ("a"):rep(50000)
while true do pcall(regex.test, s, "(a{1,100}){1,9}b") end
---
-- regex patterns that are slow to compile
local n = 0
while true do n = n + 1 pcall(regex.test, "x", "((\\pL{1,50}){1,9}" .. n .. ")") end
---
-- regex split into many
local s = (","):rep(100000)
while true do pcall(regex.split, s, ",") end
---
-- base64 of great strings
local s = ("x"):rep(700000)
while true do base64.decode(base64.encode(s)) end
---
-- money of long amounts
while true do money.mul("999999999999999999999999999.99", "0.999999999999999999999999") end
---
-- money of many shares
local t = {}
for i = 1, 1000 do t[i] = "1." .. i end
while true do pcall(money.allocate, "1000000.00", t) end
---
-- money sums of great lists
local t = {}
for i = 1, 50000 do t[i] = "1.5" end
while true do pcall(money.sum, t) end
---
-- times far away
while true do pcall(time.add, "2026-01-01", {years = 7973}) pcall(time.add, "2026-01-01", {months = 1e9}) end
---
-- time formats of great length
local f = ("%Y"):rep(100000)
while true do pcall(time.format, "2026-01-01", f) end
---
-- time parses of great length
local f, s = ("%Y "):rep(100), ("2026 "):rep(100000)
while true do pcall(time.parse, s, f) pcall(time.parse, s) end
---
-- str of great texts
local s = ("ab  "):rep(200000)
while true do str.split(s, " ") str.words(s) str.lines(s) end
---
-- str of great texts beyond ASCII
local s = ("äö "):rep(1300)
while true do pcall(str.lower, s) pcall(str.title, s) pcall(str.slug, s) str.reverse(s) end
---
-- str.trim of blanks
local s = (" "):rep(1000000) .. "x" .. (" "):rep(1000000)
while true do str.trim(s) str.is_blank(s) end
---
-- str.pad to great widths
while true do str.pad_left("x", 5000000) str.pad_right("x", 5000000, "ä") end
---
-- str.replace of each byte
local s = ("x"):rep(200000)
while true do str.replace(s, "x", "yy") str.count(s, "x") end
---
-- str.contains of long parts
local s, p = ("a"):rep(500000), ("a"):rep(5000) .. "b"
while true do str.contains(s, p) str.index_of(s, p) str.count(s, p) end
---
-- str.truncate and sub of great texts
local s = ("ä"):rep(500000)
while true do str.truncate(s, 400000) str.sub(s, 100000, 300000) str.length(s) end
---
-- str.join of great lists
local t = {}
for i = 1, 100000 do t[i] = "x" end
while true do str.join(t, ", ") end
---
-- validate of great texts
local s = ("a"):rep(500000)
while true do for _, f in pairs(validate) do pcall(f, s) end end
---
-- uuids
while true do pcall(uuid.v4) pcall(uuid.is_valid, ("x"):rep(100000)) end
