"""Lua tokens of the LuaJIT dialect, after lj_lex.c: what the metering and the analyses read."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import NamedTuple

from ..errors import CompileError


class Kind(IntEnum):
    """What a token is."""

    NAME = 1
    KEYWORD = 2
    STRING = 3
    NUMBER = 4
    OPERATOR = 5


class Token(NamedTuple):
    """One token: its kind, its bytes, and where it starts and ends in the source."""

    kind: Kind
    text: bytes
    start: int
    end: int


KEYWORDS = frozenset(
    b"and break do else elseif end false for function if in local nil not or"
    b" repeat return then true until while".split()
)
_BLANK = frozenset(("blank", "c"))
_WORD = rb"A-Za-z0-9_\x80-\xff"
# Line comments end at \r or \n; \z skips white space; `goto` may be a plain name, so it is no keyword here.
_TOKEN = re.compile(
    rb"(?P<blank>--\[(?P<c>=*)\[(?s:.*?)\](?P=c)\]|--[^\r\n]*|[ \t\r\n\v\f]+)"
    rb"|(?P<name>[A-Za-z_\x80-\xff][" + _WORD + rb"]*)"
    rb"|(?P<string>\[(?P<l>=*)\[(?s:.*?)\](?P=l)\]"
    rb'|"(?:[^"\\\r\n]|\\z[ \t\r\n\v\f]*|\\\r\n|\\\n\r|\\(?s:.))*"'
    rb"|'(?:[^'\\\r\n]|\\z[ \t\r\n\v\f]*|\\\r\n|\\\n\r|\\(?s:.))*')"
    rb"|(?P<number>0[xX](?:[pP][+-]|[" + _WORD + rb".])*|\.?[0-9](?:[eE][+-]|[" + _WORD + rb".])*)"
    rb"|(?P<operator>\.\.\.|\.\.|::|==|~=|<=|>=|.)",
    re.DOTALL,
)


def line_of(source: bytes, offset: int) -> int:
    r"""Returns the 1-based line of ``offset``, counting \n, \r, \r\n and \n\r as LuaJIT does."""
    return len(re.findall(rb"\r\n|\n\r|\n|\r", source[:offset])) + 1


def column_of(source: bytes, offset: int) -> int:
    """Returns the 1-based column, in characters, of ``offset``."""
    start = max(source.rfind(b"\n", 0, offset), source.rfind(b"\r", 0, offset)) + 1
    return len(source[start:offset].decode("utf-8", "replace")) + 1


def tokens(source: bytes) -> list[Token]:
    """Returns the tokens of ``source``, without blanks and comments.

    The source is expected to compile; on other input the tokens are a guess.

    Raises:
        CompileError: A 64-bit or imaginary literal (``1LL``, ``2i``), which would make values no script may hold.
    """
    found: list[Token] = []
    append, new = found.append, tuple.__new__
    for match in _TOKEN.finditer(source):
        group = match.lastgroup
        if group in _BLANK:
            continue
        text = match.group()
        if group == "name":
            kind = Kind.KEYWORD if text in KEYWORDS else Kind.NAME
        elif group == "number":
            _refuse_special(source, match.start(), text)
            kind = Kind.NUMBER
        else:
            kind = Kind.OPERATOR if group == "operator" else Kind.STRING
        start, end = match.span()
        append(new(Token, (kind, text, start, end)))
    return found


def _refuse_special(source: bytes, offset: int, text: bytes) -> None:
    if text.lower().endswith((b"ll", b"i")):
        shown = text.decode("utf-8", "replace")
        raise CompileError(
            f"number {shown}: got a 64-bit or imaginary literal, wanted a plain number",
            line=line_of(source, offset),
            column=column_of(source, offset),
        )
