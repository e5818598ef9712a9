"""The Python half of the host module ``str``: case and slugs of text beyond ASCII."""

from __future__ import annotations

import re
import unicodedata

from ...errors import InvalidValue

# Characters, so that one call takes a few milliseconds.
MAX_CASED = 65_536
MAX_TITLE = 32_768
MAX_SLUG = 4_096

# Letters that no decomposition takes apart; the rest loses its accents by NFKD.
_SPELLED = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "\u0131": "i"}
)
_WORD = re.compile(r"[^\W_](?:[^\W_]|['\u2019\u0300-\u036f])*")


def _at_most(function: str, text: str | bytes, most: int) -> None:
    if len(text) > most:
        raise InvalidValue(
            f"{function}: got a text of {len(text)} characters beyond ASCII, wanted at most {most}",
            details={"function": function},
        )


def lower(text: str | bytes) -> str | bytes:
    _at_most("str.lower", text, MAX_CASED)
    return text.lower()


def upper(text: str | bytes) -> str | bytes:
    _at_most("str.upper", text, MAX_CASED)
    return text.upper()


def title(text: str | bytes) -> str | bytes:
    _at_most("str.title", text, MAX_TITLE)
    if isinstance(text, bytes):
        return text.title()
    return _WORD.sub(lambda word: word[0][0].title() + word[0][1:].lower(), text)


def slug(text: str | bytes) -> str:
    """Returns the text in lower case, accents removed, any other character beyond ASCII as a space."""
    _at_most("str.slug", text, MAX_SLUG)
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    letters = unicodedata.normalize("NFKD", text.lower().translate(_SPELLED))
    return "".join(letter if letter.isascii() else " " for letter in letters if not unicodedata.combining(letter))
