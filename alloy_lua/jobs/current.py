"""Which job the code at hand runs for."""

from __future__ import annotations

from contextvars import ContextVar

from ..job_model import Job

CURRENT: ContextVar[Job | None] = ContextVar("alloy_lua_job", default=None)
