"""What scripts may call: host functions, their parameters, phases and capabilities. Knows nothing of Lua states."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from .errors import CapabilityDenied, InvalidValue
from .events import Phase
from .values import Secret

KEY = "durable.key"  # scripts know it as ctx.idempotency_key, too
SLEEP = "sleep"  # a durable run that sleeps holds nothing
EVERY_PHASE: frozenset[Phase] = frozenset(Phase)
DATA_READ_PHASES = EVERY_PHASE
DATA_WRITE_PHASES: frozenset[Phase] = EVERY_PHASE - {Phase.BEFORE}
EXTERNAL_PHASES: frozenset[Phase] = EVERY_PHASE - {Phase.BEFORE, Phase.AFTER}

TYPES = ("string", "number", "integer", "boolean", "table", "list", "any", "secret")


class Param(NamedTuple):
    """One parameter of a host function. ``type`` is one of `TYPES`; a ``secret`` may be given as plain text too."""

    name: str
    type: str
    doc: str = ""
    optional: bool = False


class HostFunction(NamedTuple):
    """A function that scripts can call as ``module.name``.

    Attributes:
        name: Dotted name: ``str.trim``.
        doc: What it returns, in one sentence; shown in the reference.
        params: Parameters in order.
        returns: What it returns, as a type for readers: ``"string"``, ``"number | nil"``.
        call: The Python half, called with the script's arguments as Python values; None if written in Lua.
        variadic: The type of any further arguments, or None if there are none.
        capability: The grant a script needs, or None for a pure helper.
        phases: The phases it may be called in.
        effect: True if it changes the outside world: a dry run reports the call and does not make it.
        cost: Fuel for one call (calls also pay one unit for each 256 bytes in and out).
        blocking: True if ``call`` may wait, or fire events itself: it must not hold up other threads' short runs.
        wants_call: True if ``call`` takes the `HostCall` as its first argument.
        secrets: True if its arguments may hold `Secret` handles, inside tables too; else one is refused.
        example: A line of Lua for the reference.
    """

    name: str
    doc: str
    params: tuple[Param, ...] = ()
    returns: str = "nil"
    call: Callable[..., Any] | None = None
    variadic: str | None = None
    capability: str | None = None
    phases: frozenset[Phase] = EVERY_PHASE
    effect: bool = False
    cost: int = 20
    wants_call: bool = False
    blocking: bool = False
    example: str = ""
    secrets: bool = False

    @property
    def opens_secrets(self) -> bool:
        """Whether scripts may hand it secrets."""
        return self.secrets or any(param.type == "secret" for param in self.params)

    def signature(self) -> str:
        """Returns the call as a reader writes it: ``str.pad(s, length [, fill])``."""
        required = [p.name for p in self.params if not p.optional]
        text = ", ".join(required)
        for param in self.params:
            if param.optional:
                text += f" [, {param.name}]" if text else f"[{param.name}]"
        if self.variadic:
            text += ", ..." if text else "..."
        return f"{self.name}({text})"


class HostModule(NamedTuple):
    """A named group of host functions, some of which may be written in Lua.

    ``lua`` is the text of a trusted Lua chunk that returns a table of those functions by short name. It is
    loaded metered, with the engine's guarded libraries, and its fuel is charged to the caller.
    """

    name: str
    doc: str
    functions: tuple[HostFunction, ...]
    lua: str | None = None
    constants: Mapping[str, str | int | float | bool] = MappingProxyType({})


class Cancellation:
    """Ends one run from another thread: whatever the run is in at that moment has left here how to stop it.

    Only `cancel` may be called from other threads than the run's own. The lock is for the rare case: each side writes
    its word before it reads the other's, so one that saw nothing has missed nothing.
    """

    __slots__ = ("_lock", "_stops", "cancelled")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stops: tuple[Callable[[], Any], ...] = ()
        self.cancelled = False

    def add(self, stop: Callable[[], Any]) -> None:
        """Has ``stop`` called, perhaps twice, when the run is cancelled; at once if it has been."""
        self._stops += (stop,)
        if self.cancelled:
            stop()

    def remove(self, stop: Callable[[], Any]) -> None:
        """Takes ``stop`` back; once this has returned it is not called any more."""
        self._stops = tuple([one for one in self._stops if one != stop]) if len(self._stops) > 1 else ()
        if self.cancelled:
            with self._lock:  # wait for the one who is cancelling
                pass

    def cancel(self) -> None:
        """Cancels the run."""
        self.cancelled = True
        with self._lock:
            for stop in self._stops:
                stop()


@dataclass(slots=True)
class HostCall:
    """Who is calling: handed to host functions that ask for it (``wants_call``).

    Attributes:
        serial: Counts the host calls of this run from 1, so that (run_id, serial) names one call for ever.
        grants: The script's capabilities.
        deadline: When the run's time is over, in seconds of `time.monotonic`.
        counts: What host functions count for this run, by their own names.
        cancellation: Where a function that waits leaves what wakes it, should the run be cancelled.
    """

    run_id: str
    tenant: str
    user: str | None
    phase: Phase
    event: str | None
    script_name: str
    now: datetime
    dry_run: bool = False
    depth: int = 0
    serial: int = 0
    grants: frozenset[str] = frozenset()
    deadline: float = float("inf")
    counts: dict[str, int] = field(default_factory=dict)
    cancellation: Cancellation = field(default_factory=Cancellation)
    trace: str | None = None


class Vault(Protocol):
    """Opens secrets, and keeps what was opened from coming back."""

    def open(self, tenant: str, name: str) -> str:
        """Returns the text of a tenant's secret.

        Raises:
            NotFound: There is none.
        """

    def hides(self, tenant: str) -> bool:
        """Returns whether there is anything to `scrub` for the tenant."""

    def scrub(self, tenant: str, value: Any) -> Any:
        """Returns ``value`` with the texts of the tenant's opened secrets replaced, wherever they stand in it."""


