"""Spans and trace context, with the real SDK and its exporter in memory."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from alloy_lua import Alloy, logs, tracing
from alloy_lua.settings import Settings

from .conftest import Server

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE = "0af7651916cd43dd8448eb211c80319c"
EVENT = "order.on_commit"


@pytest.fixture(scope="module")
def exporter() -> InMemorySpanExporter:
    made = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(made))
    trace.set_tracer_provider(provider)
    return made


@pytest.fixture
def spans(exporter: InMemorySpanExporter) -> InMemorySpanExporter:
    exporter.clear()
    return exporter


@pytest.fixture
def traced() -> Iterator[Alloy]:
    with Alloy(settings=Settings({"tracing": True})) as made:
        yield made


def test_fires_and_runs_are_spans_of_the_callers_trace(traced: Alloy, spans: Any) -> None:
    traced.scripts.create("one", "entity.x = 1", on="order.before_create", status="active")
    traced.scripts.create("two", "abort('no')", on="order.before_create", status="active", priority=200)
    with tracing.incoming({"Traceparent": PARENT}):
        assert traced.fire("order.before_create", {}).status == "rejected"
        assert tracing.trace_id() == TRACE
    assert tracing.trace_id() is None
    one, two, fire = spans.get_finished_spans()
    assert [s.name for s in (one, two, fire)] == ["script one", "script two", "fire order.before_create"]
    assert {format(s.context.trace_id, "032x") for s in (one, two, fire)} == {TRACE}
    assert format(fire.parent.span_id, "016x") == PARENT.split("-")[2]
    assert one.parent.span_id == two.parent.span_id == fire.context.span_id
    assert (one.attributes["alloy.outcome"], two.attributes["alloy.outcome"]) == ("continue", "rejected")


def test_a_failure_is_marked_by_its_code_only(traced: Alloy, spans: Any) -> None:
    traced.scripts.create("bad", "error('private words')", on="order.before_create", status="active")
    traced.fire_many("order.before_create", [{}, {}])
    found = spans.get_finished_spans()
    assert len(found) == 4
    assert {s.status.description for s in found} == {"runtime_error"}
    assert "private words" not in "".join(s.to_json() for s in found)


def test_async_fires_keep_the_trace(traced: Alloy, spans: Any) -> None:
    traced.scripts.create("one", "entity.x = 1", on="order.before_create", status="active")

    async def fire() -> None:
        with tracing.incoming({"traceparent": PARENT}):
            await traced.fire_async("order.before_create", {})

    asyncio.run(fire())
    assert {format(s.context.trace_id, "032x") for s in spans.get_finished_spans()} == {TRACE}


def test_requests_carry_the_trace_on(traced: Alloy, spans: Any, server: Server) -> None:
    traced.egress.allow(f"http://127.0.0.1:{server.port}/*", private=True)
    source = f"http.get('http://127.0.0.1:{server.port}/?secret=1')"
    traced.scripts.create("calls", source, on=EVENT, status="active", capabilities=["http"], limits="relaxed")
    with tracing.incoming({"traceparent": PARENT}):
        assert traced.fire(EVENT, {}).status == "continue"
    request = spans.get_finished_spans()[0]
    assert (request.name, request.attributes["server.address"]) == ("GET", "127.0.0.1")
    sent = server.requests[0][2]["traceparent"].split("-")
    assert sent[1:3] == [TRACE, format(request.context.span_id, "016x")]
    assert "secret" not in request.to_json()


def test_without_the_setting_nothing_of_it_is_loaded() -> None:
    code = (
        "import sys; from alloy_lua import Alloy\n"
        "with Alloy() as a:\n"
        "    a.scripts.create('s', 'entity.x = 1', on='order.before_create', status='active')\n"
        "    a.fire('order.before_create', {}); a.evaluate('return kv.get(\"k\")', capabilities=['kv'])\n"
        "print([m for m in ('opentelemetry', 'prometheus_client', 'aiohttp', 'cryptography', 'ctypes', 'alloy_lua.metrics') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# -- logs --------------------------------------------------------------------------------------------------------
@pytest.fixture
def lines() -> Iterator[Any]:
    stream = io.StringIO()
    logger = logging.getLogger("alloy_lua")
    handler = logs.configure("json", "info", stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)
    logger.propagate = True


def test_log_lines_are_objects_with_request_run_and_trace(traced: Alloy, lines: Any, spans: Any) -> None:
    @traced.function("crm.fail")
    def fail() -> None:
        raise RuntimeError("broken")

    with logs.request("req-1"), traced.context(user="ada", tenant="acme"):
        traced.evaluate("crm.fail()", run_id="run-1")
        logging.getLogger("alloy_lua.api").info("done in %d ms", 5, extra={"status": 200, "path": "/ü"})
    logging.getLogger("alloy_lua").info("plain")
    failed, done, plain = lines()
    assert (failed["level"], failed["logger"], failed["request_id"]) == ("error", "alloy_lua.host", "req-1")
    assert (failed["run_id"], failed["tenant"], failed["user"]) == ("run-1", "acme", "ada")
    assert "RuntimeError: broken" in failed["message"]
    assert len(failed["trace_id"]) == 32
    assert (done["message"], done["status"], done["path"]) == ("done in 5 ms", 200, "/ü")
    assert set(plain) == {"time", "level", "logger", "message"}


def test_an_exception_and_odd_values_stay_on_one_line(lines: Any) -> None:
    logger = logging.getLogger("alloy_lua.x")
    try:
        raise ValueError("line\nbreak")
    except ValueError:
        logger.exception("failed\nhere", extra={"what": object()})
    (line,) = lines()
    assert line["message"] == "failed\nhere"
    assert "ValueError: line\nbreak" in line["exception"]
