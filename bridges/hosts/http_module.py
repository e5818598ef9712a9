"""Host module ``http``: declarations; what scripts pass is read in `http_request`, sent by `http_client`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

from ...hostapi import EXTERNAL_PHASES, HostCall, HostFunction, HostModule, Param

CAPABILITY = "http"

Check = Callable[[str, str, str, str, int, str], bool]
"""Takes tenant, method, scheme, host, port and path; returns whether private addresses are permitted, or raises."""

Outgoing = Callable[[str, str, dict[str, str]], AbstractContextManager[None]]
"""Takes method, host and headers, which it may add to; surrounds the sending."""


def _untraced(method: str, host: str, headers: dict[str, str]) -> AbstractContextManager[None]:
    return nullcontext()


class HttpLimits(NamedTuple):
    """What requests may use: seconds for one, bytes of a response, requests of a run."""

    seconds: float = 10.0
    response_bytes: int = 1_048_576
    requests: int = 20


_URL = Param("url", "string", "Where to; must be on the tenant's allow-list.")
_OPTIONS = Param(
    "options",
    "table",
    "``headers``, ``query`` (tables), ``body`` or ``json``, ``bearer``, ``auth`` (``user``, ``password``), ``sign`` "
    "(``secret``, ``header``, ``algorithm``, ``prefix``), ``timeout`` (seconds), ``retries`` and "
    "``redirects`` (0 to 5).",
    True,
)
_ANSWER = "``status``, ``ok`` (a status from 200 to 299), ``headers`` (names in lower case), ``body`` and ``url``"


def http_module(
    client: Callable[[], Any], check: Check, limits: HttpLimits = HttpLimits(),  # noqa: B008 (immutable)
    outgoing: Outgoing = _untraced,
) -> HostModule:  # fmt: skip
    """Returns the module.

    Args:
        client: Returns the `HttpClient`; called with the first request.
        check: Decides where requests may go.
        limits: What requests may use.
        outgoing: What surrounds each request.
    """

    def send(call: HostCall, method: str, url: Any, options: dict[str, Any]) -> dict[str, Any]:
        from .http_request import exchange

        return exchange(client(), call, method, url, options, check, limits, outgoing)

    def get(call: HostCall, url: Any, options: Any = None) -> dict[str, Any]:
        return send(call, "GET", url, _table("http.get", options))

    def post(call: HostCall, url: Any, body: Any = None, options: Any = None) -> dict[str, Any]:
        given = dict(_table("http.post", options))
        if body is not None:
            given["body" if isinstance(body, str | bytes) else "json"] = body
        return send(call, "POST", url, given)

    def request(call: HostCall, options: Any) -> dict[str, Any]:
        given = dict(_table("http.request", options))
        return send(call, given.pop("method", "GET"), given.pop("url", None), given)

    def function(name: str, doc: str, call: Any, example: str, *params: Param) -> HostFunction:
        return HostFunction(
            name, doc, params, "table", call, capability=CAPABILITY, phases=EXTERNAL_PHASES, cost=1000,
            effect=name != "http.get", blocking=True, wants_call=True, secrets=True, example=example,
        )  # fmt: skip

    return HostModule(
        "http",
        "Requests to services on the tenant's allow-list. The time they take counts against the run's deadline.",
        (
            function(
                "http.get", f"The response to a GET request: {_ANSWER}.", get,
                'local answer = http.get("https://api.example.com/v1/rate", {query = {to = "EUR"}})\n'
                "return answer.status",
                _URL, _OPTIONS,
            ),
            function(
                "http.post", f"The response to a POST request: {_ANSWER}.", post,
                'local answer = http.post("https://api.example.com/v1/notes", {text = "hello"}, '
                '{bearer = secret("crm-key")})\nreturn answer.ok',
                _URL, Param("body", "any", "Text or bytes as they are; any other value as JSON.", True), _OPTIONS,
            ),
            function(
                "http.request", f"The response to a request of any method: {_ANSWER}.", request,
                'local answer = http.request({method = "DELETE", url = "https://api.example.com/v1/notes/7"})\n'
                "return answer.status",
                Param("options", "table", "``method``, ``url``, and the options of ``http.get``."),
            ),
        ),
    )  # fmt: skip


def _table(function: str, options: Any) -> dict[str, Any]:
    from .arguments import wrong

    if options is None or options == []:
        return {}
    if not isinstance(options, dict):
        raise wrong(function, options, "a table of options")
    return options
