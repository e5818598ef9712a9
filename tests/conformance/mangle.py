"""Broken Lua: soups of tokens, and real sources with pieces cut, moved, doubled and swapped."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from random import Random

_ROOT = Path(__file__).parents[2]
_WORDS = r"""
and break do else elseif end false for function if in local nil not or repeat return then true until while goto continue
+ - * / % ^ # == ~= <= >= < > = ( ) { } [ ] ; : , . .. ... :: ! @ $ ` ~ & | ? \ // << >>
a b _ x1 é entity 0 1 7.5 0x10 0x 1e 1e5 1e+ .5 3. 0x1p-3 5LL 5ull 2i 08 1..2 'a' "b" 'un "un [[l]] [=[m]=] [[un [==[ ]] ]==]
-- --x --[[c]] --[[ --[==[ '\ "\z \n \r \065 \x41 \u{41} \u{ #!x ::l:: f() (f)() f{} f'' a.b a:b() a[1]
"""
_ODD = (
    "\n", "\r", "\r\n", "\n\r", "\t", "\v", "\f", " ", "  ", "\ufeff", "\u00a0", "\u2028", "\0", "\x1b", "\x7f", "\\\n", "'\\\r\n'", "\\z\n ",
)  # fmt: skip
TOKENS = (*_WORDS.split(), *_ODD)
_PIECE = re.compile(r"\w+|\s+|[^\w\s]")


@cache
def sources() -> tuple[str, ...]:
    """Returns the Lua files of the project itself, divided into chunks where they are lists of scripts."""
    files = [
        path
        for folder in ("scripts", "tests/lua", "alloy_lua/engine/lua")
        for path in sorted((_ROOT / folder).rglob("*.lua"))
    ]
    chunks = [chunk for path in files for chunk in re.split(r"^---\n", path.read_text(), flags=re.MULTILINE)]
    return tuple(chunk for chunk in chunks if 20 < len(chunk) < 12_000)


def soup(random: Random) -> str:
    """Returns up to 40 random tokens in a row."""
    return random.choice(("", " ", "\n")).join(random.choice(TOKENS) for _ in range(random.randint(1, 40)))


def mangled(random: Random, texts: tuple[str, ...] = ()) -> str:
    """Returns one of ``texts`` (or of the project's own) after one to four small changes."""
    pieces = _PIECE.findall(random.choice(texts or sources()))
    for _ in range(random.randint(1, 4)):
        at, length = random.randrange(len(pieces) + 1), random.choice((1, 1, 1, 2, 5, 20))
        change = random.randrange(5)
        if change == 0:
            del pieces[at : at + length]
        elif change == 1:
            pieces.insert(at, random.choice(TOKENS))
        elif change == 2:
            pieces[at : at + 1] = [random.choice(TOKENS)]
        elif change == 3:
            pieces[at:at] = pieces[at : at + length]
        else:
            other = random.randrange(len(pieces) + 1)
            pieces[at:at] = pieces[other : other + length]
    return "".join(pieces)


def broken(random: Random) -> str:
    """Returns a text that probably does not compile."""
    return soup(random) if random.random() < 0.4 else mangled(random)
