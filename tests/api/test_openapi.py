"""The OpenAPI document: whole, and true to what the service does, as calls made up from it show."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from .conftest import Client, Running

EXAMPLES = 6
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
LUA = "if entity and entity.total then entity.discount = 1 end log.info('seen', {a = 1}) return {n = 1}"
KNOWN: dict[str, Any] = {
    "script": "sample",
    "revision": 1,
    "tenant": "default",
    "job": "sample-job",
    "key": "sample-key",
}


def test_every_endpoint_is_described(admin: Client) -> None:
    document = admin.get("/openapi.json").json
    assert document["openapi"] == "3.1.0"
    found = [operation for path in document["paths"].values() for operation in path.values()]
    names = [operation["operationId"] for operation in found]
    assert len(names) == len(set(names)) > 30
    for operation in found:
        assert operation["summary"], operation["operationId"]
        assert {"400", "503"} <= set(operation["responses"])


def test_the_reference_page_needs_nothing_from_elsewhere(admin: Client) -> None:
    page = admin.get("/reference")
    assert page.status == 200 and "http" not in page.text.lower().replace("http reference", "")
    for name in ("reference.js", "reference.css"):
        assert name in page.text and admin.get(f"/{name}").status == 200
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "Nothing matches." in page.text and "Fields marked * must be given." in page.text
    assert "overflow-x: auto" in admin.get("/reference.css").text


def operations(service: Running) -> list[Any]:
    schema = schemathesis.openapi.from_url(f"{service.url}/api/v1/openapi.json")
    return [result.ok() for result in schema.get_all_operations()]


def made_up(operation: Any, mode: GenerationMode, check: Callable[[Any], None]) -> None:
    """Calls ``check`` with some calls of an operation: as it wants them, or wrong in some way."""

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode), known=st.booleans())
    def each(case: Any, known: bool) -> None:
        if known:
            case.path_parameters.update({name: KNOWN[name] for name in case.path_parameters if name in KNOWN})
        check(case)

    with contextlib.suppress(Unsatisfiable):  # nothing about it can be wrong
        each()


def test_no_call_gets_what_the_document_does_not_say(service: Running) -> None:
    service.alloy.scripts.create("sample", LUA, on="order.before_create", status="active")
    service.alloy.jobs.enqueue("sample", id="sample-job")
    service.alloy.kv.set("sample-key", {"n": 1})
    failures: list[str] = []
    with requests.Session() as session:
        session.headers.update(service.client().headers)

        def check(case: Any) -> None:
            reply = case.call(session=session, timeout=20)
            try:
                known_no = [negative_data_rejection] if reply.status_code != 413 else []  # too large is refused, too
                case.validate_response(reply, checks=[*CHECKS, *known_no])
            except Exception as error:
                failures.append(f"{case.operation.label}: {error}"[:2000])

        for operation in operations(service):
            if operation.path == "/tail":  # never ends; see test_tail
                continue
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                made_up(operation, mode, check)
    assert failures == []
