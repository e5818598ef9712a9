"""What a script says of itself: the entity fields it reads and writes, and the globals it mentions."""

from __future__ import annotations

import re
from typing import NamedTuple

from .lexer import Kind, Token

_FIELD_STRING = re.compile(rb"\"([A-Za-z_][A-Za-z0-9_]*)\"|'([A-Za-z_][A-Za-z0-9_]*)'")
IDEMPOTENCY_KEY = "idempotency_key"  # the one field of ctx that takes a host call
_FIELD_NAME = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*")


class Usage(NamedTuple):
    """What a script uses.

    Attributes:
        reads: Entity fields read, in order of first use; None if the script uses the entity as a whole (``changed``
            may ask for any field).
        writes: Entity fields assigned; None if the script uses the entity as a whole.
        mentions: Every name that may be a global; and ``idempotency_key`` as a field of ctx.
        random: Whether the script may draw random numbers.
    """

    reads: tuple[str, ...] | None
    writes: tuple[str, ...] | None
    mentions: frozenset[str]
    random: bool


def _field_after(tokens: list[Token], position: int) -> tuple[str, int] | None:
    """Returns the field named after token ``position`` and the position behind it, or None."""
    rest = tokens[position + 1 : position + 4]
    if len(rest) >= 2 and rest[0].text == b"." and rest[1].kind is Kind.NAME and _FIELD_NAME.fullmatch(rest[1].text):
        return rest[1].text.decode(), position + 3
    if len(rest) == 3 and rest[0].text == b"[" and rest[1].kind is Kind.STRING and rest[2].text == b"]":
        match = _FIELD_STRING.fullmatch(rest[1].text)
        if match:
            return (match.group(1) or match.group(2)).decode(), position + 4
    return None


def analyse(tokens: list[Token]) -> Usage:
    """Returns what the tokens of a script show of its use of ``entity`` and of globals.

    A field in a comma list counts as read and written, since it may stand on the left of an assignment.
    """
    reads: dict[str, None] = {}
    writes: dict[str, None] = {}
    mentions: set[str] = set()
    whole = random = False
    for position, token in enumerate(tokens):
        if token.kind is not Kind.NAME:
            continue
        before = tokens[position - 1].text if position else b""
        if before in (b".", b":"):
            continue
        mentions.add(token.text.decode("utf-8", "replace"))
        if token.text == b"math":
            used = _field_after(tokens, position)
            random |= used is None or used[0] in ("random", "randomseed")
        if token.text != b"entity":
            continue
        found = _field_after(tokens, position)
        if found is None or before in (b"function", b"local", b"for"):
            whole = True
            continue
        name, behind = found
        after = tokens[behind].text if behind < len(tokens) else b""
        listed = after == b"," or before == b","
        if after == b"=" or listed:
            writes[name] = None
        if after != b"=" or listed:
            reads[name] = None
    if "ctx" in mentions and any(IDEMPOTENCY_KEY.encode() in token.text for token in tokens):
        mentions.add(IDEMPOTENCY_KEY)
    if whole or "changed" in mentions:
        return Usage(None, None, frozenset(mentions), random)
    return Usage(tuple(reads), tuple(writes), frozenset(mentions), random)


def changes_tables(tokens: list[Token]) -> bool:
    """Returns whether a script may change a table, or give it a metatable; true where tokens do not show it.

    Assigning an entity field changes none that the field holds.
    """
    defines = any(token.text == b"function" for token in tokens)
    depth = 0
    for position, token in enumerate(tokens):
        before = tokens[position - 1].text if position else b""
        after = tokens[position + 1].text if position + 1 < len(tokens) else b""
        if token.kind is Kind.OPERATOR:
            depth += (token.text in (b"(", b"{", b"[")) - (token.text in (b")", b"}", b"]"))
        elif token.kind is Kind.NAME and before not in (b".", b":"):
            if token.text in (b"rawset", b"setmetatable") or (before == b"function" and after in (b".", b":")):
                return True
            if token.text == b"table" and _field_after(tokens, position) != ("concat", position + 3):
                return True
        assigned = after == b"=" or (after == b"," and (depth == 0 or defines))
        place = token.text == b"]" or (before == b"." and token.kind is Kind.NAME)
        if assigned and place and not _ends_entity_field(tokens, position):
            return True
    return False


def _ends_entity_field(tokens: list[Token], position: int) -> bool:
    for start in (position - 2, position - 3):
        if (
            start >= 0
            and tokens[start].text == b"entity"
            and (start == 0 or tokens[start - 1].text not in (b".", b":"))
        ):
            found = _field_after(tokens, start)
            if found is not None and found[1] == position + 1:
                return True
    return False
