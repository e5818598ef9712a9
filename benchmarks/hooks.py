"""Hook H1 (a 12-field order; reads 3 fields, writes 3) in Lua, Python and RestrictedPython, with the same diff."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

EVENT = "order.before_create"
RECORD: dict[str, Any] = {
    "id": 17, "name": "Alice", "email": " Alice@Example.com ", "status": "new", "total": 1500.5, "discount": None,
    "city": "Oslo", "zip": "0150", "created": 1700000000, "vip": True, "notes": "some longer text here", "score": 4.5,
}  # fmt: skip
WRITTEN = ("email", "discount", "status")
LUA = """\
if entity.total < 0 then abort("total must not be negative", {field = "total"}) end
entity.email = str.trim(entity.email):lower()
if entity.vip and entity.total > 1000 then entity.discount = entity.total * 0.1 end
entity.status = "checked"
"""
PYTHON = """\
def hook(entity):
    if entity["total"] < 0:
        raise ValueError("total must not be negative")
    entity["email"] = entity["email"].strip().lower()
    if entity["vip"] and entity["total"] > 1000:
        entity["discount"] = entity["total"] * 0.1
    entity["status"] = "checked"
"""
CHANGES = {"email": "alice@example.com", "discount": 150.05, "status": "checked"}


def with_diff(hook: Callable[[dict[str, Any]], None]) -> Callable[[], dict[str, Any]]:
    """Returns a call that runs ``hook`` on a copy of the record and gives back the fields that changed."""

    def call() -> dict[str, Any]:
        record = dict(RECORD)
        hook(record)
        return {name: record[name] for name in WRITTEN if record[name] != RECORD[name]}

    assert call() == CHANGES
    return call


def python_hook() -> Callable[[], dict[str, Any]]:
    """Returns H1 as a plain Python function."""
    space: dict[str, Any] = {}
    exec(PYTHON, space)
    return with_diff(space["hook"])


def restricted_hook() -> Callable[[], dict[str, Any]]:
    """Returns H1 precompiled by RestrictedPython, which has no limits on time or memory."""
    from RestrictedPython import compile_restricted, safe_builtins
    from RestrictedPython.Guards import full_write_guard

    space: dict[str, Any] = {
        "__builtins__": safe_builtins, "_getitem_": lambda o, k: o[k], "_write_": full_write_guard,
        "_getattr_": getattr, "_getiter_": iter,
    }  # fmt: skip
    exec(compile_restricted(PYTHON, "<hook>", "exec"), space)
    return with_diff(space["hook"])
