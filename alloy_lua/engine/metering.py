"""Puts a fuel check at every place where a program can repeat itself, without moving a line.

A check goes behind the parameter list of a function, behind ``do`` and ``repeat``, before a backward ``goto``,
and between statements wherever straight-line code has run up `SPLIT` operations (so that one check never
covers unbounded work on large operands). Keywords are reserved words, so tokens alone show these places; that
nothing was missed is proved afterwards on the bytecode (verify.lua).
"""

from __future__ import annotations

import os
from typing import NamedTuple

from .lexer import Kind, Token

SPLIT = 32
HEAVY = 8  # operations from which a check charges by weight

_STARTS_STATEMENT = frozenset(b"local if while for repeat function return break".split())
_OPERATIONS = frozenset((b"..", b"<", b">", b"<=", b">=", b"+", b"-", b"*", b"/", b"%", b"^", b"("))
_ENDS_EXPRESSION = frozenset((b")", b"]", b"}", b"..."))
_VALUES = frozenset((b"nil", b"true", b"false"))


class Names(NamedTuple):
    """The names of the meter's upvalues, which must not occur in the source."""

    fuel: str
    refill: str
    minus_one: str


_tag = "_" + os.urandom(6).hex()


def names_for(source: bytes) -> Names:
    """Returns upvalue names that ``source`` does not contain."""
    tag = _tag
    while tag.encode() in source:
        tag = "_" + os.urandom(6).hex()
    return Names(tag + "F", tag + "T", tag + "K")


class _Check:
    __slots__ = ("offset", "operations")

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.operations = 0


class _Scan:
    """One pass over the tokens. ``operations`` counts those since the last check on the current path."""

    def __init__(self) -> None:
        self.checks: list[_Check] = []
        self.labels: set[bytes] = set()
        self.blocks: list[tuple[str, int, _Check]] = []
        self.operations = 0
        self.entry = self.covering = _Check(-1)

    def check(self, offset: int) -> None:
        self.covering = _Check(offset)
        self.checks.append(self.covering)
        self.operations = 0

    def open(self, kind: str) -> None:
        self.blocks.append((kind, self.operations, self.covering))

    def close(self) -> None:
        if not self.blocks:
            return
        kind, operations, covering = self.blocks.pop()
        if kind == "function":
            self.operations, self.covering = operations, covering
        elif kind == "loop":
            self.operations, self.covering = max(self.operations, operations), covering

    def count(self) -> None:
        self.operations += 1
        self.covering.operations += 1


def _scan(tokens: list[Token]) -> _Scan:
    scan = _Scan()
    ended = False  # the token before ends an expression
    in_parameters = False
    before = b""
    position, last = 0, len(tokens)
    while position < last:
        kind, text, start, end = tokens[position]
        position += 1
        following = tokens[position] if position < last else None
        if kind is Kind.OPERATOR:
            if text == b"::" and following is not None:
                scan.labels.add(following.text)
                position += 2
                ended, before = False, b""
                continue
            if in_parameters and text == b")":
                scan.check(end)
                in_parameters, ended, before = False, False, b""
                continue
            if text in _OPERATIONS and not in_parameters:
                scan.count()
            ended = text in _ENDS_EXPRESSION
        elif kind in (Kind.STRING, Kind.NUMBER) or before in (b".", b":"):
            ended = True
        elif text == b"goto" and following is not None and following.kind is Kind.NAME:
            if following.text in scan.labels:
                scan.check(start)
            position += 1
            ended = True
        else:
            boundary = ended and (text in _STARTS_STATEMENT if kind is Kind.KEYWORD else True)
            if boundary and scan.operations >= SPLIT and not in_parameters:
                scan.check(start)
            if text == b"function":
                scan.open("function")
                in_parameters = True
            elif text in (b"do", b"repeat"):
                scan.open("loop")
                scan.check(end)
            elif text == b"if":
                scan.open("if")
            elif text in (b"end", b"until"):
                scan.close()
            ended = kind is Kind.NAME or text == b"end" or text in _VALUES
        before = text
    return scan


def meter(source: bytes, tokens: list[Token], names: Names, parameters: str) -> bytes:
    """Returns a chunk that returns the metered function.

    Args:
        source: A script that compiles. A shebang line becomes a comment; lines keep their numbers.
        tokens: Its tokens.
        names: The upvalues' names.
        parameters: The parameter list of the function, such as ``entity`` or ``...``.
    """
    fuel, refill, minus_one = names
    tail = f"+{fuel} if {fuel}<0 then {fuel}={refill}() end "
    scan = _scan(tokens)

    def check(operations: int) -> bytes:
        weight = f"*{operations}" if operations >= HEAVY else ""
        return f" {fuel}={minus_one}{weight}{tail}".encode()

    pieces = [f"local {fuel},{refill},{minus_one} return function({parameters})".encode()]
    pieces.append(check(scan.entry.operations))
    done = 0
    for mark in sorted(scan.checks, key=lambda c: c.offset):
        pieces.append(source[done : mark.offset])
        pieces.append(check(mark.operations))
        done = mark.offset
    pieces.append(source[done:])
    pieces.append(b"\nend")
    return b"".join(pieces)
