"""The records that the rooms pass to each other: scripts, revisions, runs, health. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

DEFAULT_TENANT = "default"


class Status(StrEnum):
    """Where a script is in its life. Only an active script runs on its triggers."""

    DRAFT = "draft"
    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"
    ARCHIVED = "archived"


class FailurePolicy(StrEnum):
    """What a failed script does to the operation: closed stops it, open lets it go on."""

    CLOSED = "closed"
    OPEN = "open"


@dataclass(frozen=True)
class EventTrigger:
    """Runs the script on an event, if ``fields`` is empty or one of them changed.

    The rest is for ``on_commit``, whose runs are tried again when they fail: see `CronTrigger`.
    """

    event: str
    fields: tuple[str, ...] = ()
    attempts: int = 5
    backoff_s: float = 10
    backoff_limit_s: float = 3600
    kind: str = field(default="event", init=False)


class Overlap(StrEnum):
    """What becomes of a tick while the run of an earlier one goes on: left out, kept for afterwards, run beside it."""

    SKIP = "skip"
    QUEUE = "queue"
    PARALLEL = "parallel"


class Misfire(StrEnum):
    """Which ticks that were missed while no scheduler ran are made up for: none, the newest, the newest few."""

    SKIP = "skip"
    LATEST = "latest"
    ALL = "all"


@dataclass(frozen=True)
class CronTrigger:
    """Runs the script on a schedule (five cron fields, or six with seconds first).

    Attributes:
        expression: The fields, or ``@hourly``, ``@daily``, ``@weekly``, ``@monthly``, ``@yearly``.
        timezone: IANA name of the zone that the fields are read in.
        overlap: What becomes of a tick while an earlier one's run goes on.
        misfire: Which missed ticks are made up for.
        misfire_limit: How many of them at most, for ``all``.
        jitter_s: Each tick starts up to so many seconds late, by an amount that is fixed for the tick.
        starts_at: No tick before this time.
        ends_at: No tick after this time.
        paused_until: Ticks before this time are left out.
        attempts: How often a run that fails is tried in all.
        backoff_s: Seconds to the second try; each further wait is twice as long.
        backoff_limit_s: The longest wait, in seconds.
    """

    expression: str
    timezone: str = "UTC"
    overlap: Overlap = Overlap.SKIP
    misfire: Misfire = Misfire.LATEST
    misfire_limit: int = 10
    jitter_s: float = 0
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    paused_until: datetime | None = None
    attempts: int = 1
    backoff_s: float = 10
    backoff_limit_s: float = 3600
    kind: str = field(default="cron", init=False)


@dataclass(frozen=True)
class AtTrigger:
    """Runs the script once, at a time; the fields that it shares with a `CronTrigger` mean the same."""

    at: datetime
    misfire: Misfire = Misfire.LATEST
    attempts: int = 1
    backoff_s: float = 10
    backoff_limit_s: float = 3600
    kind: str = field(default="at", init=False)


@dataclass(frozen=True)
class ApiTrigger:
    """Runs the script when ``method path`` is called.

    Attributes:
        path: Below the tenant's root; a segment in braces matches anything: ``/orders/{id}/quote``.
        method: The HTTP method.
        auth: Who may call: ``token`` (holders of one with the right to run scripts), ``hmac`` (who signs with
            ``secret``) or ``public`` (anybody).
        secret: The name of the tenant's secret that signatures are made with.
        per_minute: Calls a minute, on average, that one caller may make.
        headers: Request headers that the script sees, in lower case.
    """

    path: str
    method: str = "POST"
    auth: str = "token"
    secret: str | None = None
    per_minute: int = 600
    headers: tuple[str, ...] = ()
    kind: str = field(default="api", init=False)


@dataclass(frozen=True)
class ManualTrigger:
    """Lets people and programs run the script by name."""

    kind: str = field(default="manual", init=False)


Trigger = EventTrigger | CronTrigger | AtTrigger | ApiTrigger | ManualTrigger


@dataclass(frozen=True)
class Script:
    """A script's settings, without its source (that is in its revisions).

    ``version`` counts writes of this row; every write names the version it expects.
    ``draft_revision`` is the newest revision, ``live_revision`` the one that runs (None before activation).
    """

    id: str
    tenant: str
    name: str
    description: str
    status: Status
    triggers: tuple[Trigger, ...]
    limits: str
    capabilities: tuple[str, ...]
    run_as: str | None
    priority: int
    failure_policy: FailurePolicy
    draft_revision: int
    live_revision: int | None
    version: int
    created_at: datetime
    updated_at: datetime
    updated_by: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Revision:
    """One immutable, numbered text of a script."""

    script_id: str
    number: int
    source: str
    sha256: str
    author: str
    message: str
    created_at: datetime
    compiler: str


class BreakerState(StrEnum):
    """Whether a script that keeps failing still runs."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True)
class Health:
    """How a script is doing; kept apart from the versioned script row."""

    script_id: str
    runs: int = 0
    changed: int = 0
    rejected: int = 0
    failed: int = 0
    skipped: int = 0
    fuel: int = 0
    breaker: BreakerState = BreakerState.CLOSED
    opened_at: datetime | None = None
    last_error_code: str | None = None
    last_error: str | None = None
    last_error_at: datetime | None = None


class RunStatus(StrEnum):
    """How one run ended; one that safe mode bypassed never began, and is no outcome of a fire."""

    CONTINUE = "continue"
    REJECTED = "rejected"
    FAILED = "failed"
    BYPASSED = "bypassed"


class LogLine(NamedTuple):
    """One line that a script logged."""

    level: str
    message: str
    data: Any = None


@dataclass(frozen=True)
class Run:
    """One recorded execution of one script. ``changes`` and ``value`` are JSON-like.

        ``trigger`` is event, cron, at, queue, api, manual or evaluate, or bypass for writes that went without hooks;
    ``memory_bytes`` is the peak seen by the meter above the runtime's own heap (0 for a run too short to be looked
    at).
    """

    id: str
    tenant: str
    script_id: str
    script_name: str
    revision: int
    trigger: str
    event: str | None
    phase: str
    entity_type: str | None
    entity_id: str | None
    user: str | None
    status: RunStatus
    started_at: datetime
    duration_us: int
    fuel: int
    memory_bytes: int = 0
    reason: str | None = None
    details: Any = None
    error_code: str | None = None
    error_message: str | None = None
    error_line: int | None = None
    traceback: tuple[str, ...] = ()
    changes: dict[str, Any] | None = None
    value: Any = None
    logs: tuple[LogLine, ...] = ()
    lost_logs: int = 0
    dry_run: bool = False
    parent_id: str | None = None
    depth: int = 0


class Tape(NamedTuple):
    """One run as it was recorded for replay.

    Attributes:
        tenant: Whose run it was.
        run_id: Its id.
        script_id: The script that ran.
        recorded_at: When the run began.
        expires_at: When the tape may be removed.
        body: What the run was given, the host calls it made with their answers, and what it came to, as text.
    """

    tenant: str
    run_id: str
    script_id: str
    recorded_at: datetime
    expires_at: datetime
    body: str
