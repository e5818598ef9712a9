"""What operators work with: secrets, the egress allow-list, safe mode, runs under way, settings."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, field

from .common import Input, Output, ScriptKey
from .lifecycle import Reason
from .outcomes import EventName

SecretName = Annotated[
    str, Meta(pattern=r"^[a-z0-9_-]+(\.[a-z0-9_-]+)*$", max_length=100, description="Such as crm-key.")
]
Url = Annotated[str, Meta(min_length=1, max_length=200, description="A pattern such as https://api.example.com/v1/*.")]
Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class SecretText(Input, kw_only=True):
    """A secret's text: it is sealed, and never shown again."""

    text: Annotated[str, Meta(min_length=8, max_length=16_384)]
    reason: Reason | None = None


class Secret(Output, kw_only=True):
    """What may be told of a secret."""

    name: str
    updated_at: datetime
    updated_by: str


class Secrets(Output, kw_only=True):
    """The tenant's secrets, without their texts."""

    items: list[Secret]


class NewRule(Input, kw_only=True):
    """Where scripts may send requests.

    Attributes:
        private: Also if the host's address is private or loopback; for services inside the platform's network.
    """

    url: Url
    methods: Annotated[list[Method], Meta(min_length=1, max_length=7)] = field(default_factory=lambda: ["GET"])
    private: bool = False
    reason: Reason | None = None


class Rule(Output, kw_only=True):
    """A line of the egress allow-list."""

    url: str
    methods: list[str]
    private: bool
    updated_at: datetime
    updated_by: str


class Rules(Output, kw_only=True):
    """The tenant's egress allow-list; what is not on it is refused."""

    items: list[Rule]


class WhichRule(Input, kw_only=True):
    """A rule, by its URL."""

    url: Url


class NewBypass(Input, kw_only=True):
    """What is not to run for a while.

    Attributes:
        script: One script; all if left out.
        event: One event; all if left out.
        everywhere: In every tenant; not with ``script``.
        seconds: How long; until it is cleared if left out.
    """

    reason: Annotated[str, Meta(min_length=1, max_length=500, pattern=r"\S")]
    script: ScriptKey | None = None
    event: EventName | None = None
    everywhere: bool = False
    seconds: Annotated[float, Meta(ge=0.001, le=31_536_000)] | None = None


class Bypass(Output, kw_only=True):
    """Scripts that are not run, and why.

    Attributes:
        tenant: Whose scripts; null for everybody's.
    """

    id: str
    tenant: str | None
    script: str | None
    event: str | None
    reason: str
    until: datetime | None
    by: str
    since: datetime


class Bypasses(Output, kw_only=True):
    """All bypasses in force."""

    items: list[Bypass]


class WhichBypass(Input, kw_only=True):
    """A bypass, by its id."""

    id: Annotated[str, Meta(min_length=1, max_length=500)]
    reason: Reason | None = None


class RunningRun(Output, kw_only=True):
    """A run under way."""

    run_id: str
    script: str
    event: str | None
    seconds: float


class RunningRuns(Output, kw_only=True):
    """The tenant's runs under way in this process, the longest first."""

    items: list[RunningRun]


class Cancelled(Output, kw_only=True):
    """A run that was under way in this process ends now."""

    cancelled: bool


class Setting(Output, kw_only=True):
    """A setting of the service.

    Attributes:
        value: Hidden if it is a secret.
        source: Where it was set.
    """

    name: str
    value: Any
    source: str
    help: str


class Settings(Output, kw_only=True):
    """All settings of the process that answers."""

    items: list[Setting]
