"""One text, run as it is, metered, and in the sandbox: all must come to the same."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from lupa.luajit21 import LuaRuntime

from alloy_lua import Alloy, CompileError, Limits
from alloy_lua.engine.program import compile_source
from alloy_lua.engine.runtime import LONGEST_PATH

ENGINE = resources.files("alloy_lua.engine") / "lua"
# without the allocator's books: these programs are compared, not held in
LOAD_METER = "function(text) return assert(loadstring(text, '=meter'))(require('ffi').new('size_t[3]')) end"
_HERE = Path(__file__).parent
RENEW = 200  # sources to compile before the `Alloy` is made anew
FUEL = 300_000
SECONDS = 20
JIT = {"on": ("hotloop=56", "hotexit=10"), "eager": ("hotloop=2", "hotexit=2"), "off": ()}

# A stack overflows sooner or later as LuaJIT lays out its frames, compiled or not: so does the fuel until then.
OVERFLOW = "overflow("
# How messages of the sandbox may differ from LuaJIT's: what is blanked out in both, and why.
MESSAGES = (
    (r"(bad argument #\d+ to) '[^']*'", r"\1 ?", "a guarded function knows its name where LuaJIT may say '?'"),
    (
        r"script:\d+: (script:\d+: )",
        r"\1",
        "LuaJIT's coroutine.wrap puts the place of the call before that of the error",
    ),
    (r"got no value", "got nil", "a guarded function does not tell a missing argument from nil"),
)


class Outcome(NamedTuple):
    """What came of a run: whether it ran to its end, and what it returned or the error."""

    ran: bool
    text: str


class Sandboxed(NamedTuple):
    """What came of a run in the sandbox, in the texts that stand for it: errors have their line apart."""

    ran: bool
    texts: tuple[str, ...]


class Refused(Exception):
    """The text does not compile; ``plain`` is LuaJIT's message, None if only the metered text is refused."""

    def __init__(self, message: str, plain: str | None) -> None:
        super().__init__(message)
        self.plain = plain


class Stopped(Exception):
    """A limit ended the metered run, so that there is nothing to compare."""


class Difference(AssertionError):
    """Two ways of running a text did not come to the same."""


class Twin:
    """A LuaJIT state with all its libraries, which runs a text plain and metered, and an `Alloy` which evaluates it.

    Args:
        jit: ``on`` (LuaJIT's defaults), ``eager`` (compiles nearly everything), or ``off``.
    """

    def __init__(self, jit: str = "on") -> None:
        lua: Any = LuaRuntime(encoding="latin-1", unpack_returned_tuples=True)
        load = lua.eval("function(text, name, ...) return assert(loadstring(text, name))(...) end")
        lua.execute("jit.opt.start(...)" if JIT[jit] else "jit.off()", *JIT[jit])
        meter = lua.eval(LOAD_METER)((ENGINE / "meter.lua").read_bytes())
        verify = load((ENGINE / "verify.lua").read_bytes(), "=verify")
        self._check_syntax = lua.eval("function(text) return (select(2, loadstring(text, '=script'))) end")
        self._plain, self._metered = load((_HERE / "twin.lua").read_bytes(), "=twin", meter, verify, LONGEST_PATH)
        self._alloy = Alloy()
        self._compiled = 0
        self._limits = Limits(fuel=FUEL * 20, deadline_ms=SECONDS * 1000)

    def close(self) -> None:
        self._alloy.close()

    def check_syntax(self, text: bytes) -> str | None:
        """Returns LuaJIT's own message for ``text``, None if it compiles."""
        message: str | None = self._check_syntax(text)
        return message

    def plain_error(self, source: str) -> str | None:
        """Returns LuaJIT's message for ``source`` alone, None if it compiles."""
        return self.check_syntax(_plain_text(source))

    def compile(self, source: str) -> None:
        """Compiles ``source`` as the platform does, proof and all. Raises `CompileError`."""
        self._compiled += 1
        if self._compiled % RENEW == 0:  # a platform keeps what it compiles
            self._alloy.close()
            self._alloy = Alloy()
        self._alloy.compile(source)

    def plain(self, source: str) -> Outcome:
        """Returns what ``source`` comes to in bare LuaJIT."""
        ran, text = self._plain(_plain_text(source))
        if ran is None:
            raise Refused(text, text)
        return Outcome(ran, text)

    def metered(self, source: str) -> tuple[Outcome, int]:
        """Returns what ``source`` comes to metered, in bare LuaJIT, and the fuel it took.

        Raises:
            Refused: It does not compile.
            Stopped: A limit ended the run.
        """
        answer = self._run_metered(source, calm=True)
        if answer[0] is None:  # the verifier could not prove it calm
            answer = self._run_metered(source, calm=False)
        if answer[0] is None:
            raise Refused(answer[1], None)
        ran, text, stopped, fuel = answer
        if stopped:
            raise Stopped(stopped)
        return Outcome(ran, text), fuel

    def _run_metered(self, source: str, *, calm: bool) -> Any:
        try:
            program = compile_source(source, self.check_syntax, calm=calm)
        except CompileError as error:
            raise Refused(str(error), self.plain_error(source)) from None
        return self._metered(program.metered, *program.names, program.calm, FUEL, SECONDS)

    def sandboxed(self, source: str) -> Sandboxed:
        """Returns what ``source`` comes to as a script of the platform. Globals are not shown."""
        outcome = self._alloy.evaluate(source, limits=self._limits)
        if outcome.error is None:
            return Sandboxed(True, (str(outcome.value),))
        message = outcome.error.message
        return Sandboxed(False, (f"script:{outcome.error.line}: {message}", message))

    def compare(self, source: str) -> None:
        """Runs ``source`` in all three ways.

        Raises:
            Difference: They do not come to the same.
            Refused: It compiles in none of them, or only plain.
            Stopped: A limit ended it.
        """
        metered, fuel = self.metered(source)
        plain = self.plain(source)
        if metered != plain:
            raise Difference(f"metered: {first_difference(plain.text, metered.text)}")
        again, fuel_again = self.metered(source)
        if again != metered or (fuel != fuel_again and OVERFLOW not in source):
            raise Difference(f"again: fuel {fuel} then {fuel_again}; {first_difference(metered.text, again.text)}")
        guarded, bare = self.sandboxed(source), general(plain.text.rpartition("\n")[0])
        if guarded.ran != plain.ran or bare not in (general(text) for text in guarded.texts):
            raise Difference(f"sandbox: {first_difference(bare, general(guarded.texts[0]))}")


def _plain_text(source: str) -> bytes:
    text = source.encode().removeprefix(b"\xef\xbb\xbf")
    return b"--" + text if text.startswith(b"#") else text


def general(text: str) -> str:
    """Returns ``text`` without what `MESSAGES` says may differ."""
    for pattern, general, _ in MESSAGES:
        text = re.sub(pattern, general, text, flags=re.MULTILINE)
    return text


def first_difference(wanted: str, got: str) -> str:
    """Returns the first line in which two outcomes differ, with its number."""
    ours, theirs = wanted.split("\n"), got.split("\n")
    for number, (a, b) in enumerate(zip(ours, theirs, strict=False), 1):
        if a != b:
            return f"value {number}: wanted {a!r}, got {b!r}"
    return f"wanted {len(ours)} values, got {len(theirs)}"
