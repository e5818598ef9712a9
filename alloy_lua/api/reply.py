"""What handlers answer: a body alone, or with status and headers; turned into JSON that any script value fits in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, time
from typing import Any, NamedTuple

import msgspec

JSON = "application/json"


class Reply(NamedTuple):
    """An answer with more to it than its body. ``status`` of None is the endpoint's usual one."""

    body: Any = None
    status: int | None = None
    headers: Mapping[str, str] = {}
    media: str = JSON


def _known(value: Any) -> Any:
    return plain(value)


_encoder = msgspec.json.Encoder(enc_hook=_known, decimal_format="string")


def to_json(value: Any) -> bytes:
    """Returns ``value`` as JSON; whatever a script or a record held becomes what JSON can say."""
    try:
        return _encoder.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError):
        return _encoder.encode(
            plain(msgspec.to_builtins(value, enc_hook=_known, builtin_types=(bytes,), str_keys=False))
        )


def plain(value: Any) -> Any:
    """Returns ``value`` with text in place of what JSON has no word for: bytes, dates, ids, lone surrogates."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, int):
        return int(value) if -(2**63) <= value < 2**64 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, date | time) else plain(str(value))
