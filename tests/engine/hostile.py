"""Random hostile scripts: library functions on odd values, under pcall, in loops, in coroutines, as iterators."""

from __future__ import annotations

from random import Random

PRELUDE = """
local long = ("ab "):rep(5000)
local odd = setmetatable({}, {
  __index = function(_, k) return k end, __call = function(...) return ... end, __lt = function() return true end,
  __concat = function() return "c" end, __tostring = function() return "odd" end, __eq = function() return true end,
})
local mixed = {}
for i = 1, 500 do mixed[i] = i; mixed["k" .. i] = i end
local co = coroutine.create(function(...) coroutine.yield(...) error(1) end)
local wrapped = coroutine.wrap(function(...) while true do coroutine.yield(...) end end)
local function same(...) return ... end
local function fail() error({}) end
"""
VALUES = (
    "nil", "1", "-1", "0", "1 / 0", "-1 / 0", "0 / 0", "2 ^ 53", "-2 ^ 31", "2 ^ 31", "1e308", "0.5", '"1"', '"-2147483648"',
    '"nan"', '""', '"a"', "long", "odd", "{}", "{1, 2, 3}", "null", "true", "string", "mixed", "same", "co", "wrapped", "fail",
    '(".-"):rep(9)', '"%a+"', '"(.)"', '"^"', '"[%w]*x"', '("()"):rep(40)', '"%f[%w]"', '"%b()"', '"%1"', "entity", "params",
    "coroutine.yield", "pcall", "xpcall", "error", "tostring",
)  # fmt: skip
LIBRARIES = {
    "string": "byte char find format gmatch gsub len lower match rep reverse sub upper",
    "table": "concat insert maxn move remove sort",
    "math": "abs ceil floor fmod frexp ldexp log max min modf pow random randomseed sqrt",
    "coroutine": "create resume wrap status running yield isyieldable",
    "log": "info",
    "hash": "sha256",
    "json": "encode decode",
    "str": "trim split",
}
GLOBALS = (
    "assert", "error", "getmetatable", "ipairs", "next", "pairs", "pcall", "rawequal", "rawget", "rawset", "select",
    "setmetatable", "tonumber", "tostring", "type", "unpack", "xpcall", "changed",
)  # fmt: skip
FUNCTIONS = (*GLOBALS, *(f"{library}.{name}" for library, names in LIBRARIES.items() for name in names.split()))


def script(seed: int) -> str:
    """Returns the script of ``seed``; it catches all its errors and leaves what it made in a global."""
    random = Random(seed)

    def call(depth: int = 0) -> str:
        given = [
            call(depth + 1) if depth < 2 and random.random() < 0.2 else random.choice(VALUES)
            for _ in range(random.randint(0, 4))
        ]
        return f"{random.choice(FUNCTIONS)}({', '.join(given)})"

    def statement(depth: int = 0) -> str:
        inner = statement(depth + 1) if depth < 2 else "made = 1"
        return random.choice(
            (
                f"pcall(function() made = {call()} end)",
                f"for i = 1, {random.choice((3, 60, 300))} do pcall(function() return {call()} end) end",
                f"pcall(coroutine.wrap(function() {inner} coroutine.yield() end))",
                f"pcall(function() for k in pairs({random.choice(VALUES)}) do mixed[k] = {call()} break end end)",
                f"pcall(function() for x in {call()} do made = x break end end)",
                f"xpcall(function() {inner} end, {random.choice(VALUES)})",
                f"pcall(function() local a, b = {random.choice(VALUES)}, {random.choice(VALUES)}; made = a "
                f"{random.choice(('..', '+', '<', '==', '/', '%', '^'))} b end)",
            )
        )

    return PRELUDE + "\n".join(statement() for _ in range(random.randint(1, 8)))
