"""Takes the inserted checks away, one at a time: the bytecode verifier must notice."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from typing import Any

import pytest
from lupa.luajit21 import LuaRuntime

from alloy_lua.engine.metering import Names
from tests.conformance.mutation import checks, metered, without

LONGEST_PATH = 256
STRAIGHT = "\n".join(f"x = a + {i} * a - {i} / a .. a" for i in range(60))

# Each program, and how many of its checks do nothing: taking one of those away changes no property that the
# verifier proves. They are
#   entry: the chunk's own first check, where it does nothing that can run other code before the next one;
#   bare: the check behind `do` of a bare block, which is no loop;
#   leaf: the entry of a function that calls nothing and touches no value that could run a metamethod;
#   once: the check of a loop that always leaves in its first turn, so that it is no loop;
#   inner: the check of a loop whose every turn passes another check;
#   spare: a check in straight code that is short enough without it.
PROGRAMS: dict[str, tuple[str, dict[str, int]]] = {
    "while": ("while a do x = 1 end", {}),
    "repeat": ("repeat x = 1 until a", {"entry": 1}),
    "numeric for": ("for i = 1, 10 do x = i end", {"entry": 1}),
    "pairs": ("for k in pairs(t) do x = k end", {}),
    "local next": ("local next, t = next, {} return function() for k in next, t do end end", {}),
    "ipairs": ("for k in ipairs(t) do x = k end", {}),
    "iterator": ("for k in f do x = k end", {}),
    "goto back": ("::top:: x = x + 1 goto top", {}),
    "goto back under if": ("::top:: x = x + 1 if x < 10 then goto top end", {}),
    "nested loops": ("for i = 1, 3 do for j = 1, 3 do x = i * j end end", {"entry": 1}),
    "while in repeat": ("repeat while a do x = 1 end until b", {"entry": 1}),
    "while true": ("while true do end", {"entry": 1}),
    "break": ("while true do if a then break end end", {"entry": 1}),
    "continue": ("for i = 1, 9 do if a then goto continue end x = i ::continue:: end", {"entry": 1}),
    "function": ("local function f(n) return f(n - 1) end return f(3)", {}),
    "method": ("local t = {} function t:m() return self:m() end return t:m()", {}),
    "metamethod": ("return setmetatable({}, {__index = function(t, k) return t[k - 1] end})", {}),
    "concat": ("return function(a) return a .. a end", {"entry": 1}),
    "compare": ("return function(a, b) return a < b end", {"entry": 1}),
    "global": ("return function() return g end", {"entry": 1}),
    "tail call": ("local f f = function() return f() end return f", {"entry": 1}),
    "vararg": ("return function(...) return ... end", {"entry": 1, "leaf": 1}),
    "leaf": ("return function(a) return a end", {"entry": 1, "leaf": 1}),
    "bare block": ("do x = 1 end", {"entry": 1, "bare": 1}),
    "loop that returns": ("while a do return 1 end", {"once": 1}),
    "loop that breaks": ("repeat break until a", {"entry": 1, "once": 1}),
    "repeat around repeat": ("repeat repeat x = 1 until a until b", {"entry": 1, "inner": 1}),
    "straight code": (STRAIGHT, {"spare": 8}),
    "straight code in a loop": (f"for i = 1, 2 do {STRAIGHT} end", {"entry": 1, "inner": 1, "spare": 8}),
}

Verify = Callable[[bytes, Names], "str | None"]


@pytest.fixture(scope="module")
def verify() -> Verify:
    lua: Any = LuaRuntime(encoding="latin-1", unpack_returned_tuples=True)
    text = (resources.files("alloy_lua.engine") / "lua" / "verify.lua").read_text()
    judge = lua.execute(text)
    load = lua.eval("function(text) return assert(loadstring(text, '=script'))() end")

    def why(metered: bytes, names: Names) -> str | None:
        answer = judge(load(metered), *names, LONGEST_PATH)
        reason: str | None = answer[0] if isinstance(answer, tuple) else answer
        return reason

    return why


def mutants(text: bytes, names: Names) -> list[bytes]:
    """Returns ``text`` without each of its checks in turn."""
    return [without(text, check) for check in checks(text, names)]


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_verifier_misses_no_check_that_matters(name: str, verify: Verify) -> None:
    source, idle = PROGRAMS[name]
    text, names = metered(source)
    assert verify(text, names) is None
    verdicts = [verify(mutant, names) for mutant in mutants(text, names)]
    assert verdicts.count(None) == sum(idle.values()), verdicts
    assert len(verdicts) > 1


def test_the_programs_have_more_checks_that_matter_than_idle_ones() -> None:
    checks = sum(len(mutants(*metered(source))) for source, _ in PROGRAMS.values())
    idle = sum(sum(reasons.values()) for _, reasons in PROGRAMS.values())
    assert checks == 77
    assert idle == 40


@pytest.mark.parametrize(
    "text",
    [
        "local F,T,K return function() {C} F = 5 while true do {C} end end",
        "local F,T,K return function() {C} local x = F while true do {C} end end",
        "local F,T,K return function() {C} T = nil while true do {C} end end",
        "local F,T,K return function() {C} K = 0 while true do {C} end end",
        "local F,T,K return function() {C} while true do F=K*0+F if F<0 then F=T() end end end",
        "local F,T,K return function() {C} while true do F=K*-1+F if F<0 then F=T() end end end",
        "local F,T,K return function() {C} while true do F=K*0.5+F if F<0 then F=T() end end end",
        "local F,T,K return function() {C} while true do F=F+K if F<0 then F=T() end end end",
        "local F,T,K return function() {C} while true do F=K+F if F>0 then F=T() end end end",
        "local F,T,K return function() {C} while true do F=K+F if F<0 then F=T(1) end end end",
        "local F,T,K return function() {C} while true do F=K+F if F<0 then T() end end end",
        "local F,T,K return function() {C} while true do local F,T,K = 1,1,1 {C} end end",
        "local F,T,K return function() {C} return function() while true do end end end",
        "local F,T,K return function() {C} while true do if x then {C} end end end",
        "local F,T,K return function() f() {C} end",
        "local F,T,K return function() local a = b.c {C} end",
        "local F,T,K return function(a) local c = a < 1 {C} end",
        "local F,T,K return function() {C} return 1LL end",
    ],
)
def test_a_check_that_is_not_one_is_rejected(text: str, verify: Verify) -> None:
    names = Names("F", "T", "K")
    source = text.replace("{C}", "F=K+F if F<0 then F=T() end").encode()
    assert verify(source, names) is not None


def test_the_length_of_a_path_without_check_is_bounded(verify: Verify) -> None:
    names = Names("F", "T", "K")
    check = "F=K+F if F<0 then F=T() end "
    for count, fine in ((250, True), (260, False)):
        body = check + "local a = x " + "a = a + a " * count
        assert (verify(f"local F,T,K return function() {body} end".encode(), names) is None) is fine
