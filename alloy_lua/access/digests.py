"""Digests of records: the same record gives the same digest in every process and version."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any


def digest_of(record: Any) -> str:
    """Returns the SHA-256 of a record (a dataclass, named tuple, or JSON-like value) in hex digits."""
    text = json.dumps(_plain(record), sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


def without(record: Any, *names: str) -> dict[str, Any]:
    """Returns the fields of a dataclass or named tuple by name, all but ``names``."""
    return {name: value for name, value in _fields(record).items() if name not in names}


def _fields(record: Any) -> dict[str, Any]:
    if hasattr(record, "_asdict"):
        return dict(record._asdict())
    return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if hasattr(value, "_asdict") or dataclasses.is_dataclass(value):
        return _plain(_fields(value))
    if isinstance(value, frozenset | set):
        return sorted(map(_plain, value))
    return [_plain(inner) for inner in value]
