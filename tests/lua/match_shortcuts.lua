-- match of a plain text gives the text, or nil
assert(string.match("a.b@c", "@") == "@" and string.match("abc", "@") == nil and ("abc"):match("bc") == "bc")
assert(string.match("", "a") == nil and string.match("abc", "") == "" and string.match("a.c", "%.") == ".")
---
-- match with an offset starts there
assert(string.match("aba", "a", 2) == "a" and string.match("abc", "a", 2) == nil)
---
-- a NUL ends a pattern's plain text as it always did
assert(string.match("a", "a\0b") == string.match("a", "a\0b", 1))
---
-- trimming by a pattern takes the six blanks off both ends
for _, s in ipairs({"", " ", "a", " a", "a ", "\t\n\v\f\r a b \t\n\v\f\r", "   ", "\0 ", "é "}) do
  assert(string.match(s, "^%s*(.-)%s*$") == string.match(s, "^%s*(.-)%s*$", 1), "[" .. s .. "]")
end
---
-- ASCII is seen in texts of every length, wherever the other byte stands
for _, size in ipairs({6, 7, 8, 15, 16, 17, 31, 32}) do
  local plain = ("A"):rep(size)
  assert(str.lower(plain) == ("a"):rep(size))
  for at = 1, size do
    local s = plain:sub(1, at - 1) .. "Ä" .. plain:sub(at + 1)
    assert(str.lower(s) == s:sub(1, at - 1):lower() .. "ä" .. s:sub(at + 2):lower(), s)
  end
end
