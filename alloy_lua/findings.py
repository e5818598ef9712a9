"""The static report: what is doubtful in a script, seen from its text and the schema of the entity it is bound to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from .engine.lexer import Kind, Token, column_of, tokens
from .events import Event, Phase
from .schema import Schema

_STRING = re.compile(rb"([\"'])([A-Za-z_][A-Za-z0-9_]*)\1")
_RECORDS = (b"entity", b"before")


class Finding(NamedTuple):
    """One doubtful place.

    Attributes:
        code: ``unknown_field`` or ``read_only_field``.
        message: What is doubtful, with a suggestion.
        field: The name of the field.
        line: 1-based line in the script.
        column: 1-based column, in characters.
    """

    code: str
    message: str
    field: str
    line: int
    column: int


class _Use(NamedTuple):
    field: str
    written: bool
    start: int


def findings(source: str, event: Event, schema: Schema) -> list[Finding]:
    """Returns what is doubtful in ``source`` as a script on ``event``, in order.

    Args:
        source: A script that compiles.
        event: The event that it is bound to.
        schema: What the entity of that event has for fields.
    """
    text = source.encode()
    found = []
    for use in _uses(tokens(text)):
        problem = _problem(use, event, schema)
        if problem is not None:
            line = text.count(b"\n", 0, use.start) + 1
            found.append(Finding(*problem, use.field, line, column_of(text, use.start)))
    return found


def _problem(use: _Use, event: Event, schema: Schema) -> tuple[str, str] | None:
    if use.field not in schema.fields:
        message = f"{schema.entity_type} has no field {use.field!r}{schema.suggestion(use.field)}"
        return "unknown_field", message
    if not use.written:
        return None
    if event.phase is not Phase.BEFORE:
        return "read_only_field", f"{schema.entity_type}.{use.field} is written, but {event.name} scripts only read"
    if use.field not in schema.writable:
        return "read_only_field", schema.refusal(use.field)
    return None


def _uses(found: list[Token]) -> Iterator[_Use]:
    """Yields each ``entity.name``, ``entity["name"]``, the same of ``before``, and ``changed("name")``."""
    local = _locals(found)
    for place, token in enumerate(found):
        if token.kind is not Kind.NAME or (place and found[place - 1].text in (b".", b":")) or token.text in local:
            continue
        rest = found[place + 1 : place + 5]
        if token.text in _RECORDS:
            yield from _field(token, rest)
        elif token.text == b"changed":
            string = next((part for part in rest[:2] if part.kind is Kind.STRING), None)
            match = _STRING.fullmatch(string.text) if string is not None else None
            if match and string is not None:
                yield _Use(match[2].decode(), False, string.start)


def _field(token: Token, rest: list[Token]) -> Iterator[_Use]:
    if len(rest) >= 2 and rest[0].text == b"." and rest[1].kind is Kind.NAME:
        name, after = rest[1].text, rest[2:3]
        start = rest[1].start
    elif len(rest) >= 3 and rest[0].text == b"[" and rest[2].text == b"]":
        match = _STRING.fullmatch(rest[1].text)
        if match is None:
            return
        name, after, start = match[2], rest[3:4], rest[1].start
    else:
        return
    written = token.text == b"entity" and bool(after) and after[0].text == b"="
    yield _Use(name.decode("utf-8", "replace"), written, start)


def _locals(found: list[Token]) -> set[bytes]:
    """Returns the names of this module's interest that a script uses for something of its own."""
    names = {*_RECORDS, b"changed"}
    owners = (b"local", b"function", b"for")
    return {token.text for before, token in pairwise(found) if token.text in names and before.text in owners}
