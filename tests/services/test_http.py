"""Requests of scripts, against real servers on the loopback."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import ssl
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import trustme
from aiohttp import web

from alloy_lua import Alloy, Limits
from alloy_lua.bridges.hosts.http_client import HttpClient
from alloy_lua.settings import Settings

from .conftest import Names, Server

TEXT = "s3cr3t-Text/with= parts"
PUBLIC = "8.8.8.8"


def status(code: int, headers: dict[str, str] | None = None, body: str = "") -> Any:
    return lambda request: web.Response(status=code, headers=headers, text=body)


def moved(code: int, location: str) -> Any:
    return status(code, {"Location": location})


@pytest.fixture
def url(alloy: Alloy, server: Server) -> str:
    """The base of a server that the default tenant's scripts may reach in every way."""
    base = f"http://127.0.0.1:{server.port}"
    alloy.egress.allow(f"{base}/*", ["GET", "POST", "PUT", "DELETE", "HEAD"], private=True)
    return base


# -- what is sent and what comes back --------------------------------------------------------------------------------
def test_get_sends_headers_and_query_and_returns_all_of_the_answer(ask: Any, server: Server, url: str) -> None:
    server.answers(lambda r: web.Response(status=203, text="ünïcode", headers={"X-Odd": "1"}))
    outcome = ask(
        f"return http.get('{url}/a b', {{headers = {{['X-One'] = 'é', two = 2}}, query = {{q = 'a&b', n = 1}}}})"
    )
    assert outcome.value["status"] == 203, outcome
    assert outcome.value["ok"] is True
    assert outcome.value["body"] == "ünïcode"
    assert outcome.value["headers"]["x-odd"] == "1"
    method, path, headers, body = server.requests[0]
    assert (method, path, body) == ("GET", "/a%20b?n=1&q=a%26b", b"")
    assert (headers["X-One"], headers["two"], headers["User-Agent"]) == ("é", "2", "alloy-lua")


def test_post_sends_text_as_it_is_and_tables_as_json(ask: Any, server: Server, url: str) -> None:
    assert ask(f"return http.post('{url}/', 'a=1').status").value == 200
    assert ask(f"return http.post('{url}/', {{n = 1, list = {{1, 2}}}}).status").value == 200
    assert ask(f"return http.request({{method = 'PUT', url = '{url}/x', json = {{}}}}).status").value == 200
    assert [(r[0], r[3]) for r in server.requests] == [
        ("POST", b"a=1"),
        ("POST", b'{"list":[1,2],"n":1}'),
        ("PUT", b"{}"),
    ]
    assert server.requests[1][2]["Content-Type"] == "application/json"


def test_bytes_cross_both_ways(ask: Any, server: Server, url: str) -> None:
    server.answers(lambda r: web.Response(body=b"\xff\x00\xfe"))
    assert ask(f"return http.post('{url}/', '\\255\\0').body").value == b"\xff\x00\xfe"
    assert server.requests[0][3] == b"\xff\x00"


def test_a_status_of_failure_is_an_answer_and_no_error(ask: Any, server: Server, url: str) -> None:
    server.answers(status(404, body="none"))
    assert ask(f"local a = http.get('{url}/') return {{a.status, a.ok, a.body}}").value == [404, False, "none"]


# -- secrets -----------------------------------------------------------------------------------------------------
def test_secrets_are_opened_in_headers_body_and_signature(alloy: Alloy, ask: Any, server: Server, url: str) -> None:
    alloy.secrets.set("key", TEXT)
    options = (
        "{headers = {['X-Key'] = secret('key'), ['X-Two'] = {'k=', secret('key'), ';'}}, bearer = secret('key'),"
        " json = {password = secret('key')}, sign = {secret = secret('key'), header = 'X-Sign', prefix = 'v1='}}"
    )
    assert ask(f"return http.post('{url}/', nil, {options}).status").value == 200
    _, _, headers, body = server.requests[0]
    assert json.loads(body) == {"password": TEXT}
    assert (headers["X-Key"], headers["X-Two"], headers["Authorization"]) == (TEXT, f"k={TEXT};", f"Bearer {TEXT}")
    assert headers["X-Sign"] == "v1=" + hmac.new(TEXT.encode(), body, hashlib.sha256).hexdigest()
    assert ask(f"return http.get('{url}/', {{auth = {{user = 'ada', password = secret('key')}}}}).status").value == 200
    assert server.requests[1][2]["Authorization"] == "Basic " + base64.b64encode(f"ada:{TEXT}".encode()).decode()


