"""Where scripts run, and what holds a worker process in."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, cast

from . import checks

Isolation = Literal["thread", "process"]
"""Where scripts run: in the platform's own process, on the thread that asks for it, or in worker processes."""

PROTECTIONS = ("descriptors", "namespaces", "rlimits", "no_new_privs", "seccomp")
REQUIRED = ("descriptors", "rlimits", "no_new_privs", "seccomp")  # many containers refuse namespaces


class Protection(NamedTuple):
    """One thing that holds a worker process in.

    Attributes:
        name: One of `PROTECTIONS`.
        in_force: Whether it is in force.
        reason: Why not, if it is not.
    """

    name: str
    in_force: bool
    reason: str = ""


def isolation_named(value: Any) -> Isolation:
    """Returns an isolation.

    Raises:
        ValidationError: It is none.
    """
    return cast(Isolation, checks.choice(value, "isolation", ("thread", "process")))


def required_protections(value: Any) -> tuple[str, ...]:
    """Returns the names of protections in a list.

    Raises:
        ValidationError: There is no such protection.
    """
    names = checks.items(value, "protections", "a list of names")
    return tuple(checks.choice(name, "protection", PROTECTIONS, field="protections") for name in names)
