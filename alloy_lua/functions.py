"""Platform functions: turns a decorated Python function into a host function that scripts can call."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Iterable
from typing import Any

from . import checks
from .errors import ValidationError
from .events import Phase
from .hostapi import EVERY_PHASE, TYPES, HostCall, HostFunction, HostModule, Param
from .values import Secret

_NAME = re.compile(r"[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*")
_KINDS: dict[Any, str] = {
    str: "string", bytes: "string", int: "integer", float: "number", bool: "boolean", Secret: "secret",
}  # fmt: skip
_ORIGINS: dict[Any, str] = {dict: "table", list: "list", tuple: "list"}


def host_function(
    name: str, call: Callable[..., Any], *, capability: str | None, phases: Iterable[str] | None, effect: bool,
    params: Iterable[Param] | None, doc: str | None, cost: int,
) -> HostFunction:  # fmt: skip
    """Returns the host function for ``call``, its parameters taken from the signature unless given.

    A first parameter annotated `HostCall` receives who is calling.

    Raises:
        ValidationError: The name, a phase or a parameter type is wrong.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise checks.wrong("host function name", name, "module.function in lower case", field="name")
    if not callable(call):
        raise checks.wrong(f"host function {name}", call, "a callable")
    found, wants_call, variadic = _parameters(name, call)
    given = found if params is None else _given_parameters(name, params)
    summary = (inspect.getdoc(call) or "").partition("\n")[0] if doc is None else checks.text(doc, f"{name}: doc")
    return HostFunction(
        name, summary, given, call=call, capability=None if capability is None else checks.capability(capability),
        phases=_phases(name, phases), effect=checks.boolean(effect, f"{name}: effect"),
        cost=checks.whole_number(cost, f"{name}: cost"), wants_call=wants_call, blocking=True,
        variadic=variadic, returns=_returns(call),
    )  # fmt: skip


def _given_parameters(name: str, params: Iterable[Param]) -> tuple[Param, ...]:
    given = checks.items(params, f"{name}: params", "a list of Param")
    for param in given:
        checks.instance(Param, param, f"{name}: parameter")
        checks.name(param.name, f"{name}: parameter name")
        checks.choice(param.type, f"{name}: type of parameter {param.name}", TYPES)
    return tuple(given)


def _phases(name: str, phases: Iterable[str] | None) -> frozenset[Phase]:
    if phases is None:
        return EVERY_PHASE
    given = checks.items(phases, f"{name}: phases", "a list of phases")
    return frozenset(checks.one_of(Phase, phase, f"{name}: phase") for phase in given)


def _hints(call: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(call)
    except (NameError, TypeError):
        return {}


def _parameters(name: str, call: Callable[..., Any]) -> tuple[tuple[Param, ...], bool, str | None]:
    hints = _hints(call)
    params: list[Param] = []
    wants_call, variadic = False, None
    for index, parameter in enumerate(_signature(name, call).parameters.values()):
        hint = hints.get(parameter.name, Any)
        if index == 0 and hint is HostCall:
            wants_call = True
        elif parameter.kind is parameter.VAR_POSITIONAL:
            variadic = _type_name(hint)
        elif parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            optional = parameter.default is not parameter.empty
            params.append(Param(parameter.name, _type_name(hint), optional=optional))
        elif parameter.default is parameter.empty and parameter.kind is parameter.KEYWORD_ONLY:
            raise ValidationError(f"{name}: parameter {parameter.name}: scripts pass arguments by position only")
    return tuple(params), wants_call, variadic


def _signature(name: str, call: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(call)
    except (TypeError, ValueError):
        raise checks.wrong(f"host function {name}", call, "a callable with a signature") from None


def _type_name(hint: Any) -> str:
    arguments = [a for a in typing.get_args(hint) if a is not type(None)]
    origin = typing.get_origin(hint)
    if origin in _ORIGINS or hint in _ORIGINS:
        return _ORIGINS[origin or hint]
    if len(arguments) == 1 and origin is not None:  # Optional[x]
        return _type_name(arguments[0])
    return _KINDS.get(hint, "any")


def _returns(call: Callable[..., Any]) -> str:
    hint = _hints(call).get("return", Any)
    return "nil" if hint is type(None) else _type_name(hint)


def modules_of(functions: Iterable[HostFunction], existing: Iterable[HostModule]) -> tuple[HostModule, ...]:
    """Returns the existing modules and those that the platform's functions make up, by the part before the dot.

    Raises:
        ValidationError: A function would go into a module that alloy-lua brings.
    """
    built_in = {module.name for module in existing} | {"string", "table", "math", "coroutine", "log"}
    groups: dict[str, list[HostFunction]] = {}
    for function in functions:
        module = function.name.partition(".")[0]
        if module in built_in:
            raise ValidationError(f"host function {function.name}: module {module} is built in; choose another name")
        groups.setdefault(module, []).append(function)
    own = tuple(HostModule(name, "Functions of this platform.", tuple(found)) for name, found in groups.items())
    return (*existing, *own)
