"""The text of an API token: ``alloy_<id>_<secret><checksum>``, all letters and digits, so that a double click takes it.

The checksum lets a secret scanner, and `token_id`, tell a token from what only looks like one.
"""

from __future__ import annotations

import hmac
import re
import secrets
import string
import zlib

PREFIX = "alloy"
ID_LENGTH = 12
SECRET_LENGTH = 43  # 256 bits: 62 ** 43 > 2 ** 256
CHECKSUM_LENGTH = 6  # CRC-32: 62 ** 6 > 2 ** 32

_LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_TOKEN = re.compile(rf"{PREFIX}_([0-9A-Za-z]{{{ID_LENGTH}}})_[0-9A-Za-z]{{{SECRET_LENGTH + CHECKSUM_LENGTH}}}")


def new_token() -> tuple[str, str]:
    """Returns the id and the text of a new token."""
    identity, secret = _random(ID_LENGTH), _random(SECRET_LENGTH)
    body = f"{PREFIX}_{identity}_{secret}"
    return identity, body + _checksum(body)


def new_key() -> str:
    """Returns a key to hash tokens with."""
    return secrets.token_hex(32)


def token_id(text: object) -> str | None:
    """Returns the id of the token with that text, None if it is not the text of any token."""
    if not isinstance(text, str):
        return None
    found = _TOKEN.fullmatch(text)
    if found is None or _checksum(text[:-CHECKSUM_LENGTH]) != text[-CHECKSUM_LENGTH:]:
        return None
    return found[1]


def token_digest(key: str, text: str) -> str:
    """Returns the HMAC-SHA256 of a token's text: a secret of 256 random bits needs no slow hash."""
    return hmac.digest(key.encode(), text.encode(), "sha256").hex()


def same(left: str, right: str) -> bool:
    """Returns whether two digests are equal, in a time that does not depend on where they differ."""
    return hmac.compare_digest(left, right)


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def _checksum(text: str) -> str:
    number, letters = zlib.crc32(text.encode()), ""
    for _ in range(CHECKSUM_LENGTH):
        number, rest = divmod(number, len(_LETTERS))
        letters = _LETTERS[rest] + letters
    return letters
