"""Which scripts run on an event: an index of the active scripts, and ordered chains made from it when asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from ..engine import Engine, Program
from ..errors import AlloyError
from ..events import parse_event
from ..limits import Limits, profile
from ..model import EventTrigger, FailurePolicy, Script
from .health import Vitals


class Binding:
    """One active script on one event. Its program is compiled at first use; ``long`` is set once a run took long.

    ``bypass`` is the reason why safe mode does not let it run.
    """

    __slots__ = (
        "_engine",
        "_problem",
        "_program",
        "_source",
        "bypass",
        "closed",
        "fields",
        "grants",
        "limits",
        "long",
        "script",
        "vitals",
    )

    def __init__(
        self,
        script: Script,
        fields: tuple[str, ...],
        source: Callable[[Script], str],
        engine: Engine,
        vitals: Vitals,
        bypass: str | None = None,
    ) -> None:
        self.bypass = bypass
        self.script = script
        self.fields = fields
        self.limits: Limits = profile(script.limits)
        self.grants = frozenset(script.capabilities)
        self.closed = script.failure_policy is FailurePolicy.CLOSED
        self.vitals = vitals
        self.long = False
        self._source = source
        self._engine = engine
        self._program: Program | None = None
        self._problem: AlloyError | None = None

    @property
    def program(self) -> Program:
        """The live revision's program.

        Raises:
            AlloyError: It does not compile, or its source cannot be read; a compile error is remembered.
        """
        if self._program is None:
            if self._problem is not None:
                raise self._problem
            source = self._source(self.script)
            try:
                self._program = self._engine.compile(source)
            except AlloyError as error:
                self._problem = error
                raise
        return self._program


Chain = tuple[Binding, ...]
Bypassed = Callable[[Script, "str | None"], "str | None"]
"""Takes a script and an event; returns why safe mode does not let it run, None if it does."""
_Index = dict[tuple[str, str], list[tuple[Script, tuple[str, ...]]]]


class HookRegistry:
    """The active scripts of all tenants by event.

    Args:
        engine: Compiles sources.
        source: Returns the source of a script's live revision.
        vitals: Returns the counters and breaker of a script.
    """

    def __init__(self, engine: Engine, source: Callable[[Script], str], vitals: Callable[[Script], Vitals]) -> None:
        self._engine = engine
        self._source = source
        self._vitals = vitals
        self._index: _Index = {}
        self._chains: dict[tuple[str, str], Chain] = {}
        self._bindings: dict[tuple[str, str], Binding] = {}
        self._bypassed: Bypassed | None = None
        self._lock = threading.Lock()

    def load(self, scripts: Iterable[Script], bypassed: Bypassed | None = None) -> None:
        """Replaces the index by ``scripts``, and what safe mode bypasses. Fires under way keep the chain they have."""
        index: _Index = {}
        for script in scripts:
            for trigger in script.triggers:
                if isinstance(trigger, EventTrigger):
                    index.setdefault((script.tenant, trigger.event), []).append((script, trigger.fields))
        with self._lock:
            self._index = index
            self._bypassed = bypassed
            self._chains = {}
            there = {script.id for bound in index.values() for script, _ in bound}
            self._bindings = {key: binding for key, binding in self._bindings.items() if key[0] in there}

    def bypass_reason(self, script: Script, event: str | None = None) -> str | None:
        """Returns why safe mode does not let ``script`` run by hand, or on ``event``; None if it does."""
        return None if self._bypassed is None else self._bypassed(script, event)

    def chain(self, tenant: str, event: str) -> Chain:
        """Returns the bindings of ``event`` in order of priority, then name, wildcards included.

        Raises:
            ValidationError: ``event`` is no event name.
        """
        chain = self._chains.get((tenant, event))
        if chain is None:
            wildcard = parse_event(event).wildcard
            with self._lock:
                found = list(self._index.get((tenant, event), ()))
                if wildcard is not None:
                    found += self._index.get((tenant, wildcard), ())
                found.sort(key=lambda item: (item[0].priority, item[0].name))
                chain = tuple(self._bind(script, fields, event) for script, fields in found)
                self._chains[tenant, event] = chain
        return chain

    def _bind(self, script: Script, fields: tuple[str, ...], event: str) -> Binding:
        reason = None if self._bypassed is None else self._bypassed(script, event)
        if reason is not None:
            return Binding(script, fields, self._source, self._engine, self._vitals(script), reason)
        key = (script.id, ",".join(fields))
        binding = self._bindings.get(key)
        if binding is None or binding.script.version != script.version:
            binding = Binding(script, fields, self._source, self._engine, self._vitals(script))
            self._bindings[key] = binding
        return binding

    def size(self) -> int:
        """Returns how many (script, event) pairs are registered."""
        return sum(map(len, self._index.values()))
