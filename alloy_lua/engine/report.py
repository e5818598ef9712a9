"""What can be told of a script without running it: its worst patterns, and loops without bound around host calls.

Found by tokens, as everything the engine knows of a text: a name that a script hides behind a variable is not seen.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

from .lexer import Kind, Token, line_of

_SEARCHES = frozenset((b"find", b"match", b"gmatch", b"gsub"))
_REPEATS = re.compile(r"%.[*+-]|\[\^?\]?[^\]]*\][*+-]|[^%][*+-]")
_ENDS = re.compile(rb"^[\[\]=\"']+|[\[\]=\"']+$")
WIDE = 2  # repetitions that can overlap, from which a failing match takes more than quadratic time


class PatternUse(NamedTuple):
    """A pattern that a script gives to a search: its line, its text, and the power of its worst case's growth."""

    line: int
    pattern: str
    degree: int


class HostLoop(NamedTuple):
    """A host call inside a loop whose turns nothing in the text bounds: the loop's line, the call's, its name."""

    line: int
    call_line: int
    function: str


def _text_of(token: Token) -> str:
    return _ENDS.sub(b"", token.text).decode("utf-8", "replace")


def degree_of(pattern: str) -> int:
    """Returns how the worst case of matching ``pattern`` grows: 1 linear, 2 quadratic, and so on.

    An estimate from above: each repetition may have to give back, and an unanchored search starts at every byte.
    """
    repeats = len(_REPEATS.findall(pattern)) + len(re.findall(r"%b|%[1-9]", pattern))
    return max(1, repeats + (0 if pattern.startswith("^") else 1)) if repeats else 1


def patterns_of(source: bytes, tokens: list[Token]) -> list[PatternUse]:
    """Returns the patterns written out in calls of string searches, the worst first."""
    found = []
    for position, token in enumerate(tokens):
        if token.kind is not Kind.NAME or token.text not in _SEARCHES or position == 0:
            continue
        if tokens[position - 1].text not in (b".", b":"):
            continue
        given = tokens[position + 1 : position + 12]
        method = tokens[position - 1].text == b":"
        pattern = _argument(given, 0 if method else 1)
        if pattern is not None and not _is_plain(given):
            text = _text_of(pattern)
            found.append(PatternUse(line_of(source, token.start), text, degree_of(text)))
    return sorted(found, key=lambda use: (-use.degree, use.line))


def _argument(given: list[Token], wanted: int) -> Token | None:
    """Returns the literal string that is argument ``wanted`` of the call whose tokens follow, if it is one."""
    if given and given[0].kind is Kind.STRING:
        return given[0] if wanted == 0 else None
    depth = count = 0
    for position, token in enumerate(given):
        if token.text in (b"(", b"[", b"{"):
            depth += 1
        elif token.text in (b")", b"]", b"}"):
            depth -= 1
        elif token.text == b"," and depth == 1:
            count += 1
        elif depth == 1 and count == wanted and token.kind is Kind.STRING and given[position - 1].text in (b"(", b","):
            return token
    return None


def _is_plain(given: list[Token]) -> bool:
    return any(token.text == b"true" for token in given[:10]) and any(token.kind is Kind.NUMBER for token in given[:8])


def host_loops_of(source: bytes, tokens: list[Token], functions: Collection[str]) -> list[HostLoop]:
    """Returns the calls of ``functions`` (``module.name``) inside ``while``, ``repeat`` and backward ``goto``."""
    found: list[HostLoop] = []
    for first, last in _unbounded_loops(tokens):
        line = line_of(source, tokens[first].start)
        for position in range(first, last - 2):
            module, dot, name = tokens[position : position + 3]
            called = f"{module.text.decode('utf-8', 'replace')}.{name.text.decode('utf-8', 'replace')}"
            if dot.text == b"." and called in functions:
                found.append(HostLoop(line, line_of(source, module.start), called))
    return sorted(set(found))


def _unbounded_loops(tokens: list[Token]) -> list[tuple[int, int]]:
    """Returns first and last token of each loop that has no bound: `while`, `repeat`, and back by `goto`."""
    found: list[tuple[int, int]] = []
    blocks: list[tuple[bytes, int]] = []
    labels: dict[bytes, int] = {}
    for position, token in enumerate(tokens):
        before = tokens[position - 1].text if position else b""
        if token.text == b"::" and position + 2 < len(tokens) and tokens[position + 2].text == b"::":
            labels[tokens[position + 1].text] = position
        elif token.text == b"goto" and before not in (b".", b":") and position + 1 < len(tokens):
            start = labels.get(tokens[position + 1].text)
            if start is not None:
                found.append((start, position))
        elif token.kind is not Kind.KEYWORD or before in (b".", b":"):
            continue
        elif token.text in (b"while", b"for", b"repeat", b"function", b"if"):
            blocks.append((token.text, position))
        elif token.text == b"do" and not (
            blocks and blocks[-1][0] in (b"while", b"for") and _awaits_do(tokens, blocks[-1][1], position)
        ):
            blocks.append((b"do", position))
        elif token.text in (b"end", b"until") and blocks:
            kind, start = blocks.pop()
            if kind in (b"while", b"repeat"):
                found.append((start, position))
    return found


def _awaits_do(tokens: list[Token], start: int, position: int) -> bool:
    """Returns whether the ``do`` at ``position`` is that of the loop that starts at ``start``."""
    depth = 0
    for token in tokens[start + 1 : position]:
        if token.kind is Kind.KEYWORD and token.text in (b"function", b"if", b"do", b"repeat"):
            depth += 1
            if token.text == b"do" and depth == 1:
                return False
        elif token.kind is Kind.KEYWORD and token.text in (b"end", b"until"):
            depth -= 1
    return depth == 0
