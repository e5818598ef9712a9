"""No call with one tenant's token reaches another tenant's data: every endpoint of the OpenAPI document is tried."""

from __future__ import annotations

import time
from typing import Any

import pytest

from alloy_lua import Alloy
from alloy_lua.model import CronTrigger, ManualTrigger

from .conftest import Client, Running

MARK = "belongs-to-ours"
LUA = f"log.info('{MARK}') return '{MARK}'"


@pytest.fixture(scope="module")
def ours(service: Running) -> dict[str, Any]:
    """What the tenant ``ours`` has; its ids by the names of path parameters."""
    alloy = service.alloy
    script = alloy.scripts.create(
        "plan",
        LUA,
        triggers=[ManualTrigger(), CronTrigger("0 0 1 1 *")],
        tenant="ours",
        status="active",
        description=MARK,
        author=MARK,
    )
    alloy.run("plan", tenant="ours", user=MARK)
    alloy.flush()
    token = alloy.tokens.create(MARK, "admin", tenants="ours").token
    alloy.tenants.update("ours", review_required=False, reason=MARK)
    alloy.secrets.set("crm-key", MARK, tenant="ours")
    alloy.egress.allow("https://ours.example/*", tenant="ours", by=MARK)
    bypass = alloy.safe_mode.set(MARK, event="topic.left", tenant="ours")
    job = alloy.jobs.enqueue("plan", {"mark": MARK}, delay_s=3600, user=MARK, id="ours-job", tenant="ours")
    alloy.kv.set("ours-key", MARK, tenant="ours")
    alloy.jobs.limit(tenant="ours", script="plan", running=7)
    alloy.tapes.record("plan", tenant="ours")
    taped = alloy.run("plan", {"mark": MARK}, tenant="ours", user=MARK).runs[0].id
    alloy.flush()
    backtest = alloy.backtests.run("plan", [{"mark": MARK}], tenant="ours")
    alloy.scripts.update("plan", f"return '{MARK} draft'", tenant="ours")
    alloy.rollouts.shadow("plan", tenant="ours")
    alloy.run("plan", tenant="ours")
    alloy.backtests.require("plan", tenant="ours")
    alloy.flush()
    return {
        "script": script.id, "revision": 1, "run": taped, "token": token.id, "tenant": "ours", "name": "crm-key",
        "bypass": bypass.id, "backtest": backtest.id, "job": job.id, "key": "ours-key",
    }  # fmt: skip


def state(alloy: Alloy) -> list[Any]:
    """Returns all that ``ours`` has and that another tenant's call might change."""
    return [
        alloy.scripts.list(tenant="ours"),
        [alloy.scripts.revisions(script.name, tenant="ours") for script in alloy.scripts.list(tenant="ours")],
        alloy.runs(tenant="ours"),
        alloy.tenants.get("ours"),
        [token for token in alloy.tokens.list() if token.tenants == ("ours",)],
        alloy.audit.list(tenant="ours"),
        alloy.reviews.list("plan", tenant="ours"),
        alloy.secrets.list(tenant="ours"),
        alloy.egress.list(tenant="ours"),
        alloy.tapes.list(tenant="ours"),
        alloy.tapes.rules(tenant="ours"),
        alloy.backtests.list(tenant="ours"),
        alloy.backtests.rule("plan", tenant="ours"),
        alloy.rollouts.get("plan", tenant="ours"),
        [bypass for bypass in alloy.safe_mode.list() if bypass.tenant == "ours"],
        alloy.jobs.list(tenant="ours"),
        alloy.jobs.limits(tenant="ours"),
        [(found, alloy.kv.get(found.key, tenant="ours")) for found in alloy.kv.keys(tenant="ours")],
    ]


