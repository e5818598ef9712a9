"""The tenant's key-value space, which its scripts reach as ``kv``."""

from __future__ import annotations

from ..cursors import cursor_of, key_of
from ..endpoint import Group
from ..service import Call
from ..wire.fill import filled
from ..wire.kv import Key, KeyFilters, KeyInfo, KeyPage, NewValue, Value

GROUP = Group("kv", "Small values that outlive a run, which scripts reach as ``kv``.")


@GROUP.get("/kv", "kv.read", KeyPage)
def list_keys(call: Call, query: KeyFilters) -> KeyPage:
    """List keys by what they begin with."""
    found = call.alloy.kv.keys(query.prefix, after=key_of(query.cursor), limit=query.limit + 1, tenant=call.tenant)
    page = found[: query.limit]
    keys, size = call.alloy.kv.usage(tenant=call.tenant)
    return KeyPage(
        items=[filled(KeyInfo, one) for one in page], used_keys=keys, used_bytes=size,
        next_cursor=cursor_of(page[-1].key) if len(found) > len(page) else None,
    )  # fmt: skip


@GROUP.get("/kv/{key}", "kv.read", Value)
def get_value(call: Call, key: Key) -> Value:
    """Read a value."""
    return Value(key=key, value=call.alloy.kv.get(key, tenant=call.tenant))


@GROUP.put("/kv/{key}", "kv.write", None, status=204, errors=(507,), example={"value": {"rate": 1.08}, "ttl_s": 3600})
def set_value(call: Call, key: Key, body: NewValue) -> None:
    """Keep a value in place of the one there; 507 if the tenant's quota is full."""
    call.alloy.kv.set(key, body.value, ttl_s=body.ttl_s, tenant=call.tenant)


@GROUP.delete("/kv/{key}", "kv.write")
def delete_value(call: Call, key: Key) -> None:
    """Remove a value."""
    call.alloy.kv.delete(key, tenant=call.tenant)
