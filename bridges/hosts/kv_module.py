"""Host module ``kv``: small values that outlive a run, by tenant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ...errors import AlloyError, InvalidValue
from ...hostapi import DATA_WRITE_PHASES, EVERY_PHASE, HostCall, HostFunction, HostModule, Param
from ...ports import KeyValues, Quota
from .arguments import as_table, as_text, wrong

CAPABILITY = "kv"
MAX_VALUE_BYTES = 65_536
LONGEST_TTL = 10 * 365 * 86_400

_KEY = Param("key", "string", "1 to 200 characters.")
_OPTIONS = Param("options", "table", "``ttl``: seconds until the value is gone.", True)


def kv_module(values: KeyValues, quota: Quota) -> HostModule:
    """Returns the module on a store's key-value space, in which each tenant may keep ``quota``."""

    def get(call: HostCall, key: str | bytes) -> Any:
        return values.get(call.tenant, checked_key("kv.get", key), _now())

    def set_(call: HostCall, key: str | bytes, value: Any = None, options: Any = None) -> None:
        name, plain = checked_key("kv.set", key), checked_value(value)
        values.set(call.tenant, name, plain, _ends("kv.set", options), quota, _now())

    def incr(call: HostCall, key: str | bytes, by: int | float = 1, options: Any = None) -> int | float:
        return values.incr(call.tenant, checked_key("kv.incr", key), by, _ends("kv.incr", options), quota, _now())

    def delete(call: HostCall, key: str | bytes) -> bool:
        return values.delete(call.tenant, checked_key("kv.delete", key), _now())

    def function(name: str, doc: str, call: Any, returns: str, example: str, *params: Param) -> HostFunction:
        writes = name != "kv.get"
        return HostFunction(
            name, doc, (_KEY, *params), returns, call, capability=CAPABILITY, effect=writes, blocking=True,
            wants_call=True, cost=100, example=example, phases=DATA_WRITE_PHASES if writes else EVERY_PHASE,
        )  # fmt: skip

    return HostModule(
        "kv",
        "Small values that outlive a run, kept for the tenant in the store; not part of the platform's transaction.",
        (
            function("kv.get", "The value, nil if there is none.", get, "any", 'return kv.get("seen") --> null'),
            function(
                "kv.set", "Nothing; keeps the value in place of the one there.", set_, "nil",
                'kv.set("seen", {id = 7}, {ttl = 3600}) return kv.get("seen") --> {"id": 7}',
                Param("value", "any", "Boolean, number, text, list or table; at most 64 KiB as JSON."), _OPTIONS,
            ),
            function(
                "kv.incr", "The number after adding to it; concurrent calls all count, a missing one is 0.", incr,
                "number", 'return kv.incr("calls", 2, {ttl = 60}) --> 2',
                Param("by", "number", "What to add, 1 if left out.", True),
                Param("options", "table", "``ttl``: seconds until it is gone, from its first use.", True),
            ),
            function(
                "kv.delete", "Whether there was a value to remove.", delete, "boolean",
                'return kv.delete("seen") --> false',
            ),
        ),
    )  # fmt: skip


def _now() -> datetime:
    return datetime.now(UTC)


def checked_key(function: str, key: str | bytes) -> str:
    """Returns ``key`` if it can name a value.

    Raises:
        InvalidValue: It is too long, or no text; names ``function``.
    """
    text = as_text(function, key)
    if not 1 <= len(text) <= 200 or "\0" in text:
        raise wrong(function, text, "a key of 1 to 200 characters without NUL")
    return text


def checked_value(value: Any) -> Any:
    """Returns ``value`` if it can be kept.

    Raises:
        InvalidValue: It is None, not JSON-like, or too large.
    """
    from .json_module import encode

    if value is None:
        raise wrong("kv.set", value, "a value (kv.delete removes one)")
    try:
        size = len(encode(value).encode())
    except AlloyError as error:
        raise InvalidValue(error.message.replace("json.encode", "kv.set")) from None
    if size > MAX_VALUE_BYTES:
        raise wrong("kv.set", f"{size} bytes", f"at most {MAX_VALUE_BYTES} bytes as JSON")
    return value


def _ends(function: str, options: Any) -> datetime | None:
    return ends_after(function, as_table(function, options, ("ttl",)).get("ttl"))


def ends_after(function: str, ttl: Any) -> datetime | None:
    """Returns when a value is gone that is kept for ``ttl`` seconds from now; None for None.

    Raises:
        InvalidValue: It is no time to keep a value for; names ``function``.
    """
    if ttl is None:
        return None
    if isinstance(ttl, bool) or not isinstance(ttl, int | float) or not 0 < ttl <= LONGEST_TTL:
        raise wrong(function, ttl, f"ttl as seconds above 0, at most {LONGEST_TTL}")
    return _now() + timedelta(seconds=ttl)
