"""What bridges to platforms' models ask of an `Alloy`: which hooks a write has, and whether it goes without them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import partial

from . import checks
from .errors import AlloyError
from .events import OPERATIONS
from .model import DEFAULT_TENANT, Run, RunStatus
from .ports import Bound
from .runner.context import AMBIENT, NOBODY
from .runner.plans import Plans
from .runner.registry import Chain, HookRegistry

MAX_KNOWN = 10_000
_PREVIOUS = frozenset(("before", "changed"))
_log = logging.getLogger("alloy_lua.hooks")


class Bypass:
    """The writes that went without hooks in one block, counted by what was written."""

    __slots__ = ("reason", "skipped")

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.skipped: Counter[tuple[str, str]] = Counter()


_BYPASS: ContextVar[Bypass | None] = ContextVar("alloy_lua_bypass", default=None)


class Hooking:
    """Which hooks each kind of write has, found out once and kept with the plans, which know when to forget.

    Args:
        registry: Returns the registry in use.
        plans: Keeps what was found out until scripts change.
        keep: Puts a run on record; given a function that makes it.
        fresh_id: Returns a new run id.
    """

    def __init__(
        self, registry: Callable[[], HookRegistry], plans: Plans, keep: Callable[[Callable[[], Run]], None],
        fresh_id: Callable[[], str],
    ) -> None:  # fmt: skip
        self._registry = registry
        self._plans = plans
        self._keep = keep
        self._fresh_id = fresh_id

    def bound(self, entity_type: str, operation: str, count: int = 1) -> Bound | None:
        """Returns which hooks a write of ``count`` records has; None if it has none, or they are bypassed.

        Args:
            entity_type: What is written.
            operation: ``create``, ``update`` or ``delete``.
            count: How many records are written at once.
        """
        ambient = AMBIENT.get()
        tenant = DEFAULT_TENANT if ambient is None else ambient.tenant
        try:
            found = self._plans.writes[tenant, entity_type, operation]
        except KeyError:
            found = self._find(tenant, entity_type, operation)
        if found is not None:
            bypass = _BYPASS.get()
            if bypass is not None:
                bypass.skipped[entity_type, operation] += count
                return None
        return found

    def quiet(self, entity_types: tuple[str, ...]) -> bool:
        """Returns whether no write of any of these entity types has hooks, for the tenant who acts."""
        ambient = AMBIENT.get()
        tenant = DEFAULT_TENANT if ambient is None else ambient.tenant
        try:
            return self._plans.quiet[tenant, entity_types]
        except KeyError:
            quiet = not any(self._find(tenant, kind, operation) for kind in entity_types for operation in OPERATIONS)
            if len(self._plans.quiet) < MAX_KNOWN:
                self._plans.quiet[tenant, entity_types] = quiet
            return quiet

    def _find(self, tenant: str, entity_type: str, operation: str) -> Bound | None:
        checks.choice(operation, "operation", OPERATIONS)
        registry, known = self._registry(), self._plans.writes
        hooks = (f"before_{operation}", f"after_{operation}", "on_commit", "on_rollback")
        chains = [registry.chain(tenant, f"{entity_type}.{hook}") for hook in hooks]
        found = None
        if any(chains):
            before, after, commit, rollback = map(bool, chains)
            previous = operation != "create" and any(map(_asks_for_previous, chains))
            found = Bound(before, after, commit, rollback, previous)
        if len(known) < MAX_KNOWN:
            known[tenant, entity_type, operation] = found
        return found

    @contextmanager
    def bypass(self, reason: str) -> Iterator[None]:
        """Makes the writes of a block go without hooks; puts on record what was written and why."""
        block = Bypass(checks.name(reason, "reason"))
        token = _BYPASS.set(block)
        started = datetime.now(UTC)
        try:
            yield
        finally:
            _BYPASS.reset(token)
            self._record(block, started)

    def _record(self, block: Bypass, started: datetime) -> None:
        ambient = AMBIENT.get() or NOBODY
        took = int((datetime.now(UTC) - started).total_seconds() * 1e6)
        for (entity_type, operation), count in block.skipped.items():
            run = Run(
                id=self._fresh_id(), tenant=ambient.tenant, script_id="", script_name="", revision=0, trigger="bypass",
                event=f"{entity_type}.before_{operation}", phase="before", entity_type=entity_type, entity_id=None,
                user=ambient.user, status=RunStatus.CONTINUE, started_at=started, duration_us=took, fuel=0,
                memory_bytes=0, reason=block.reason, value={"records": count},
            )  # fmt: skip
            self._keep(partial(_same, run))
            _log.warning("%d %s of %s without hooks: %s", count, operation, entity_type, block.reason)


def _same(run: Run) -> Run:
    return run


def _asks_for_previous(chain: Chain) -> bool:
    for binding in chain:
        try:
            if binding.fields or not binding.program.mentions.isdisjoint(_PREVIOUS):
                return True
        except AlloyError:  # does not compile: the fire will say so
            continue
    return False
