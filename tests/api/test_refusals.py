"""What the service says no to, always in one shape: wrong paths, methods, types and sizes, and what is no HTTP."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

import pytest
from aiohttp import web

from alloy_lua import Alloy
from alloy_lua.access_model import Actor, Role
from alloy_lua.api import ApiOptions

from .conftest import Client, Running, Serve


def exchange(running: Running, sent: bytes, wait: float = 5.0) -> bytes:
    """Returns all that the service sends after these bytes, until it closes the connection."""
    with socket.create_connection(("127.0.0.1", running.port), timeout=wait) as connection:
        connection.sendall(sent)
        found = b""
        while piece := connection.recv(65536):
            found += piece
        return found


def error_in(reply: bytes) -> tuple[bytes, str]:
    head, _, body = reply.partition(b"\r\n\r\n")
    return head.split(b"\r\n")[0], json.loads(body)["error"]["code"]


def test_wrong_paths_methods_and_types(admin: Client) -> None:
    assert (admin.get("/nothing").status, admin.get("/nothing").code) == (404, "not_found")
    refused = admin("PUT", "/scripts")
    assert (refused.status, refused.code, refused.headers["Allow"]) == (405, "method_not_allowed", "GET, POST")
    assert admin.post("/scripts", {}, Content_Type="text/plain").code == "unsupported_media_type"
    assert admin("POST", "/scripts", raw=b"{").code == "malformed_json"
    assert admin("POST", "/scripts", raw=b'{"name":"\xff"}').code == "malformed_json"
    deep = b'{"source": "", "params": {"a":' + b"[" * 5000 + b"]" * 5000 + b"}}"
    assert admin("POST", "/evaluate", raw=deep).code == "malformed_json"


def test_every_reply_has_the_security_headers_and_no_cors(admin: Client) -> None:
    for reply in (
        admin.get("/scripts"),
        admin.get("/nothing"),
        admin.get("/health/live", Origin="http://evil.example"),
    ):
        assert reply.headers["X-Content-Type-Options"] == "nosniff" and reply.headers["X-Frame-Options"] == "DENY"
        assert reply.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert reply.headers["Cache-Control"] == "no-store" and reply.headers["Server"] == "alloy-lua"
        assert reply.headers["Access-Control-Allow-Origin"] is None
    assert admin.get("/scripts", X_Request_Id="mine-1").headers["X-Request-Id"] == "mine-1"
    assert admin.get("/scripts", X_Request_Id="x y<script>").headers["X-Request-Id"] != "x y<script>"


def test_what_is_too_large_or_no_http(serve: Serve) -> None:
    running = serve(ApiOptions(max_body=1000, idle_seconds=1.0, body_seconds=1.0))
    client = running.client()
    assert (client.post("/scripts", {"name": "a" * 2000}).status) == 413
    token = client.headers["Authorization"].encode()
    chunked = b"POST /api/v1/scripts HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nTransfer-Encoding: chunked\r\n" % token
    chunked += b"Content-Type: application/json\r\nConnection: close\r\n\r\n" + b"400\r\n" + b"a" * 1024 + b"\r\n"
    assert error_in(exchange(running, chunked)) == (b"HTTP/1.1 413 Request Entity Too Large", "body_too_large")
    assert error_in(exchange(running, b"rubbish\r\n\r\n"))[1] == "malformed_request"
    long = b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 40_000 + b"\r\n\r\n"
    assert error_in(exchange(running, long))[1] == "malformed_request"


def test_slow_clients_are_not_waited_for(serve: Serve) -> None:
    running = serve(ApiOptions(idle_seconds=1.0, body_seconds=1.0))
    token = running.client().headers["Authorization"].encode()
    started = time.monotonic()
    assert exchange(running, b"GET /api/v1/health/live HT", 10) == b""  # the headers never end
    half = b"POST /api/v1/scripts HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Length: 100\r\n" % token
    half += b"Content-Type: application/json\r\nConnection: close\r\n\r\n{"
    assert error_in(exchange(running, half, 10)) == (b"HTTP/1.1 408 Request Timeout", "request_timeout")
    assert time.monotonic() - started < 15


def test_a_fault_inside_tells_callers_nothing(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    def broken(request: web.Request) -> Actor:
        raise RuntimeError("a secret place")

    running = serve(authenticator=broken)
    reply = Client(running.url).get("/scripts")
    assert (reply.status, reply.code) == (500, "internal_error") and "secret place" not in reply.text
    assert reply.json["error"]["request_id"] in caplog.text and "a secret place" in caplog.text


def test_calls_are_logged_where_that_is_asked_for(admin: Client, caplog: pytest.LogCaptureFixture) -> None:
    admin.get("/scripts?text=private", X_Request_Id="quiet")
    with caplog.at_level("INFO", "alloy_lua.api"):
        admin.get("/scripts?text=private", X_Request_Id="told")
    (record,) = [one for one in caplog.records if one.name == "alloy_lua.api"]
    assert record.getMessage() == "GET /api/v1/scripts 200"
    assert (record.status, record.address) == (200, "127.0.0.1")  # type: ignore[attr-defined]


def test_a_host_can_plug_in_its_own_authentication_and_mount_the_service(serve: Serve) -> None:
    def known(request: web.Request) -> Actor | None:
        who = request.headers.get("X-User")
        return None if who is None else Actor(who, Role.AUTHOR, frozenset({"shop"}))

    running = serve(authenticator=known)
    assert Client(running.url).get("/scripts").status == 401
    assert Client(running.url, X_User="ann").get("/scripts").status == 401  # another header
    client = Client(running.url)
    client.headers["X-User"] = "ann"
    assert client.post("/scripts", {"name": "mine", "source": "return 1"}).json["updated_by"] == "ann"
    assert running.alloy.scripts.get("mine", tenant="shop").tenant == "shop"


def test_calls_are_refused_when_too_many_wait_or_one_calls_too_often(serve: Serve) -> None:
    running = serve(ApiOptions(requests_per_second=5))
    client = running.client()
    codes = [client.get("/scripts").status for _ in range(30)]
    assert 429 in codes and codes[0] == 200
    assert running.client("viewer").get("/scripts").status == 200  # another token


def test_mounted_in_another_application_its_paths_move(tmp_path: object) -> None:
    import asyncio

    import aiohttp

    from alloy_lua.api import create_app

    async def run() -> None:
        with Alloy() as alloy:
            host = web.Application()
            host.add_subapp("/alloy", create_app(alloy, authenticator=lambda request: Actor("ann", Role.ADMIN)))
            runner = web.AppRunner(host)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            async with aiohttp.ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as session:
                async with session.post("/alloy/api/v1/scripts", json={"name": "a", "source": "return 1"}) as made:
                    assert (made.status, made.headers["Location"]) == (201, "/alloy/api/v1/scripts/a")
                async with session.get("/alloy/api/v1/openapi.json") as document:
                    assert (await document.json())["servers"] == [{"url": "/alloy/api/v1"}]
                async with session.get("/alloy/nothing") as missing:
                    assert (await missing.json())["error"]["code"] == "not_found"
            await runner.cleanup()

    asyncio.run(run())


@pytest.mark.parametrize("sent", ["x%0aFORGED", "x%0d%0aFORGED", "%1b%5b31m", "%00", "caf%C3%A9"])
def test_a_path_is_logged_as_it_was_sent(service: Running, caplog: pytest.LogCaptureFixture, sent: str) -> None:
    with caplog.at_level("INFO", "alloy_lua.api"):
        Client(service.url).get(f"/scripts/{sent}?text=private")
    (record,) = [one for one in caplog.records if one.name == "alloy_lua.api"]
    assert record.getMessage() == f"GET /api/v1/scripts/{sent} 401"
    assert record.path == f"/api/v1/scripts/{sent}"  # type: ignore[attr-defined]


def test_a_fault_is_logged_with_the_path_as_it_was_sent(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    def broken(request: web.Request) -> Actor:
        raise RuntimeError("broken")

    Client(serve(authenticator=broken).url).get("/scripts/x%0aFORGED")
    assert "GET /api/v1/scripts/x%0aFORGED failed" in caplog.text


@pytest.mark.parametrize("path", ["/y%0aZ", "/x/default/y%0aZ", "/x/de%0afault/y", "/%0a"])
def test_a_line_break_in_a_path_escapes_nothing(service: Running, path: str) -> None:
    sent = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    reply = exchange(service, sent)
    assert error_in(reply) == (b"HTTP/1.1 404 Not Found", "not_found")
    assert b"X-Request-Id: " in reply and b"Server: alloy-lua" in reply and b"X-Frame-Options: DENY" in reply


@pytest.mark.parametrize(
    ("method", "path", "body", "wanted"),
    [
        ("POST", "/scripts", {"name": "a", "source": "", "limits": "nope"}, "default, external, relaxed, strict"),
        ("POST", "/scripts", {"name": "a", "source": "", "status": "nope"}, "active, draft"),
        (
            "POST", "/scripts", {"name": "a", "source": "", "triggers": [{"kind": "manual"}, {"kind": "nope"}]},
            "event, cron, at, api, manual",
        ),
        (
            "POST", "/scripts", {"name": "a", "source": "", "triggers": [{"kind": "api", "path": "/a", "auth": "nope"}]},
            "hmac, public, token",
        ),
        ("POST", "/tokens", {"name": "a", "role": "nope", "tenants": ["a"]}, "viewer, author, reviewer, operator, admin"),
        ("POST", "/scripts/a/reviews", {"verdict": "nope", "reason": "a"}, "approve, reject"),
        ("POST", "/scripts/a/rollout", {"mode": "nope"}, "shadow, canary"),
        ("PATCH", "/scripts/a", {"failure_policy": "nope"}, "closed, open"),
        ("GET", "/scripts?status=nope", None, "draft, active, paused, disabled, archived"),
        ("GET", "/jobs?state=nope", None, "waiting, ready, running"),
    ],
)  # fmt: skip
def test_a_value_that_is_none_of_a_few_is_told_which_they_are(
    admin: Client, method: str, path: str, body: Any, wanted: str
) -> None:
    refused = admin(method, path, body)
    assert (refused.status, refused.code) == (422, "validation_error")
    assert "'nope'" in refused.text and f", wanted one of {wanted}" in refused.json["error"]["message"]


def test_a_run_that_is_not_under_way_cannot_be_cancelled(admin: Client) -> None:
    refused = admin.post("/runs/nope/cancel")
    assert (refused.status, refused.code) == (404, "not_found")
    assert refused.json["error"]["details"] == {"run": "nope"}


def test_the_root_leads_to_the_reference(service: Running) -> None:
    reply = exchange(service, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert reply.startswith(b"HTTP/1.1 302 Found") and b"Location: api/v1/reference\r\n" in reply
