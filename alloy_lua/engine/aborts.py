"""Finds the `abort` calls of a script that may return instead of raising, which is a hundred times cheaper.

An `abort` that is a statement of the script's main body ends the run wherever it stands, so ``return (abort(…))`` comes
to the same if `abort` itself returns. That holds for a script only if every mention of `abort` in it is such a
statement: then no other call of it, and no `pcall`, can see the difference.
"""

from __future__ import annotations

from .lexer import Kind, Token

Edit = tuple[int, bytes]

_BEFORE_STATEMENT = frozenset(b"then do else repeat end true false nil".split())
_ENDS_EXPRESSION = frozenset((b";", b")", b"]", b"}", b"..."))
_CONTINUES = frozenset((b".", b":", b"[", b"(", b"{"))
_ENDS_BLOCK = frozenset((b"end", b"else", b"elseif", b"until", b";"))
_OPEN, _CLOSE = frozenset((b"(", b"[", b"{")), frozenset((b")", b"]", b"}"))


def returning_aborts(tokens: list[Token]) -> list[Edit]:
    """Returns what to put where (offset, text), in order, so that each `abort` returns; nothing if one could not."""
    edits: list[Edit] = []
    inner = _inside_functions(tokens)
    for position, token in enumerate(tokens):
        if token.text != b"abort":
            continue
        before = tokens[position - 1] if position else None
        if before is not None and before.text in (b".", b":"):
            continue
        close = _closing(tokens, position + 1)
        if position in inner or close is None:
            return []
        after = tokens[close + 1] if close + 1 < len(tokens) else None
        if before is not None and before.text == b"return":
            if after is not None and after.text not in _ENDS_BLOCK:
                return []
            head, tail = b" (", b") "
        else:
            continues = after is not None and (after.text in _CONTINUES or after.kind is Kind.STRING)
            if continues or not _starts_statement(before):
                return []
            head, tail = b" if true then return (", b") end "
        edits += [(token.start, head), (tokens[close].end, tail)]
    return edits


def _starts_statement(before: Token | None) -> bool:
    if before is None or before.kind in (Kind.NAME, Kind.STRING, Kind.NUMBER):
        return True
    return before.text in (_BEFORE_STATEMENT if before.kind is Kind.KEYWORD else _ENDS_EXPRESSION)


def _closing(tokens: list[Token], position: int) -> int | None:
    """Returns where the parenthesis at ``position`` is closed, None if there is none."""
    depth = 0
    for at in range(position, len(tokens)):
        text = tokens[at].text if tokens[at].kind is Kind.OPERATOR else b""
        if at == position and text != b"(":
            return None
        depth += (text in _OPEN) - (text in _CLOSE)
        if depth == 0:
            return at
    return None


def _inside_functions(tokens: list[Token]) -> set[int]:
    """Returns the positions of tokens in functions that the script defines."""
    blocks: list[bytes] = []
    found = set()
    for position, token in enumerate(tokens):
        if token.text in (b"function", b"do", b"if", b"repeat"):
            blocks.append(token.text)
        elif token.text in (b"end", b"until") and blocks:
            blocks.pop()
        if b"function" in blocks:
            found.add(position)
    return found
