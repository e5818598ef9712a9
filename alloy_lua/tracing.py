"""OpenTelemetry spans of fires, runs and outgoing requests, and the W3C trace context in and out.

Imported only where the setting ``tracing`` is on: an Alloy without it has no trace of this on any path.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from .errors import ConfigError
from .events import Event
from .model import RunStatus
from .outcome import Outcome
from .runner.runner import Runner
from .version import VERSION

try:
    from opentelemetry import context, propagate, trace
    from opentelemetry.trace import SpanKind, StatusCode
except ModuleNotFoundError:
    raise ConfigError("tracing needs the extra: pip install 'alloy-lua[tracing]'") from None


def _tracer() -> trace.Tracer:
    return trace.get_tracer("alloy_lua", VERSION)


class TracedRunner(Runner):
    """A runner whose fires and runs are spans. All of them go the general way."""

    traced = True

    def fire(self, event: Event, *arguments: Any, **options: Any) -> Outcome:
        """Returns what `Runner.fire` returns, in a span ``fire <event>``."""
        with _tracer().start_as_current_span(f"fire {event.name}", attributes={"alloy.event": event.name}) as span:
            outcome = super().fire(event, *arguments, **options)
            span.set_attribute("alloy.outcome", outcome.status.value)
            span.set_attribute("alloy.fuel", outcome.fuel)
            if outcome.status is RunStatus.FAILED:
                span.set_status(StatusCode.ERROR, outcome.error.code if outcome.error is not None else None)
            return outcome

    def perform(self, execution: Any, ambient: Any, *arguments: Any, **options: Any) -> Any:
        """Returns what `Runner.perform` returns, in a span ``script <name>``."""
        told = {
            "alloy.script": execution.name, "alloy.run_id": execution.run_id, "alloy.tenant": ambient.tenant,
            "alloy.trigger": execution.trigger,
        }  # fmt: skip
        with _tracer().start_as_current_span(f"script {execution.name}", attributes=told) as span:
            result, run = super().perform(execution, ambient, *arguments, **options)
            span.set_attribute("alloy.outcome", result.status.value)
            span.set_attribute("alloy.fuel", result.fuel)
            if result.error is not None:
                span.set_status(StatusCode.ERROR, result.error.code)
            return result, run


@contextmanager
def incoming(headers: Mapping[str, str]) -> Iterator[None]:
    """Makes the fires inside the block part of the trace that a request's headers (``traceparent``) tell of."""
    token = context.attach(propagate.extract({name.lower(): value for name, value in headers.items()}))
    try:
        yield
    finally:
        context.detach(token)


@contextmanager
def outgoing(method: str, host: str, headers: dict[str, str]) -> Iterator[None]:
    """Makes a request, sent inside the block, a span, and adds its trace context to ``headers``."""
    told = {"http.request.method": method, "server.address": host}
    with _tracer().start_as_current_span(method, kind=SpanKind.CLIENT, attributes=told):
        propagate.inject(headers)
        yield


def trace_id() -> str | None:
    """Returns the id of the trace around the caller, in hexadecimal, None outside of one."""
    found = trace.get_current_span().get_span_context()
    return format(found.trace_id, "032x") if found.is_valid else None
