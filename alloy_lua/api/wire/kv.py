"""The tenant's key-value space, as callers read and write it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta

from ...bridges.hosts.kv_module import LONGEST_TTL
from .common import Cursor, Input, Limit, Output
from .lifecycle import Reason

Key = Annotated[str, Meta(min_length=1, max_length=200, description="The name of a value.")]


class KeyFilters(Input, kw_only=True):
    """Which keys to list.

    Attributes:
        prefix: What they begin with.
    """

    prefix: Annotated[str, Meta(max_length=200)] = ""
    cursor: Cursor | None = None
    limit: Limit = 100


class KeyInfo(Output, kw_only=True):
    """A key.

    Attributes:
        size: The bytes that it and its value count for in the quota.
        expires_at: When it is gone; null if it stays.
    """

    key: str
    size: int
    expires_at: datetime | None


class KeyPage(Output, kw_only=True):
    """Keys in order.

    Attributes:
        used_keys: How many keys the tenant keeps, those included that have expired since the last minute.
        used_bytes: How many bytes.
        next_cursor: Where the next page begins; null on the last.
    """

    items: list[KeyInfo]
    used_keys: int
    used_bytes: int
    next_cursor: str | None


class Value(Output, kw_only=True):
    """A value."""

    key: str
    value: Any


class NewValue(Input, kw_only=True):
    """A value to keep.

    Attributes:
        value: Anything but null; at most 64 KiB as JSON.
        ttl_s: Seconds until it is gone; it stays if left out.
    """

    value: Any
    ttl_s: Annotated[float, Meta(gt=0, le=LONGEST_TTL)] | None = None
    reason: Reason | None = None
