"""What a job is given, as text: the values that Lua will see, packed exactly."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from ..values import pack, unpack

MAX_BYTES = 1024 * 1024
PARTS = ("entity", "before", "params")


def packed(**parts: Any) -> str:
    """Returns the ``entity``, ``before`` and ``params`` that are not None as text.

    Raises:
        InvalidValue: A value cannot be given to a script, or all is more than `MAX_BYTES`.
    """
    given = {name: parts[name] for name in PARTS if parts.get(name) is not None}
    return base64.b85encode(pack(given, limit=MAX_BYTES, what="job")).decode() if given else ""


def unpacked(text: str) -> Mapping[str, Any]:
    """Returns the parts in ``text``; those that were None are missing."""
    found: Mapping[str, Any] = unpack(base64.b85decode(text)) if text else {}
    return found
