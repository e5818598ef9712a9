"""What scripts can work with: record types, host functions, limits profiles, endpoints."""

from __future__ import annotations

from ...events import HOOKS
from ...hostapi import HostFunction as KnownFunction
from ...limits import PROFILES
from ..endpoint import Group
from ..service import Call
from ..wire.catalogue import (
    Entities,
    Entity,
    HostFunction,
    HostModule,
    HostModules,
    LimitsProfile,
    LimitsProfiles,
    Parameter,
    ScriptEndpoint,
    ScriptEndpoints,
    ScriptStats,
    StatsList,
)
from ..wire.fill import filled

GROUP = Group("catalogue", "What scripts can work with, for editors and people.")


@GROUP.get("/host-functions", "catalogue.read", HostModules, tenant=False, anywhere=True)
def list_host_functions(call: Call) -> HostModules:
    """List what scripts can call, with types and documentation."""
    return HostModules(
        items=[
            HostModule(name=module.name, doc=module.doc, functions=[_function(f) for f in module.functions])
            for module in call.alloy.host_functions()
        ]
    )


def _function(known: KnownFunction) -> HostFunction:
    params = [filled(Parameter, param) for param in known.params]
    return filled(
        HostFunction, known, signature=known.signature(), params=params, phases=sorted(p.value for p in known.phases)
    )


@GROUP.get("/entities", "catalogue.read", Entities, tenant=False, anywhere=True)
def list_entities(call: Call) -> Entities:
    """List the record types that the platform described; events may be fired for any other type too."""
    hooks = list(HOOKS)
    return Entities(
        items=[
            Entity(name=name, readable=_names(rules.readable), writable=_names(rules.writable), hooks=hooks)
            for name, rules in sorted(call.alloy.entities.described().items())
        ]
    )


def _names(fields: frozenset[str] | None) -> list[str] | None:
    return None if fields is None else sorted(fields)


@GROUP.get("/limits", "catalogue.read", LimitsProfiles, tenant=False, anywhere=True)
def list_limits(call: Call) -> LimitsProfiles:
    """List the limits profiles: what one run may use."""
    return LimitsProfiles(items=[LimitsProfile(name=name, **found.as_dict()) for name, found in PROFILES.items()])


@GROUP.get("/endpoints", "catalogue.read", ScriptEndpoints)
def list_endpoints(call: Call) -> ScriptEndpoints:
    """List the paths that the tenant's active scripts answer."""
    return ScriptEndpoints(
        items=[
            filled(
                ScriptEndpoint, route.trigger, path=f"/x/{call.tenant}{route.trigger.path}", script=route.script.name
            )
            for route in call.alloy.routes.of(call.tenant)
        ]
    )


@GROUP.get("/stats", "runs.read", StatsList)
def list_stats(call: Call) -> StatsList:
    """List what the tenant's active scripts did in this process: counts and latency."""
    return StatsList(items=[filled(ScriptStats, found) for found in call.alloy.stats(tenant=call.tenant)])
