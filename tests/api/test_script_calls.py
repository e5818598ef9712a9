"""Paths that scripts answer: who may call them, what scripts see of the request, what callers see of the reply."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from .conftest import Answer, Client, Running

ECHO = "return {status = 201, headers = {['X-Seen'] = 'yes'}, body = params}"


def publish(
    admin: Client, name: str, source: str, path: str, settings: dict[str, Any] | None = None, **trigger: Any
) -> None:
    made = admin.post("/scripts", {
        "name": name, "source": source, "status": "active", "triggers": [{"kind": "api", "path": path, **trigger}],
        **(settings or {}),
    })  # fmt: skip
    assert made.status == 201, made.text


def test_a_script_answers_a_call(service: Running, admin: Client) -> None:
    publish(admin, "echo", ECHO, "/orders/{id}/quote", headers=["x-shop"])
    done = admin("POST", "/x/default/orders/7/quote?a=1&b=2&b=3", {"total": 5}, X_Shop="oslo", X_Other="no")
    assert (done.status, done.headers["X-Seen"]) == (201, "yes")
    assert done.json == {
        "method": "POST", "path": "/x/default/orders/7/quote", "params": {"id": "7"}, "body": {"total": 5},
        "query": {"a": "1", "b": ["2", "3"]}, "headers": {"x-shop": "oslo"},
    }  # fmt: skip
    assert "sandbox" in done.headers["Content-Security-Policy"]
    service.alloy.flush()
    run = admin.get(f"/runs/{done.headers['Alloy-Run-Id']}").json
    assert (run["trigger"], run["phase"], run["user"]) == ("api", "api", "admin-all")
    text = admin("POST", "/x/default/orders/7/quote", raw=b"a=1", Content_Type="text/plain")
    assert text.json["body"] == "a=1"
    assert admin("POST", "/x/default/orders/7/quote", raw=b"\x00", Content_Type="image/png").status == 415
    assert admin("POST", "/x/default/orders/7/quote", raw=b"{").code == "malformed_json"


def test_paths_and_methods_lead_to_the_right_script(admin: Client) -> None:
    publish(admin, "any-item", "return {body = 'any ' .. params.params.id}", "/items/{id}", method="GET", auth="public")
    publish(admin, "new-item", "return {body = 'new'}", "/items/new", method="GET", auth="public")
    anybody = Client(admin.url)
    assert anybody.get("/x/default/items/new").text == "new"
    assert anybody.get("/x/default/items/8").text == "any 8"
    refused = anybody("DELETE", "/x/default/items/8")
    assert (refused.status, refused.code, refused.headers["Allow"]) == (405, "method_not_allowed", "GET")
    for path in ("/x/default/items", "/x/default/items/8/9", "/x/other/items/8", "/x/default/"):
        assert anybody.get(path).code == "not_found"
    paths = [item["path"] for item in admin.get("/endpoints").json["items"]]
    assert paths.index("/x/default/items/new") < paths.index("/x/default/items/{id}")
    admin.post("/scripts/new-item/pause")
    assert anybody.get("/x/default/items/new").text == "any new"


def test_a_token_must_have_the_right_to_run_scripts_there(service: Running, admin: Client) -> None:
    publish(admin, "by-token", "return {body = ctx.user}", "/by-token", method="GET")
    assert Client(service.url).get("/x/default/by-token").status == 401
    assert service.client("author").get("/x/default/by-token").status == 403
    assert service.client("admin", "elsewhere").get("/x/default/by-token").status == 404
    assert service.client("operator", "default").get("/x/default/by-token").text == "operator-default"


@pytest.mark.parametrize(
    ("source", "status", "seen"),
    [
        ("return nil", 204, ""),
        ("return {body = {ok = true}}", 200, '{"ok":true}'),
        ("return {status = 302, headers = {Location = '/there'}}", 302, ""),
        ("return 5", 502, "bad_reply"),
        ("return {status = 99}", 502, "bad_reply"),
        ("return {body = '', headers = {['Set-Cookie'] = 'a=b'}}", 502, "bad_reply"),
        ("return {body = '', headers = {['X-A'] = 'a\\r\\nB: c'}}", 502, "bad_reply"),
        ("abort('no stock', {sku = 'a'})", 422, "no stock"),
        ("error('inner workings')", 500, "script_failed"),
    ],
)
def test_replies_and_failures(admin: Client, source: str, status: int, seen: str) -> None:
    name = f"reply-{abs(hash(source))}"
    publish(admin, name, source, f"/{name}", auth="public")
    opener = Client(admin.url)
    done = no_redirect(opener, f"/x/default/{name}")
    assert done.status == status and seen in done.text and "inner workings" not in done.text


def no_redirect(client: Client, path: str) -> Answer:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", int(client.url.rpartition(":")[2]), timeout=10)
    connection.request("POST", path, headers={"Content-Length": "0"})
    reply = connection.getresponse()
    found = Answer(reply.status, reply.headers, reply.read().decode())
    connection.close()
    return found


def test_callers_are_rate_limited(admin: Client) -> None:
    publish(admin, "limited", "return nil", "/limited", method="GET", auth="public", per_minute=3)
    statuses = [Client(admin.url).get("/x/default/limited").status for _ in range(6)]
    assert statuses[:3] == [204, 204, 204] and statuses[-1] == 429


def test_wrong_api_triggers_are_refused(admin: Client) -> None:
    for trigger in (
        {"path": "orders"}, {"path": "/a/{b}/{b}"}, {"path": "/a{b}"}, {"path": "/a", "auth": "hmac"},
        {"path": "/a", "secret": "s"}, {"path": "/a", "headers": ["authorization"]}, {"path": "/a", "per_minute": 0},
    ):  # fmt: skip
        body = {"name": "wrong", "source": "", "triggers": [{"kind": "api", **trigger}]}
        assert admin.post("/scripts", body).code == "validation_error", trigger


COUNT = (
    "local n = kv.incr('{name}', 1) bed.nap() if params.body.fail then error('no') end "
    "return {{status = params.body.status or 201, headers = {{['X-Turn'] = n}}, body = {{n = n}}}}"
)


@pytest.mark.parametrize("auth", ["token", "public"])
def test_a_call_with_a_key_is_carried_out_once_however_often_and_at_the_same_time(
    service: Running, admin: Client, auth: str
) -> None:
    service.alloy.function("bed.nap", doc="Sleeps.")(lambda: time.sleep(0.3))
    settings = {"capabilities": ["kv"], "limits": "relaxed"}
    publish(admin, f"count-{auth}", COUNT.format(name=auth), f"/count-{auth}", settings, auth=auth)
    caller = admin if auth == "token" else Client(admin.url)

    def call(body: Any, key: str | None = "k-1", method: str = "POST") -> Answer:
        headers = {} if key is None else {"Idempotency_Key": key}
        return caller(method, f"/x/default/count-{auth}", body, **headers)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(call, [{}] * 6))
    done = [answer for answer in answers if answer.status == 201]
    assert {answer.text for answer in done} == {'{"n":1}'}
    assert sum("Idempotent-Replayed" not in answer.headers for answer in done) == 1
    assert {answer.code for answer in answers if answer.status != 201} <= {"in_progress"}
    again = call({})
    assert (again.status, again.text, again.headers["X-Turn"]) == (201, '{"n":1}', "1")
    assert again.headers["Alloy-Run-Id"] == done[0].headers["Alloy-Run-Id"]
    assert "sandbox" in again.headers["Content-Security-Policy"]
    assert call({"other": 1}).code == "idempotency_mismatch"
    assert call({}, key="wrong key").code == "validation_error"
    assert call({}, key=None).json == {"n": 2}
    assert [call({"fail": True}, key="k-2").status for _ in range(2)] == [500, 500]  # not kept: carried out again
    assert [call({"status": 503}, key="k-3").status for _ in range(2)] == [503, 503]
    assert call({}, key=None).json == {"n": 7}


def test_callers_do_not_get_each_others_replies(service: Running, admin: Client) -> None:
    publish(admin, "whose", "return {body = ctx.user}", "/whose")
    other = service.client("operator", "default")
    texts = [one.post("/x/default/whose", {}, Idempotency_Key="same").text for one in (admin, other, admin)]
    assert texts == ["admin-all", "operator-default", "admin-all"]
