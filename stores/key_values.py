"""What the key-value spaces of all stores have in common: how values are written, weighed and refused."""

from __future__ import annotations

import json
import math
from typing import Any

from ..errors import InvalidValue, LimitExceeded, ValidationError
from ..ports import Quota
from .rows import MAX_KEY, storable

_ENCODE = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def check_key(key: str) -> str:
    """Returns ``key`` if every database can hold it.

    Raises:
        ValidationError: It is empty, too long, or holds a NUL.
    """
    if not key or len(key) > MAX_KEY or not storable(key):
        raise ValidationError(f"kv key: got {key[:60]!r}, wanted 1 to {MAX_KEY} characters without NUL")
    return key


def encoded(value: Any) -> str:
    """Returns the text that stands for ``value``.

    Raises:
        ValidationError: It is not JSON-like.
    """
    try:
        text = _ENCODE(value)
    except (TypeError, ValueError, RecursionError) as exc:
        raise ValidationError(f"kv value: got a value that is not JSON-like: {exc}") from None
    if not storable(text):
        raise ValidationError("kv value: got half a surrogate pair, wanted text that UTF-8 can hold")
    return text


def weight(key: str, text: str) -> int:
    """Returns the bytes that a value counts for in the quota."""
    return len(key.encode()) + len(text.encode())


def added(key: str, old: Any, by: int | float) -> int | float:
    """Returns ``old`` and ``by`` together.

    Raises:
        InvalidValue: ``old`` is no number, or the sum is none that a script can hold.
    """
    if isinstance(old, bool) or not isinstance(old, int | float):
        raise InvalidValue(f"kv key {key!r}: holds no number, wanted one to add to")
    total = old + by
    if not math.isfinite(total) or abs(total) > 2**53:
        raise InvalidValue(f"kv key {key!r}: the sum would be {total}, wanted at most 2^53")
    return total


def check_quota(tenant: str, keys: int, size: int, quota: Quota) -> None:
    """Returns None if a tenant may keep so many keys and bytes.

    Raises:
        LimitExceeded: It may not.
    """
    for what, got, most in (("keys", keys, quota.keys), ("bytes", size, quota.bytes)):
        if got > most:
            raise LimitExceeded(
                f"kv of tenant {tenant!r}: would keep {got} {what}, wanted at most {most}",
                code="quota_exceeded", details={"quota": most, "unit": what},
            )  # fmt: skip