def test_a_service_that_echoes_secrets_does_not_show_them(alloy: Alloy, ask: Any, server: Server, url: str) -> None:
    alloy.secrets.set("key", TEXT)

    def echo(request: web.Request) -> web.Response:
        shown = {name: value for name, value in request.headers.items() if name.startswith(("X-", "Auth"))}
        return web.Response(text=json.dumps(shown), headers={"X-Back": request.headers.get("X-Key", "")})

    server.answers(echo)
    for option in (
        "headers = {['X-Key'] = secret('key')}",
        "bearer = secret('key')",
        "auth = {user = 'ada', password = secret('key')}",
    ):
        outcome = ask(f"local a = http.get('{url}/', {{{option}}}) log.info(a.body, a.headers) return a")
        assert outcome.status == "continue", outcome
        shown = repr(outcome.as_dict())
        assert "s3cr3t" not in shown
        assert base64.b64encode(f"ada:{TEXT}".encode()).decode() not in shown
        assert "[secret" in shown


# -- allow-list ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("rule", "methods", "method", "target", "allowed"),
    [
        ("http://a.test/v1/*", ["GET"], "GET", "http://a.test/v1/x?y=1", True),
        ("http://a.test/v1/*", ["GET"], "POST", "http://a.test/v1/x", False),
        ("http://a.test/v1/*", ["GET"], "GET", "http://a.test/v2/x", False),
        ("http://a.test/v1/*", ["GET"], "GET", "http://a.test/v1/../v2/x", False),
        ("http://a.test/v1/*", ["GET"], "GET", "http://a.test/v1/%2e%2e/v2/x", False),
        ("http://a.test/v1/*", ["GET"], "GET", "http://a.test/v1/..%2fv2", False),
        ("http://a.test/v1/*", ["GET"], "GET", "http://a.test/v1/..%5cv2", False),
        ("http://a.test/v1/*", ["GET"], "GET", "https://a.test/v1/x", False),
        ("http://a.test/v1/*", ["GET"], "GET", "http://a.test:8080/v1/x", False),
        ("http://a.test/v1/*", ["GET"], "GET", "http://a.test.evil.test/v1/x", False),
        ("http://a.test/v1/*", ["GET"], "GET", "http://evil.test/v1/x#http://a.test/v1/x", False),
        ("http://a.test/v1", ["GET"], "GET", "http://a.test/v1/x", False),
        ("http://*.b.test/*", ["GET"], "GET", "http://x.y.b.test/", True),
        ("http://*.b.test/*", ["GET"], "GET", "http://b.test/", False),
        ("http://*.b.test/*", ["GET"], "GET", "http://evilb.test/", False),
        ("http://a.test:8080/*", ["GET"], "GET", "http://a.test:8080/x", True),
        ("http://a.test/*", ["GET"], "GET", "http://A.TEST/x", True),
    ],
)
def test_only_what_is_listed_is_sent(
    alloy: Alloy, ask: Any, names: Names, rule: str, methods: list[str], method: str, target: str, allowed: bool
) -> None:
    alloy.egress.allow(rule, methods)
    outcome = ask(f"return http.request({{method = '{method}', url = '{target}', retries = 0}})")
    assert outcome.error.code == ("http_error" if allowed else "egress_denied"), outcome.error
    assert bool(names.asked) is allowed  # what is refused is not even looked up


@pytest.mark.parametrize(
    "pattern", ["", "example.com", "ftp://a/*", "https://a", "https://*/x", "https://a.*/x", "https://a/x*y/*", "https://u:p@a/", "https://a/?q=1", "https://a:x/", "https://ü.de/", "https://a/" + "x" * 200, 7]
)  # fmt: skip
def test_a_pattern_that_is_none_is_refused(alloy: Alloy, pattern: Any) -> None:
    with pytest.raises(Exception, match="url"):
        alloy.egress.allow(pattern)
    assert alloy.egress.list() == []


