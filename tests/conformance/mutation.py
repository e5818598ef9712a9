"""Takes the meter's checks away, one at a time, from programs that nothing but the meter can end.

A mutant that the verifier accepts must still end: it is run with little fuel, while a hook sees to it that the fuel
goes down again and again. So a check that the verifier does not miss is one that the program does not need.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from lupa.luajit21 import LuaRuntime

from alloy_lua.engine.lexer import tokens
from alloy_lua.engine.metering import Names, meter, names_for
from alloy_lua.engine.runtime import LONGEST_PATH

from .grammar import Grammar
from .twin import ENGINE, LOAD_METER, Difference

FUEL = 400
MOVES = 3  # places to which each check is moved
GAP = 20_000  # instructions that may pass between two checks: 64 calls of 160 each, and what is between them


def metered(source: str | bytes, *, calm: bool = False) -> tuple[bytes, Names]:
    """Returns ``source`` with its checks (those of a calm script, or all), and their names."""
    text = source.encode() if isinstance(source, str) else source
    text = b"--" + text if text.startswith(b"#") else text
    names = names_for(text)
    return meter(text, tokens(text), names, "...", calm=calm), names


def checks(text: bytes, names: Names) -> list[re.Match[bytes]]:
    """Returns where in ``text`` a check is."""
    fuel, refill, minus_one = names
    check = rf" {fuel}={minus_one}(\*\d+)?\+{fuel} if {fuel}<0 then {fuel}={refill}\(\) end "
    return list(re.finditer(check.encode(), text))


def without(text: bytes, check: re.Match[bytes]) -> bytes:
    """Returns ``text`` with one check taken away."""
    return text[: check.start()] + b" " + text[check.end() :]


def weaker(text: bytes, names: Names, check: re.Match[bytes]) -> dict[str, bytes]:
    """Returns ``text`` with one check changed so that it does not do what a check does, by what was changed."""
    f, t, k = names
    forms = {
        "costs nothing": f"{f}={k}*0+{f} if {f}<0 then {f}={t}() end",
        "pays back": f"{f}={k}*-1+{f} if {f}<0 then {f}={t}() end",
        "costs a fraction": f"{f}={k}*0.5+{f} if {f}<0 then {f}={t}() end",
        "does not count": f"if {f}<0 then {f}={t}() end",
        "adds what it takes": f"{f}={k}+{f}+1 if {f}<0 then {f}={t}() end",
        "counts up": f"{f}={f}-{k} if {f}<0 then {f}={t}() end",
        "never looks": f"{f}={k}+{f}",
        "looks too late": f"{f}={k}+{f} if {f}<{k} then {f}={t}() end",
        "looks the other way": f"{f}={k}+{f} if {f}>0 then {f}={t}() end",
        "looks at zero only": f"{f}={k}+{f} if {f}==0 then {f}={t}() end",
        "does not refill": f"{f}={k}+{f} if {f}<0 then {t}() end",
        "refills by itself": f"{f}={k}+{f} if {f}<0 then {f}=1000 end",
        "refills with a word": f"{f}={k}+{f} if {f}<0 then {f}={t}(1) end",
        "is swallowed": f"{f}={k}+{f} if {f}<0 then pcall({t}) end",
        "counts another": f"local {f}=1e9 {f}={k}+{f} if {f}<0 then {f}={t}() end",
        "takes nothing": f"local {k}=0 {f}={k}+{f} if {f}<0 then {f}={t}() end",
        "calls another": f"local {t}=function() return 1e9 end {f}={k}+{f} if {f}<0 then {f}={t}() end",
        "is a function": f"(function() {f}={k}+{f} if {f}<0 then {f}={t}() end end)()",
        "is behind a goto": f"do goto {f} end {f}={k}+{f} if {f}<0 then {f}={t}() end ::{f}::",
        "depends": f"if one then {f}={k}+{f} if {f}<0 then {f}={t}() end end",
        "sets the fuel": f"{f}={k}+{f} if {f}<0 then {f}={t}() end {f}=1e9",
        "sets the sign": f"{f}={k}+{f} if {f}<0 then {f}={t}() end {k}=1",
        "hands the fuel out": f"{f}={k}+{f} if {f}<0 then {f}={t}() end local x={f}",
        "hands the refill out": f"{f}={k}+{f} if {f}<0 then {f}={t}() end emit({t})",
    }
    return {name: text[: check.start()] + f" {form} ".encode() + text[check.end() :] for name, form in forms.items()}


class Watch:
    """A LuaJIT state that verifies a text, and runs it while it looks at the fuel."""

    def __init__(self) -> None:
        lua: Any = LuaRuntime(encoding="latin-1", unpack_returned_tuples=True)
        load = lua.eval("function(text, name, ...) return assert(loadstring(text, name))(...) end")
        meter = lua.eval(LOAD_METER)((ENGINE / "meter.lua").read_bytes())
        verify = load((ENGINE / "verify.lua").read_bytes(), "=verify")
        lua.execute("jit.off()")
        watch = Path(__file__).with_name("watch.lua").read_bytes()
        self._error = lua.eval("function(text) return (select(2, loadstring(text))) end")
        self._verify, self._run = load(watch, "=watch", meter, verify, LONGEST_PATH, FUEL, GAP)

    def error(self, text: bytes) -> str | None:
        """Returns why ``text`` does not compile, None if it does."""
        message: str | None = self._error(text)
        return message

    def refusal(self, text: bytes, names: Names, *, calm: bool = False) -> str | None:
        """Returns why the verifier rejects ``text``, None if it accepts it."""
        why: str | None = self._verify(text, *names, calm)
        return why

    def ends(self, text: bytes, names: Names) -> str | None:
        """Returns the limit that ended ``text``, "itself" if none; None if too much ran without a check."""
        fine, limit = self._run(text, *names)
        return (limit or "itself") if fine else None

    def close(self) -> None:
        """Does nothing: the state goes with the object."""


def endless(seed: int) -> str:
    """Returns a program that does not end by itself."""
    return Grammar(seed, endless=True).program()


def mutants(text: bytes, names: Names, random: Random) -> Iterator[tuple[str, bytes]]:
    """Yields every mutant of a metered text, with what was done to it."""
    found = checks(text, names)
    places = [token.start for token in tokens(text) if token.start > found[0].end()]
    for number, check in enumerate(found):
        yield f"check {number} dropped", without(text, check)
        for name, mutant in weaker(text, names, check).items():
            yield f"check {number} {name}", mutant
        for place in random.sample(places, min(MOVES, len(places))):
            if place > check.end():
                moved = text[: check.start()] + b" " + text[check.end() : place] + check[0] + text[place:]
                yield f"check {number} moved to {place}", moved


def try_each(watch: Watch, source: str, random: Random) -> Counter[str]:
    """Returns how many mutants of ``source`` were rejected, and how many were harmless.

    If the verifier accepts it as a calm script, its mutants as such are tried, too.

    Raises:
        Difference: One was accepted that needs what was taken from it, or the program itself does not end.
    """
    counts: Counter[str] = Counter()
    for calm in (False, True):
        text, names = metered(source, calm=calm)
        why = watch.refusal(text, names, calm=calm)
        if why is not None:
            if not calm:
                raise Difference(f"the verifier rejects the program: {why}")
            continue
        limit = watch.ends(text, names)
        if limit is None:
            raise Difference(f"the program runs on without a check ({calm=})")
        counts[f"{'calm ' * calm}programs ended by {limit}"] += 1
        for change, mutant in mutants(text, names, random):
            if watch.error(mutant) is not None:
                continue
            if watch.refusal(mutant, names, calm=calm) is not None:
                counts["rejected"] += 1
            elif watch.ends(mutant, names) is not None:
                counts["harmless"] += 1
            else:
                raise Difference(f"accepted although {change} ({calm=})")
    return counts