def check_secret(name: str, grants: frozenset[str]) -> None:
    """Returns None if a script with ``grants`` may use the secret ``name``: it has ``secret``, or ``secret.<name>``.

    Raises:
        CapabilityDenied: It may not.
    """
    if "secret" not in grants and f"secret.{name}" not in grants:
        raise CapabilityDenied(
            f"secret({name}) needs capability 'secret' or 'secret.{name}', which this script was not granted",
            details={"capability": f"secret.{name}"},
        )


class Journal(Protocol):
    """Answers host calls that were made before, and records the others.

    In a dry run it also answers the calls with effects, which must not be made.
    """

    def step(self, function: str, arguments: list[Any], call: HostCall, perform: Callable[[], Any]) -> Any:
        """Returns the answer to one call, which ``perform`` makes."""


def check_allowed(function: HostFunction, phase: Phase, grants: frozenset[str]) -> None:
    """Returns None if a script in ``phase`` with ``grants`` may call ``function``: the one rule for all calls.

    Raises:
        CapabilityDenied: The phase or the missing grant is named.
    """
    if phase not in function.phases:
        allowed = ", ".join(sorted(function.phases))
        raise CapabilityDenied(
            f"{function.name} may not be called in phase {phase}; it may be called in {allowed}",
            details={"function": function.name, "capability": function.capability, "phase": str(phase)},
        )
    if function.capability is not None and function.capability not in grants:
        raise CapabilityDenied(
            f"{function.name} needs capability {function.capability!r}, which this script was not granted",
            details={"function": function.name, "capability": function.capability, "phase": str(phase)},
        )


def _is_integer(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_CHECKS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str | bytes),
    "number": _is_number,
    "integer": _is_integer,
    "boolean": lambda value: isinstance(value, bool),
    "table": lambda value: isinstance(value, dict | list),
    "list": lambda value: isinstance(value, list) or value == {},
    "any": lambda value: True,
    "secret": lambda value: isinstance(value, str | bytes | Secret),
}
_LUA_NAMES = (
    (bool, "boolean"),
    (int, "number"),
    (float, "number"),
    (str, "string"),
    (bytes, "string"),
    (list, "list"),
    (dict, "table"),
    (Secret, "secret"),
)


def lua_type(value: Any) -> str:
    """Returns the name that a script author knows the type of ``value`` by."""
    if value is None:
        return "nil"
    for kind, name in _LUA_NAMES:
        if isinstance(value, kind):
            return name
    return type(value).__name__


def check_arguments(function: HostFunction, arguments: list[Any]) -> list[Any]:
    """Returns the arguments for ``function.call``: checked, integers as int, missing optional ones left out.

    Raises:
        InvalidValue: Names the function, the position and name of the parameter, the type got and wanted.
    """
    params = function.params
    while arguments and len(arguments) > len(params) and arguments[-1] is None and not function.variadic:
        arguments = arguments[:-1]
    if len(arguments) > len(params) and not function.variadic:
        raise InvalidValue(f"{function.name}: got {len(arguments)} arguments, wanted {function.signature()}")
    checked = list(arguments)
    for index in range(max(len(params), len(arguments))):
        param = params[index] if index < len(params) else Param(f"#{index + 1}", function.variadic or "any")
        value: Any = arguments[index] if index < len(arguments) else None
        if value is None and (param.optional or param.type == "any"):
            continue
        if not _CHECKS[param.type](value):
            raise InvalidValue(
                f"bad argument #{index + 1} ({param.name}) to {function.name}: "
                f"got {lua_type(value)}, wanted {param.type}"
            )
        if param.type == "integer":
            checked[index] = int(value)
        elif param.type == "list" and value == {}:
            checked[index] = []
    while checked and checked[-1] is None and len(checked) <= len(params) and params[len(checked) - 1].optional:
        checked.pop()
    return checked