def calls(admin: Client) -> list[tuple[str, str, Any]]:
    """Returns (method, path, body) of every endpoint that asks who calls."""
    found = []
    for path, operations in admin.get("/openapi.json").json["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            body = None if content is None else content.get("example", {})
            if operation["security"]:
                found.append((method.upper(), path, body))
    return found


def test_no_endpoint_shows_or_changes_what_belongs_to_another_tenant(
    service: Running, admin: Client, ours: dict[str, Any]
) -> None:
    service.alloy.scripts.create("plan", "return 1", triggers=[ManualTrigger()], tenant="theirs", status="active")
    theirs = service.client("admin", "theirs")
    before = state(service.alloy)
    tried = calls(admin)
    for method, path, body in tried:
        at = path.format(**ours)
        if path == "/safe-mode/clear":
            body = {"id": ours["bypass"]}
        if (method, path) == ("DELETE", "/egress"):
            at += "?url=https://ours.example/*"
        for headers in ({}, {"Alloy_Tenant": "ours"}):
            if path == "/tail" and not headers:
                continue  # a tail of their own runs, which never ends
            reply = theirs(method, at, body, **headers)
            assert MARK not in reply.text, (method, path, reply.text)
            if headers and "tenant" not in path and f"/{path.split('/')[1]}" not in WITHOUT_TENANT:
                assert reply.status in (403, 404), (method, path, reply.status)
    assert len(tried) > 35
    assert state(service.alloy) == before


WITHOUT_TENANT = {"/me", "/tokens", "/tenants", "/host-functions", "/entities", "/limits", "/audit"}


def test_every_role_may_do_what_its_permissions_say_and_no_more(service: Running, admin: Client) -> None:
    assert service.client("viewer").get("/scripts").status == 200
    new = {"name": "by-role", "source": "return 1"}
    refused = service.client("viewer").post("/scripts", new)
    assert (refused.status, refused.code) == (403, "permission_denied")
    assert refused.json["error"]["details"] == {
        "permission": "scripts.write", "role": "viewer", "wanted_role": "author",
    }  # fmt: skip
    author = service.client("author")
    assert author.post("/scripts", new).status == 201
    assert author.post("/scripts/by-role/activate").status == 403
    assert service.client("reviewer").post("/scripts/by-role/activate").status == 200
    assert author("DELETE", "/scripts/by-role").status == 403
    held = service.client("admin", scopes=["scripts.read"])
    assert held.get("/scripts").status == 200
    refused = held.post("/scripts", new)
    assert (refused.status, refused.json["error"]["details"]) == (
        403, {"permission": "scripts.write", "scopes": ["scripts.read"], "wanted_scope": "scripts.write"},
    )  # fmt: skip
    low = service.client("viewer", scopes=["scripts.*"]).post("/scripts", new)
    assert low.json["error"]["details"]["wanted_role"] == "author"


def test_every_token_may_ask_who_it_is(service: Running) -> None:
    narrow = service.client("operator", "default", scopes=["events.fire"])
    assert narrow.get("/me").json == {
        "name": "operator-default", "role": "operator", "tenants": ["default"], "permissions": ["events.fire"],
    }  # fmt: skip
    assert narrow.get("/tenants").status == 403
    assert Client(service.url).get("/me").status == 401


@pytest.mark.parametrize(
    "reach", [{}, {"tenants": None}, {"all_tenants": False}, {"tenants": ["a"], "all_tenants": True}]
)
def test_a_token_for_all_tenants_must_be_asked_for(admin: Client, reach: dict[str, Any]) -> None:
    new = {"name": "wide", "role": "viewer"}
    refused = admin.post("/tokens", {**new, **reach})
    assert (refused.status, refused.code) == (422, "validation_error") and "tenants" in refused.text
    assert "wide" not in admin.get("/tokens").text
    made = admin.post("/tokens", {**new, "name": "asked-for", "all_tenants": True})
    assert (made.status, made.json["tenants"]) == (201, None)


def test_who_has_one_tenant_gives_no_token_for_all(service: Running) -> None:
    made = service.client("admin", "default").post("/tokens", {"name": "a", "role": "viewer", "all_tenants": True})
    assert made.status == 403


def test_a_token_is_told_once_and_ends_when_it_is_revoked(service: Running, admin: Client) -> None:
    made = admin.post("/tokens", {"name": "shop", "role": "operator", "tenants": ["default"]}, Idempotency_Key="t1")
    assert made.status == 201 and made.headers["Location"].endswith(made.json["id"])
    shop = Client(service.url, made.json["secret"])
    assert shop.get("/me").json["tenants"] == ["default"]
    assert "secret" not in admin.get(f"/tokens/{made.json['id']}").json
    again = admin.post("/tokens", {"name": "shop", "role": "operator", "tenants": ["default"]}, Idempotency_Key="t1")
    assert again.status == 409 and made.json["secret"] not in again.text
    assert admin.post(f"/tokens/{made.json['id']}/revoke", {"reason": "gone"}).json["revoked_by"] == "admin-all"
    until = time.monotonic() + 2.5  # two seconds are promised
    while (status := shop.get("/me").status) == 200 and time.monotonic() < until:
        time.sleep(0.05)
    assert status == 401
    assert admin.get("/tokens").json["items"]


def test_who_wrote_a_revision_cannot_approve_it_where_a_review_is_required(service: Running, admin: Client) -> None:
    assert admin("PATCH", "/tenants/careful", {"settings": {"review_required": True}}).status == 200
    author, reviewer = (
        service.client(
            "reviewer",
            "careful",
        ),
        service.alloy.tokens.create("second", "reviewer"),
    )
    second = Client(service.url, reviewer.secret, Alloy_Tenant="careful".replace("_", "-"))
    second.headers["Alloy-Tenant"] = "careful"
    assert author.post("/scripts", {"name": "pay", "source": "return 1"}).status == 201
    assert author.post("/scripts/pay/activate").code == "review_required"
    own = author.post("/scripts/pay/reviews", {"verdict": "approve", "reason": "mine"})
    assert (own.status, own.code) == (403, "permission_denied")
    assert second.post("/scripts/pay/reviews", {"verdict": "approve", "reason": "read it"}).status == 201
    assert author.post("/scripts/pay/activate").status == 200
    assert [r["reviewer"] for r in author.get("/scripts/pay/reviews").json["items"]] == ["second"]


def test_what_was_changed_is_in_the_audit_log_with_address_and_request(service: Running, admin: Client) -> None:
    admin.post("/scripts", {"name": "audited", "source": "return 1"}, X_Request_Id="call-7")
    found = admin.get("/audit?action=script.create&limit=1").json["items"][0]
    assert (found["actor"], found["name"], found["via"]) == ("admin-all", "audited", "api")
    assert (found["address"], found["request_id"], found["before"]) == ("127.0.0.1", "call-7", None)
    lines = admin.get("/audit/export?action=script.create&actor=admin-all")
    assert lines.headers["Content-Type"] == "application/x-ndjson" and '"name":"audited"' in lines.text
    assert admin.get("/audit/export?format=csv").text.startswith("at,actor,action,tenant,")
    assert admin.get("/audit/check").json["broken_at"] is None
    page = admin.get("/audit?limit=2").json
    rest = admin.get(f"/audit?limit=2&cursor={page['next_cursor']}").json
    assert rest["items"][0]["seq"] < page["items"][-1]["seq"]


def test_wrong_tokens_are_refused_and_slowed_down(service: Running) -> None:
    assert Client(service.url).get("/scripts").headers["WWW-Authenticate"].startswith("Bearer")
    codes = [Client(service.url, f"wrong-{n}").get("/scripts").code for n in range(15)]
    assert codes[0] == "unauthenticated" and codes[-1] == "rate_limited"
    assert Client(service.url, "wrong").get("/scripts").headers["Retry-After"]
