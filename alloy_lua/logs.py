"""Log lines as JSON objects, one a line, with the request and the run that they belong to."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from .runner.context import AMBIENT

REQUEST_ID: ContextVar[str | None] = ContextVar("alloy_lua_request_id", default=None)

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


@contextmanager
def request(request_id: str) -> Iterator[None]:
    """Has the log lines made inside the block name the request; follows asyncio tasks and `fire_async`."""
    token = REQUEST_ID.set(request_id)
    try:
        yield
    finally:
        REQUEST_ID.reset(token)


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object: time, level, logger, message, request and run, and its ``extra`` fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line, without an end."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        around = AMBIENT.get()
        if around is not None:
            line |= {"tenant": around.tenant, "user": around.user, "run_id": around.run_id}
        line |= {"request_id": REQUEST_ID.get(), "trace_id": _trace_id()}
        line |= {name: value for name, value in record.__dict__.items() if name not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps({k: v for k, v in line.items() if v is not None}, default=str, ensure_ascii=False)


def configure(format: str = "text", level: str = "warning", stream: Any = None) -> logging.Handler:
    """Returns the handler that was put on the logger ``alloy_lua``, in place of one put there before.

    Args:
        format: ``json`` or ``text``.
        level: The least level shown: ``debug``, ``info``, ``warning``, ``error``.
        stream: Where to write, None for standard error.
    """
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    text = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(JsonFormatter() if format == "json" else text)
    handler.set_name("alloy_lua")
    logger = logging.getLogger("alloy_lua")
    for old in [one for one in logger.handlers if one.get_name() == "alloy_lua"]:
        logger.removeHandler(old)
    logger.addHandler(handler)
    logger.setLevel(level.upper())
    logger.propagate = False
    return handler


def _trace_id() -> str | None:
    tracing = sys.modules.get("alloy_lua.tracing")
    found: str | None = tracing.trace_id() if tracing is not None else None
    return found
