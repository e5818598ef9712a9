"""What one run may use: the limits, their units, and the profiles."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from .checks import choice, whole_number

KIB = 1024
MIB = 1024 * KIB
MOST = 2**53  # up to which Lua's numbers are exact


@dataclass(frozen=True)
class Limits:
    """The budget of one run; every field names its unit.

    Attributes:
        fuel: Units of work (a loop turn, a call, 256 bytes handled by a library function).
        deadline_ms: Wall-clock milliseconds from the start of the script.
        memory_bytes: Bytes the script may hold above the runtime's own heap.
        input_bytes: Bytes of entity, params and context copied in.
        output_bytes: Bytes of changes, value and rejection details copied out.
        log_lines: Log lines kept; later ones are counted, not kept.
        log_bytes: Bytes of log text kept.
        host_calls: Calls of host functions that leave Lua.
        value_depth: Nesting depth of any value that crosses.
    """

    fuel: int = 1_000_000
    deadline_ms: int = 100
    memory_bytes: int = 16 * MIB
    input_bytes: int = 1 * MIB
    output_bytes: int = 1 * MIB
    log_lines: int = 200
    log_bytes: int = 64 * KIB
    host_calls: int = 200
    value_depth: int = 32

    def __post_init__(self) -> None:
        for field in fields(self):
            whole_number(getattr(self, field.name), field.name, 1, MOST)

    def with_(self, **changes: int) -> Limits:
        """Returns a copy with the named limits changed."""
        return replace(self, **changes)

    def as_dict(self) -> dict[str, Any]:
        """Returns the limits as a plain dictionary."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


PROFILES: dict[str, Limits] = {
    "strict": Limits(
        fuel=100_000,
        deadline_ms=20,
        memory_bytes=4 * MIB,
        input_bytes=256 * KIB,
        output_bytes=256 * KIB,
        log_lines=50,
        log_bytes=16 * KIB,
        host_calls=20,
    ),
    "default": Limits(),
    "external": Limits(deadline_ms=30_000),
    "relaxed": Limits(
        fuel=50_000_000,
        deadline_ms=5_000,
        memory_bytes=64 * MIB,
        input_bytes=8 * MIB,
        output_bytes=8 * MIB,
        log_lines=2_000,
        log_bytes=1 * MIB,
        host_calls=10_000,
    ),
}


def profile(name: str) -> Limits:
    """Returns the limits profile called ``name``.

    Raises:
        ValidationError: There is no such profile.
    """
    return PROFILES[choice(name, "limits profile", PROFILES, field="limits")]
