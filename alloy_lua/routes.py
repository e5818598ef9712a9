"""Which script answers an HTTP call: the api triggers of all active scripts, by tenant and path."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from .model import ApiTrigger, Script


class Route(NamedTuple):
    """One api trigger of an active script."""

    script: Script
    trigger: ApiTrigger
    segments: tuple[str, ...]


class Match(NamedTuple):
    """What a path leads to.

    Attributes:
        route: The route of the method asked for; None if there is none.
        variables: What the segments in braces stand for.
        methods: The methods that the path knows; none if it leads nowhere.
    """

    route: Route | None
    variables: dict[str, str]
    methods: tuple[str, ...]


class Routes:
    """The routes of all tenants, read from the store when asked for after something changed.

    Args:
        scripts: Returns all active scripts.
    """

    def __init__(self, scripts: Callable[[], Iterable[Script]]) -> None:
        self._scripts = scripts
        self._routes: dict[str, list[Route]] | None = None

    def forget(self) -> None:
        """Has the routes read again at the next call."""
        self._routes = None

    def of(self, tenant: str) -> list[Route]:
        """Returns the tenant's routes in the order in which they are tried: fixed segments first, then by priority."""
        routes = self._routes
        if routes is None:
            routes = {}
            for script in self._scripts():
                for trigger in script.triggers:
                    if isinstance(trigger, ApiTrigger):
                        segments = _segments(trigger.path)
                        routes.setdefault(script.tenant, []).append(Route(script, trigger, segments))
            for found in routes.values():
                found.sort(key=_rank)
            self._routes = routes
        return routes.get(tenant, [])

    def match(self, tenant: str, method: str, path: str) -> Match:
        """Returns what ``path`` leads to in ``tenant``."""
        given = _segments(path)
        methods: list[str] = []
        chosen: tuple[Route | None, dict[str, str]] = (None, {})
        for route in self.of(tenant):
            variables = _variables(route.segments, given)
            if variables is None:
                continue
            methods.append(route.trigger.method)
            if chosen[0] is None and route.trigger.method == method:
                chosen = route, variables
        return Match(*chosen, tuple(dict.fromkeys(methods)))


def _segments(path: str) -> tuple[str, ...]:
    return tuple(path.strip("/").split("/"))


def _rank(route: Route) -> tuple[tuple[bool, ...], int, str]:
    return tuple(part.startswith("{") for part in route.segments), route.script.priority, route.script.name


def _variables(pattern: tuple[str, ...], given: tuple[str, ...]) -> dict[str, str] | None:
    if len(pattern) != len(given):
        return None
    found = {}
    for wanted, part in zip(pattern, given, strict=True):
        if wanted.startswith("{"):
            if not part:
                return None
            found[wanted[1:-1]] = part
        elif wanted != part:
            return None
    return found
