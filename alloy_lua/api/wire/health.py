"""Whether the service lives and is ready."""

from __future__ import annotations

from typing import Literal

from .common import Output


class Liveness(Output, kw_only=True):
    """The process answers."""

    status: Literal["live"]
    version: str


class Readiness(Output, kw_only=True):
    """Whether the service can do its work.

    Attributes:
        checks: What was looked at, and ``ok`` or what is wrong with it.
    """

    status: Literal["ready", "not_ready"]
    checks: dict[str, str]
