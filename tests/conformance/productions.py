"""The grammar of random programs, as data: for each kind of text, the forms it may take (see grammar.py).

In a form, ``$kind`` is another text of that kind; ``$1`` is a new name, the same all over the form; ``$1!number`` is
nothing, and puts that name in scope as a number; ``$[`` and ``$]`` begin and end a scope. ``$loop:block`` is a block
in another place: ``loop`` (may break), ``flat`` (may not), ``fn``, ``vfn``, ``co`` and ``vco`` (in a
function or a coroutine, v: with varargs). A form repeated is a likelier one.
"""

from __future__ import annotations

PRELUDE = r"""local out, count = {}, 0
local function show(x)
  local kind = type(x)
  if kind == "number" then return x ~= x and "nan" or x == 0 and 1 / x < 0 and "-0" or tostring(x) end
  if kind ~= "string" then return kind == "boolean" and tostring(x) or kind end
  return '"' .. x:gsub("[^ -~]", function(c) return "\\" .. c:byte() end):gsub("%-nan", "nan"):gsub("0x%x%x%x%x%x+", "0x") .. '"'
end
local function emit(...)
  count = count + 1
  if count > 400 then error("enough", 0) end
  for i = 1, select("#", ...) do out[#out + 1] = show((select(i, ...))) end
  return ...
end
local function N(x) x = tonumber(x) or 0 return x == x and x or 0 end
local function S(x) return type(x) == "string" and #x < 400 and x or type(x) end
local function T(x) return type(x) == "table" and x or {x} end
local function F(x) return type(x) == "function" and x or function(...) return x, ... end end
local G = {}
"""
EPILOGUE = '\nreturn table.concat(out, "\\n")\n'

# What stands where nothing may be nested any deeper.
LEAVES = {
    "number": (
        "0", "1", "2", "3", "7", "10", "255", "-1", "-3", "0x10", "0xFF", "0x.8p1", "0x1p-2", ".5", "3.", "1e2", "1E-2", "2.25",
        "1e15", "2^31", "2^53", "-2^31", "2147483647", "-2147483648", "4294967296", "9007199254740993", "1e308", "1e-320",
        "(1/0)", "(-1/0)", "(0/0)", "-0", "(-0)", "0.1", "1/3", "123456789012", "math.huge", "math.pi",
    ),
    "string": (
        '""', "''", '"a"', "'abc'", '"10"', '"0x1F"', "' 7 '", '"hello world"', '"a,b,,c"', "[[long]]", "[==[ ]] ]==]",
        '"\\65\\x42\\u{43}"', '"line\\nbreak"', "'\\\n'", '"\\z   \n  z"', '"end do function"', '"--[["', '"\\0x"', '"\\255\\128"',
        '"%d %s"', '"1e3"', '"k=v; x=y"', "[[\n]]", '"\\"quoted\\""',
    ),
    "boolean": ("true", "false", "nil"),
    "table": ("{}", "{1, 2, 3}", "{x = 1}"),
    "function": ("type", "tonumber", "select", "emit", "math.abs", "string.upper", "F()"),
    "call": ("emit()", "emit 'x'", "emit {1}", "emit [[x]]"),
    "any": ("0", "1", "2.5", "-1", "''", "'a'", "'10'", "nil", "true", "false", "{}", "$number", "$string"),
    "list": ("1", "'a', nil", "nil", "true, 2"),
    "block": ("\nemit($list) ",),
    "statement": ("emit($list)", "G.x = $any", "local $1 = $number$1!number", "local $1 = $string$1!string", "local $1$1!any"),
    "return": ("return", "return $list"),
}  # fmt: skip