def test_rules_belong_to_a_tenant_and_can_be_removed(alloy: Alloy, ask: Any, url: str) -> None:
    assert ask(f"return http.get('{url}/').status").value == 200
    assert ask(f"return http.get('{url}/')", tenant="other").error.code == "egress_denied"
    rule = alloy.egress.list()[0]
    assert (rule.url, rule.private) == (f"{url}/*", True)
    alloy.egress.remove(rule.url)
    assert ask(f"return http.get('{url}/')").error.code == "egress_denied"


@pytest.mark.parametrize(
    "target",
    [
        "nonsense",
        "//a.test/",
        "file:///etc/passwd",
        "http://user:x@a.test/",
        "http://",
        "http://a.test:99999/",
        "gopher://a.test/",
    ],
)
def test_a_url_that_is_none_is_an_invalid_value(ask: Any, target: str) -> None:
    assert ask(f"return http.get('{target}')").error.code == "invalid_value"


# -- addresses -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "169.254.169.254", "10.0.0.1", "[::ffff:7f00:1]", "0.0.0.0"])
def test_an_address_inside_is_refused_without_permission(alloy: Alloy, ask: Any, server: Server, host: str) -> None:
    alloy.egress.allow(f"http://{host}:{server.port}/*")
    outcome = ask(f"return http.get('http://{host}:{server.port}/')")
    assert outcome.error.code == "egress_denied", outcome
    assert "address, which scripts may not reach" in outcome.error.message
    assert server.requests == []


@pytest.mark.parametrize("found", [["127.0.0.1"], [PUBLIC, "127.0.0.1"], ["::1"], ["169.254.169.254"], ["nonsense"]])
def test_a_name_with_an_address_inside_is_refused(
    alloy: Alloy, ask: Any, names: Names, server: Server, found: list[str]
) -> None:
    names.known["a.test"] = found
    alloy.egress.allow(f"http://a.test:{server.port}/*")
    assert ask(f"return http.get('http://a.test:{server.port}/')").error.code == "egress_denied"
    assert server.requests == []


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "127.1", "0177.0.0.1"])
def test_odd_spellings_of_the_loopback_lead_nowhere(alloy: Alloy, server: Server, host: str) -> None:
    alloy.http_client = HttpClient()  # the system's own resolver knows these
    alloy.egress.allow(f"http://{host}:{server.port}/*")
    outcome = alloy.evaluate(
        f"return http.get('http://{host}:{server.port}/')", capabilities=["http"], limits="relaxed"
    )
    assert outcome.status == "failed"
    assert server.requests == []


def test_a_name_is_looked_up_once_for_a_connection_and_bound_to_what_was_vetted(
    alloy: Alloy, ask: Any, names: Names, server: Server
) -> None:
    """Rebinding: a name that is harmless when it is vetted, and something inside a moment later."""
    answers = [["127.0.0.1"], ["169.254.169.254"]]
    names.known["a.test"] = lambda: answers.pop(0)
    alloy.egress.allow(f"http://a.test:{server.port}/*", private=True)
    assert ask(f"return http.get('http://a.test:{server.port}/').status").value == 200
    assert names.asked == ["a.test"]
    assert len(server.requests) == 1
    alloy.http_client = HttpClient(names.lookup)  # no connection is left open
    assert ask(f"return http.get('http://a.test:{server.port}/')").error.code == "egress_denied"
    assert len(server.requests) == 1


def test_a_connection_that_one_tenant_may_have_is_no_way_in_for_another(
    alloy: Alloy, ask: Any, names: Names, server: Server
) -> None:
    names.known["a.test"] = ["127.0.0.1"]
    target = f"http://a.test:{server.port}/"
    alloy.egress.allow(target, private=True)
    alloy.egress.allow(target, tenant="other")
    assert ask(f"return http.get('{target}').status").value == 200
    assert ask(f"return http.get('{target}').status", tenant="other").error.code == "egress_denied"
    assert len(server.requests) == 1


