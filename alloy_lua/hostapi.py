"""What scripts may call: host functions, their parameters, phases and capabilities. Knows nothing of Lua states."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from .errors import CapabilityDenied, InvalidValue
from .events import Phase

EVERY_PHASE: frozenset[Phase] = frozenset(Phase)
DATA_READ_PHASES = EVERY_PHASE
DATA_WRITE_PHASES: frozenset[Phase] = EVERY_PHASE - {Phase.BEFORE}
EXTERNAL_PHASES: frozenset[Phase] = EVERY_PHASE - {Phase.BEFORE, Phase.AFTER}

TYPES = ("string", "number", "integer", "boolean", "table", "list", "any")


class Param(NamedTuple):
    """One parameter of a host function. ``type`` is one of `TYPES`."""

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


@dataclass(slots=True)
class HostCall:
    """Who is calling: handed to host functions that ask for it (``wants_call``).

    ``serial`` counts the host calls of this run from 1, so that (run_id, serial) names one call for ever.
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


class Journal(Protocol):
    """Answers the host calls of a durable run that were made before, and records the others."""

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
}
_LUA_NAMES = (
    (bool, "boolean"),
    (int, "number"),
    (float, "number"),
    (str, "string"),
    (bytes, "string"),
    (list, "list"),
    (dict, "table"),
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
