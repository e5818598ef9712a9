"""The host functions of one engine, numbered, and the broker through which every call of Python passes."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial
from typing import Any

from ..errors import AlloyError, ConfigError, HostError
from ..hostapi import EVERY_PHASE, HostCall, HostFunction, HostModule, Journal, check_allowed, check_arguments
from ..values import pack, unpack

MAX_RESULT_BYTES = 4 * 1024 * 1024
BYTES_PER_FUEL = 256
INTERRUPTED = "interrupted"

_log = logging.getLogger("alloy_lua.host")


class CallState:
    """What the broker has to know of the run in progress, and what it leaves behind for it.

    Attributes:
        call: Who is calling.
        grants: The script's capabilities.
        spent: Fuel that nested runs used since the last host call returned.
        effects: Calls with effects that a dry run did not make.
        journal: Records the calls of a durable run; None for others.
    """

    __slots__ = ("call", "effects", "grants", "journal", "spent")

    def __init__(self, call: HostCall, grants: frozenset[str]) -> None:
        self.call = call
        self.grants = grants
        self.spent = 0
        self.effects: list[dict[str, Any]] = []
        self.journal: Journal | None = None


def needs_context(function: HostFunction) -> bool:
    """Returns whether a call of ``function`` depends on who calls, when, and with what rights; or may take its time."""
    return (
        function.blocking
        or function.capability is not None
        or function.wants_call
        or function.effect
        or function.phases != EVERY_PHASE
    )


class HostTable:
    """Immutable: the modules of an engine, their functions by number, and the names a pure script may mention."""

    def __init__(self, modules: Iterable[HostModule]) -> None:
        self.modules = tuple(modules)
        self.functions: list[HostFunction] = []
        self._numbers: dict[str, int] = {}
        names: set[str] = set()
        for module in self.modules:
            if module.name in names:
                raise ConfigError(f"host module {module.name}: registered twice")
            names.add(module.name)
            for function in module.functions:
                self._add(module, function)
        self.contextual = frozenset(
            function.name.partition(".")[0] for function in self.functions if needs_context(function)
        )

    def _add(self, module: HostModule, function: HostFunction) -> None:
        if not function.name.startswith(module.name + ".") or function.name in self._numbers:
            raise ConfigError(f"host function {function.name}: wanted a new name in module {module.name}")
        self._numbers[function.name] = len(self.functions)
        self.functions.append(function)

    def number(self, name: str) -> int:
        """Returns the number by which the broker knows the function called ``name``."""
        return self._numbers[name]

    def get(self, name: str) -> HostFunction | None:
        """Returns the function called ``name``, None if there is none."""
        number = self._numbers.get(name)
        return None if number is None else self.functions[number]


class Broker:
    """Answers the host calls of one runtime. Never raises into Lua: a KeyboardInterrupt ends the run and waits."""

    def __init__(self, table: HostTable) -> None:
        self._functions = table.functions
        self.state: CallState | None = None
        self._interrupt: BaseException | None = None

    def raise_interrupt(self) -> None:
        """Raises the interrupt that ended the last run, if one did."""
        interrupt, self._interrupt = self._interrupt, None
        if interrupt is not None:
            raise interrupt

    def __call__(self, number: int, packed: str) -> tuple[str, bytes, int]:
        """Returns (error code or "", packed result or message, fuel to charge)."""
        function = self._functions[number]
        try:
            result = self._call(function, unpack(packed))
            answer = pack(result, limit=MAX_RESULT_BYTES, what=f"result of {function.name}")
        except AlloyError as error:
            return error.code, error.message.encode("utf-8", "replace"), self._spent()
        except Exception:
            _log.exception("host function %s failed", function.name)
            return HostError.default_code, f"{function.name} failed".encode(), self._spent()
        except BaseException as error:
            self._interrupt = error
            return INTERRUPTED, b"", 0
        return "", answer, self._spent() + (len(packed) + len(answer)) // BYTES_PER_FUEL

    def _call(self, function: HostFunction, arguments: list[Any]) -> Any:
        state = self.state
        if state is None:
            if needs_context(function):
                raise HostError(f"{function.name} may not be called here")
        else:
            state.call.serial += 1
            check_allowed(function, state.call.phase, state.grants)
        checked = check_arguments(function, arguments)
        if state is not None and function.effect and state.call.dry_run:
            state.effects.append({"function": function.name, "arguments": checked})
            return None
        if state is not None and state.journal is not None and needs_context(function):
            perform = partial(self._perform, function, checked)
            return state.journal.step(function.name, checked, state.call, perform)
        return self._perform(function, checked)

    def _perform(self, function: HostFunction, arguments: list[Any]) -> Any:
        assert function.call is not None
        if function.wants_call:
            assert self.state is not None
            return function.call(self.state.call, *arguments)
        return function.call(*arguments)

    def _spent(self) -> int:
        state = self.state
        if state is None or not state.spent:
            return 0
        spent, state.spent = state.spent, 0
        return spent
