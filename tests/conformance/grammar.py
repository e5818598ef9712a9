"""Random Lua programs that cover every statement and expression form and (nearly always) end by themselves.

A program is self-contained: it writes what it sees with ``emit`` and returns all of that as one string. It uses
only what the sandbox offers, and nothing whose outcome Lua leaves open: addresses are not shown, `pairs` is only
summed over, `sort` gets distinct values, signs of not-a-number are dropped. So every way of running it must agree.
"""

from __future__ import annotations

import re
from random import Random
from typing import NamedTuple

from .endless import ENDLESS, ENDLESS_LEAVES
from .endless import PRELUDE as ENDLESS_PRELUDE
from .productions import EPILOGUE, FORMS, LEAVES, PRELUDE, WORDS

DEPTH = 5
_MARK = re.compile(
    r"\$(?:(?P<scope>[\[\]])|(?P<declared>\d)!(?P<type>\w+)|(?P<name>\d)|(?:(?P<place>[a-z]+):)?(?P<kind>[a-z_]+))"
)
_EXPRESSIONS = frozenset(("number", "string", "boolean", "table", "function", "any", "call"))


class Place(NamedTuple):
    """Where a text stands: whether it may break, use ``...``, yield."""

    loop: bool = False
    varargs: bool = False
    yields: bool = False


class Grammar:
    """Writes one program from ``seed``; the same seed writes the same program everywhere.

    Args:
        seed: What to draw from.
        endless: Whether the program shall never end by itself (and then returns nothing).
    """

    def __init__(self, seed: int, *, endless: bool = False) -> None:
        self._endless = endless
        self._forms, self._leaves = (ENDLESS, ENDLESS_LEAVES) if endless else (FORMS, LEAVES)
        self._random = Random(seed)
        self._fresh = 0
        self._scopes: list[dict[str, list[str]]] = [{}]
        self._place = Place(varargs=True)

    def program(self) -> str:
        """Returns the source. Half of the programs run inside a function, half at the top level of the chunk."""
        if self._endless:
            depth = self._random.choice((1, 1, 3))
            body = self._expand("\n$statement ", depth) if depth > 1 else ""
            return ENDLESS_PRELUDE + body + self._expand("\n$endless", depth)
        first = self._choose(("", "#!shebang\n", "--[[ x ]]"))
        body = "".join(self._expand("\n$statement ", DEPTH) for _ in range(self._random.randint(2, 6)))
        if self._random.random() < 0.5:
            return first + PRELUDE + body + EPILOGUE
        return (
            f"{first}{PRELUDE}local function main(...){body}end\nemit(pcall(main, 5, 'five', nil, {{6}}, 7)){EPILOGUE}"
        )

    def _choose(self, choices: tuple[str, ...]) -> str:
        return choices[int(self._random.random() * len(choices))]

    def _name(self) -> str:
        self._fresh += 1
        return f"v{self._fresh}" + ("é" if self._random.random() < 0.05 else "")

    def _known(self, kind: str) -> str | None:
        names = [name for scope in self._scopes for name in scope.get(kind, ())]
        return self._random.choice(names) if names else None

    def _expand(self, form: str, depth: int) -> str:
        names: dict[str, str] = {}

        def replace(match: re.Match[str]) -> str:
            scope, declared, kind, name, place, wanted = match.group(
                "scope", "declared", "type", "name", "place", "kind"
            )
            if scope:
                if scope == "[":
                    self._scopes.append({})
                else:
                    self._scopes.pop()
                return ""
            if declared:
                self._scopes[-1].setdefault(kind, []).append(names[declared])
                return ""
            if name:
                if name not in names:
                    names[name] = self._name()
                return names[name]
            return self._elsewhere(place, wanted, depth) if place else self._text(wanted, depth)

        return _MARK.sub(replace, form)

    def _elsewhere(self, place: str, kind: str, depth: int) -> str:
        kept = self._place
        if place in ("loop", "flat"):
            self._place = kept._replace(loop=place == "loop")
        else:
            self._place = Place(varargs=place.startswith("v"), yields=place.endswith("co"))
        text = self._text(kind, depth)
        self._place = kept
        return text

    def _text(self, kind: str, depth: int) -> str:
        special = _SPECIAL.get(kind)
        if special is not None:
            return special(self, depth)
        if kind in WORDS:
            return self._expand(self._choose(WORDS[kind]), depth - 1)
        if kind in ("block", "body"):
            self._scopes.append({})
            text = self._expand(
                self._choose((self._forms if depth > 0 else self._leaves).get(kind, self._leaves["block"])), depth - 1
            )
            self._scopes.pop()
            return text
        if kind in _EXPRESSIONS:
            depth = min(depth, 3)
            known = self._known(kind) if self._random.random() < 0.35 else None
            if known is not None:
                return known + "()" * (kind == "call")
            if self._random.random() < 0.25:
                depth = 0
        forms = self._forms[kind] if depth > 0 or kind not in self._leaves else self._leaves[kind]
        return self._expand(self._choose(forms), depth - 1)

    # -- what depends on the place --------------------------------------------------------------------------------
    def _dots(self, depth: int) -> str:
        return "..." if self._place.varargs else self._text("call", depth)

    def _leave(self, depth: int) -> str:
        return " do break end" if self._place.loop else ""

    def _co_yield(self, depth: int) -> str:
        return f"emit({'coroutine.yield' if self._place.yields else 'F'}({self._text('list', depth)}))"

    def _function_known(self, depth: int) -> str:
        return self._known("function") or "emit"

    def _any_one(self, depth: int) -> str:
        return f"({self._text('any', depth)})"

    def _target(self, kind: str) -> str:
        return self._known(kind) or self._choose(("G.a", "G.b", "g3"))

    def _wide(self, depth: int) -> str:
        """Returns a shape near a limit of LuaJIT: many locals, upvalues, straight code, a large table."""
        count = self._random.choice((20, 40, 56))
        names = [self._name() for _ in range(count)]
        declared = f"do local {', '.join(names)} = {', '.join(map(str, range(count)))} "
        uses = (
            f"emit((function() return {' + '.join(names)} end)())",
            " ".join(f"{names[0]} = ({names[0]} + {i}) % 1000" for i in range(count)) + f" emit({names[0]})",
            f"emit(#{{{', '.join(f'{name} * 2' for name in names)}}})",
            f"emit({' .. '.join(names)})",
        )
        return declared + self._choose(uses) + " end"


_SPECIAL = {
    "dots": Grammar._dots,
    "leave": Grammar._leave,
    "co_yield": Grammar._co_yield,
    "known": Grammar._function_known,
    "any_one": Grammar._any_one,
    "wide": Grammar._wide,
    "set_number": lambda grammar, depth: grammar._target("number"),
    "set_string": lambda grammar, depth: grammar._target("string"),
    "set_any": lambda grammar, depth: grammar._target("any"),
}
