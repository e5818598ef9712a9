"""What operators do over HTTP: secrets, egress, safe mode, cancelling, metrics; and signed calls, which need a secret."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from alloy_lua.api import ApiOptions
from alloy_lua.api.signatures import signature
from alloy_lua.secrets import new_key, sealer

from .conftest import Client, Running, Serve


def script(admin: Client, name: str, source: str, **trigger: Any) -> None:
    made = admin.post("/scripts", {
        "name": name, "source": source, "status": "active", "limits": "relaxed", "triggers": [trigger],
    })  # fmt: skip
    assert made.status == 201, made.text


def test_secrets_are_kept_and_not_shown(admin: Client) -> None:
    assert admin("PUT", "/secrets/crm-key", {"text": "very-secret-text"}).status == 204
    shown = admin.get("/secrets")
    assert [one["name"] for one in shown.json["items"]] == ["crm-key"] and "very-secret-text" not in shown.text
    assert "very-secret-text" not in admin.get("/audit").text and "very-secret-text" not in admin.get("/settings").text
    assert admin("DELETE", "/secrets/crm-key").status == 204 and admin("DELETE", "/secrets/crm-key").status == 404
    assert [entry["action"] for entry in admin.get("/audit?kind=secret").json["items"]] == [
        "secret.delete",
        "secret.set",
    ]


def test_the_egress_list_is_kept(admin: Client) -> None:
    rule = {"url": "https://api.example.com/v1/*", "methods": ["GET", "POST"]}
    assert admin("PUT", "/egress", rule).json["methods"] == ["GET", "POST"]
    assert [one["url"] for one in admin.get("/egress").json["items"]] == [rule["url"]]
    assert admin("PUT", "/egress", {"url": "ftp://x/"}).code == "validation_error"
    assert admin("DELETE", "/egress?url=https%3A%2F%2Fapi.example.com%2Fv1%2F*").status == 204
    assert admin.get("/egress").json["items"] == []


def test_strangers_learn_nothing_of_a_secret_that_is_not_set(
    service: Running, admin: Client, caplog: pytest.LogCaptureFixture
) -> None:
    script(admin, "unset", "return nil", kind="api", path="/unset", auth="hmac", secret="unset-hook")
    refused = Client(service.url).post("/x/default/unset", {})
    assert (refused.status, refused.code) == (500, "internal_error")
    assert "unset-hook" not in refused.text and "details" not in refused.json["error"]
    assert "unset-hook" in caplog.text and refused.json["error"]["request_id"] in caplog.text
    service.alloy.secrets.set("lost-hook", "sealed-with-another-key")
    sealed = service.alloy.secrets
    script(admin, "lost", "return nil", kind="api", path="/lost", auth="hmac", secret="lost-hook")
    box, sealed._box = sealed._box, sealer(new_key())
    try:
        refused = Client(service.url).post("/x/default/lost", {})
    finally:
        sealed._box = box
    assert (refused.status, refused.code) == (500, "internal_error") and "lost-hook" not in refused.text


def test_signed_calls_are_taken_once_and_in_time(service: Running, admin: Client) -> None:
    admin("PUT", "/secrets/hook", {"text": "shared-by-both"})
    script(admin, "signed", "return {body = params.body}", kind="api", path="/hook", auth="hmac", secret="hook")
    anybody = Client(service.url)

    def send(
        at: int, body: bytes = b'{"a":1}', secret: str = "shared-by-both", path: str = "/x/default/hook?q=1"
    ) -> Any:
        signed = signature(secret, at, "POST", path, b'{"a":1}')
        return anybody("POST", "/x/default/hook?q=1", raw=body, Alloy_Signature=signed)

    now = int(time.time())
    good = send(now)
    assert (good.status, good.json) == (200, {"a": 1})
    for refused in (
        send(now), send(now - 400), send(now + 400), send(now - 1, b'{"a":2}'), send(now - 2, secret="other-secret"),
        send(now - 3, path="/x/default/hook"), anybody.post("/x/default/hook?q=1", {}),
    ):  # fmt: skip
        assert (refused.status, refused.code) == (401, "unauthenticated")
    assert send(now - 5).status == 200


def test_safe_mode_bypasses_and_ends(service: Running, admin: Client) -> None:
    script(admin, "guarded", "return 1", kind="manual")
    made = admin.post("/safe-mode", {"script": "guarded", "reason": "wrong prices"})
    assert made.status == 201
    assert admin.post("/scripts/guarded/run").json["error"]["code"] == "bypassed"
    assert [one["reason"] for one in admin.get("/safe-mode").json["items"]] == ["wrong prices"]
    assert admin.post("/safe-mode/clear", {"id": made.json["id"]}).status == 204
    assert admin.post("/scripts/guarded/run").json["value"] == 1
    local = service.client("operator", "default")
    assert local.post("/safe-mode", {"everywhere": True, "reason": "mine"}).status == 403
    everywhere = admin.post("/safe-mode", {"everywhere": True, "reason": "all"})
    assert everywhere.json["tenant"] is None
    assert admin.post("/scripts/guarded/run").json["error"]["code"] == "bypassed"
    assert local.post("/safe-mode/clear", {"id": everywhere.json["id"]}).status == 403
    assert admin.post("/safe-mode/clear", {"id": everywhere.json["id"]}).status == 204


def add_endless(running: Running, admin: Client) -> None:
    running.alloy.function("bed.nap", doc="Sleeps a moment.")(lambda: time.sleep(0.01))
    script(admin, "endless", "while true do bed.nap() end", kind="manual")


def test_a_run_under_way_is_cancelled(service: Running, admin: Client) -> None:
    add_endless(service, admin)
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(admin.post("/scripts/endless/run", {"run_id": "run-c"})))
    thread.start()
    until = time.monotonic() + 4
    while not admin.get("/running").json["items"] and time.monotonic() < until:
        time.sleep(0.02)
    assert admin.post("/runs/run-c/cancel", {"reason": "enough"}).json == {"cancelled": True}
    thread.join(10)
    assert found[0].json["error"]["code"] == "cancelled"
    assert admin.post("/runs/run-c/cancel").code == "not_found"


def test_runs_are_cancelled_at_the_drain_limit(serve: Serve) -> None:
    running = serve(ApiOptions(drain_seconds=0.3))
    admin = running.client()
    add_endless(running, admin)
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(admin.post("/scripts/endless/run")))
    thread.start()
    until = time.monotonic() + 4
    while not admin.get("/running").json["items"] and time.monotonic() < until:
        time.sleep(0.01)
    running.call(running.server.stop())
    thread.join(10)
    assert found[0].json["error"]["code"] == "cancelled"


def test_metrics_are_for_those_who_may_see_all_tenants(service: Running, admin: Client) -> None:
    shown = admin.get("/metrics")
    assert shown.status == 200 and shown.headers["Content-Type"].startswith("text/plain") and "alloy_" in shown.text
    assert Client(service.url).get("/metrics").status == 401
    assert service.client("viewer", "default").get("/metrics").status in (403, 404)