WORDS = {
    "arithmetic": ("+", "-", "*", "/", "%", "^"),
    "operator": ("+", "-", "*", "/", "%", "^", "..", "==", "~=", "<", "<=", ">", ">="),
    "compare": ("==", "~=", "<", "<=", ">", ">="),
    "small": ("-4", "-2", "-1", "0", "1", "2", "3", "5", "9"),
    "count": ("0", "1", "2", "3", "5"),
    "pattern": (
        '"%a+"', '"(%w)(%w*)"', '"^%s*(.-)%s*$"', '"[aeiou]"', '"()l"', '"%d"', '"[^,]*"', '"(%w+)=(%w+)"', '"."', '"l+"',
        '"%f[%w]%w+"', '"x*"', '"%b()"', '"(h)(.)%2?"', '"[%z\\1-\\31]"', '"^$"', '"[]a]"', '"[^%s]-o"',
    ),
    "replacement": ('"<%0>"', '"%1"', '""', "{a = 1, l = false}", '"%%"'),
    "key": (".x", ".y", "[1]", "[2]", ".goto", '["k e y"]', "[S($string)]", "[#out]", "[2.5]", "[-1]"),
    "field": ("$any", "$any", "x = $any", "goto = $any", "[1] = $any", '["k e y"] = $any', "[S($string)] = $any", "[2.5] = $any"),
    "joint": ("\n", "\n", "\n", "\n", " ", " ; ", "\n\n", " --[[ end ]] ", " -- while true do\n", "\r\n", "\t", " --[==[ ]] ]==]\n"),
    "range": (
        "1, 3", "3, 1", "3, 1, -1", "1, 2, 0.5", "1, #G", "0.1, 0.35, 0.1", "-1, 1", "2^53, 2^53 + 2, 2", "5, 5", "1, 0", "N($any), 2",
    ),
    "thrown": ("'plain'", "'level', 0", "'two', 2", "{code = 5}", "nil", "42", "'inner ' .. $string", ""),
    "event": ("__add", "__sub", "__mul", "__div", "__mod", "__pow", "__concat", "__unm"),
    "metatable": (
        "$event = function(a, b) return $fn:any end", "$event = function(a, b) return $fn:any end",
        "__eq = function(a, b) return $fn:boolean end", "__lt = function(a, b) return $fn:boolean end",
        "__le = function(a, b) return $fn:boolean end", "__tostring = function() return 'shown' end", "__len = function() return 3 end",
        "__call = function(self, ...)$vfn:block end", "__index = function(t, k) return S(k) .. '!' end", "__index = {x = 5, y = {6}}",
        "__index = function(t, k) return rawget(G, k) end", "__newindex = function(t, k, v) rawset(t, k, show(v)) end", "__newindex = G",
        "__metatable = 'locked'",
    ),
}  # fmt: skip