# -- redirects -----------------------------------------------------------------------------------------------------
def test_redirects_are_followed_up_to_a_number(ask: Any, server: Server, url: str) -> None:
    server.answers(moved(302, "/b"), moved(307, f"{url}/c?x=1"), status(200, body="there"))
    value = ask(f"return http.get('{url}/a')").value
    assert (value["body"], value["url"]) == ("there", f"{url}/c?x=1")
    assert [r[1] for r in server.requests] == ["/a", "/b", "/c?x=1"]
    server.answers(moved(302, "/again"))
    assert "more than 5 redirects" in ask(f"return http.get('{url}/')").error.message
    assert ask(f"return http.get('{url}/', {{redirects = 0}}).status").value == 302


@pytest.mark.parametrize(
    ("code", "method", "body"),
    [(301, "GET", b""), (302, "GET", b""), (303, "GET", b""), (307, "POST", b"x"), (308, "POST", b"x")],
)
def test_a_redirected_post(ask: Any, server: Server, url: str, code: int, method: str, body: bytes) -> None:
    server.answers(moved(code, "/b"), status(200))
    assert ask(f"return http.post('{url}/a', 'x').status").value == 200
    assert (server.requests[1][0], server.requests[1][3]) == (method, body)


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:1/",
        "http://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "http://evil.test/",
        "//evil.test/",
        "http://u:p@127.0.0.1/",
    ],
)
def test_a_redirect_leads_nowhere_that_is_not_listed(
    alloy: Alloy, ask: Any, names: Names, server: Server, url: str, location: str
) -> None:
    alloy.egress.allow("http://169.254.169.254/*", private=True)
    names.known["evil.test"] = [PUBLIC]
    server.answers(moved(302, location))
    outcome = ask(f"return http.get('{url}/', {{retries = 0}})")
    assert outcome.error.code in ("egress_denied", "http_error"), outcome
    assert len(server.requests) == 1
    assert names.asked == []


def test_a_redirect_to_a_listed_name_with_an_address_inside_is_refused(
    alloy: Alloy, ask: Any, names: Names, server: Server, url: str
) -> None:
    names.known["inner.test"] = ["127.0.0.1"]
    alloy.egress.allow(f"http://inner.test:{server.port}/*")
    server.answers(moved(302, f"http://inner.test:{server.port}/"))
    assert ask(f"return http.get('{url}/')").error.code == "egress_denied"
    assert len(server.requests) == 1


def test_secrets_do_not_follow_to_another_origin(
    alloy: Alloy, ask: Any, names: Names, server: Server, url: str
) -> None:
    alloy.secrets.set("key", TEXT)
    names.known["b.test"] = ["127.0.0.1"]
    other = f"http://b.test:{server.port}"
    alloy.egress.allow(f"{other}/*", ["GET", "POST"], private=True)
    server.answers(moved(302, f"{other}/"), status(200))
    options = "{headers = {['X-Key'] = secret('key'), ['X-Plain'] = '1'}, bearer = 'abc'}"
    assert ask(f"return http.get('{url}/', {options}).status").value == 200
    first, second = server.requests[0][2], server.requests[1][2]
    assert (first["X-Key"], first["Authorization"], first["X-Plain"]) == (TEXT, "Bearer abc", "1")
    assert ("X-Key" in second, "Authorization" in second, second["X-Plain"]) == (False, False, "1")
    server.answers(moved(307, f"{other}/"), status(200))
    outcome = ask(f"return http.post('{url}/', {{key = secret('key')}})")
    assert "would take a secret to b.test" in outcome.error.message
    assert len(server.requests) == 3


# -- budgets -------------------------------------------------------------------------------------------------------
def test_a_body_beyond_the_limit_is_refused(names: Names, server: Server) -> None:
    with Alloy(settings=Settings({"http_response_bytes": 1000})) as alloy:
        alloy.egress.allow(f"http://127.0.0.1:{server.port}/*", private=True)
        for size, code in ((1000, None), (1001, "http_error"), (1_000_000, "http_error")):
            server.answers(status(200, body="x" * size))
            outcome = alloy.evaluate(
                f"return #http.get('http://127.0.0.1:{server.port}/').body", capabilities=["http"], limits="relaxed"
            )
            assert (outcome.error.code if outcome.error else None) == code


