"""What scripts can work with: events, record types, host functions, limits."""

from __future__ import annotations

from .common import Output


class Parameter(Output, kw_only=True):
    """A parameter of a host function."""

    name: str
    type: str
    doc: str
    optional: bool


class HostFunction(Output, kw_only=True):
    """A function that scripts can call.

    Attributes:
        name: As scripts write it: ``str.trim``.
        signature: The call as a reader writes it.
        variadic: The type of any further arguments.
        capability: The grant a script needs; null for any script.
        phases: When it may be called.
        effect: Whether it changes the outside world; a dry run reports the call instead of making it.
        cost: Fuel for one call.
    """

    name: str
    signature: str
    doc: str
    params: list[Parameter]
    returns: str
    variadic: str | None
    capability: str | None
    phases: list[str]
    effect: bool
    cost: int
    example: str


class HostModule(Output, kw_only=True):
    """Host functions that belong together."""

    name: str
    doc: str
    functions: list[HostFunction]


class HostModules(Output, kw_only=True):
    """All that scripts can call."""

    items: list[HostModule]


class Entity(Output, kw_only=True):
    """A type of record that events are fired for.

    Attributes:
        readable: Fields that scripts may read; null for all.
        writable: Fields that scripts may write in before hooks; null for all.
        hooks: What can be fired for it.
    """

    name: str
    readable: list[str] | None
    writable: list[str] | None
    hooks: list[str]


class Entities(Output, kw_only=True):
    """The types of record that the platform described."""

    items: list[Entity]


class LimitsProfile(Output, kw_only=True):
    """What one run may use."""

    name: str
    fuel: int
    deadline_ms: int
    memory_bytes: int
    input_bytes: int
    output_bytes: int
    log_lines: int
    log_bytes: int
    host_calls: int
    value_depth: int


class LimitsProfiles(Output, kw_only=True):
    """The limits profiles."""

    items: list[LimitsProfile]


class ScriptEndpoint(Output, kw_only=True):
    """A path that a script answers, below ``/x/{tenant}``."""

    method: str
    path: str
    script: str
    auth: str
    per_minute: int


class ScriptEndpoints(Output, kw_only=True):
    """The paths that the tenant's active scripts answer, in the order in which they are tried."""

    items: list[ScriptEndpoint]


class ScriptStats(Output, kw_only=True):
    """What a script did in this process: counts, time in microseconds, average fuel of a run."""

    name: str
    runs: int
    changed: int
    rejected: int
    failed: int
    skipped: int
    p50_us: int
    p99_us: int
    fuel: int


class StatsList(Output, kw_only=True):
    """What the tenant's active scripts did in this process."""

    items: list[ScriptStats]
