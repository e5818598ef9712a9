"""Puts a fuel check at every place where a program can repeat itself, without moving a line.

A check goes behind the parameter list of a function, behind ``do`` and ``repeat``, before a backward ``goto``,
and between statements wherever straight-line code has run up `SPLIT` operations (so that one check never
covers unbounded work on large operands). Keywords are reserved words, so tokens alone show these places; that
nothing was missed is proved afterwards on the bytecode (verify.lua).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple

from .aborts import Edit
from .lexer import Kind, Token

SPLIT = 32
HEAVY = 8  # operations from which a check charges by weight
CALL = 4  # what a call counts for where the function called may have no check of its own
LEAF, LEAF_TOKENS = 8, 64  # what such a function may do
TOUCHES = 16  # uses of tables under one check that cost nothing; of more, each costs what an operation does

_STARTS_STATEMENT = frozenset(b"local if while for repeat function return break".split())
_OPERATIONS = frozenset((b"..", b"<", b">", b"<=", b">=", b"+", b"-", b"*", b"/", b"%", b"^"))
_ARITHMETIC = _OPERATIONS - {b"..", b"<", b">", b"<=", b">="}
_ENDS_EXPRESSION = frozenset((b")", b"]", b"}", b"..."))
_ENDS_BLOCK = frozenset((b"end", b"else", b"elseif", b"until"))
_DEPTH = {b"(": 1, b"{": 1, b"[": 1, b")": -1, b"}": -1, b"]": -1}
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
    """A check and what it pays for: operations, and uses of tables."""

    __slots__ = ("offset", "operations", "touches")

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.operations = self.touches = 0

    @property
    def weight(self) -> int:
        return self.operations + (self.touches if self.touches > TOUCHES else 0)


class _State:
    """How far the path to the token being read is metered.

    Attributes:
        covering: The check that pays for the operations here.
        operations: Those since that check; a call counts as `CALL` where it may run an unmetered function.
        covered: Whether every path from the function's entry has passed a check.
        anchor: Before which statement a check could be put that covers this place; an offset.
        paid: What ``covering`` paid for before the anchor.
        tokens: Tokens read in the function while not covered.
        depth: How many brackets of the function are open; a semicolon between none of them ends a statement.
    """

    __slots__ = ("anchor", "covered", "covering", "depth", "operations", "paid", "tokens")

    def __init__(self, covering: _Check, anchor: int = 0, *, covered: bool = True) -> None:
        self.covering, self.anchor, self.covered = covering, anchor, covered
        self.operations = self.paid = self.tokens = self.depth = 0


class _Block:
    """An open block: a function, a loop, ``repeat``, or ``if``, and the state before it."""

    __slots__ = ("anchor", "covered", "covering", "in_condition", "kind", "longest", "operations", "outside")

    def __init__(self, kind: str, state: _State) -> None:
        self.kind, self.outside = kind, state
        self.covered, self.covering = state.covered, state.covering
        self.anchor, self.operations = state.anchor, state.operations
        self.in_condition = kind == "if"
        self.longest = 0  # operations on the longest of its branches so far


class _Scan:
    """Where the checks go, found in one pass over the tokens.

    A script that joins texts by ``..`` may hold a long one that the meter does not know of, and arithmetic reads a text
    to its end. So in such a script arithmetic needs a check as a call does.
    """

    def __init__(self, calm: bool, joins: bool) -> None:
        self.calm, self.joins = calm, joins
        self.call = CALL if calm else 1
        self.checks: list[_Check] = []
        self.labels: set[bytes] = set()
        self.blocks: list[_Block] = []
        self.entry = _Check(-1)
        self.state = _State(self.entry)

    def check(self, offset: int) -> None:
        state = self.state
        state.covering = _Check(offset)
        self.checks.append(state.covering)
        state.operations = state.paid = 0
        state.covered = True

    def cover(self) -> None:
        """Puts a check before the current statement if none covers it."""
        state = self.state
        if state.covered:
            return
        unpaid = max(0, state.covering.operations - state.paid)
        self.check(state.anchor)
        state.covering.operations = unpaid
        block = self.blocks[-1]
        if block.in_condition:
            block.covered, block.covering = True, state.covering

    def enter_function(self, offset: int) -> None:
        self.state = _State(_Check(-1), offset, covered=False)
        if not self.calm:
            self.check(offset)

    def begin_statement(self, offset: int) -> None:
        state = self.state
        state.anchor, state.paid = offset, state.covering.operations

    def open(self, kind: str) -> None:
        self.blocks.append(_Block(kind, self.state))

    def enter_branch(self) -> None:
        """At ``then``: where the condition does not hold, the path goes on from here."""
        self.blocks[-1].in_condition = False
        self.blocks[-1].operations = self.state.operations

    def branch(self, offset: int, *, condition: bool) -> None:
        """At ``elseif`` (a condition follows) or ``else``: the branch before was not taken."""
        block, state = self.blocks[-1], self.state
        block.longest = max(block.longest, state.operations)
        state.operations = block.operations
        state.covered, block.in_condition = block.covered, condition
        state.anchor = block.anchor if condition else offset

    def close(self) -> None:
        block = self.blocks.pop()
        state = self.state = block.outside
        if block.kind == "function":
            return
        state.operations, state.covering = max(state.operations, block.operations, block.longest), block.covering
        state.covered, state.anchor = block.covered or block.kind == "repeat", block.anchor

    def count(self, operations: int) -> None:
        state = self.state
        state.operations += operations
        state.covering.operations += 1
        if state.operations > LEAF and not state.covered:
            self.cover()

    def touch(self) -> None:
        """At a use of a table: to find a key, or to make room for one, may take as long as the table is large."""
        state = self.state
        state.operations += 1
        state.covering.touches += 1
        if state.operations > LEAF and not state.covered:
            self.cover()


def _scan(tokens: list[Token], calm: bool) -> _Scan:
    scan = _Scan(calm, any(token.text == b".." for token in tokens))
    ended = False  # the token before ends an expression
    fresh = False  # a statement begins here
    in_parameters = False
    before = b""
    position, last = 0, len(tokens)
    while position < last:
        kind, text, start, end = tokens[position]
        position += 1
        following = tokens[position] if position < last else None
        state = scan.state
        if not state.covered:
            state.tokens += 1
            if state.tokens > LEAF_TOKENS:
                scan.cover()
        if fresh:
            scan.begin_statement(start)
            if state.operations >= SPLIT and text not in _ENDS_BLOCK:
                scan.check(start)
            fresh = False
        if kind is Kind.OPERATOR:
            if text == b"::" and following is not None:
                scan.labels.add(following.text)
                position += 2
                ended, before = False, b""
                continue
            if in_parameters:
                if text == b")":
                    scan.enter_function(end)
                    in_parameters, ended, before, fresh = False, False, b"", True
                    continue
            elif text == b"(" or (text == b"{" and ended):
                scan.cover()
                scan.count(scan.call)
            elif text in _OPERATIONS:
                if scan.joins and text in _ARITHMETIC:
                    scan.cover()
                scan.count(1)
            elif text in (b".", b":", b"...") or (text == b"[" and ended):
                scan.touch()
            if not in_parameters:
                state.depth += _DEPTH.get(text, 0)
                fresh = text == b";" and state.depth == 0
            ended = text in _ENDS_EXPRESSION
        elif kind is Kind.STRING and ended:
            scan.cover()
            scan.count(scan.call)
        elif kind in (Kind.STRING, Kind.NUMBER) or before in (b".", b":"):
            ended = True
        elif text == b"goto" and following is not None and following.kind is Kind.NAME:
            if following.text in scan.labels:
                scan.check(start)
            position += 1
            ended = True
        else:
            if ended and not in_parameters and (kind is Kind.NAME or text in _STARTS_STATEMENT):
                scan.begin_statement(start)
                if state.operations >= SPLIT:
                    scan.check(start)
            if text == b"function":
                scan.open("function")
                in_parameters = True
            elif text in (b"do", b"repeat"):
                scan.open("loop" if text == b"do" else "repeat")
                scan.check(end)
            elif text == b"in":
                scan.cover()
            elif text == b"if":
                scan.open("if")
            elif text == b"then" and scan.blocks:
                scan.enter_branch()
                fresh = True
            elif text in (b"elseif", b"else") and scan.blocks:
                scan.branch(end, condition=text == b"elseif")
                fresh = text == b"else"
            elif text in (b"end", b"until") and scan.blocks:
                scan.close()
            ended = kind is Kind.NAME or text == b"end" or text in _VALUES
        before = text
    return scan


def meter(
    source: bytes, tokens: list[Token], names: Names, parameters: str, *, calm: bool = False, edits: Iterable[Edit] = ()
) -> bytes:
    """Returns a chunk that returns the metered function.

    Args:
        source: A script that compiles. A shebang line becomes a comment; lines keep their numbers.
        tokens: Its tokens.
        names: The upvalues' names.
        parameters: The parameter list of the function, such as ``entity`` or ``...``.
        calm: Whether none of the script's functions can become a metamethod (the verifier proves it): then a function
            needs a check only before it calls something.
        edits: What else to put into the text, by offset; the checks are those of the source without them.
    """
    fuel, refill, minus_one = names
    tail = f"+{fuel} if {fuel}<0 then {fuel}={refill}() end "
    scan = _scan(tokens, calm)

    def check(weight: int) -> bytes:
        times = f"*{weight}" if weight >= HEAVY else ""
        return f" {fuel}={minus_one}{times}{tail}".encode()

    pieces = [f"local {fuel},{refill},{minus_one} return function({parameters})".encode()]
    pieces.append(check(scan.entry.weight))
    done = 0
    marks = [(mark.offset, check(mark.weight)) for mark in scan.checks]
    for offset, text in sorted([*marks, *edits], key=lambda mark: mark[0]):
        pieces += (source[done:offset], text)
        done = offset
    pieces.append(source[done:])
    pieces.append(b"\nend")
    return b"".join(pieces)