def test_a_run_may_send_so_many_requests(server: Server) -> None:
    with Alloy(settings=Settings({"http_requests": 3})) as alloy:
        alloy.egress.allow(f"http://127.0.0.1:{server.port}/*", private=True)
        source = f"for i = 1, params.n do http.get('http://127.0.0.1:{server.port}/') end"
        for n, code in ((3, None), (4, "quota_exceeded"), (3, None)):
            outcome = alloy.evaluate(source, params={"n": n}, capabilities=["http"], limits="relaxed")
            assert (outcome.error.code if outcome.error else None) == code
        server.answers(moved(302, "/again"))
        server.requests.clear()
        outcome = alloy.evaluate(source, params={"n": 1}, capabilities=["http"], limits="relaxed")
        assert outcome.error.code == "quota_exceeded"  # redirects count
        assert len(server.requests) == 3


def slow(seconds: float) -> Any:
    async def answer(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return web.Response(text="late")

    return answer


def test_waiting_counts_against_the_deadline(ask: Any, server: Server, url: str) -> None:
    server.handler = slow(5)
    began = time.monotonic()
    limits = Limits(fuel=10**12, deadline_ms=300)
    outcome = ask(f"pcall(http.get, '{url}/') while true do end", limits=limits)
    assert outcome.error.code == "deadline_exceeded"
    assert time.monotonic() - began < 2


def test_a_timeout_is_an_error_that_a_script_can_handle(ask: Any, server: Server, url: str) -> None:
    server.handler = slow(5)
    outcome = ask(f"local ok, why = pcall(http.get, '{url}/', {{timeout = 0.05}}) return {{ok, why}}")
    assert outcome.value[0] is False
    assert "gave no answer in the time there was" in outcome.value[1]
    assert len(server.requests) == 1


def test_a_cancelled_run_stops_waiting(alloy: Alloy, ask: Any, server: Server, url: str) -> None:
    server.handler = slow(5)
    outcomes: list[Any] = []
    source = f"pcall(http.get, '{url}/') while true do end"
    thread = threading.Thread(target=lambda: outcomes.append(ask(source, run_id="waits")))
    thread.start()
    while not server.requests:
        time.sleep(0.01)
    began = time.monotonic()
    assert alloy.cancel("waits")
    thread.join()
    assert outcomes[0].error.code == "cancelled"
    assert time.monotonic() - began < 2


# -- retries -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("options", "tries"),
    [
        ("method = 'GET'", 3), ("method = 'PUT', body = 'x'", 3), ("method = 'DELETE'", 3), ("method = 'POST', body = 'x'", 1),
        ("method = 'POST', body = 'x', headers = {['Idempotency-Key'] = '7'}", 3), ("method = 'GET', retries = 0", 1), ("method = 'GET', retries = 1", 2),
    ],
)  # fmt: skip
def test_only_what_does_no_harm_twice_is_tried_again(
    ask: Any, server: Server, url: str, options: str, tries: int
) -> None:
    server.answers(status(503))
    assert ask(f"return http.request({{url = '{url}/', {options}}}).status").value == 503
    assert len(server.requests) == tries


def test_a_retry_may_succeed_and_waits_as_asked(ask: Any, server: Server, url: str) -> None:
    server.answers(status(429, {"Retry-After": "1"}), status(200, body="now"))
    began = time.monotonic()
    assert ask(f"return http.get('{url}/').body").value == "now"
    assert time.monotonic() - began >= 1
    server.answers(status(503, {"Retry-After": "3600"}))
    assert ask(f"return http.get('{url}/').status").value == 503  # no time for that


def test_a_server_that_is_not_there_is_an_http_error(ask: Any, server: Server, url: str, alloy: Alloy) -> None:
    alloy.egress.allow("http://127.0.0.1:1/*", private=True)
    outcome = ask("return http.get('http://127.0.0.1:1/')")
    assert (outcome.error.code, "refused the connection" in outcome.error.message) == ("http_error", True)


