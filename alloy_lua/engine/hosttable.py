"""The host functions of one engine, numbered, and the broker through which every call of Python passes."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial
from traceback import format_exc
from typing import Any

from ..errors import AlloyError, ConfigError, HostError, InvalidValue
from ..hostapi import (
    EVERY_PHASE,
    KEY,
    HostCall,
    HostFunction,
    HostModule,
    Journal,
    Vault,
    check_allowed,
    check_arguments,
    check_secret,
)
from ..values import Secret, jsonable, pack, unpack
from .analysis import IDEMPOTENCY_KEY

MAX_RESULT_BYTES = 4 * 1024 * 1024
MAX_EFFECT_BYTES = 4 * 1024 * 1024
BYTES_PER_FUEL = 256
INTERRUPTED = "interrupted"

_log = logging.getLogger("alloy_lua.host")


class CallState:
    """What the broker has to know of the run in progress, and what it leaves behind for it.

    Attributes:
        call: Who is calling.
        grants: The script's capabilities.
        vault: Opens secrets, None where there are none.
        spent: Fuel that nested runs used since the last host call returned.
        effects: Calls with effects that a dry run did not make.
        journal: Records and answers calls, those with effects too; None for most runs.
    """

    __slots__ = ("call", "effect_bytes", "effects", "grants", "journal", "spent", "vault")

    def __init__(self, call: HostCall, grants: frozenset[str], vault: Vault | None = None) -> None:
        self.call = call
        self.grants = grants
        self.vault = vault
        self.spent = 0
        self.effects: list[dict[str, Any]] = []
        self.effect_bytes = 0
        self.journal: Journal | None = None

    def secret(self, code: int, name: bytes) -> Secret:
        """Returns the handle for a secret that the script named; it opens if the script may have it."""
        return Secret(name.decode(), self._open)

    def _open(self, name: str) -> str:
        check_secret(name, self.grants)
        if self.vault is None:
            raise InvalidValue(f"secret({name}): there are no secrets here")
        return self.vault.open(self.call.tenant, name)

    def scrubbed(self, value: Any) -> Any:
        """Returns ``value`` without the text of any secret that was opened."""
        return value if self.vault is None else self.vault.scrub(self.call.tenant, value)


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
        if KEY in self._numbers:
            self.contextual |= {IDEMPOTENCY_KEY}

    def _add(self, module: HostModule, function: HostFunction) -> None:
        named = function.name == module.name or function.name.startswith(module.name + ".")
        if not named or function.name in self._numbers:
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
        self._opening = frozenset(function.name for function in table.functions if function.opens_secrets)
        self.state: CallState | None = None
        self._interrupt: BaseException | None = None

    def raise_interrupt(self) -> None:
        """Raises the interrupt that ended the last run, if one did."""
        interrupt, self._interrupt = self._interrupt, None
        if interrupt is not None:
            raise interrupt

    def __call__(self, number: int, packed: str | bytes) -> tuple[str, bytes, int]:
        """Returns (error code or "", packed result or message, fuel to charge)."""
        function, state = self._functions[number], self.state
        try:
            result = self._call(function, self._arguments(function, packed), len(packed))
            if state is not None:
                result = state.scrubbed(result)
            answer = pack(result, limit=MAX_RESULT_BYTES, what=f"result of {function.name}")
        except AlloyError as error:
            message = error.message if state is None else state.scrubbed(error.message)
            return error.code, message.encode("utf-8", "replace"), self._spent()
        except Exception:
            self._log_failure(function, state)
            return HostError.default_code, f"{function.name} failed".encode(), self._spent()
        except BaseException as error:
            self._interrupt = error
            return INTERRUPTED, b"", 0
        return "", answer, self._spent() + (len(packed) + len(answer)) // BYTES_PER_FUEL

    @staticmethod
    def _log_failure(function: HostFunction, state: CallState | None) -> None:
        trace = format_exc()
        _log.error("host function %s failed\n%s", function.name, trace if state is None else state.scrubbed(trace))

    def _arguments(self, function: HostFunction, packed: str | bytes) -> list[Any]:
        if self.state is not None and function.name in self._opening:
            arguments: list[Any] = unpack(packed, self.state.secret)
            return arguments
        try:
            return unpack(packed)  # type: ignore[no-any-return]
        except InvalidValue as error:
            raise InvalidValue(f"{function.name}: {error.message}") from None

    def _call(self, function: HostFunction, arguments: list[Any], size: int) -> Any:
        state = self.state
        if state is None:
            if needs_context(function):
                raise HostError(f"{function.name} may not be called here")
        else:
            state.call.serial += 1
            check_allowed(function, state.call.phase, state.grants)
        checked = check_arguments(function, arguments)
        if state is not None and function.effect and state.call.dry_run and state.journal is None:
            state.effect_bytes += size
            if state.effect_bytes > MAX_EFFECT_BYTES:
                raise InvalidValue(
                    f"{function.name}: the calls that this dry run reports exceed {MAX_EFFECT_BYTES} bytes"
                )
            shown = jsonable(checked) if function.name in self._opening else checked
            state.effects.append({"function": function.name, "arguments": shown})
            return None
        if state is not None and state.journal is not None and needs_context(function):
            perform = partial(self._perform_for_record, function, checked, state)
            return state.journal.step(function.name, checked, state.call, perform)
        return self._perform(function, checked)

    def _perform(self, function: HostFunction, arguments: list[Any]) -> Any:
        assert function.call is not None
        if function.wants_call:
            assert self.state is not None
            return function.call(self.state.call, *arguments)
        return function.call(*arguments)

    def _perform_for_record(self, function: HostFunction, arguments: list[Any], state: CallState) -> Any:
        """What goes on record holds no secret, and each failure has its code."""
        try:
            return state.scrubbed(self._perform(function, arguments))
        except AlloyError as error:
            raise AlloyError(state.scrubbed(error.message), code=error.code) from None
        except Exception:
            self._log_failure(function, state)
            raise HostError(f"{function.name} failed") from None

    def _spent(self) -> int:
        state = self.state
        if state is None or not state.spent:
            return 0
        spent, state.spent = state.spent, 0
        return spent
