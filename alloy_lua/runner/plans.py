"""Which events have a short way: plans made when an event is first fired, and forgotten when anything changes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from ..bridges.entities import EntityBridge
from ..engine import Program
from ..errors import AlloyError
from ..events import Event, Phase, parse_event
from ..model import DEFAULT_TENANT
from ..outcome import Outcome, Untouched
from ..ports import Bound, EntityAdapter
from .brief import BriefPlan, BriefWay
from .chain import Rest, chain_plan
from .context import Ambient
from .fast import FastWay, Plan
from .registry import Binding
from .runner import Runner

if TYPE_CHECKING:
    from .batch import BatchWay

W = TypeVar("W", bound=FastWay)
MAX_PLANS = 10_000


def no_scripts(record: Any, user: str | None) -> Outcome | None:
    """Returns the outcome of a fire that no script is bound to."""
    if type(record) is not dict:
        return None
    outcome = Untouched()
    outcome._record = record
    return outcome


class Plans:
    """The short ways of all events fired so far.

    Args:
        runner: Returns the runner in use.
        entities: Says whether fields of a plain dict are restricted.

    Attributes:
        by_event: Plans for the default tenant; None where an event needs the general way.
        by_tenant: Plans by (tenant, event).
        brief: Plans for event loops, by (tenant, event).
        quiet: Whether entity types have no hooks at all, by (tenant, entity types).
        writes: Which hooks a write has, by (tenant, entity type, operation).
    """

    __slots__ = ("_batches", "_entities", "_runner", "brief", "by_event", "by_tenant", "quiet", "writes")

    def __init__(self, runner: Callable[[], Runner], entities: EntityBridge) -> None:
        self._runner = runner
        self._entities = entities
        self.forget()

    def forget(self) -> None:
        """Drops all plans: scripts, a breaker, or what is known of entities has changed."""
        self.by_event: dict[str, Plan | None] = {}
        self.by_tenant: dict[tuple[str, str], Plan | None] = {}
        self.brief: dict[tuple[str, str], BriefPlan | None] = {}
        self._batches: dict[tuple[str, str], BatchWay | None] = {}
        self.quiet: dict[tuple[str, tuple[str, ...]], bool] = {}
        self.writes: dict[tuple[str, str, str], Bound | None] = {}

    def make(self, event: str, tenant: str | None) -> Plan | None:
        """Returns the plan for ``event``, made and kept; None if it needs the general way.

        Raises:
            ValidationError: ``event`` is no event name.
        """
        by_event, by_tenant = self.by_event, self.by_tenant
        parsed, owner = parse_event(event), tenant or DEFAULT_TENANT
        plan = self._made(parsed, owner, self._ways(parsed, owner, FastWay), self._rest(parsed, owner))
        if len(by_event) + len(by_tenant) > MAX_PLANS:
            self.forget()
        elif tenant is None:
            by_event[event] = plan
        else:
            by_tenant[tenant, event] = plan
        return plan

    def make_brief(self, event: str, tenant: str) -> None:
        """Makes and keeps the plan of ``event`` for event loops; to be called from a thread, since it may take long."""
        brief = self.brief
        if (tenant, event) in brief:
            return
        parsed = parse_event(event)
        on_loop = self._runner().engine.loop_pool is not None
        ways = self._ways(parsed, tenant, BriefWay) if on_loop else None
        for way in ways or ():
            way.warm_up()
        later: Any = functools.partial(functools.partial, self._rest(parsed, tenant))
        plan = self._made(parsed, tenant, ways, later)
        if len(brief) > MAX_PLANS:
            self.forget()
        else:
            brief[tenant, event] = plan

    def _made(self, event: Event, tenant: str, ways: Sequence[FastWay] | None, rest: Rest) -> Plan | None:
        runner = self._runner()
        if not runner.registry.chain(tenant, event.name):
            return no_scripts
        if ways is None:
            return None
        plans = [way.plan() for way in ways]
        return plans[0] if len(plans) == 1 else chain_plan(plans, rest, runner.recorder.tally)

    def batch(self, event: str, tenant: str) -> BatchWay | None:
        """Returns how to fire ``event`` on many records in one crossing; None if they go one by one."""
        try:
            return self._batches[tenant, event]
        except (KeyError, TypeError):
            parsed = parse_event(event)
        batches = self._batches
        ways = self._ways(parsed, tenant, FastWay)
        batch = None
        if ways is not None and len(ways) == 1:
            rest = self._rest(parsed, tenant)
            from .batch import BatchWay

            batch = BatchWay(ways[0], lambda record, user: rest(record, user, ()))
        if len(batches) < MAX_PLANS:
            batches[tenant, event] = batch
        return batch

    def _rest(self, event: Event, tenant: str) -> Callable[[Any, str | None, Sequence[Outcome]], Outcome]:
        def rest(record: Any, user: str | None, done: Sequence[Outcome]) -> Outcome:
            fields = {} if record is None else record
            adapter = self._entities.adapter_for(fields, event.entity_type)
            return self._runner().fire(event, fields, adapter, Ambient(user, tenant), done=done)

        return rest

    def _ways(self, event: Event, tenant: str, kind: type[W]) -> list[W] | None:
        """Returns the short way of each script of ``event``; None unless all have one."""
        runner = self._runner()
        if runner.traced:
            return None
        chain = runner.registry.chain(tenant, event.name)
        adapter = self._entities.adapter_for({}, event.entity_type)
        if not chain:
            return None
        ways = []
        for binding in chain:
            if not is_short(runner, binding, event) or not keeps_to(adapter, binding.program):
                return None
            ways.append(kind(runner, binding, event, tenant, adapter, self._demoter(binding)))
        return ways

    def _demoter(self, binding: Binding) -> Callable[[], None]:
        def demote() -> None:
            if not binding.long:
                binding.long = True
                self.forget()

        return demote


def keeps_to(adapter: EntityAdapter, program: Program) -> bool:
    """Returns whether a script touches no field that it may not: it need not be watched."""
    readable, writable = adapter.readable, adapter.writable
    reads = readable is None or readable.issuperset(program.reads or ())
    return reads and (writable is None or writable.issuperset(program.writes or ()))


def is_short(runner: Runner, binding: Binding, event: Event) -> bool:
    if binding.bypass is not None or binding.script.id in runner.watches:
        return False
    try:
        program = binding.program
    except AlloyError:
        return False
    writes_where_it_may_not = event.phase is not Phase.BEFORE and bool(program.writes)
    held = binding.fields or binding.long or not binding.vitals.closed
    return not held and not writes_where_it_may_not and runner.engine.runs_scalar(program)