# -- options -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "options",
    [
        "{nonsense = 1}", "{headers = {Host = 'evil'}}", "{headers = {['Content-Length'] = '5'}}", "{headers = {['a b'] = '1'}}",
        "{headers = {a = 'x\\r\\nEvil: 1'}}", "{headers = {a = {}, b = {c = 1}}}", "{body = 'x', json = {}}", "{timeout = 0}", "{timeout = 99}",
        "{retries = 6}", "{redirects = 9}", "{sign = {}}", "{sign = {secret = 'x', algorithm = 'md5'}}", "{auth = 'x'}", "{query = 'x'}", "'x'",
        "{query = {a = secret('key')}}", "{bearer = 'x\\n'}",
    ],
)  # fmt: skip
def test_a_wrong_option_is_named_and_nothing_is_sent(
    alloy: Alloy, ask: Any, server: Server, url: str, options: str
) -> None:
    alloy.secrets.set("key", TEXT)
    outcome = ask(f"return http.get('{url}/', {options})")
    assert outcome.error.code == "invalid_value", outcome
    assert "http" in outcome.error.message
    assert server.requests == []


@pytest.mark.parametrize("phase", ["before_create", "after_create"])
def test_hooks_inside_the_transaction_may_not_send(alloy: Alloy, url: str, phase: str) -> None:
    alloy.scripts.create("s", f"http.get('{url}/')", on=f"order.{phase}", status="active", capabilities=["http"])
    assert alloy.fire(f"order.{phase}", {}).error.code == "capability_denied"


def test_hooks_after_the_commit_may_and_a_dry_run_only_reports(alloy: Alloy, server: Server, url: str) -> None:
    alloy.secrets.set("key", TEXT)
    source = f"http.post('{url}/', {{id = entity.id}}, {{bearer = secret('key')}})"
    alloy.scripts.create(
        "s", source, on="order.on_commit", status="active", capabilities=["http", "secret.key"], limits="relaxed"
    )
    outcome = alloy.fire("order.on_commit", {"id": 7}, dry_run=True)
    assert server.requests == []
    assert outcome.effects == (
        {"function": "http.post", "arguments": [f"{url}/", {"id": 7}, {"bearer": "secret(key)"}]},
    )
    assert alloy.fire("order.on_commit", {"id": 7}).status == "continue"
    assert server.requests[0][3] == b'{"id":7}'


def test_without_the_grant_nothing_is_sent(alloy: Alloy, server: Server, url: str) -> None:
    assert alloy.evaluate(f"return http.get('{url}/')").error.code == "capability_denied"
    assert server.requests == []


# -- TLS -----------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("a.test").configure_cert(context)
    made = Server(context)
    yield made
    made.close()


def test_certificates_are_checked(alloy: Alloy, ask: Any, names: Names, secure: Server, authority: trustme.CA) -> None:
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    for name in ("a.test", "b.test"):
        names.known[name] = ["127.0.0.1"]
        alloy.egress.allow(f"https://{name}:{secure.port}/*", private=True)
    unknown = ask(f"return http.get('https://a.test:{secure.port}/', {{retries = 0}})")
    assert "no certificate that can be trusted" in unknown.error.message
    alloy.http_client = HttpClient(names.lookup, trust)
    assert ask(f"return http.get('https://a.test:{secure.port}/').body").value == "hello"
    misnamed = ask(f"return http.get('https://b.test:{secure.port}/', {{retries = 0}})")
    assert "no certificate that can be trusted" in misnamed.error.message
    assert len(secure.requests) == 1


# -- threads and ends ------------------------------------------------------------------------------------------------
def test_many_threads_send_at_once(ask: Any, server: Server, url: str) -> None:
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda: found.append(ask(f"return http.get('{url}/').body").value)) for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["hello"] * 16


def test_closing_ends_the_thread_and_a_closed_client_starts_again(server: Server) -> None:
    def threads() -> int:
        return sum(thread.name == "alloy-http" for thread in threading.enumerate())

    before = threads()
    with Alloy() as alloy:
        alloy.egress.allow(f"http://127.0.0.1:{server.port}/*", private=True)
        source = f"return http.get('http://127.0.0.1:{server.port}/').status"
        assert threads() == before
        assert alloy.evaluate(source, capabilities=["http"], limits="relaxed").value == 200
        assert threads() == before + 1
        alloy.http_client.close()
        assert threads() == before
        assert alloy.evaluate(source, capabilities=["http"], limits="relaxed").value == 200
    assert threads() == before
