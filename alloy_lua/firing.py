"""Firing events: the part of an `Alloy` that platforms call for every change of their data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from . import checks
from .events import parse_event
from .model import DEFAULT_TENANT
from .outcome import Outcome, Untouched
from .ports import EntityAdapter
from .runner.context import AMBIENT, Ambient, acting
from .runner.fast import Plan
from .runner.plans import Plans, no_scripts

if TYPE_CHECKING:
    from .bridges.data import Data
    from .bridges.entities import EntityBridge
    from .runner.runner import Runner

_ambient = AMBIENT.get


class Firing:
    """The part of the facade that fires events.

    Attributes:
        entities: How records are read.
    """

    entities: EntityBridge
    _plans: Plans
    _core: Any
    _data: Data | None
    _start: Callable[[], None]

    def fire(
        self, event: str, entity: Any = None, before: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None, user: str | None = None, tenant: str | None = None,
        dry_run: bool = False, run_id: str | None = None,
    ) -> Outcome:  # fmt: skip
        """Returns what the scripts bound to ``event`` made of ``entity``.

        Never raises for what a script did: see `Outcome.raise_for_status`.

        Args:
            event: ``<entity>.<hook>`` or ``topic.<name>``.
            entity: The record: a mapping, dataclass, attrs or pydantic object, or peewee model. It is not changed.
            before: The fields as they were, on update and delete.
            params: What scripts see as ``params``.
            user: Who acts; None for the surrounding `context`'s.
            tenant: Whose scripts run; None for the surrounding `context`'s.
            dry_run: Report effects, do not make them, record nothing.
            run_id: The id of this run; the same id and input give the same result.

        Raises:
            ValidationError: The event name or an argument is wrong.
        """
        if before is None and params is None and run_id is None and dry_run is False and _ambient() is None:
            try:
                plans = self._plans
                plan = plans.by_event[event] if tenant is None else plans.by_tenant[tenant, event]
            except (KeyError, TypeError):
                plan = self._plan(event, tenant)
            if plan is no_scripts and type(entity) is dict and user is None:  # most events: no call for these
                untouched = Untouched()
                untouched._record = entity
                return untouched
            if plan is not None and (user is None or checks.is_name(user)):
                outcome = plan(entity, user)
                if outcome is not None:
                    return outcome
        return self._fire(event, entity, before, params, acting(user, tenant, dry_run), run_id)

    def _fire(
        self, event: str, entity: Any, before: Mapping[str, Any] | None, params: Mapping[str, Any] | None,
        ambient: Ambient, run_id: str | None,
    ) -> Outcome:  # fmt: skip
        parsed = parse_event(event)
        record = {} if entity is None else entity
        adapter = self.entities.adapter_for(record, parsed.entity_type)
        previous = self._previous(before, parsed.entity_type)
        given, identity = checks.mapping(params, "params"), checks.optional_name(run_id, "run_id")
        self._start()
        runner: Runner = self._core.runner
        return runner.fire(parsed, record, adapter, ambient, before=previous, params=given, run_id=identity)

    async def fire_async(self, event: str, entity: Any = None, **options: Any) -> Outcome:
        """Returns what `fire` returns, without blocking the event loop.

        Short pure scripts on plain dicts run at once; anything else runs in a worker thread, in this task's context.
        """
        import asyncio

        found = self.fire_briefly(event, entity, **options)
        return found if isinstance(found, Outcome) else await asyncio.to_thread(found)

    def fire_briefly(
        self, event: str, entity: Any = None, before: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None, user: str | None = None, tenant: str | None = None,
        dry_run: bool = False, run_id: str | None = None,
    ) -> Outcome | Callable[[], Outcome]:  # fmt: skip
        """Returns what `fire` returns, if that takes well under a millisecond; else a call that returns it.

        For event loops: the call may block, so it is to be made in a thread. Takes what `fire` takes.
        """
        if before is None and params is None and run_id is None and dry_run is False and _ambient() is None:
            owner = DEFAULT_TENANT if tenant is None else tenant
            try:
                plan = self._plans.brief[owner, event]
            except (KeyError, TypeError):
                return partial(self._fire_first, event, entity, user, tenant)
            if plan is not None and (user is None or checks.is_name(user)):
                found = plan(entity, user)
                if found is not None:
                    return found
        return partial(self.fire, event, entity, before, params, user, tenant, dry_run, run_id)

    def _fire_first(self, event: str, entity: Any, user: str | None, tenant: str | None) -> Outcome:
        outcome = self.fire(event, entity, user=user, tenant=tenant)
        self._plans.make_brief(event, tenant or DEFAULT_TENANT)
        return outcome

    def fire_many(
        self, event: str, entities: Iterable[Any], *, before: Iterable[Mapping[str, Any] | None] | None = None,
        user: str | None = None, tenant: str | None = None, params: Mapping[str, Any] | None = None,
        dry_run: bool = False,
    ) -> Sequence[Outcome]:  # fmt: skip
        """Returns one outcome for each record, in order: the same as `fire` on each, in fewer crossings.

        All have run when it returns. Most outcomes are made when they are read, and anew each time. ``before``, one
        for each record, makes them go one by one.
        """
        records = checks.items(entities, "entities", "a list of records")
        checks.mapping(params, "params")
        ambient = acting(user, tenant, dry_run)
        self._check_records(records, parse_event(event).entity_type)
        previous = [None] * len(records) if before is None else checks.items(before, "before", "a list of records")
        if len(previous) != len(records):
            raise checks.wrong("before", previous, f"a list of {len(records)} records, as many as entities")
        if before is None and params is None and not dry_run and ambient.cascade is None:
            batch = self._plans.batch(event, ambient.tenant)
            if batch is not None:
                self._start()
                return batch.fire(records, ambient.user)
        if len(records) > 1 and self._data is not None and params is None and ambient.cascade is None:
            from .runner.together import fire_together, reads_together

            core = self._core
            if reads_together(core.registry.chain(ambient.tenant, event), core.engine.hosts.contextual):
                return fire_together(
                    lambda n: self._fire(event, records[n], previous[n], None, ambient, None), len(records)
                )
        pairs = zip(records, previous, strict=True)
        return [self._fire(event, record, old, params, ambient, None) for record, old in pairs]

    def _plan(self, event: str, tenant: str | None) -> Plan | None:
        checks.optional_name(tenant, "tenant")
        self._start()
        return self._plans.make(event, tenant)

    def _check_records(self, records: list[Any], entity_type: str) -> None:
        """Returns None if each record has an adapter: a wrong one stops a batch before any script has run."""
        kinds = set(map(type, records)) - {dict, type(None)}
        for record in records if kinds else ():
            if type(record) in kinds:
                self.entities.adapter_for(record, entity_type)
                kinds.discard(type(record))

    def _previous(self, before: Any, entity_type: str | None) -> Mapping[str, Any] | None:
        if before is None:
            return None
        adapter: EntityAdapter = self.entities.adapter_for(before, entity_type, "before")
        return adapter.fields(before)
