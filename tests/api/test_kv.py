"""The key-value space over HTTP: read, written with a time, listed by prefix, held to its quota, on the audit log."""

from __future__ import annotations

import time
from typing import Any

import pytest

from alloy_lua import Alloy, ManualTrigger
from alloy_lua.settings import Settings

from .conftest import Client, Running


def test_a_value_is_what_scripts_see(service: Running, admin: Client) -> None:
    assert admin("PUT", "/kv/rate%2Feur", {"value": {"usd": 1.08, "tags": ["a"]}}).status == 204
    source = "local found = kv.get('rate/eur') kv.set('seen', found.usd) return found"
    service.alloy.scripts.create("rates", source, triggers=[ManualTrigger()], capabilities=["kv"], status="active")
    assert admin.post("/scripts/rates/run").json["value"] == {"usd": 1.08, "tags": ["a"]}
    assert admin.get("/kv/seen").json == {"key": "seen", "value": 1.08}
    assert admin.get("/kv/rate%2Feur").json["value"]["usd"] == 1.08
    assert admin("DELETE", "/kv/seen").status == 204
    assert admin("DELETE", "/kv/seen").code == admin.get("/kv/seen").code == "not_found"
    found = admin.get("/audit?kind=kv&limit=2").json["items"]
    assert [(entry["action"], entry["name"]) for entry in found] == [("kv.delete", "seen"), ("kv.set", "rate/eur")]
    assert "1.08" not in str(found)


def test_a_value_with_a_time_is_gone_after_it(admin: Client) -> None:
    admin("PUT", "/kv/short", {"value": True, "ttl_s": 0.4})
    assert admin.get("/kv?prefix=short").json["items"][0]["expires_at"] is not None
    deadline = time.monotonic() + 5
    while admin.get("/kv/short").status == 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert admin.get("/kv?prefix=short").json["items"] == []


def test_keys_are_listed_by_prefix_page_by_page(admin: Client) -> None:
    names = ["p%a", "p_a", "p_b", "p_ö"]
    for name in ("o", *names, "q"):
        admin("PUT", f"/kv/{name.replace('%', '%25').replace('ö', '%C3%B6')}", {"value": name})
    first = admin.get("/kv?prefix=p&limit=3").json
    rest = admin.get(f"/kv?prefix=p&limit=3&cursor={first['next_cursor']}").json
    assert [one["key"] for one in first["items"] + rest["items"]] == names
    assert rest["next_cursor"] is None
    assert [one["key"] for one in admin.get("/kv?prefix=p_").json["items"]] == ["p_a", "p_b", "p_ö"]


@pytest.mark.parametrize(
    "body", [{}, {"value": None}, {"value": "x" * 70_000}, {"value": 1, "ttl_s": 0}, {"value": 1, "ttl_s": 1e12}]
)
def test_wrong_values_are_refused_and_not_kept(admin: Client, body: dict[str, Any]) -> None:
    refused = admin("PUT", "/kv/wrong", body)
    assert (refused.status, refused.code) in ((422, "validation_error"), (422, "invalid_value"))
    assert admin.get("/kv/wrong").status == 404


def test_a_full_quota_is_said_and_nothing_is_written() -> None:
    with Alloy(settings=Settings({"kv_keys": 2, "kv_bytes": 100})) as alloy:
        running = Running(alloy)
        try:
            admin = running.client()
            assert [admin("PUT", f"/kv/{key}", {"value": 1}).status for key in "ab"] == [204, 204]
            full = admin("PUT", "/kv/c", {"value": 1})
            assert (full.status, full.code) == (507, "quota_exceeded")
            assert full.json["error"]["details"] == {"quota": 2, "unit": "keys"}
            assert admin("PUT", "/kv/a", {"value": "x" * 100}).json["error"]["details"]["unit"] == "bytes"
            assert admin.get("/kv").json["used_keys"] == 2
            assert len(alloy.audit.list(kind="kv")) == 2
        finally:
            running.stop()


def test_reading_and_writing_take_their_rights(service: Running) -> None:
    author, reader = service.client("author"), service.client("operator", scopes=["kv.read"])
    assert author.get("/kv").code == "permission_denied"
    assert reader.get("/kv").status == 200
    assert reader("PUT", "/kv/a", {"value": 1}).code == reader("DELETE", "/kv/a").code == "permission_denied"