FORMS = {
    "number": (
        "($number $arithmetic $number)", "($number $arithmetic $number)", "- $number", "#($string)", "#($table)", "N($any)",
        "math.floor($number)", "math.ceil($number)", "math.abs($number)", "math.max($number, $number)", "math.min($number, $number)",
        "math.fmod($number, 7)", "select('#', $list)", "(($string):byte($small) or 0)", "($boolean and $number or $number)",
        "N(($string):find($string, 1, true))", "('10' + $number)", "N(tonumber($string, 16))", "#{$list}", "N(math.modf($number))",
    ),
    "string": (
        "S($string .. $string)", "($string .. N($number) .. $string)", "($string):upper()", "($string):lower()", "($string):reverse()",
        "($string):sub($small, $small)", "S(($string):rep($count, $string))", "(($string):gsub($pattern, $replacement))",
        "(($string):gsub($pattern, function(c, d) return $fn:string end, 3))", "S(($string):match($pattern))",
        "('%d|%5.2f|%s|%q|%x|%-4s'):format($small, $small.5, $string, $string, 255, 'x')", "show($any)",
        "S(table.concat({$string, $small, $string}, $string))", "string.char(65, 10 + $count)", "type($any)", "tostring(not $boolean)",
    ),
    "boolean": (
        "($number $compare $number)", "($string $compare $string)", "($any == $any)", "($any ~= $any)", "not ($any)",
        "($boolean and $any)", "($boolean or $any)", "rawequal($any, $any)", "($number < $number) == ($string > $string)",
    ),
    "table": (
        "{$field, $field}", "{$field; $field;}", "{$field, $call}", "{$field, $field, $field,}", "{$dots}", "{[1] = $any, $any}",
        "setmetatable({$field}, {$metatable, $metatable})", "T($any)", "{{$any}, {$field}}",
    ),
    "function": (
        "function()$fn:body end", "function($1)$[$1!any$fn:body end$]", "function($1, $2)$[$1!any$2!any$fn:body end$]",
        "function(...)$vfn:body end", "function($1, ...)$[$1!any$vfn:body end$]", "function(self)$fn:body end", "F($any)",
    ),
    "call": (
        "pcall($function, $list)", "F($any)($list)", "($function)($list)", "select($count + 1, $list)", "select(-1, $list)",
        "unpack(T($any), 1, $count)", "rawget(T($any), $any)", "next({$number})", "($string):find($pattern)",
        "xpcall($function, function(e) return type(e) end, $list)", "tonumber($string, 10)", "emit($list)", "math.frexp($number)",
        "assert(pcall($function))", "pcall(error, $any_one)", "coroutine.resume(coroutine.create($function), $list)",
        "coroutine.wrap(function(...)$vco:body end)($list)", "$known($list)", "$known($list)", "$known($list)",
    ),
    "any": (
        "$number", "$string", "$boolean", "$table", "$function", "$call", "($call)", "T($any)$key", "($table)$key", "$dots", "($dots)",
        "$number", "$string", "($any and $any or $any)",
    ),
    "list": ("$any", "$any, $any", "$any, $any, $any", "$any, $call", "$any, $dots", "$dots"),
    "wild": (
        "($any) $operator ($any)", "#($any)", "-($any)", "($any).x.y", "($any)($list)", "($any):method($list)", "($any)[ $any ]",
        "string.rep($any, $small)", "table.concat($list)", "($string):rep($table)", "ipairs($any)", "setmetatable($any_one, $any_one)", "select($list)",
        "string.format($list)", "math.floor($any)", "tonumber($list)", "table.insert($any, $any_one)", "string.sub($list)", "string.char($any)",
    ),
    "block": ("\n$statement ", "\n$statement$joint$statement ", "\n$statement$joint$statement$joint$statement ", "\n$statement$leave "),
    "body": ("$block$return ", "$block$return ", "$block", "\n$statement$joint$statement$joint$statement$joint$return "),
    "return": ("return $list", "return $list", "return", "return $call", "return $known($list)", "return ($call)"),
    "statement": (
        # simple ones
        "emit($list)", "emit($list)", "do $call end", "local $1 = $number$1!number", "local $1 = $string$1!string", "local $1 = $table$1!table",
        "local $1 = $boolean$1!boolean", "local $1 = $any$1!any", "local $1, $2 = $list$1!any$2!any", "local $1, $2, $3$1!any$2!any$3!any",
        "local $1 = $function$1!function", "$set_number = $number", "$set_string = $string", "$set_any, $set_any = $list",
        "$set_any, G.z = $any, $set_any", "G$key = $any", "T($any)$key = $any", "g1, g2 = $list emit(g1, g2)", "$co_yield", "$co_yield",
        # blocks and loops
        "do$block end", "if $boolean then$block end", "if $any_one then$block else$block end",
        "if $boolean then$block elseif $any_one then$block elseif $boolean then$block else$block end",
        "local $1 = 0 while $1 < $count do $1 = $1 + 1$loop:block end", "local $1 = 0 while $1 < 3 and $boolean do $1 = $1 + 1$loop:block end",
        "local $1 = 0 repeat $1 = $1 + 1$flat:block local $2 = $1 until $2 >= $count", "repeat$block until true",
        "$[for $1 = $range do$1!number$loop:block end$]", "$[for $1 = $range do$1!number emit($1)$loop:block end$]",
        "$[for $1, $2 in ipairs(T($any)) do$1!number$2!any$loop:block end$]",
        "$[for $1, $2 in pairs({$number}) do$1!number$2!number$loop:block end$]",
        "$[for $1, $2 in next, {$any_one} do$1!number$2!any$loop:block end$]",
        "$[for $1, $2 in ($string):gmatch($pattern) do$1!any$2!any$loop:block end$]",
        "$[for $1, $2 in (function(s, i) i = i + 1 if i < 4 then return i, s end end), $any_one, 0 do$1!number$2!any$loop:block end$]",
        "$[for $1 in coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) do$1!number$loop:block end$]",
        "local $1 = 0 for k in pairs($table) do $1 = $1 + (type(k) == 'number' and k or 1) end emit($1)",
        "local $1 = 0 for i = 1, 90 do $1 = $1 + i % 7 if i % 3 == 0 then $1 = $1 - 1 end end emit($1)",
        "local $1 = {} for i = 1, 70 do $1[i] = i * $number end emit(#$1, $1[9])",
        "local $1 = '' for i = 1, 60 do $1 = $1 .. i end emit(#$1)",
        # jumps
        "for i = 1, 3 do if $boolean then goto $1 end do$flat:block end ::$1:: end",
        "do local $2 = 0 ::$1:: $2 = $2 + 1 do$flat:block end if $2 < 3 then goto $1 end end",
        "do for i = 1, 3 do for j = 1, 3 do if i * j == $count then goto $1 end$flat:block end end ::$1:: end",
        "while true do if $boolean then break end do$flat:block end break end", "do goto $1 ::$2:: do goto $3 end ::$1:: goto $2 ::$3:: end",
        # functions
        "local function $1($2)$[$2!any$fn:body end$]$1!function emit($1($list))",
        "local function $1($2, $3, ...)$[$2!any$3!any$vfn:body end$]$1!function emit($1($list))",
        "local $1 $1 = function(...)$vfn:body end$1!function",
        "local $1 = {inner = {goto = 1}} function $1.inner.run($2)$[$2!any$fn:body end$] emit($1.inner.run($list))$1!table",
        "local $1 = {} function $1:run($2, ...)$[$2!any$vfn:body end$] emit($1:run($list))$1!table",
        "local $1 = {goto = 5} function $1:goto($2)$[$2!any$fn:body end$] emit($1:goto($list))$1!table",
        "local $1 = {} for i = 1, 3 do local kept = i $1[i] = function(d) kept = kept + (d or i) return kept end end "
        "emit($1[1](), $1[2](10), $1[1](5), $1[3]())",
        "local function $1(n) if n < 2 then return n end return $1(n - 1) + $1(n - 2) end emit($1(9))",
        "local function $1(n, acc) if n == 0 then return acc end return $1(n - 1, acc + n) end emit($1(90, 0))",
        "local $1 $1 = function(n) if n > 0 then return 1 + $1(n - 1) end return 0 end emit($1(60))",
        "local function $1(...) local a, b = ... return select('#', ...), b, a, ... end$1!function emit($1($list))",
        "local function $1(...) local t = {n = select('#', ...), ...} return t.n, #t, (...) end$1!function emit($1($list))",
        "local function $1(x, ...) if select('#', ...) > 0 then return x, $1(...) end return x end emit($1($list))",
        "do local a, b, c = 1, 2, 3 local function $1() a = a + b return function() c = c + a return a, b, c end end emit($1()(), $1()()) end",
        # errors, coroutines, metatables, libraries
        "emit(pcall(function(...) return $vfn:wild end, $any))", "emit(pcall(function(...) return $vfn:wild end, $any))",
        "emit(pcall(function(...)$vfn:block error($vfn:thrown) end, $any))",
        "emit(xpcall(function() error($fn:thrown) end, function(e) return type(e) end))",
        "emit((pcall(function() local function overflow(n) return 1 + overflow(n) end return overflow(1) end)))",
        "local $1 = coroutine.wrap(function(...)$vco:body end) for i = 1, 3 do emit(pcall($1, i, $any)) end",
        "local $1 = coroutine.create(function($2)$[$2!any$co:body end$]) for i = 1, 3 do emit(coroutine.resume($1, $list)) end "
        "emit(coroutine.status($1))",
        "emit(pcall(coroutine.wrap(function() emit(pcall(coroutine.yield, 1)) error('after') end)))",
        "do local $1 = setmetatable({1}, {$metatable, $metatable, $metatable, $metatable}) emit(pcall(function(x) "
        "emit($1 $operator x) return -$1, #$1, $1.x end, $any)) emit(pcall(function() $1.y = $fn:any return $1.y, $1(2) end)) "
        "emit(pcall(function() return $1 < $1, $1 <= $1, $1 == $1, $1 .. 'x' end)) end",
        "local $1 = {} $1.__index = $1 function $1.new(x) return setmetatable({x = x}, $1) end function $1:get()$fn:block return self.x end "
        "local $2 = setmetatable({}, $1) $2.__index = $2 function $2:get() return $1.get(self), $fn:any end "
        "local $3 = setmetatable($1.new($any), $2) emit($3:get())$3!table",
        "local $1 = setmetatable({}, {__index = function(t, k) local v = k < 2 and 1 or t[k - 1] + t[k - 2] t[k] = v return v end}) emit($1[25])",
        "local $1 = {5, 3, $small, 11.5, -7} table.sort($1) emit(unpack($1)) table.sort($1, function(a, b) return a > b end) emit($1[1])",
        "local $1 = {} for w in ('the quick brown fox jumps'):gmatch('%a+') do $1[#$1 + 1] = w end table.sort($1) emit(table.concat($1, $string))",
        "local $1 = {$list} table.insert($1, $number) table.insert($1, 1, $any_one) emit(table.remove($1), table.remove($1, 1), #$1)",
        # near the limits of the compiler
        "$wide", "do do do do do do do do do do do do do do do do do do do do$flat:block end end end end end end end end end end end end end "
        "end end end end end end end",
    ),
}  # fmt: skip
