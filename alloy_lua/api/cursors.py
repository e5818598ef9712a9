"""Cursors: where the next page begins, as an opaque text."""

from __future__ import annotations

import base64
import binascii

from ..errors import ValidationError


def cursor_of(key: str) -> str:
    """Returns the cursor behind the item called ``key``."""
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def key_of(cursor: str | None) -> str | None:
    """Returns the key that a cursor stands for; None for None.

    Raises:
        ValidationError: It is no cursor.
    """
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        key = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        key = ""
    if not key or len(key) > 200 or "\0" in key:
        raise ValidationError(
            "cursor: not one of this service's; take it from next_cursor", details={"field": "cursor"}
        )
    return key
