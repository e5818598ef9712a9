"""Who is behind a fire, and the cascade it belongs to: ambient state that follows threads and asyncio tasks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from typing import NamedTuple

from .. import checks
from ..engine import CallState
from ..errors import RecursionLimit
from ..limits import Limits
from ..model import DEFAULT_TENANT

MAX_DEPTH = 8


class Cascade:
    """One budget for a fire and all fires that its scripts cause.

    Attributes:
        fuel: Fuel left for the whole cascade.
        deadline: Monotonic seconds at which its time is over.
    """

    __slots__ = ("deadline", "fuel")

    def __init__(self, limits: Limits) -> None:
        self.fuel = limits.fuel
        self.deadline = monotonic() + limits.deadline_ms / 1000

    def seconds_left(self) -> float:
        """Returns how much time is left, never less than zero."""
        return max(0.0, self.deadline - monotonic())


class Ambient(NamedTuple):
    """What surrounds a fire.

    Attributes:
        user: Who acts.
        tenant: Whose data it is.
        dry_run: Whether effects are only reported.
        cascade: The budget of the outermost fire, None outside scripts.
        depth: How many fires are under way around this one.
        keys: The (event, entity type, id) of the fires under way.
        run_id: The run that caused this one.
        caller: The host-call state of the run that caused this one; nested runs charge their fuel to it.
        trace: The id of the request that all of this belongs to.
    """

    user: str | None = None
    tenant: str = DEFAULT_TENANT
    dry_run: bool = False
    cascade: Cascade | None = None
    depth: int = 0
    keys: frozenset[tuple[str, str, str]] = frozenset()
    run_id: str | None = None
    caller: CallState | None = None
    trace: str | None = None

    def entered(self, event: str, entity_type: str, identity: str | None) -> Ambient:
        """Returns the surroundings inside a fire of ``event``.

        Raises:
            RecursionLimit: The cascade is too deep, or this very fire is under way already.
        """
        if self.depth >= MAX_DEPTH:
            raise RecursionLimit(f"{event}: fires nested {self.depth + 1} deep, wanted at most {MAX_DEPTH}")
        keys = self.keys
        if identity is not None:
            key = (event, entity_type, identity)
            if key in keys:
                raise RecursionLimit(f"{event}: fired again for {entity_type} {identity} while it was being handled")
            keys = keys | {key}
        return Ambient(
            self.user, self.tenant, self.dry_run, self.cascade, self.depth + 1, keys, self.run_id, self.caller,
            self.trace,
        )  # fmt: skip


AMBIENT: ContextVar[Ambient | None] = ContextVar("alloy_lua_ambient", default=None)
NOBODY = Ambient()


@contextmanager
def surroundings(ambient: Ambient) -> Iterator[None]:
    """Makes ``ambient`` what surrounds the fires inside the block."""
    token = AMBIENT.set(ambient)
    try:
        yield
    finally:
        AMBIENT.reset(token)


def acting(user: str | None, tenant: str | None, dry_run: bool, trace: str | None = None) -> Ambient:
    """Returns what surrounds the caller, with ``user`` and ``tenant`` in their places where given.

    Args:
        user: Who acts; None for who acts already.
        tenant: Whose data it is; None for whose it is already.
        dry_run: Whether effects are only reported; inside a dry run they are in any case.
        trace: The id of the request; None for the one there is.

    Raises:
        ValidationError: A name is no name.
    """
    around = AMBIENT.get() or NOBODY
    if user is None and tenant is None and dry_run is False and trace is None:
        return around
    return around._replace(
        user=around.user if user is None else checks.name(user, "user"),
        tenant=around.tenant if tenant is None else checks.name(tenant, "tenant"),
        dry_run=checks.boolean(dry_run, "dry_run") or around.dry_run,
        trace=around.trace if trace is None else checks.name(trace, "trace"),
    )
